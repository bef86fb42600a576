"""Verdicts as JUnit XML."""

from xml.etree import ElementTree as etree

from hypothesis import given
from hypothesis import strategies as st

from imgbuild.verdicts.junit import junit
from imgbuild.verdicts.row import Row


def row(status, id, rule="", **more):
    return Row(status=status, id=id, output=f"out/{id}.png", rule=rule, **more)


def test_the_whole_report():
    rows = [
        row("fail", "b", "noise", figure=9, unit="levels", limit="at most 5"),
        row("missing", "c", limit="not built yet"),
        row("review", "a", "unique", figure=1, unit="bits of 64", limit="more than 4", others=("b",)),
        row("warn", "a", "noise", figure=6, unit="levels", limit="at most 5"),
        row("pass", "d", "noise", figure=1, unit="levels", limit="at most 5"),
    ]
    assert (
        junit(rows)
        == """\
<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="imgbuild" tests="5" failures="1" errors="1" skipped="1">
  <testsuite name="images" tests="1" failures="0" errors="1" skipped="0">
    <testcase classname="images" name="c" file="out/c.png">
      <error type="missing" message="not built yet">out/c.png</error>
    </testcase>
  </testsuite>
  <testsuite name="noise" tests="3" failures="1" errors="0" skipped="0">
    <testcase classname="noise" name="b" file="out/b.png">
      <failure type="noise" message="9 levels (at most 5)">out/b.png</failure>
    </testcase>
    <testcase classname="noise" name="a" file="out/a.png">
      <system-out>warning: 6 levels (at most 5)</system-out>
    </testcase>
    <testcase classname="noise" name="d" file="out/d.png" />
  </testsuite>
  <testsuite name="unique" tests="1" failures="0" errors="0" skipped="1">
    <testcase classname="unique" name="a" file="out/a.png">
      <skipped message="up for review: 1 bits of 64 (more than 4, like b)" />
    </testcase>
  </testsuite>
</testsuites>
"""
    )


def test_nothing_to_report():
    assert (
        junit([]).splitlines()[1]
        == '<testsuites name="imgbuild" tests="0" failures="0" errors="0" skipped="0" />'
    )


@given(st.text(), st.text())
def test_any_text_is_xml(id, limit):
    root = etree.fromstring(junit([row("fail", id, "noise", limit=limit)]).encode("utf-8", "surrogatepass"))
    assert len(root.findall("testsuite/testcase/failure")) == 1
