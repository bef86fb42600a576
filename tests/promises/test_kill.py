"""A build that is killed at any moment leaves nothing half-written, and the next one ends as if nothing had been."""

import json
import os
import random
import shutil
import signal
import time

import pytest

SPEC = """
    models: {draw: {provider: placeholder}}
    assets:
      base:
        prompt: "a {{ thing }}"
        matrix: {thing: [lamp, chair, table, desk, bed, sofa]}
        models: [draw]
        size: 32x32
        seeds: 4
        process: [{adjust: {brightness: 1.1}}]
        validate: [{unique: {distance: 1, on_fail: review}}]
      scene:
        prompt: "{{ thing }} in a room"
        matrix: {thing: [lamp, chair, table, desk, bed, sofa]}
        models: [draw]
        size: 32x32
        seeds: 4
        inputs: {image: {asset: base, match: [thing]}}
        format: webp
    """
EDIT = [
    ("brightness: 1.1", "brightness: 1.2"),
    ("in a room", "in a garden"),
    ("format: webp", "format: jpeg"),
]


@pytest.fixture
def project(bench):
    return bench({"specs/catalog.yaml": SPEC})


@pytest.fixture
def wanted(bench):
    """Outputs and locks of builds that nobody disturbed: of the first, and after the edit."""
    sound = bench({"specs/catalog.yaml": SPEC}, folder="sound")
    found = []
    for _ in range(2):
        assert sound.build().finished.exit_code == 0
        found.append((sound.outputs(), sound.locks()))
        sound.edit("specs/catalog.yaml", *(EDIT if len(found) == 1 else []))
    return found


def kill_at(project, moment):
    """Start a build and kill it after so many seconds; whether it was still running."""
    process = project.start("build", "--plain")
    time.sleep(moment)
    process.kill()
    process.communicate()
    return process.returncode == -signal.SIGKILL


def check_left(project, *sound):
    """Under the output folder there is nothing but whole images of one of these builds."""
    whole = {item for outputs, _ in sound for item in outputs.items()}
    assert set(project.outputs().items()) <= whole
    for data in project.locks().values():
        assert data in {lock for _, locks in sound for lock in locks.values()} or data.endswith(b" }}\n")


def check_kills(project, wanted, moments):
    first, second = wanted
    for moment in moments:
        for name in ("out", ".imgbuild"):
            shutil.rmtree(project.root / name, ignore_errors=True)
        for path in project.locks():
            (project.root / path).unlink()
        project.write({"specs/catalog.yaml": SPEC})
        kill_at(project, moment)
        check_left(project, first)
        assert project.build().finished.exit_code == 0
        assert (project.outputs(), project.locks()) == first
        project.edit("specs/catalog.yaml", *EDIT)
        kill_at(project, moment)
        check_left(project, first, second)
        assert project.build().finished.exit_code == 0
        assert (project.outputs(), project.locks()) == second
        again = project.build()
        assert (dict(again.ran), again.finished.exit_code) == ({}, 0)
        assert not [name for name in project.state() if ".imgbuild-" in name or name.endswith(".tmp")]


def test_a_killed_build_is_taken_up(project, wanted):
    check_kills(project, wanted, [0.35, 0.55])


@pytest.mark.slow
def test_a_build_killed_at_random_moments_is_taken_up(project, wanted):
    dice = random.Random()
    check_kills(project, wanted, [dice.uniform(0.2, 1.0) for _ in range(15)])


def test_a_build_killed_again_and_again_gets_there(project, wanted):
    dice = random.Random()
    for _ in range(6):
        kill_at(project, dice.uniform(0.2, 0.6))
        check_left(project, wanted[0])
    assert project.build().finished.exit_code == 0
    assert (project.outputs(), project.locks()) == wanted[0]


CROWD = """
    models: {draw: {provider: placeholder}}
    assets:
      shots:
        prompt: "a {{ thing }}"
        matrix: {thing: [lamp, chair, table, desk, bed, sofa]}
        models: [draw]
        size: 24x24
        seeds: 120
        process: [{adjust: {brightness: 1.1}}]
    """


def is_running(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_killed_build_leaves_no_process_behind(bench):
    """So many images are made by several processes: they end with the one that began them."""
    sound = bench({"specs/catalog.yaml": CROWD}, folder="sound")
    assert sound.call("build").code == 0
    wanted = [(sound.outputs(), sound.locks())]
    dice = random.Random()
    for turn in range(5):
        project = bench({"specs/catalog.yaml": CROWD}, folder=f"killed{turn}")
        process = project.start("build", "--plain", start_new_session=True)
        time.sleep(dice.uniform(0.6, 2.0))
        process.kill()
        process.communicate()
        deadline = time.monotonic() + 10
        while is_running(process.pid) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not is_running(process.pid)
        check_left(project, *wanted)
        assert project.call("build").code == 0
        assert (project.outputs(), project.locks()) == wanted[0]


# --- interrupted --------------------------------------------------------------------------------------

LARGE = SPEC.replace("32x32", "96x96").replace("seeds: 4", "seeds: 8")


def interrupt(project, images, times=1):
    """Start a build and press Ctrl-C once there are so many images."""
    process = project.start("build", "--plain")
    deadline = time.monotonic() + 60
    while len(list(project.root.glob("out/*/*"))) < images and time.monotonic() < deadline:
        time.sleep(0.005)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_ctrl_c_keeps_and_locks_what_is_done(bench):
    project = bench({"specs/catalog.yaml": LARGE})
    code, out, err = interrupt(project, 5)
    assert code == 130, err
    done = project.outputs()
    assert 5 <= len(done) < 96
    assert len(project.lines()) == len(done)
    told = project.tell("build", "--json")
    finished = json.loads(told.out.splitlines()[-1])
    assert (told.code, finished["built"], finished["fresh"]) == (0, 96 - len(done), len(done))
    assert project.outputs().items() >= done.items()


def test_a_second_ctrl_c_ends_at_once_and_loses_nothing(bench, project):
    project.write({"specs/catalog.yaml": LARGE})
    code, _, _ = interrupt(project, 5, times=2)
    assert code in (130, -signal.SIGINT)  # a shell says 130 of both
    other = bench({"specs/catalog.yaml": LARGE}, folder="other")
    assert project.build().finished.exit_code == other.build().finished.exit_code == 0
    assert (project.outputs(), project.locks()) == (other.outputs(), other.locks())


# --- what was paid for --------------------------------------------------------------------------------

PAID = """
    models: {paint: {provider: painter}}
    assets:
      shots:
        prompt: "a {{ thing }}"
        matrix: {thing: [lamp, chair, table]}
        models: [paint]
    """


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture
def crashed(bench, painter):
    """A build that died while it waited for the picture of a chair."""
    painter.paid = True
    paint = painter.paint

    def die(self, request):
        image = paint(self, request)
        if "chair" in request.prompt:
            raise Crash
        return image

    painter.paint = die
    project = bench({"specs/catalog.yaml": PAID})
    with pytest.raises(Crash):
        project.build(jobs=1)
    painter.paint = paint
    painter.asked.clear()
    return project


def test_a_paid_request_of_unknown_fate_is_not_sent_again(crashed, painter):
    ended = crashed.build()
    assert ended.finished.exit_code == 1
    assert [failure.id for failure in ended.failures] == ["catalog/shots[thing=chair]@paint#0"]
    assert "--resend" in ended.failures[0].hint
    assert "a chair" not in {request.prompt for request in painter.asked}
    ended = crashed.build(resend=True)
    assert ended.finished.exit_code == 0
    assert [request.prompt for request in painter.asked].count("a chair") == 1
    assert len(crashed.outputs()) == 3


@pytest.mark.parametrize(
    "lost", [[], ["state.db"], ["state.db", "state.db-wal", "state.db-shm", "state.db.seal"]]
)
def test_what_was_paid_for_is_never_asked_for_again(bench, painter, lost):
    painter.paid = True
    project = bench({"specs/catalog.yaml": PAID})
    assert project.build().finished.exit_code == 0
    before = project.outputs(), project.locks()
    painter.asked.clear()
    for name in lost:
        (project.root / ".imgbuild" / name).unlink(missing_ok=True)
    shutil.rmtree(project.root / "out")
    (project.root / "specs/catalog.lock").unlink()
    assert project.build().finished.exit_code == 0
    assert painter.asked == []
    assert (project.outputs(), project.locks()) == before
