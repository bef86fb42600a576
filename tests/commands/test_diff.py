"""`imgbuild diff`: which images are others than at a revision, what was asked for otherwise, and their pictures."""

import io
import json
import os
import subprocess

import pytest
from PIL import Image as pillow

from imgbuild.select import handle

SPEC = """\
models: {paint: {provider: painter, params: {steps: 4}}}
assets:
  lamps: {prompt: "a {{ color }} lamp", matrix: {color: [red, blue]}, models: [paint]}
  pens: {prompt: a pen, models: [paint]}
"""
RED, BLUE, GOLD = (f"shop/lamps[color={color}]@paint#0" for color in ("red", "blue", "gold"))
PEN, NIB = "shop/pens@paint#0", "shop/nibs@paint#0"


@pytest.fixture
def git(monkeypatch):
    """A function that runs git in a folder, with nothing of the user's."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    said = ("-c", "user.name=A", "-c", "user.email=a@example.com")

    def run(folder, *words):
        done = subprocess.run(["git", "-C", str(folder), *said, *words], check=True, capture_output=True)
        return done.stdout.decode().strip()

    return run


@pytest.fixture
def shop(bench, painter, git):
    """A project that is built and committed."""
    shop = bench({"specs/shop.yaml": SPEC, ".gitignore": ".imgbuild/\nout/\n"})
    shop.build()
    git(shop.root, "init", "-q")
    keep(git, shop)
    return shop


def keep(git, shop):
    git(shop.root, "add", "-A")
    git(shop.root, "commit", "-q", "-m", "build")


def change(shop):
    """Reword one prompt, replace a variant by another one, rename an asset."""
    shop.edit("specs/shop.yaml", ("a {{ color }}", "one {{ color }}"), ("blue", "gold"), ("pens:", "nibs:"))
    shop.build()


def rows(shop, *words):
    told = shop.tell("diff", "--json", *words)
    assert (told.code, told.err) == (0, "")
    return [json.loads(line) for line in told.out.splitlines()]


def short(git, shop, revision="HEAD"):
    return git(shop.root, "rev-parse", revision)[:8]


def test_nothing_changed(shop, git):
    assert shop.tell("diff") == (0, f"no image is another one since HEAD ({short(git, shop)})\n", "")
    (end,) = rows(shop, "HEAD")
    commit = git(shop.root, "rev-parse", "HEAD")
    none = {"changed": 0, "renamed": 0, "new": 0, "gone": 0, "sheet": ""}
    assert end == {"event": "compared", "revision": "HEAD", "commit": commit, **none}


def test_the_table(shop, git):
    change(shop)
    (changed, *_) = rows(shop)
    distance = f"{changed['distance']} of 64"
    assert shop.tell("diff") == (
        0,
        f"""\
change   target                          pixels{" " * (len(distance) - 6)}  what
changed  {RED}   {distance}  prompt: 'a red lamp' → 'one red lamp'
renamed  {NIB}               {"equal":<{len(distance)}}  was {PEN}
new      {GOLD}
gone     {BLUE}
1 changed, 1 renamed, 1 new, 1 gone since HEAD ({short(git, shop)})
""",
        "",
    )


def test_as_json(shop):
    before = shop.lines("shop")
    change(shop)
    after = shop.lines("shop")
    changed, renamed, new, gone, end = rows(shop)
    red = "lamps[color=red]@paint#0"
    assert changed == {
        "event": "difference",
        "kind": "changed",
        "id": RED,
        "handle": handle(RED),
        "was": "",
        "output": "lamps/red_0.png",
        "before": before[red].image,
        "after": after[red].image,
        "pixels": "other",
        "distance": changed["distance"],
        "changes": [{"field": "prompt", "before": "a red lamp", "after": "one red lamp", "file": ""}],
        "drawn": [],
    }
    assert changed["distance"] > 0
    assert (renamed["id"], renamed["was"], renamed["pixels"], renamed["distance"]) == (NIB, PEN, "equal", 0)
    assert (new["id"], new["before"], new["pixels"], new["distance"]) == (GOLD, "", "", None)
    assert (gone["id"], gone["after"], gone["output"]) == (BLUE, "", "")
    counts = {kind: end[kind] for kind in ("changed", "renamed", "new", "gone")}
    assert counts == {"changed": 1, "renamed": 1, "new": 1, "gone": 1}


def test_another_seed(shop, git):
    seed = shop.lines("shop")["pens@paint#0"].seed
    assert shop.tell("lock", "--reseed", PEN).code == 0
    assert f"changed  {PEN}          reseeded, and not built yet\n" in shop.tell("diff").out
    shop.build()
    new = shop.lines("shop")["pens@paint#0"]
    (row, _) = rows(shop)
    drawn = {change["field"]: (change["before"], change["after"]) for change in row["drawn"]}
    assert (row["changes"], drawn["seed"]) == ([], (seed, new.seed))
    assert f"seed: {seed} → {new.seed}" in shop.tell("diff").out


def test_another_file_of_the_same_pixels(shop):
    shop.edit("specs/shop.yaml", ("prompt: a pen,", "prompt: a pen, format: {type: png, compress_level: 1},"))
    shop.build()
    (row, _) = rows(shop)
    assert (row["id"], row["pixels"]) == (PEN, "equal")
    assert [change["field"] for change in row["changes"]] == ["format.compress_level"]


def test_what_this_store_does_not_know(shop):
    change(shop)
    for name in ("state.db", "state.db-wal", "state.db-shm"):
        (shop.root / ".imgbuild" / name).unlink(missing_ok=True)
    told = shop.tell("diff", "HEAD", RED)
    assert "made from something else; what that was is not in this store\n" in told.out
    assert rows(shop, "HEAD", RED)[0]["changes"] is None


def test_only_some_targets(shop):
    change(shop)

    def named(*patterns):
        return [row["id"] for row in rows(shop, "HEAD", *patterns)[:-1]]

    assert named(RED) == named(handle(RED)) == named("out/lamps/red_0.png") == [RED]
    assert named("lamps") == [RED, GOLD, BLUE]
    assert named(BLUE) == named(handle(BLUE)) == named("*=blue*") == [BLUE]
    assert named("pens") == named("nibs") == named("shop/pens") == [NIB]
    assert named("color=gold", "pens") == [NIB, GOLD]
    assert named("state:fresh", "shop") == [RED, NIB, GOLD, BLUE]
    assert shop.tell("diff", "HEAD", "lamp") == (
        2,
        "",
        "error: 'lamp' matches no target\n"
        "hint: did you mean 'lamps'? Assets here: lamps, nibs; `imgbuild ls` shows all targets\n",
    )


def test_earlier_revisions(shop, git):
    change(shop)
    keep(git, shop)
    first = short(git, shop, "HEAD~1")
    assert shop.tell("diff").out.startswith("no image is another one since HEAD (")
    told = shop.tell("diff", "HEAD~1")
    assert told.out.endswith(f"1 changed, 1 renamed, 1 new, 1 gone since HEAD~1 ({first})\n")
    assert shop.tell("diff", "HEAD~7") == (
        2,
        "",
        "error: git knows no revision 'HEAD~7'\n"
        "hint: name a commit, a branch or a tag; `git log --oneline` lists commits\n",
    )


def test_where_there_is_no_repository(bench, painter):
    shop = bench({"specs/shop.yaml": SPEC})
    assert shop.tell("diff") == (
        2,
        "",
        "error: there is no history to compare with: not a git repository (or any of the parent directories): .git\n"
        "hint: commit specs and locks to a git repository\n",
    )


def test_a_damaged_lock_of_then(shop, git):
    whole = (shop.root / "specs/shop.lock").read_bytes()
    (shop.root / "specs/shop.lock").write_bytes(whole.replace(b'"seed":', b'"sead":', 1))
    keep(git, shop)
    (shop.root / "specs/shop.lock").write_bytes(whole)
    told = shop.tell("diff")
    assert told.out.endswith(f"1 new since HEAD ({short(git, shop)})\n")
    assert told.err.startswith("warning: HEAD:specs/shop.lock:")


def test_it_changes_nothing(shop, git):
    change(shop)
    status = git(shop.root, "status", "--porcelain")
    before = shop.state()
    shop.tell("diff")
    after = shop.state()
    assert {
        name for name in after if after[name] != before.get(name) and not name.startswith(".git/")
    } == set()
    assert git(shop.root, "status", "--porcelain") == status


# --- the pictures ----------------------------------------------------------------------------------------


def test_before_and_after_side_by_side(shop, git):
    old = pillow.open(io.BytesIO((shop.root / "out/lamps/red_0.png").read_bytes())).convert("RGB")
    change(shop)
    told = shop.tell("diff", "HEAD", RED, "-o", "changed.png")
    assert told.out.endswith("changed.png: 1 image, before and after\n")
    new = pillow.open(shop.root / "out/lamps/red_0.png").convert("RGB")
    with pillow.open(shop.root / "changed.png") as sheet:
        assert (sheet.mode, sheet.size) == ("RGB", (2 * 16 + 2 * 256 + 8, 2 * 16 + 256 + 20))
        assert square(sheet, 16 + 120, 16 + 120).tobytes() == old.tobytes()
        assert square(sheet, 16 + 264 + 120, 16 + 120).tobytes() == new.tobytes()


def square(sheet, left, top):
    return sheet.crop((left, top, left + 16, top + 16))


def test_a_sheet_of_all_kinds(shop):
    change(shop)
    told = shop.tell("diff", "-o", "changed.png", "--json")
    assert json.loads(told.out.splitlines()[-1])["sheet"] == "changed.png"
    with pillow.open(shop.root / "changed.png") as sheet:
        assert sheet.size == (2 * 16 + 2 * 256 + 8, 2 * 16 + 4 * 276 + 3 * 8)


def test_no_sheet_of_nothing(shop, git):
    told = shop.tell("diff", "-o", "changed.png")
    assert told.out == f"no image is another one since HEAD ({short(git, shop)})\nchanged.png: not written\n"
    assert not (shop.root / "changed.png").exists()


def test_pictures_that_are_nowhere(shop):
    change(shop)
    for blob in (shop.root / ".imgbuild/blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    assert shop.tell("diff", "HEAD", RED, "-o", "changed.png").code == 0
    new = pillow.open(shop.root / "out/lamps/red_0.png").convert("RGB")
    with pillow.open(shop.root / "changed.png") as sheet:
        assert square(sheet, 16 + 120, 16 + 120).getextrema() == ((255, 255),) * 3
        assert square(sheet, 16 + 264 + 120, 16 + 120).tobytes() == new.tobytes()


def test_names_that_no_sheet_can_have(shop):
    assert shop.tell("diff", "-o", "changed.gif") == (
        2,
        "",
        "error: 'changed.gif' is no name of a PNG file\nhint: a contact sheet is one: sheet.png\n",
    )
    assert shop.tell("diff", "-o", "no/folder.png") == (
        2,
        "",
        "error: there is no folder for 'no/folder.png'\nhint: make it, or name another one\n",
    )
    change(shop)
    (shop.root / "folder.png").mkdir()
    assert shop.tell("diff", "-o", "folder.png") == (
        2,
        "",
        "error: folder.png can't be written: Is a directory\nhint: is its folder there, and yours?\n",
    )
    assert not (shop.root / ".folder.png.tmp").exists()
