"""The output folder is the user's: what is not ours stays, what failed stays, what is nobody's goes."""

import json
import os
import threading
import time

import pytest

from imgbuild.store.snapshot import recall

OUTPUT = 'output: "shots/{{ sku }}_{{ color }}.png"\n'
FIRST = "catalog/shots[sku=A1,color=red]@paint#0"
NAMES = {f"shots/A{number}_{color}.png" for number in (1, 2, 3) for color in ("red", "blue")}


@pytest.fixture
def project(bench, painter, catalog):
    return bench(catalog(OUTPUT))


@pytest.fixture
def shop(project, painter):
    assert project.build().finished.exit_code == 0
    assert set(project.outputs()) == NAMES
    painter.asked.clear()
    return project


def failures(ended):
    return {failure.id: failure for failure in ended.failures}


# --- files that are not ours --------------------------------------------------------------------------


def test_an_output_edited_by_hand_is_left_alone_and_reported(shop, painter):
    before = shop.outputs()
    shop.write({"out/shots/A1_red.png": b"retouched"})
    ended = shop.build()
    assert ended.finished.exit_code == 1
    assert set(failures(ended)) == {FIRST}
    failure = failures(ended)[FIRST]
    assert failure.cause == "shots/A1_red.png was not written by imgbuild, or was edited since"
    assert failure.hint.startswith("move it away, or write over it with --force")
    assert (shop.root / "out/shots/A1_red.png").read_bytes() == b"retouched"
    assert shop.build(force=True).finished.exit_code == 0
    assert shop.outputs() == before
    assert painter.asked == []


def test_the_rest_goes_on_beside_an_edited_output(shop, painter):
    shop.write({"out/shots/A1_red.png": b"retouched"})
    shop.edit("specs/catalog.yaml", ("Photo of", "Picture of"))
    locks = shop.lines()
    ended = shop.build()
    assert (ended.finished.exit_code, set(failures(ended))) == (1, {FIRST})
    assert len(painter.asked) == 5
    moved = {id for id, line in shop.lines().items() if line != locks[id]}
    assert len(moved) == 5
    assert FIRST.removeprefix("catalog/") not in moved
    assert (shop.root / "out/shots/A1_red.png").read_bytes() == b"retouched"


def test_a_foreign_file_at_an_output_path(project, painter):
    project.write({"out/shots/A1_red.png": b"mine"})
    ended = project.build()
    assert (ended.finished.exit_code, set(failures(ended))) == (1, {FIRST})
    assert len(painter.asked) == 5
    assert (project.root / "out/shots/A1_red.png").read_bytes() == b"mine"
    assert FIRST.removeprefix("catalog/") not in project.lines()


def test_a_folder_at_an_output_path(project):
    project.write({"out/shots/A1_red.png/inside.txt": b"mine"})
    ended = project.build()
    assert (ended.finished.exit_code, set(failures(ended))) == (1, {FIRST})
    assert (project.root / "out/shots/A1_red.png/inside.txt").read_bytes() == b"mine"
    ended = project.build(force=True)
    assert ended.finished.exit_code == 1
    assert (project.root / "out/shots/A1_red.png/inside.txt").read_bytes() == b"mine"


def test_an_older_output_of_ours_is_replaced(shop, painter):
    """As after `git checkout` of a project that commits its outputs."""
    older = (shop.root / "out/shots/A1_red.png").read_bytes()
    shop.edit("specs/products.csv", ("lamp", "light"))
    shop.build()
    newer = shop.outputs()
    painter.asked.clear()
    shop.write({"out/shots/A1_red.png": older})
    assert shop.build().finished.exit_code == 0
    assert painter.asked == []
    assert shop.outputs() == newer


def test_a_link_out_of_the_output_folder_is_never_followed(project, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (project.root / "out").mkdir()
    (project.root / "out/shots").symlink_to(outside)
    ended = project.build()
    assert ended.finished.exit_code == 1
    assert len(ended.failures) == 6
    assert list(outside.iterdir()) == []
    project.edit("specs/catalog.yaml", ("shots/{{ sku }}", "shots/{{ sku }}/shot"))
    ended = project.build(force=True)
    assert ended.finished.exit_code == 1
    assert list(outside.iterdir()) == []


def test_a_link_at_an_output_path_is_replaced_and_not_written_through(project, tmp_path):
    outside = tmp_path / "outside.png"
    outside.write_bytes(b"mine")
    (project.root / "out/shots").mkdir(parents=True)
    (project.root / "out/shots/A1_red.png").symlink_to(outside)
    assert set(failures(project.build())) == {FIRST}
    assert project.build(force=True).finished.exit_code == 0
    assert outside.read_bytes() == b"mine"
    assert not (project.root / "out/shots/A1_red.png").is_symlink()


def test_stale_outputs_are_not_removed_through_a_link(shop, tmp_path):
    outside = tmp_path / "outside"
    (shop.root / "out/shots").rename(outside)
    (shop.root / "out/shots").symlink_to(outside)
    kept = sorted(path.name for path in outside.iterdir())
    shop.edit("specs/products.csv", ("A3,table\n", ""))
    shop.build()
    assert sorted(path.name for path in outside.iterdir()) == kept


# --- outputs whose targets are gone -------------------------------------------------------------------


def test_stale_outputs_are_removed_where_they_are_as_published(shop):
    shop.edit("specs/products.csv", ("A3,table\n", ""))
    shop.write({"out/shots/A3_red.png": b"retouched"})
    ended = shop.build()
    assert (ended.finished.exit_code, ended.finished.removed) == (0, 1)
    assert set(shop.outputs()) == NAMES - {"shots/A3_blue.png"}
    assert ("shots/A3_red.png belongs to no target any more, but was edited: left alone") in shop.notes()
    assert len(shop.lines()) == 4


def test_after_outputs_were_removed_there_is_nothing_to_do(shop, monkeypatch):
    monkeypatch.chdir(shop.root)
    shop.edit("specs/products.csv", ("A3,table\n", ""))
    assert shop.tell("build").code == 0
    assert recall(["build"], os.environ, str(shop.root)) == ("up to date (4 targets)", 0)


def lose_records(project):
    for path in (project.root / ".imgbuild").glob("state.db*"):
        path.unlink()


def test_what_is_gone_is_known_by_its_lock_line_where_the_records_are_lost(shop, painter):
    shop.write({"out/mine.png": b"mine"})
    lose_records(shop)
    shop.edit("specs/products.csv", ("A3,table\n", ""))
    shop.write({"out/shots/A3_red.png": b"retouched"})
    ended = shop.build()
    assert (ended.finished.exit_code, ended.finished.removed, painter.asked) == (0, 1, [])
    assert set(shop.outputs()) == NAMES - {"shots/A3_blue.png"} | {"mine.png"}


def test_renamed_outputs_are_known_too_where_the_records_are_lost(shop, painter):
    lose_records(shop)
    shop.edit("specs/catalog.yaml", ("  shots:", "  photos:"), ("shots/{{ sku }}", "photos/{{ sku }}"))
    ended = shop.build()
    assert (ended.finished.exit_code, ended.finished.removed, painter.asked) == (0, 6, [])
    assert set(shop.outputs()) == {name.replace("shots", "photos") for name in NAMES}


def test_a_copy_of_what_is_gone_is_left_alone_where_the_records_are_lost(shop):
    """Nothing tells it from the one that was published."""
    lose_records(shop)
    shop.edit("specs/products.csv", ("A3,table\n", ""))
    (shop.root / "out/favourite.png").write_bytes((shop.root / "out/shots/A3_red.png").read_bytes())
    assert shop.build().finished.removed == 1
    assert set(shop.outputs()) == NAMES - {"shots/A3_blue.png"} | {"favourite.png"}


def test_other_profiles_keep_their_images_where_the_records_are_lost(shop):
    shop.write({"imgbuild.yaml": "profiles: {same: {}}\n"})
    shop.build(profile="same")
    lose_records(shop)
    shop.edit("specs/products.csv", ("A3,table\n", ""))
    assert shop.build().finished.removed == 2
    assert len(shop.outputs()) == 4 + 6


def test_many_that_are_gone_wait_for_prune_where_the_records_are_lost(bench, painter):
    skus = ", ".join(f"A{number}" for number in range(20))
    spec = f"models: {{paint: {{provider: painter}}}}\nassets: {{shots: {{prompt: '{{{{ sku }}}}', matrix: {{sku: [{skus}]}}, models: [paint]}}}}\n"
    project = bench({"specs/catalog.yaml": spec})
    project.build()
    lose_records(project)
    project.edit("specs/catalog.yaml", (skus, "A0, A1"))
    assert (project.build().finished.removed, len(project.outputs())) == (0, 20)
    assert (project.build(prune=True).finished.removed, len(project.outputs())) == (18, 2)


def test_nothing_is_removed_under_a_selection(shop, painter):
    locks = shop.locks()
    shop.edit("specs/products.csv", ("A3,table\n", ""))
    ended = shop.build(patterns=("sku=A1",))
    assert (ended.finished.removed, painter.asked) == (0, [])
    assert (set(shop.outputs()), shop.locks()) == (NAMES, locks)


def test_a_selection_touches_only_its_own_lines(shop, painter):
    before = shop.lines()
    shop.edit("specs/catalog.yaml", ("Photo of", "Picture of"))
    assert shop.build(patterns=("sku=A1",)).finished.exit_code == 0
    assert {request.prompt for request in painter.asked} == {"Picture of lamp, red", "Picture of lamp, blue"}
    assert {id for id, line in shop.lines().items() if line != before[id]} == {
        "shots[sku=A1,color=red]@paint#0",
        "shots[sku=A1,color=blue]@paint#0",
    }


def test_a_folder_left_empty_is_removed_and_other_files_stay(shop):
    shop.write({"out/notes.txt": b"mine"})
    shop.edit("specs/catalog.yaml", ("shots/{{ sku }}", "{{ sku }}/shot"))
    shop.build()
    assert not (shop.root / "out/shots").exists()
    assert (shop.root / "out/notes.txt").read_bytes() == b"mine"


# --- targets that fail --------------------------------------------------------------------------------


def test_a_failing_target_keeps_its_last_image_and_its_line(shop, painter):
    published, lines = shop.state("out"), shop.lines()
    shop.edit("specs/products.csv", ("lamp", "gun"))
    painter.refuses.add("gun")
    ended = shop.build()
    assert ended.finished.exit_code == 1
    assert {failure.cause for failure in ended.failures} == {
        "'Photo of gun, red' will not be painted",
        "'Photo of gun, blue' will not be painted",
    }
    assert all(
        failure.hint == "ask for something else; the last image stays published, and is stale"
        for failure in ended.failures
    )
    assert all(failure.where == "specs/catalog.yaml:5:3" for failure in ended.failures)
    assert (shop.state("out"), shop.lines()) == (published, lines)


def test_a_refusal_is_not_asked_again_until_something_changes(shop, painter):
    shop.edit("specs/products.csv", ("lamp", "gun"))
    painter.refuses.add("gun")
    shop.build()
    painter.asked.clear()
    assert shop.build().finished.exit_code == 1
    assert painter.asked == []
    assert shop.build(retry=True).finished.exit_code == 1
    assert len(painter.asked) == 2
    painter.refuses.clear()
    assert shop.build(retry=True).finished.exit_code == 0
    shop.edit("specs/products.csv", ("gun", "lamp"))
    assert dict(shop.build().ran) == {}


def test_fail_fast_stops_at_the_first_failure(project, painter):
    project.edit(
        "specs/catalog.yaml",
        ("models: [paint]", "models: [paint]\n    seeds: 20"),
        (".png", "_{{ index }}.png"),
    )
    painter.refuses.add("Photo")
    ended = project.build(fail_fast=True, jobs=1)
    assert ended.finished.exit_code in (1, 130)
    assert len(painter.asked) < 60
    painter.asked.clear()
    assert project.build(retry=True).finished.failed == 120


CHAIN = """
    models:
      paint: {provider: painter}
    assets:
      base:
        prompt: "a {{ thing }}"
        matrix: {thing: [lamp, gun]}
        models: [paint]
      scene:
        prompt: "a scene"
        matrix: {thing: [lamp, gun]}
        models: [paint]
        inputs: {image: {asset: base, match: [thing]}}
      framed:
        prompt: "framed"
        matrix: {thing: [lamp, gun]}
        models: [paint]
        inputs: {image: {asset: scene, match: [thing]}}
    """


def test_what_is_made_from_a_failed_target_is_skipped(bench, painter):
    painter.refuses.add("gun")
    project = bench({"specs/catalog.yaml": CHAIN})
    ended = project.build()
    kinds = {failure.id: failure.kind for failure in ended.failures}
    assert kinds == {
        "catalog/base[thing=gun]@paint#0": "failed",
        "catalog/scene[thing=gun]@paint#0": "skipped",
        "catalog/framed[thing=gun]@paint#0": "skipped",
    }
    assert (ended.finished.exit_code, ended.finished.skipped) == (1, 2)
    assert set(project.outputs()) == {"base/lamp_0.png", "scene/lamp_0.png", "framed/lamp_0.png"}
    painter.refuses.clear()
    assert project.build(retry=True).finished.exit_code == 0
    assert len(project.outputs()) == 6


def test_a_row_at_fault_fails_alone(bench, painter):
    project = bench(
        {
            "specs/catalog.yaml": """
            models: {paint: {provider: painter}}
            templates: {shot: {prompt: "a {{ name }}", requires: [name]}}
            assets:
              shots:
                template: shot
                matrix: {row: {csv: rows.csv, key: sku}}
                models: [paint]
            """,
            "specs/rows.csv": "sku,name\nA1,lamp\nA2,\nA3,table\n",
        }
    )
    ended = project.build()
    assert ended.finished.exit_code == 1
    assert list(failures(ended)) == ["catalog/shots[sku=A2]@paint#0"]
    assert set(project.outputs()) == {"shots/A1_0.png", "shots/A3_0.png"}


# --- the command: exit codes, events, plans -----------------------------------------------------------


def test_exit_codes(project, painter):
    assert project.tell("plan", "--exit-code").code == 4
    assert project.tell("build").code == 0
    assert project.tell("plan", "--exit-code").code == 0
    assert project.tell("build", "--colour").code == 2
    assert project.tell("build", "-s", "nothing").code == 2
    project.edit(
        "specs/catalog.yaml",
        ("models: [paint]\n", "models: [paint]\n    validate: [{brightness: {min: 1}}]\n"),
    )
    assert project.tell("build").code == 3
    project.edit(
        "specs/catalog.yaml",
        ("[{brightness: {min: 1}}]", "[{brightness: {min: 0}}]"),
        ("Photo of", "Picture of"),
    )
    assert project.tell("build", "--locked").code == 5
    painter.refuses.add("lamp")
    assert project.tell("build").code == 1
    project.edit("specs/catalog.yaml", ("prompt:", "prompts:"))
    told = project.tell("build")
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("specs/catalog.yaml:6:5: ")


def test_a_bug_ends_with_70_and_a_report(project, painter, monkeypatch):
    monkeypatch.setattr("imgbuild.pipeline.survey", lambda *args: 1 / 0)
    told = project.tell("build")
    assert told.code == 70
    assert told.err.startswith(
        "error: a bug in imgbuild: ZeroDivisionError: division by zero\nhint: please report"
    )


def test_an_interrupt_ends_with_130_and_keeps_what_is_done(project, painter):
    project.edit(
        "specs/catalog.yaml",
        ("models: [paint]", "models: [paint]\n    seeds: 20"),
        (".png", "_{{ index }}.png"),
    )
    stop = threading.Event()

    def third(picture):
        if len(painter.asked) >= 3:
            stop.set()
        return picture

    painter.touch = staticmethod(third)
    ended = project.build(stop=stop, jobs=1)
    assert (ended.finished.exit_code, ended.finished.interrupted) == (130, True)
    done = len(painter.asked)
    assert 3 <= done < 60
    assert len(project.outputs()) == len(project.lines()) == done
    painter.asked.clear()
    painter.touch = staticmethod(lambda picture: picture)
    assert project.build().finished.exit_code == 0
    assert len(painter.asked) == 120 - done
    assert len(project.outputs()) == len(project.lines()) == 120


def test_json_gives_one_event_a_line(project, painter):
    painter.refuses.add("lamp")
    told = project.tell("build", "--json")
    events = [json.loads(line) for line in told.out.splitlines()]
    kinds = [event["event"] for event in events]
    assert (kinds[0], kinds[-1]) == ("started", "finished")
    assert events[0] == {
        "event": "started",
        "targets": 6,
        "fresh": 0,
        "restore": 0,
        "run": 6,
        "maybe": 0,
        "cost": 0.0,
    }
    done = {event["id"] for event in events if event["event"] == "target" and event["state"] == "done"}
    failed = {event["id"] for event in events if event["event"] == "failure"}
    assert (len(done), len(failed)) == (4, 2)
    assert (events[-1]["exit_code"], events[-1]["built"], events[-1]["failed"]) == (1, 4, 2)


PLANNED = {
    "a prompt": ("specs/products.csv", ("lamp", "light")),
    "a row more": ("specs/products.csv", ("A3,table", "A3,table\nA4,desk")),
    "an operation": (
        "specs/catalog.yaml",
        ("models: [paint]\n", "models: [paint]\n    process: [{convert: {mode: L}}]\n"),
    ),
    "an output": ("specs/catalog.yaml", ("shots/{{", "pictures/{{")),
    "nothing": ("specs/catalog.yaml", ("Photo of", "Photo of")),
}


@pytest.mark.parametrize("name", PLANNED)
def test_a_dry_run_writes_nothing_and_says_what_build_then_does(shop, name):
    file, *changes = PLANNED[name]
    shop.edit(file, *changes)
    before = shop.state()
    told = shop.tell("build", "-n", "--json")
    assert told.code == 0
    assert shop.state() == before
    plan = {
        row["id"]: row["action"] for row in map(json.loads, told.out.splitlines()) if row["event"] == "plan"
    }
    assert plan == {f"catalog/{id}": action for id, action in shop.actions().items()}
    shop.build()
    moved = {event.id: event.state for event in shop.events if hasattr(event, "state")}
    as_done = {"run": "done", "restore": "restored"}
    assert {id: state for id, state in moved.items() if state != "running"} == {
        id: as_done[action] for id, action in plan.items() if action != "fresh"
    }


# --- two builds at a time -----------------------------------------------------------------------------

SLOW = """
    models: {paint: {provider: placeholder}}
    assets:
      shots:
        prompt: "a lamp"
        size: 64x64
        seeds: 60
        models: [paint]
    """


def test_a_second_build_waits_or_ends_with_6(bench):
    project = bench({"specs/catalog.yaml": SLOW})
    (project.root / ".imgbuild").mkdir()
    with (project.root / ".imgbuild/lock").open("w") as held:
        import fcntl

        fcntl.flock(held, fcntl.LOCK_EX)
        told = project.call("build", "--no-wait")
        assert told.code == 6
        assert told.err == (
            "error: another build holds this project\n"
            "hint: wait until it is done; without --no-wait this happens by itself\n"
        )
        waiting = project.start("build")
        assert waiting.stderr.readline() == "another build holds this project; waiting for it\n"
        time.sleep(0.1)
        assert waiting.poll() is None
        assert not (project.root / "out").exists()
    out, err = waiting.communicate(timeout=60)
    assert (waiting.returncode, len(project.outputs()), err) == (0, 60, "")


def test_two_builds_at_a_time_end_as_one_does(bench):
    project, other = bench({"specs/catalog.yaml": SLOW}), bench({"specs/catalog.yaml": SLOW}, folder="other")
    both = [project.start("build"), project.start("build")]
    for process in both:
        process.communicate(timeout=60)
    assert [process.returncode for process in both] == [0, 0]
    assert other.call("build").code == 0
    assert (project.outputs(), project.locks()) == (other.outputs(), other.locks())
