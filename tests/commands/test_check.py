"""Rules held against published images, without making any."""

from __future__ import annotations

import msgspec
import pytest

SPEC = """\
models: {m: {provider: painter}}
assets:
  art:
    prompt: art of {{ kind }}
    matrix: {kind: [ink, oil, wax]}
    models: [m]
    size: 16x16
    validate: [{dimensions: {width: 16, height: 16}}]
  plain: {prompt: plain, models: [m], size: 16x16}
"""


@pytest.fixture
def project(bench, painter):
    made = bench({"specs/a.yaml": SPEC})
    made.build()
    painter.asked.clear()
    return made


def target(kind):
    return f"a/art[kind={kind}]@m#0"


def test_all_is_well(project):
    assert project.tell("check") == (
        0,
        f"""\
status  target               rule          figure  limit
pass    {target("ink")}  dimensions  16×16 px  width 16, height 16
pass    {target("oil")}  dimensions  16×16 px  width 16, height 16
pass    {target("wax")}  dimensions  16×16 px  width 16, height 16
4 images: 3 pass, 1 without rules
""",
        "",
    )


def test_an_edited_rule_is_held_against_what_is_there_and_nothing_is_made(project, painter):
    before = project.outputs(), project.locks()
    project.edit("specs/a.yaml", ("width: 16", "width: 17"))
    code, out, err = project.tell("check")
    assert (code, err) == (3, "")
    assert (
        out
        == f"""\
status  target               rule          figure  limit
fail    {target("ink")}  dimensions  16×16 px  width 17, height 16
fail    {target("oil")}  dimensions  16×16 px  width 17, height 16
fail    {target("wax")}  dimensions  16×16 px  width 17, height 16
4 images: 3 fail, 1 without rules
"""
    )
    assert (project.outputs(), project.locks()) == before
    assert painter.asked == []
    assert project.actions() == dict.fromkeys(project.actions(), "fresh")


def test_a_new_rule_is_measured_once(project, monkeypatch):
    measured = []
    from imgbuild.rules.not_blank import NotBlank

    measure = NotBlank.measure
    monkeypatch.setattr(NotBlank, "measure", lambda *given: measured.append(1) or measure(*given))
    project.edit("specs/a.yaml", ("validate: [", "validate: [not_blank, "))
    assert project.tell("check").code == 0
    assert len(measured) == 3
    assert project.tell("check").out.splitlines()[-1] == "4 images: 3 pass, 1 without rules"
    assert project.tell("build").out == "up to date (4 targets)\n"
    assert len(measured) == 3


def test_the_worst_comes_first_and_the_table_says_which_are_alike(bench, painter):
    made = bench(
        {
            "specs/a.yaml": SPEC.replace(
                "validate: [",
                "validate: [{unique: {distance: 64, on_fail: review}}, {brightness: {min: 0, on_fail: warn}}, ",
            )
        }
    )
    made.build()
    made.edit("specs/a.yaml", ("min: 0,", "min: 1,"))
    rows = [msgspec.json.decode(line) for line in made.tell("check", "--json").out.splitlines()]
    rows, (cluster,) = rows[:-1], rows[-1:]
    assert (cluster["event"], cluster["rule"], len(cluster["members"])) == (
        "cluster",
        "unique",
        len(rows) // 3,
    )
    statuses = [row["status"] for row in rows]
    assert statuses == ["review"] * 2 + ["warn"] * 3 + ["pass"] * 4
    assert rows[0]["others"] == [target("ink")]
    reviewed = made.tell("check", "--review")
    assert (reviewed.code, reviewed.out.count("\nreview")) == (0, 2)
    assert reviewed.out.splitlines()[1].endswith(f", like {target('ink')}")
    assert reviewed.out.splitlines()[-1] == "4 images: 2 review, 1 warn, 1 without rules"


def test_missing_images_are_named(project):
    (project.root / "out/art/ink_0.png").unlink()
    (project.root / "out/art/oil_0.png").write_bytes(b"mine")
    project.edit("specs/a.yaml", ("[ink, oil, wax]", "[ink, oil, wax, ash]"), ("width: 16", "width: 17"))
    assert project.tell("check") == (
        1,
        f"""\
status   target               rule          figure  limit
fail     {target("wax")}  dimensions  16×16 px  width 17, height 16
missing  {target("ash")}                        not built yet
missing  {target("ink")}                        its output is missing
missing  {target("oil")}                        art/oil_0.png was not written by imgbuild, or was edited since
5 images: 1 fail, 3 missing, 1 without rules
""",
        "",
    )


def test_quietly_only_what_is_wrong(project):
    assert project.tell("check", "-q") == (0, "", "")
    (project.root / "out/art/ink_0.png").unlink()
    assert project.tell("check", "-q").out == (
        "status   target               rule  figure  limit\n"
        f"missing  {target('ink')}                its output is missing\n"
    )


def test_a_selection(project):
    assert project.tell("check", "-s", "kind=oil").out == (
        "status  target               rule          figure  limit\n"
        f"pass    {target('oil')}  dimensions  16×16 px  width 16, height 16\n"
        "1 image: 1 pass\n"
    )


def test_an_image_whose_bytes_are_bad_in_the_store_is_read_from_its_place(project):
    project.edit("specs/a.yaml", ("validate: [", "validate: [not_blank, "))
    for blob in (project.root / ".imgbuild/blobs").glob("??/*"):
        if blob.suffix == "":
            blob.write_bytes(b"bad")
    assert project.tell("check").code == 0


def test_a_long_table_is_cut_unless_asked_for(project, monkeypatch):
    monkeypatch.setattr("imgbuild.commands.check.SHOWN", 2)
    assert project.tell("check").out.splitlines()[-2] == "… and 1 more; --verbose shows all"
    assert len(project.tell("check", "-v").out.splitlines()) == 5


def test_nothing_declared(bench):
    assert bench().tell("check") == (0, "0 images\n", "")
