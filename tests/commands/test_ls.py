"""What `ls` prints: handles, states, ids and outputs."""

import json

import pytest

from imgbuild.select import handle

SPEC = """\
models: {paint: {provider: painter}}
assets:
  shots: {prompt: "{{ thing }}", matrix: {thing: [lamp, pen]}, models: [paint]}
  logo: {prompt: a logo, models: [paint], seeds: 2}
"""
LAMP, PEN = "shop/shots[thing=lamp]@paint#0", "shop/shots[thing=pen]@paint#0"
FIRST, SECOND = "shop/logo@paint#0", "shop/logo@paint#1"


@pytest.fixture
def shop(bench, painter):
    return bench({"specs/shop.yaml": SPEC})


def test_before_the_first_build(shop):
    assert shop.tell("ls") == (
        0,
        f"""\
handle    state     target                          output
{handle(LAMP)}  unpinned  {LAMP}  shots/lamp_0.png
{handle(PEN)}  unpinned  {PEN}   shots/pen_0.png
{handle(FIRST)}  unpinned  {FIRST}               logo/0.png
{handle(SECOND)}  unpinned  {SECOND}               logo/1.png
""",
        "",
    )


def test_states_as_they_are(shop, painter):
    painter.refuses.add("pen")
    shop.build()
    (shop.root / "out/logo/0.png").unlink()
    (shop.root / "out/logo/1.png").write_bytes(b"edited by hand")
    assert (
        shop.tell("ls").out
        == f"""\
handle    state    target                          output
{handle(LAMP)}  fresh    {LAMP}  shots/lamp_0.png
{handle(PEN)}  failed   {PEN}   shots/pen_0.png
{handle(FIRST)}  restore  {FIRST}               logo/0.png
{handle(SECOND)}  failed   {SECOND}               logo/1.png
"""
    )
    assert f"{PEN} " in shop.tell("ls", "-s", "state:failed").out
    assert LAMP not in shop.tell("ls", "-s", "state:failed").out


def test_what_it_prints_names_targets(shop):
    for name in (handle(PEN), PEN, "shots/pen_0.png", "out/shots/pen_0.png", "thing=pen"):
        assert [row["id"] for row in rows(shop, "-s", name)] == [PEN]


def rows(shop, *flags):
    told = shop.tell("ls", "--json", *flags)
    assert (told.code, told.err) == (0, "")
    return [json.loads(line) for line in told.out.splitlines()]


def test_as_json(shop):
    assert rows(shop, "-s", "thing=pen") == [
        {"handle": handle(PEN), "state": "unpinned", "id": PEN, "output": "shots/pen_0.png"}
    ]


def test_a_spec_chooses_its_targets(shop):
    shop.write({"specs/brand.yaml": SPEC.replace("shots", "a").replace("logo", "b")})
    assert {row["id"].partition("/")[0] for row in rows(shop)} == {"shop", "brand"}
    assert {row["id"].partition("/")[0] for row in rows(shop, "specs/brand.yaml")} == {"brand"}
    assert {row["id"].partition("/")[0] for row in rows(shop, "specs/")} == {"shop", "brand"}


def test_nothing_that_matches(shop):
    assert shop.tell("ls", "-s", "shot") == (
        2,
        "",
        "error: 'shot' matches no target\n"
        "hint: did you mean 'shots'? Assets here: logo, shots; `imgbuild ls` shows all targets\n",
    )


def test_without_targets(bench):
    for files in ({"imgbuild.yaml": "{}\n"}, {"specs/shop.yaml": "assets: {}\n"}):
        told = bench(files, next(iter(files)).partition("/")[0]).tell("ls")
        assert told == (0, "no targets: write a spec, or let `imgbuild init` write one\n", "")


def test_listing_writes_nothing(shop):
    before = shop.state()
    shop.tell("ls")
    assert shop.state() == before
