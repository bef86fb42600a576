"""Processes that hold a device each: they draw what this one would, fail the same, and nothing outlives the run."""

import multiprocessing
import os
import pickle
import signal
import threading
import time

import pytest

from imgbuild.errors import Refused
from imgbuild.files import Files
from imgbuild.foreign import Broke
from imgbuild.providers.base import Provider
from imgbuild.providers.placeholder import Placeholder
from imgbuild.run.stations import Answer, Post, Station, Stations, answer, hired
from imgbuild.types import Image, Pin, Request


def request(seed=1, width=16):
    return Request(
        pin=Pin(provider="placeholder"), prompt="a red lamp", negative="", width=width, height=16, seed=seed
    )


@pytest.fixture
def station(tmp_path):
    made = Station(Post(provider="placeholder", device="cpu", root=tmp_path))
    yield made
    made.close()


def silent(activity):
    raise AssertionError


def test_it_draws_what_this_process_would(station):
    there = station.generate([request(1), request(2)], silent)
    here = Placeholder().generate([request(1), request(2)])
    assert [image.pixels.tobytes() for image in there.images] == [image.pixels.tobytes() for image in here]
    assert (there.environment, there.images[0].seed) == ({}, 1)


def test_one_process_for_all_calls_and_none_after_the_end(station):
    before = {*multiprocessing.active_children()}
    station.generate([request(1)], silent)
    (process,) = {*multiprocessing.active_children()} - before
    station.generate([request(2)], silent)
    assert {*multiprocessing.active_children()} - before == {process}
    station.close()
    assert not process.is_alive()


def test_a_process_that_ends_fails_its_call_and_the_next_one_starts_another(station):
    station.generate([request(1)], silent)
    (process,) = multiprocessing.active_children()
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(Broke) as caught:
        station.generate([request(2)], silent)
    assert caught.value.lines() == [
        "error: the process that draws on cpu ended",
        "hint: was it out of memory? build again",
    ]
    assert station.generate([request(2)], silent).images[0].seed == 2


def test_an_interrupt_is_left_to_the_process_that_asks(station):
    station.generate([request(1)], silent)
    (process,) = multiprocessing.active_children()
    os.kill(process.pid, signal.SIGINT)
    assert station.generate([request(2)], silent).images[0].seed == 2


def test_one_that_is_at_work_is_ended(station):
    station.generate([request(1)], silent)
    failed = []

    def work():
        try:
            station.generate([request(1, width=8192)] * 50, silent)
        except Broke as error:
            failed.append(error.message)

    thread = threading.Thread(target=work)
    thread.start()
    while not station._lock.locked():
        time.sleep(0.001)
    time.sleep(0.05)
    began = time.monotonic()
    station.close()
    thread.join()
    assert time.monotonic() - began < 5
    assert failed == ["the process that draws on cpu ended"]


def test_each_place_has_its_own(tmp_path):
    files = Files(tmp_path)
    stations = Stations(files, offline=True)
    first = stations.at("placeholder", 0, "cpu")
    assert stations.at("placeholder", 0, "cpu") is first
    assert stations.at("placeholder", 1, "cpu") is not first
    assert first.post == Post(provider="placeholder", device="cpu", root=files.root, offline=True)
    stations.close()


# --- what runs there -------------------------------------------------------------------------------------


class Refuser(Provider):
    """Refuses, or breaks."""

    name = "refuser"

    def capabilities(self, model):
        raise NotImplementedError

    def generate(self, requests):
        if requests[0].seed == 1:
            raise Refused("no", hint="ask for something else")
        if requests[0].seed == 2:
            raise KeyError("x")
        return [Image(seed=each.seed) for each in requests]

    def environment(self):
        return {"device": self.runs_on}


def test_a_provider_is_hired_for_its_device(tmp_path, monkeypatch):
    from imgbuild.providers import PROVIDERS

    monkeypatch.setitem(PROVIDERS._loaded, "refuser", Refuser)
    (tmp_path / "weights").write_bytes(b"w")
    (tmp_path / ".env").write_text("IMGBUILD_HOUSE_KEY=secret\n")
    files = Files(tmp_path)
    files.digest("weights")
    provider = hired(
        Post(provider="refuser", device="cuda:1", root=files.root, digests=files.digests(), offline=True)
    )
    assert (provider.runs_on, provider.offline, provider.files.root) == ("cuda:1", True, files.root)
    assert provider.files.digests() == files.digests()
    assert provider.environ["IMGBUILD_HOUSE_KEY"] == "secret"
    assert answer(provider, [request(3)]) == Answer(images=[Image(seed=3)], environment={"device": "cuda:1"})


@pytest.mark.parametrize(
    ("seed", "kind", "message"), [(1, Refused, "no"), (2, Broke, "provider 'refuser' broke: KeyError: 'x'")]
)
def test_what_fails_there_fails_here(seed, kind, message):
    error = pickle.loads(pickle.dumps(answer(Refuser(), [request(seed)]))).error()
    assert (type(error), error.message) == (kind, message)
