"""What is told of a build: what happened, in one sentence and in fields; and what a template makes of that."""

from __future__ import annotations

import msgspec
import pytest

from imgbuild.errors import SpecError
from imgbuild.notify.message import Month, body, of_build, of_stop
from imgbuild.report.events import Failure, Finished
from imgbuild.run.budget import TooDear
from imgbuild.run.results import Built
from imgbuild.store.history import Refusal
from imgbuild.types import Where

HERE = Where(file="imgbuild.yaml", line=1, column=1)
LOW, HIGH = Month(limit=10.0, spent=7.99), Month(limit=10.0, spent=8.0)


def a_built(*, news=(), refusals=(), stopped=False, **finished):
    known = {
        "lasting": False,
        "open": None,
        "stands": True,
        "ran": {},
        "outputs": {},
        "locks": (),
        "failures": (),
    }
    ended = Finished(seconds=3.2, **finished)
    return Built(
        project=None, finished=ended, news=tuple(news), refusals=tuple(refusals), stopped=stopped, **known
    )


def a_failure(number=0, kind="failed"):
    return Failure(
        id=f"a/b#{number}", output="b.png", where="a.yaml:1:1", cause="it broke", hint="mend it", kind=kind
    )


def a_refusal(number=0, fallback=""):
    return Refusal(
        at=1.0,
        target=f"a/b#{number}",
        asset="a/b",
        where="a.yaml:1:1",
        model="api",
        provider="vendor",
        prompt="a secret product",
        said="no",
        fallback=fallback,
    )


def told(built, month=None, project="shop", profile=""):
    return of_build(project, profile, built, month)


WELL = a_built(built=2, generated=2, cost=0.5)
ENDS = {
    "all went well": (WELL, None, ["done"], "shop: built 2 in 3.2 s, $0.50"),
    "nothing was to do": (a_built(fresh=4), None, [], "shop: up to date (4 targets)"),
    "some failed": (
        a_built(built=1, generated=1, failed=1, exit_code=1, news=[a_failure()]),
        None,
        ["failed"],
        "shop: built 1, 1 failed in 3.2 s",
    ),
    "a rule was broken": (a_built(failed=1, exit_code=3, news=[a_failure(kind="rule")]), None, ["failed"], "shop: 1 failed in 3.2 s"),
    "some are to be looked at": (a_built(built=1, generated=1, review=1, news=[a_failure(kind="review")]), None, ["done"], "shop: built 1, 1 to review in 3.2 s"),
    "it is as it was": (a_built(failed=1, exit_code=1), None, [], "shop: 1 failed in 3.2 s"),
    "refused, and made by another": (
        a_built(built=1, generated=1, refusals=[a_refusal(fallback="house")]),
        None,
        ["refused", "done"],
        "shop: built 1 in 3.2 s; 1 refused",
    ),
    "stopped for the budget": (
        a_built(failed=1, exit_code=1, news=[a_failure()], stopped=True),
        None,
        ["failed", "budget"],
        "shop: 1 failed in 3.2 s; stopped for its budget",
    ),
    "most of the month is spent": (WELL, HIGH, ["budget", "done"], "shop: built 2 in 3.2 s, $0.50; $8.00 of the $10.00 for this month are spent"),
    "not most of it": (WELL, LOW, ["done"], "shop: built 2 in 3.2 s, $0.50"),
    "but not by this build": (a_built(built=2, generated=2), HIGH, ["done"], "shop: built 2 in 3.2 s"),
}  # fmt: skip


@pytest.mark.parametrize("name", ENDS)
def test_what_happened(name):
    built, month, happened, text = ENDS[name]
    message = told(built, month)
    assert (message.happened, message.text) == (happened, text)


def test_the_fields():
    built = a_built(
        built=1,
        generated=3,
        failed=1,
        fresh=7,
        cost=0.5,
        exit_code=1,
        news=[a_failure()],
        refusals=[a_refusal(1, fallback="house")],
    )
    message = told(built, HIGH, profile="preview")
    assert msgspec.to_builtins(message) == {
        "text": "shop (preview): built 1 (generated 3), 7 up to date, 1 failed in 3.2 s, $0.50; 1 refused; "
        "$8.00 of the $10.00 for this month are spent",
        "project": "shop",
        "profile": "preview",
        "exit_code": 1,
        "happened": ["failed", "refused", "budget"],
        "built": 1,
        "generated": 3,
        "restored": 0,
        "fresh": 7,
        "failed": 1,
        "review": 0,
        "skipped": 0,
        "removed": 0,
        "refused": 1,
        "seconds": 3.2,
        "cost": 0.5,
        "failures": [{"target": "a/b#0", "cause": "it broke", "hint": "mend it"}],
        "refusals": [{"target": "a/b#1", "model": "api", "said": "no", "fallback": "house"}],
        "month": {"limit": 10.0, "spent": 8.0},
    }
    assert b"secret product" not in msgspec.json.encode(message)


def test_ten_are_told_one_by_one():
    skipped = [a_failure(number, "skipped") for number in range(5)]
    failed = [a_failure(number) for number in range(5, 20)]
    message = told(
        a_built(failed=15, skipped=5, news=[*skipped, *failed], refusals=map(a_refusal, range(12)))
    )
    assert [item.target for item in message.failures] == [f"a/b#{number}" for number in range(5, 15)]
    assert (len(message.refusals), message.refused, message.failed) == (10, 12, 15)


def test_no_name_of_a_project_calls_people():
    assert told(WELL, project="<!channel>&co").text.startswith("&lt;!channel&gt;&amp;co: built 2")


def test_a_build_that_was_not_begun():
    message = of_stop("shop", "", TooDear("this build would cost about $5.00, and $1.00 is left to spend"))
    assert (message.text, message.happened, message.exit_code) == (
        "shop: this build would cost about $5.00, and $1.00 is left to spend",
        ["budget"],
        2,
    )


# --- templates ------------------------------------------------------------------------------------------


def filled(template, message=None):
    return body(message or told(WELL), template, lambda path: HERE)


def test_a_template_takes_the_place_of_all_fields():
    template = {
        "content": "**{{ text }}**",
        "embeds": [{"title": "{{ project | upper }}", "color": 255, "inline": True}, None],
        "{{ key }}": "{% for item in failures %}{{ item.target }}{% endfor %}",
    }
    assert filled(template) == {
        "content": "**shop: built 2 in 3.2 s, $0.50**",
        "embeds": [{"title": "SHOP", "color": 255, "inline": True}, None],
        "{{ key }}": "",
    }
    failed = told(a_built(failed=2, exit_code=1, news=[a_failure(1), a_failure(2)]))
    assert filled(template, failed)["{{ key }}"] == "a/b#1a/b#2"


def test_without_one_all_fields_are_sent():
    assert filled({}) == msgspec.to_builtins(told(WELL))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{{ colour }}", "unknown variable 'colour'"),
        ("{{ text", "a '{{' is not closed"),
        ("{{ failures }}", "a list has no text of its own"),
        ("{{ text.__class__ }}", "'text' has no '__class__'"),
    ],
)
def test_what_a_template_can_not_say(text, said):
    with pytest.raises(SpecError) as caught:
        filled({"content": text})
    assert caught.value.message == said
