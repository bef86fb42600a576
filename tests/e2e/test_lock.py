"""The lock brings back the same pictures: after a loss, in a clone, over renames, merges and damage."""

import os
import shutil
import subprocess

import pytest
from PIL import ImageOps

from imgbuild.errors import ImgbuildError
from imgbuild.types import Grade

FINISH = """
    attempts: 20
    process:
      - adjust: {brightness: 1.2}
    format: webp
    validate:
      - brightness: {min: 0.5, on_fail: reroll}
    """
FIRST = "shots[sku=A1,color=red]@paint#0"


@pytest.fixture
def shop(bench, painter, catalog):
    """Six targets, some of them rerolled."""
    built = bench(catalog(FINISH))
    assert built.build().finished.exit_code == 0
    assert max(line.attempt for line in built.lines().values()) > 0
    painter.asked.clear()
    return built


def lose(shop, *names):
    for name in names:
        path = shop.root / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


# --- what was lost comes back -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lost", "generated"),
    [
        ([".imgbuild"], 0),
        ([".imgbuild", "out"], 6),
        (["out"], 0),
        ([".imgbuild/state.db"], 0),
        ([".imgbuild/state.db", "out"], 0),
        ([".imgbuild/blobs"], 0),
        ([".imgbuild/blobs", "out"], 6),
        ([".imgbuild/blobs", ".imgbuild/state.db", "out"], 6),
    ],
    ids=str,
)
def test_what_is_lost_comes_back_the_same(shop, painter, lost, generated):
    outputs, locks = shop.outputs(), shop.locks()
    lose(shop, *lost)
    assert shop.build().finished.exit_code == 0
    assert len(painter.asked) == generated
    assert (shop.outputs(), shop.locks()) == (outputs, locks)
    assert dict(shop.build().ran) == {}


def test_a_clone_elsewhere_gives_the_same(shop, bench, painter):
    sources = {name: (shop.root / name).read_bytes() for name in shop.state() if name.startswith("specs/")}
    clone = bench(sources, folder="somewhere else/clone")
    assert clone.build().finished.exit_code == 0
    assert (clone.outputs(), clone.locks()) == (shop.outputs(), shop.locks())
    assert len(painter.asked) == 6


def test_without_a_lock_the_same_seeds_are_found_again(shop, painter):
    outputs, locks = shop.outputs(), shop.locks()
    lose(shop, "specs/catalog.lock", ".imgbuild", "out")
    shop.build()
    assert (shop.outputs(), shop.locks()) == (outputs, locks)


def test_what_is_lost_and_rerolled_is_no_drift(shop, painter):
    lose(shop, ".imgbuild", "out")
    shop.edit("specs/catalog.yaml", ("min: 0.5", "min: 0.6"))
    before = shop.lines()
    assert shop.build(reroll=True).finished.exit_code == 0
    after = shop.lines()
    moved = {id for id in after if after[id] != before[id]}
    assert moved
    assert all(after[id].attempt > before[id].attempt for id in moved)
    assert set(shop.outputs()) == {
        f"shots/{sku}_{color}_0.webp" for sku in ("A1", "A2", "A3") for color in ("red", "blue")
    }


def test_a_lost_database_costs_no_generation_when_a_step_is_edited(shop, painter):
    lose(shop, ".imgbuild/state.db")
    shop.edit("specs/catalog.yaml", ("brightness: 1.2", "brightness: 1.3"))
    assert dict(shop.build().ran) == {"adjust": 6, "encode": 6}
    assert painter.asked == []


def test_the_lock_outranks_what_is_recorded(shop, painter):
    outputs, locks = shop.outputs(), shop.locks()
    assert shop.tell("lock", "--reseed", "shots").code == 0
    shop.build()
    assert shop.outputs() != outputs
    painter.asked.clear()
    shop.write(locks)
    assert shop.build().finished.exit_code == 0
    assert painter.asked == []
    assert (shop.outputs(), shop.locks()) == (outputs, locks)


@pytest.mark.parametrize(
    "changes",
    [
        [("  shots:", "  pictures:")],
        [("  paint: {", "  brush: {"), ("[paint]", "[brush]")],
        [("color: [red, blue]", "color: {crimson: red, navy: blue}")],
        [("      color:", "      finish: [matte]\n      color:")],
    ],
    ids=["asset", "alias", "labels", "axis of one value"],
)
def test_a_rename_carries_seed_attempt_and_bytes(shop, painter, changes):
    before = shop.lines()
    shop.edit("specs/catalog.yaml", *changes)
    shop.build()
    assert painter.asked == []
    assert sorted(map(str, shop.lines().values())) == sorted(map(str, before.values()))
    assert not set(shop.lines()) & set(before)


# --- a lock that must not change ----------------------------------------------------------------------


def test_locked_builds_what_the_lock_says(shop, painter):
    outputs, locks = shop.outputs(), shop.locks()
    lose(shop, ".imgbuild", "out")
    assert shop.tell("build", "--locked").code == 0
    assert len(painter.asked) == 6
    assert (shop.outputs(), shop.locks()) == (outputs, locks)


LOCK_CHANGES = {
    "a prompt": ("specs/catalog.yaml", ("Photo of", "Picture of")),
    "a target more": ("specs/products.csv", ("A3,table", "A3,table\nA4,desk")),
    "a target less": ("specs/products.csv", ("A3,table\n", "")),
    "a renamed asset": ("specs/catalog.yaml", ("  shots:", "  pictures:")),
    "an operation": ("specs/catalog.yaml", ("1.2", "1.3")),
    "another revision": ("specs/catalog.yaml", ("painter}", "painter, revision: two}")),
}


@pytest.mark.parametrize("name", LOCK_CHANGES)
@pytest.mark.parametrize("flag", ["--locked", "--frozen"])
def test_locked_ends_with_5_before_anything_runs(shop, painter, name, flag):
    file, *changes = LOCK_CHANGES[name]
    shop.edit(file, *changes)
    published, locks = shop.state("out"), shop.locks()
    told = shop.tell("build", flag)
    assert told.code == 5, told
    assert "hint: build without --locked and commit the lock" in told.err
    assert painter.asked == []
    assert (shop.state("out"), shop.locks()) == (published, locks)
    assert shop.tell("lock", "--check").code == 5
    assert shop.locks() == locks


def test_frozen_uses_no_network(shop, painter):
    painter.network = True
    lose(shop, ".imgbuild", "out")
    told = shop.tell("build", "--frozen")
    assert told.code == 1
    assert "'painter' needs the network" in told.out
    assert painter.asked == []


def test_check_needs_no_images(shop, painter):
    lose(shop, ".imgbuild", "out")
    told = shop.tell("lock", "--check")
    assert (told.code, told.out) == (0, "locked: 6 targets\n")
    assert not (shop.root / ".imgbuild").exists()


# --- moving pins and seeds on purpose -----------------------------------------------------------------


def test_a_new_adapter_moves_nothing_until_it_is_upgraded(shop, painter):
    locks = shop.locks()
    painter.version = 2
    assert dict(shop.build().ran) == {}
    assert shop.locks() == locks
    assert "model 'paint' is pinned with an older adapter" in shop.tell("plan").out
    seeds = {id: line.seed for id, line in shop.lines().items()}
    assert shop.tell("lock", "--upgrade", "paint").code == 0
    assert dict(shop.build().ran)["generate"] >= 6
    assert {request.pin.adapter for request in painter.asked} == {2}
    assert {request.seed for request in painter.asked} >= set(seeds.values())


def test_reseeding_moves_one_target_to_its_next_seed(shop, painter):
    before = shop.lines()
    assert shop.tell("lock", "--reseed", FIRST.join(["catalog/", ""])).code == 0
    waiting = shop.lines()[FIRST]
    assert (waiting.image, waiting.attempt) == ("", before[FIRST].attempt + 1)
    assert painter.asked == []
    shop.build()
    after = shop.lines()
    assert after[FIRST].seed != before[FIRST].seed
    assert after[FIRST].image != before[FIRST].image
    assert after[FIRST].attempt > before[FIRST].attempt
    assert {id for id in after if after[id] != before[id]} == {FIRST}


def test_a_reseeded_target_that_is_renamed_takes_its_next_seed_along(shop, painter):
    """Or the picture that somebody wanted no more would be back."""
    before = shop.lines()
    assert shop.tell("lock", "--reseed", f"catalog/{FIRST}").code == 0
    waiting = shop.lines()[FIRST]
    shop.edit("specs/catalog.yaml", ("  shots:", "  pictures:"))
    shop.build()
    assert painter.asked[0].seed == waiting.seed
    after = {id.replace("pictures", "shots"): line for id, line in shop.lines().items()}
    assert after[FIRST].attempt >= waiting.attempt
    assert {id for id in after if after[id] != before[id]} == {FIRST}


def test_drift_is_kept_back_until_it_is_accepted(shop, painter):
    locks = shop.locks()
    lose(shop, ".imgbuild", "out")
    painter.touch = staticmethod(lambda picture: ImageOps.mirror(ImageOps.invert(picture)))
    ended = shop.build()
    assert ended.finished.exit_code == 1
    assert len(ended.failures) == 6
    assert all(failure.cause.startswith("drift: ") for failure in ended.failures)
    assert all("imgbuild lock --accept" in failure.hint for failure in ended.failures)
    assert shop.outputs() == {}
    assert shop.locks() == locks
    assert shop.tell("lock", "--accept", f"catalog/{FIRST}").code == 0
    painter.asked.clear()
    ended = shop.build()
    assert len(ended.failures) == 5
    assert list(shop.outputs()) == ["shots/A1_red_0.webp"]
    before, after = locks["specs/catalog.lock"].splitlines(), shop.locks()["specs/catalog.lock"].splitlines()
    assert len([line for line in after if line not in before]) == 1


def test_only_what_drifted_can_be_accepted(shop):
    told = shop.tell("lock", "--accept", f"catalog/{FIRST}")
    assert told.code == 2
    assert told.err == (
        f"error: catalog/{FIRST} has no drifted image to accept\n"
        "hint: `imgbuild build` finds out whether it drifts\n"
    )


def nudge(picture):
    """A library that has changed a little."""
    red, green, blue = picture.getpixel((0, 0))
    picture.putpixel((0, 0), (red ^ 1, green, blue))
    return picture


CHAIN = """
    models: {paint: {provider: painter}}
    assets:
      base: {prompt: a lamp, models: [paint], process: [{convert: {mode: L}}], format: webp}
      scene: {prompt: a scene, models: [paint], inputs: {image: {asset: base}}}
    """


def test_what_is_made_from_a_picture_equal_to_the_eye(bench, painter):
    """It stands for the locked one in all that follows, and what follows settles."""
    project = bench({"specs/catalog.yaml": CHAIN})
    project.build()
    base = project.lines()["base@paint#0"]
    lose(project, ".imgbuild", "out")
    painter.touch = staticmethod(nudge)
    project.edit("specs/catalog.yaml", ("a scene", "a view"))
    assert project.build().finished.exit_code == 0
    assert project.lines()["base@paint#0"] == base
    locks = project.locks()
    for edit in [("a view", "a room"), ("a room", "a view")]:
        project.edit("specs/catalog.yaml", edit)
        assert project.build().finished.exit_code == 0
        again = project.build()
        assert (dict(again.ran), again.finished.exit_code) == ({}, 0)
    assert project.locks() == locks


def test_a_picture_equal_to_the_eye_is_published_and_the_lock_stays(shop, painter):
    locks, outputs = shop.locks(), shop.outputs()
    lose(shop, ".imgbuild", "out")
    painter.touch = staticmethod(nudge)
    assert shop.build().finished.exit_code == 0
    assert shop.locks() == locks
    assert set(shop.outputs()) == set(outputs)
    painter.asked.clear()
    published = shop.state("out")
    assert dict(shop.build().ran) == {}
    lose(shop, ".imgbuild/state.db")
    assert shop.build().finished.exit_code == 0
    assert painter.asked == []
    assert (shop.state("out"), shop.locks()) == (published, locks)


def test_stored_images_are_never_made_again(bench, painter, catalog):
    painter.grade = Grade.STORED
    shop = bench(catalog(FINISH))
    assert shop.build().finished.exit_code == 0
    outputs, locks = shop.outputs(), shop.locks()
    assert {line.grade for line in shop.lines().values()} == {Grade.STORED}
    painter.asked.clear()
    lose(shop, "out")
    assert shop.build().finished.exit_code == 0
    assert shop.outputs() == outputs
    lose(shop, ".imgbuild", "out")
    ended = shop.build()
    assert ended.finished.exit_code == 1
    assert len(ended.failures) == 6
    assert all("imgbuild lock --reseed" in failure.hint for failure in ended.failures)
    assert painter.asked == []
    assert (shop.outputs(), shop.locks()) == ({}, locks)
    assert shop.tell("lock", "--reseed", "shots").code == 0
    assert shop.build().finished.exit_code == 0
    assert set(shop.outputs()) == set(outputs)


# --- merges -------------------------------------------------------------------------------------------


@pytest.fixture
def repository(shop):
    """The shop, committed."""

    def git(*words):
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
        done = subprocess.run(
            ["git", *words], cwd=shop.root, env=environment, capture_output=True, check=False
        )
        return done.returncode

    git("init", "-q", "-b", "main")
    git("config", "user.name", "A")
    git("config", "user.email", "a@example.com")
    shop.write({".gitignore": "out/\n.imgbuild/\n"})
    git("add", "-A")
    assert git("commit", "-q", "-m", "first") == 0
    return shop, git


def branch(repository, name, change):
    """A branch from main on which the change was made and built."""
    shop, git = repository
    assert git("checkout", "-q", "main") == 0
    assert git("checkout", "-q", "-b", name) == 0
    change()
    assert shop.build().finished.exit_code == 0
    assert git("commit", "-q", "-a", "-m", name) == 0


def test_branches_that_add_different_targets_merge_by_themselves(repository, painter):
    shop, git = repository
    branch(repository, "desk", lambda: shop.edit("specs/products.csv", ("A1,lamp", "A0,desk\nA1,lamp")))
    desk = shop.lines()
    branch(repository, "bed", lambda: shop.edit("specs/products.csv", ("A3,table", "A3,table\nA4,bed")))
    bed = shop.lines()
    assert git("merge", "-q", "--no-edit", "desk") == 0
    assert shop.lines() == {**desk, **bed}
    painter.asked.clear()
    assert shop.build().finished.exit_code == 0
    assert painter.asked == []
    assert git("diff", "--quiet") == 0


def test_branches_that_change_the_same_target_are_resolved_on_reading(repository, painter):
    """The merged spec is what one side was built from: its line is taken, and nothing is made again."""
    shop, git = repository
    branch(repository, "light", lambda: shop.edit("specs/products.csv", ("A1,lamp", "A1,light")))
    branch(repository, "torch", lambda: shop.edit("specs/products.csv", ("A1,lamp", "A1,torch")))
    torch, outputs = shop.locks(), shop.outputs()
    assert git("merge", "-q", "--no-edit", "light") != 0
    assert b"<<<<<<<" in shop.locks()["specs/catalog.lock"]
    shop.write({"specs/products.csv": "sku,name\nA1,torch\nA2,chair\nA3,table\n"})
    painter.asked.clear()
    assert shop.build().finished.exit_code == 0
    assert painter.asked == []
    assert (shop.locks(), shop.outputs()) == (torch, outputs)


def test_branches_that_reseed_the_same_target_end_the_same_on_both_sides(repository, painter):
    shop, git = repository
    branch(repository, "one", lambda: shop.tell("lock", "--reseed", f"catalog/{FIRST}"))
    one = shop.lines()[FIRST]

    def twice():
        shop.tell("lock", "--reseed", f"catalog/{FIRST}")
        shop.build()
        shop.tell("lock", "--reseed", f"catalog/{FIRST}")

    branch(repository, "two", twice)
    two = shop.lines()[FIRST]
    assert one != two
    assert git("merge", "-q", "--no-edit", "one") != 0
    conflict = shop.locks()
    shop.build()
    assert f"specs/catalog.lock: {FIRST}: both sides fit the spec: kept the lower digest" in shop.notes()
    kept = shop.lines()[FIRST]
    assert kept.image == min(one.image, two.image)
    git("merge", "--abort")
    git("checkout", "-q", "-f", "one")
    assert git("merge", "-q", "--no-edit", "two") != 0
    assert shop.locks() != conflict
    shop.build()
    assert shop.lines()[FIRST] == kept


def test_neither_side_of_a_conflict_fits(repository, painter):
    shop, git = repository
    branch(repository, "light", lambda: shop.edit("specs/products.csv", ("A1,lamp", "A1,light")))
    branch(repository, "torch", lambda: shop.edit("specs/products.csv", ("A1,lamp", "A1,torch")))
    assert git("merge", "-q", "--no-edit", "light") != 0
    shop.write({"specs/products.csv": "sku,name\nA1,candle\nA2,chair\nA3,table\n"})
    painter.asked.clear()
    assert shop.build().finished.exit_code == 0
    assert f"specs/catalog.lock: {FIRST}: neither side fits the spec: unlocked" in shop.notes()
    assert {request.prompt for request in painter.asked} == {"Photo of candle, red", "Photo of candle, blue"}
    assert b"<<<<<<<" not in shop.locks()["specs/catalog.lock"]


# --- damage, and a lock that changes during a build ---------------------------------------------------


def test_a_damaged_line_is_reported_and_the_file_kept(shop, painter):
    locks, outputs = shop.locks(), shop.outputs()
    whole = locks["specs/catalog.lock"]
    line = next(line for line in whole.splitlines() if FIRST.encode() in line)
    damaged = whole.replace(line, line.replace(b'"seed":', b'"seed":1'))
    shop.write({"specs/catalog.lock": damaged})
    assert shop.build().finished.exit_code == 0
    number = whole.splitlines().index(line) + 1
    assert (
        f"specs/catalog.lock:{number}: the line of '{FIRST}' is damaged and was left out: "
        "its sum does not fit its text"
    ) in shop.notes()
    assert (shop.root / "specs/catalog.lock.bad").read_bytes() == damaged
    assert painter.asked == []
    assert (shop.locks(), shop.outputs()) == (locks, outputs)


def test_a_lock_that_is_no_lock_at_all(shop, painter):
    locks, outputs = shop.locks(), shop.outputs()
    shop.write({"specs/catalog.lock": b"\0" * 100})
    assert shop.build().finished.exit_code == 0
    assert (shop.root / "specs/catalog.lock.bad").read_bytes() == b"\0" * 100
    assert painter.asked == []
    assert (shop.locks(), shop.outputs()) == (locks, outputs)


def test_lines_that_arrive_during_a_build_are_kept(shop, painter):
    whole = shop.locks()["specs/catalog.lock"]
    lines = whole.splitlines(keepends=True)
    arrived = next(line for line in lines if b"sku=A3,color=red" in line)
    shop.write({"specs/catalog.lock": whole.replace(arrived, b"")})
    shop.edit("specs/products.csv", ("A1,lamp", "A1,light"), ("A3,table\n", ""))

    def pull(picture):
        (shop.root / "specs/catalog.lock").write_bytes(whole)
        return picture

    painter.touch = staticmethod(pull)
    shop.build()
    assert "shots[sku=A3,color=red]@paint#0" in shop.lines()
    assert {request.prompt for request in painter.asked} == {"Photo of light, red", "Photo of light, blue"}


# --- tables that lose rows ----------------------------------------------------------------------------


def test_half_a_table_deletes_nothing_unless_told(bench, painter, catalog):
    rows = [f"P{number:02},thing {number}" for number in range(30)]
    files = catalog(FINISH.replace("min: 0.5, on_fail: reroll", "min: 0"))
    shop = bench(files | {"specs/products.csv": "\n".join(["sku,name", *rows, ""])})
    shop.build()
    published, locks = shop.state("out"), shop.locks()
    shop.write({"specs/products.csv": "\n".join(["sku,name", *rows[:15], ""])})
    assert shop.build().finished.exit_code == 0
    assert (shop.state("out"), shop.locks()) == (published, locks)
    assert (
        "30 of 60 targets of catalog are declared no more; their images and lock lines are kept until you "
        "build with --prune"
    ) in shop.notes()
    assert shop.build(prune=True).finished.removed == 30
    assert (len(shop.outputs()), len(shop.lines())) == (30, 30)
    shop.write({"specs/products.csv": "\n".join(["sku,name", *rows, ""])})
    painter.asked.clear()
    shop.build()
    assert painter.asked == []
    assert (shop.outputs().keys(), shop.locks()) == ({*published}, locks)


def test_texts_that_look_like_other_things_stay_texts(bench, painter):
    shop = bench(
        {
            "specs/catalog.yaml": """
            models: {paint: {provider: painter}}
            assets:
              listed:
                prompt: "{{ code }} in {{ place }} at {{ time }}"
                matrix: {code: [00123], place: [NO], time: [12:30]}
                models: [paint]
              tabled:
                prompt: "{{ code }} in {{ place }} at {{ time }}"
                matrix: {row: {csv: rows.csv, key: code}}
                models: [paint]
                output: "tabled/{{ code }}-{{ place }}.png"
            """,
            "specs/rows.csv": "code,place,time\n00123,NO,12:30\n",
        }
    )
    shop.build()
    assert {request.prompt for request in painter.asked} == {"00123 in NO at 12:30"}
    assert set(shop.lines()) == {
        "listed[code=00123,place=NO,time=12:30]@paint#0",
        "tabled[code=00123]@paint#0",
    }
    assert set(shop.outputs()) == {"listed/00123_NO_12-30_0.png", "tabled/00123-NO.png"}


def test_a_folder_that_went_during_the_build_is_not_made_anew(bench, painter):
    """It may be about to come back. The other locks are written, and nothing is made twice."""
    assets = "models: {{paint: {{provider: painter}}}}\nassets: {{{0}: {{prompt: a {0}, models: [paint]}}}}\n"
    project = bench({"specs/a/deep.yaml": assets.format("lamp"), "specs/flat.yaml": assets.format("desk")})
    project.event = lambda _: move(project.root / "specs/a", project.root / "aside")
    with pytest.raises(ImgbuildError) as raised:
        project.build()
    assert raised.value.message == "specs/a/deep.lock went during this build, or its folder did"
    assert raised.value.hint == "build again once it is back: what was made is kept"
    assert (not (project.root / "specs/a").exists(), [*project.lines("flat")]) == (True, ["desk@paint#0"])
    del project.event
    move(project.root / "aside", project.root / "specs/a")
    painter.asked.clear()
    assert project.build().clean
    assert (painter.asked, [*project.lines("a/deep")]) == ([], ["lamp@paint#0"])


def test_a_lock_that_went_during_the_build_is_not_begun_anew(bench, painter):
    """It may be about to come back, with seeds that nobody else knows."""
    spec = "models: {paint: {provider: painter}}\nassets: {lamp: {prompt: a lamp, models: [paint]}, desk: {prompt: a desk, models: [paint]}}\n"
    project = bench({"specs/a.yaml": spec})
    project.build()
    assert project.tell("lock", "--reseed", "lamp").code == 0
    project.build()
    before = project.lines("a")["lamp@paint#0"]
    project.edit("specs/a.yaml", ("a desk", "the desk"))
    project.event = lambda _: move(project.root / "specs/a.lock", project.root / "aside")
    with pytest.raises(ImgbuildError) as raised:
        project.build()
    assert raised.value.message == "specs/a.lock went during this build, or its folder did"
    assert project.locks() == {}
    del project.event
    move(project.root / "aside", project.root / "specs/a.lock")
    painter.asked.clear()
    assert project.build().clean
    assert (painter.asked, project.lines("a")["lamp@paint#0"]) == ([], before)


def test_a_lock_that_comes_during_the_build_is_not_written_over(bench, painter):
    project = bench(
        {
            "specs/a.yaml": "models: {paint: {provider: painter}}\nassets: {lamp: {prompt: a lamp, models: [paint]}}\n"
        }
    )
    project.build()
    assert project.tell("lock", "--reseed", "lamp").code == 0
    project.build()
    before = project.locks()
    move(project.root / "specs/a.lock", project.root / "aside")
    project.event = lambda _: move(project.root / "aside", project.root / "specs/a.lock")
    assert not project.build().stands
    assert project.locks() == before
    del project.event
    assert project.build().clean
    assert project.lines("a")["lamp@paint#0"].attempt == 1


def move(old, new):
    if old.exists():
        old.rename(new)
