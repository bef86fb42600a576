"""Images made by processes beside this one are the same, fail the same, and nothing outlives the build."""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from contextlib import suppress

import pytest
from msgspec.structs import replace
from PIL import Image as pillow

from imgbuild.errors import Refused, TargetError, Throttled, Transient, Unanswered, Unavailable
from imgbuild.foreign import Broke
from imgbuild.process.command import Command
from imgbuild.process.resize import Resize
from imgbuild.providers import PROVIDERS
from imgbuild.providers.base import Provider
from imgbuild.providers.placeholder import Placeholder
from imgbuild.rules.command import Command as Checked
from imgbuild.run.crew import (
    CALLS,
    MOST,
    Crew,
    Errand,
    Hired,
    Places,
    crew_for,
    do,
    errands_at_a_time,
    fault_of,
    is_quick,
)
from imgbuild.run.steps import Further, Job, Start, Unfinished, finish
from imgbuild.store.blobs import Blobs
from imgbuild.types import Format, Image, Model, Pin, Request

SPEC = """
    models: {draw: {provider: placeholder}}
    assets:
      shots:
        prompt: "a {{ colour }} lamp {{ number }}"
        matrix: {colour: [red, green, blue], number: [1, 2, 3, 4]}
        models: [draw]
        size: 16x16
        process: [{resize: {width: 8, height: 8}}]
        validate: [{brightness: {max: 0.99}}]
    """


PNG = Format()


class Refuser(Provider):
    """Refuses whatever it is asked."""

    name = "refuser"

    def capabilities(self, model):
        raise NotImplementedError

    def generate(self, requests):
        raise Refused("no", hint="ask for something else")


class Shop(Provider):
    """Sells pictures. cost: what it says that one costs."""

    name = "shop"
    paid = network = True
    cost = None

    def capabilities(self, model):
        raise NotImplementedError

    def generate(self, requests):
        return [Image(pixels=pillow.new("RGB", (8, 8)), cost=self.cost) for _ in requests]


@pytest.fixture
def crew(tmp_path):
    made = Crew(1, Places(blobs=tmp_path / "blobs", root=tmp_path))
    yield made
    made.close()


def errand(seed=1, provider="placeholder", operations=(), width=16, format=PNG):
    request = Request(
        pin=Pin(provider=provider), prompt="a red lamp", negative="", width=width, height=16, seed=seed
    )
    start = Start(image=Image(cost=0.0), key=f"key {seed}", manifest={"prompt": "a red lamp"}, seed=seed)
    return Errand(
        provider=provider,
        model=Model(provider=provider),
        request=request,
        job=Job(start=start, operations=operations, format=format, untouched=not operations),
    )


def test_what_another_process_makes_is_what_this_one_makes(crew, tmp_path):
    there = crew.run([errand(1), errand(2)])
    blobs = Blobs(tmp_path / "other")
    for seed, made in enumerate(there, start=1):
        image = Placeholder().generate([errand(seed).request])[0]
        here = finish(Job(start=Start(image=image), operations=(), format=Format(), untouched=True), blobs)
        assert (made.raw, made.image, made.pixels, made.phash) == (
            here.raw,
            here.image,
            here.pixels,
            here.phash,
        )
        assert Blobs(tmp_path / "blobs").read(made.image) == blobs.read(here.image)
        assert [(record.step, record.key, record.seed) for record in made.records] == [
            ("generate", f"key {seed}", seed)
        ]
    assert there[0].image != there[1].image


def test_a_process_is_used_again(crew):
    crew.run([errand(1)])
    before = multiprocessing.active_children()
    crew.run([errand(2)])
    assert multiprocessing.active_children() == before
    assert len(before) == 1


def test_what_fails_there_fails_here(crew):
    """A picture too wide for its format: the request is kept, and need not be sent again."""
    made, failed = crew.run([errand(1), errand(2, width=20_000, format=Format(type="webp"))])
    assert made.image
    assert isinstance(failed, Unfinished)
    assert str(failed).startswith("error: a picture of 20000×16 can't be written as webp")
    assert failed.hint == "resize it in `process`, or choose another `format`"
    assert [record.step for record in failed.records] == ["generate"]


def test_a_refusal_stays_one(tmp_path):
    answer = do(errand(provider="refuser"), Blobs(tmp_path / "blobs"), {"refuser": Refuser()})
    error = pickle.loads(pickle.dumps(answer)).error()
    assert type(error) is Refused
    assert (error.message, error.hint) == ("no", "ask for something else")


@pytest.mark.parametrize(
    "error",
    [
        Throttled("too many", retry_after=2.5, hint="wait"),
        Transient("not reached"),
        Unanswered("cut"),
        Unavailable("no credit", hint="top up"),
        Unfinished(TargetError("no room", hint="make some"), (), 0.25),
    ],
    ids=lambda error: type(error).__name__,
)
def test_an_error_comes_over_as_what_it_is(error):
    came = pickle.loads(pickle.dumps(fault_of(error))).error()
    assert (type(came), vars(came)) == (type(error), vars(error))


def test_a_provider_there_knows_the_files_and_keys_of_the_project(tmp_path, monkeypatch):
    monkeypatch.setitem(PROVIDERS._loaded, "refuser", Refuser)
    (tmp_path / ".env").write_text("IMGBUILD_HOUSE_KEY=secret\n")
    hired = Hired(tmp_path)
    assert hired["refuser"].environ["IMGBUILD_HOUSE_KEY"] == "secret"
    assert hired["refuser"].files.root == tmp_path
    assert hired["refuser"] is hired["refuser"]


def test_what_an_image_cost_is_as_the_model_states_it(tmp_path):
    """Else as the vendor says, else as it was estimated."""

    def cost(vendors, stated):
        shop = Shop()
        shop.cost = vendors
        asked = replace(errand(provider="shop"), model=Model(provider="shop", price=stated))
        start = replace(asked.job.start, image=Image(cost=0.5))
        asked = replace(asked, job=replace(asked.job, start=start))
        return do(asked, Blobs(tmp_path / "blobs"), {"shop": shop}).cost

    assert (cost(0.2, 0.1), cost(0.2, None), cost(None, None)) == (0.1, 0.2, 0.5)


def test_a_bug_there_is_a_bug_here(crew):
    with pytest.raises(RuntimeError, match="'str' object has no attribute 'files'"):
        crew.run([errand(operations=("resize",))])
    assert crew.run([errand(2)])[0].image


def test_what_the_system_refuses_there_it_refuses_here(tmp_path):
    (tmp_path / "file").touch()
    crew = Crew(1, Places(blobs=tmp_path / "file/blobs", root=tmp_path))
    with pytest.raises(NotADirectoryError) as raised:
        crew.run([errand()])
    crew.close()
    assert raised.value.filename.startswith(f"{tmp_path}/file/")


def test_an_interrupt_is_left_to_the_process_that_asks(crew):
    crew.run([errand(1)])
    (process,) = multiprocessing.active_children()
    os.kill(process.pid, signal.SIGINT)
    assert crew.run([errand(2)])[0].image


def test_a_process_that_dies_fails_its_errands_and_is_replaced(crew, tmp_path):
    crew.run([errand(0)])
    (process,) = multiprocessing.active_children()

    def kill():
        while len(list((tmp_path / "blobs").glob("??/*.json"))) < 2:
            time.sleep(0.01)
        process.kill()

    threading.Thread(target=kill).start()
    with pytest.raises(Broke) as told:
        crew.run([errand(seed, width=1000) for seed in range(5000)])
    assert str(told.value) == (
        "error: the process that made this image ended\nhint: was it out of memory? build again"
    )
    assert crew.run([errand(3)])[0].image


def test_whoever_waits_for_a_link_gets_one_of_the_next_process(crew, tmp_path):
    """The one link is in use by a process that is about to die: another thread waits for it meanwhile."""
    crew.run([errand(0)])
    (process,) = multiprocessing.active_children()
    made = []

    def ask():
        with suppress(Broke):
            crew.run([errand(seed, width=1000) for seed in range(5000)])

    first, second = (
        threading.Thread(target=ask),
        threading.Thread(target=lambda: made.extend(crew.run([errand(1)]))),
    )
    first.start()
    while len(list((tmp_path / "blobs").glob("??/*.json"))) < 2:
        time.sleep(0.01)
    second.start()
    time.sleep(0.05)
    process.kill()
    first.join(20)
    second.join(20)
    assert [bool(each.image) for each in made] == [True]


def test_a_process_that_died_is_handed_nothing(crew):
    crew.run([errand(1)])
    (process,) = multiprocessing.active_children()
    process.kill()
    process.join()
    assert crew.run([errand(2)])[0].image


def test_a_program_ends_with_the_process_that_runs_it(tmp_path):
    crew, pid = Crew(1, Places(blobs=tmp_path / "blobs", root=tmp_path)), tmp_path / "pid"
    write = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    slow = Command(run=[sys.executable, "-c", write, "{image}", "{output}"])

    def run():
        with suppress(Broke):
            crew.run([errand(operations=(slow,))])

    thread = threading.Thread(target=run)
    thread.start()
    deadline = time.monotonic() + 60
    while not (pid.exists() and pid.read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    crew.close()
    thread.join()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid.read_text()), 0)


def test_processes_end_with_their_crew(tmp_path):
    crew = Crew(1, Places(blobs=tmp_path / "blobs", root=tmp_path))
    crew.run([errand(1)])
    (process,) = multiprocessing.active_children()
    crew.close()
    process.join(5)
    assert process.exitcode == 0


def test_a_crew_that_is_closed_begins_nothing(crew):
    crew.close()
    with pytest.raises(Transient, match="the build was stopped"):
        crew.run([errand(1)])
    assert multiprocessing.active_children() == []


def test_a_process_at_work_is_not_waited_for(tmp_path):
    """As after a second Ctrl-C: whoever waits for its images is told that it ended."""
    crew = Crew(1, Places(blobs=tmp_path / "blobs", root=tmp_path))
    crew.run([errand(0)])
    (process,) = multiprocessing.active_children()
    told = []

    def ask():
        try:
            crew.run([errand(seed, width=1000) for seed in range(5000)])
        except Broke as error:
            told.append(error.message)

    thread = threading.Thread(target=ask)
    thread.start()
    while len(list((tmp_path / "blobs").glob("??/*.json"))) < 2:
        time.sleep(0.01)
    crew.close()
    thread.join(20)
    assert (process.exitcode, told) == (128 + signal.SIGTERM, ["the process that made this image ended"])


@pytest.mark.parametrize(
    ("calls", "jobs", "size", "links"),
    [
        (2 * CALLS, 2, 2, 16),
        (65, 4, 4, 17),
        (65, 3, 3, 22),
        (1000, 64, MOST, 125),
        (1000, 2, 2, 500),
    ],
)
def test_a_process_for_so_many_calls_to_a_vendor(calls, jobs, size, links, tmp_path):
    crew = crew_for(Shop(), calls, jobs, Places(blobs=tmp_path, root=tmp_path))
    assert (crew.size, crew.links) == (size, links)
    assert size * links >= calls


QUICK = {
    "small": (errand(), True),
    "large": (errand(width=8192), False),
    "an operation": (errand(operations=(Resize(width=8, height=8),)), True),
    "a program": (errand(operations=(Command(run=("cp", "{image}", "{output}")),)), False),
}


@pytest.mark.parametrize(("given", "quick"), QUICK.values(), ids=QUICK)
def test_threads_take_turns_at_what_is_quick(given, quick):
    assert is_quick(given) is quick


def test_a_program_may_look_at_a_picture_in_other_ways():
    given = errand()
    checks = Checked(run=("identify", "{image}"))
    draws = Further(name="thumb", operations=(Command(run=("cp", "{image}", "{output}")),), format=PNG)
    for change in ({"rules": {0: checks}}, {"renditions": (draws,)}):
        assert not is_quick(replace(given, job=replace(given.job, **change)))


@pytest.mark.parametrize(("calls", "jobs"), [(0, 64), (2 * CALLS - 1, 64), (1000, 1)])
def test_for_few_calls_one_process_is_enough(calls, jobs, tmp_path):
    assert crew_for(Shop(), calls, jobs, Places(blobs=tmp_path, root=tmp_path)) is None


def test_what_keeps_python_busy_has_a_process_for_each_job(tmp_path):
    crew = crew_for(Placeholder(), 0, 3, Places(blobs=tmp_path, root=tmp_path))
    assert (crew.size, crew.links) == (3, 1)


@pytest.mark.parametrize(
    ("width", "height", "count"), [(64, 64, 8), (128, 64, 4), (1024, 1024, 1), (1, 1, 8)]
)
def test_large_pictures_go_alone(width, height, count):
    assert errands_at_a_time(width, height) == count


def test_a_crew_builds_what_threads_build(bench, monkeypatch):
    alone, crowd = (bench({"specs/catalog.yaml": SPEC}, folder) for folder in ("alone", "crowd"))
    by_threads = alone.build()
    assert by_threads.finished.built == 12
    monkeypatch.setattr("imgbuild.pipeline.CREW_PAYS", 1)
    ended = crowd.build()
    assert ended.finished.built == 12
    assert ended.ran == by_threads.ran == {"generate": 12, "resize": 12, "encode": 12}
    assert crowd.outputs() == alone.outputs()
    assert crowd.locks() == alone.locks()
    assert multiprocessing.active_children() == []
    assert crowd.build().finished.built == 0
