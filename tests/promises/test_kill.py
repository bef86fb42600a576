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


def interrupt(project, images, *gaps, env=None):
    """Start a build, and press Ctrl-C once there are so many images, then after each gap (in seconds) again."""
    process = project.start("build", "--plain", env=env)
    deadline = time.monotonic() + 60
    while len(list(project.root.glob("out/*/*"))) < images and time.monotonic() < deadline:
        if process.poll() is not None:
            break
        time.sleep(0.005)
    process.send_signal(signal.SIGINT)
    for gap in gaps:
        time.sleep(gap)
        process.send_signal(signal.SIGINT)
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


@pytest.mark.slow
def test_a_second_ctrl_c_ends_with_130_too_and_loses_nothing(bench):
    """Whenever it comes: while images are made, while the lock is written, or when all is said."""
    other = bench({"specs/catalog.yaml": LARGE}, folder="other")
    assert other.build().finished.exit_code == 0
    for number, gaps in enumerate([(0,), (0.02,), (0.1,), (0.3,), (0.005,) * 100]):
        project = bench({"specs/catalog.yaml": LARGE}, folder=f"project{number}")
        code, _, err = interrupt(project, 5, *gaps)
        assert (code, err.strip()) in ((130, ""), (130, "interrupted")), gaps
        assert project.build().finished.exit_code == 0
        assert (project.outputs(), project.locks()) == (other.outputs(), other.locks())


SLOW = """
import time

from PIL import Image as pillow

from imgbuild.providers.base import Provider
from imgbuild.types import Capabilities, Grade, Image


class Slow(Provider):
    name = "slow"
    paid = True

    def capabilities(self, model):
        return Capabilities(takes=frozenset(), grade=Grade.STORED, concurrency=1, default_size=(16, 16))

    def price(self, request):
        return 0.25

    def generate(self, requests):
        with open("sent", "a") as file:
            file.writelines(f"{request.prompt}\\n" for request in requests)
        if requests[0].prompt == "blue" and not open("awake").read():
            time.sleep(50)
        return [Image(pixels=pillow.new("RGB", (16, 16), request.prompt)) for request in requests]
"""
COLOURS = """
    models: {api: {provider: slow}}
    assets: {shots: {prompt: "{{ color }}", matrix: {color: [red, blue, lime]}}}
    """


@pytest.fixture
def slow(bench, tmp_path):
    """A project, and the environment in which its provider sleeps over one picture."""
    info = tmp_path / "packages/slow-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "slow.py").write_text(SLOW)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[imgbuild.providers]\nslow = slow:Slow\n")
    return bench({"specs/catalog.yaml": COLOURS, "awake": ""}), {"PYTHONPATH": str(info.parent)}


def test_a_second_ctrl_c_does_not_wait_for_a_request(slow):
    project, env = slow
    began = time.monotonic()
    code, _, err = interrupt(project, 1, 0.5, env=env)
    assert (code, err.strip()) == (130, "interrupted")
    assert time.monotonic() - began < 30
    assert project.text("sent").split() == ["red", "blue"]
    assert list(project.lines()) == ["shots[color=red]@api#0"]
    project.write({"awake": "yes"})
    told = project.call("build", "--resend", env=env)
    assert (told.code, told.err) == (0, "")
    assert project.text("sent").split() == ["red", "blue", "blue", "lime"]


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
