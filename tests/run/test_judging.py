"""Services that judge pictures are asked through the limiter of their provider, and weights are left alone."""

import threading
from pathlib import Path

import pytest
from PIL import Image as pillow

from imgbuild.errors import Throttled, Transient, Unavailable
from imgbuild.providers.base import Provider
from imgbuild.run.judging import paced
from imgbuild.run.limits import Limits, Retry
from imgbuild.run.pacing import UNBOUND, Rates, rates_of
from imgbuild.settings import Limit
from imgbuild.types import Allowance
from imgbuild.weights.networks import Judge, Networks, Weights

PICTURE = pillow.new("RGB", (4, 4))
WEIGHTS = Weights(source="./net", path=Path("net"), digest="d")


class Desk(Provider):
    """answers: what it gives, or raises, one after the other; the last again and again."""

    name = "desk"
    draws = False

    def __init__(self, *answers):
        self.answers, self.shown = list(answers), []

    def capabilities(self, model):
        raise NotImplementedError

    def generate(self, requests):
        raise NotImplementedError

    def ask(self, picture):
        self.shown.append(picture)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def limits():
    return Limits(Retry(first=0.0, longest=0.0, deadline=5.0), lambda name: Rates(concurrency=1))


def judge(desk, limits, stop=None):
    found = Judge(source="judge", digest="d", ask=desk.ask, server="s")
    return paced(found, desk, limits, stop or threading.Event())


def test_weights_are_left_alone(limits):
    assert paced(WEIGHTS, Desk(), limits, threading.Event()) is WEIGHTS


def test_what_was_not_taken_is_asked_again(limits):
    desk = Desk(Transient("busy"), Throttled("slow down", retry_after=0.0), {"sexual": 0.5})
    found = judge(desk, limits)
    assert (found.source, found.digest, found.ask(PICTURE)) == ("judge", "d", {"sexual": 0.5})
    assert desk.shown == [PICTURE] * 3


def test_who_is_told_no_for_good_is_not_asked_again(limits):
    desk = Desk(Unavailable("no key"))
    found = judge(desk, limits)
    for _ in range(3):
        with pytest.raises(Unavailable) as raised:
            found.ask(PICTURE)
        assert raised.value.message == "no key"
    assert len(desk.shown) == 1


def test_a_stop_ends_the_asking(limits):
    stop = threading.Event()
    stop.set()
    desk = Desk(Transient("busy"))
    with pytest.raises(Transient) as raised:
        judge(desk, limits, stop).ask(PICTURE)
    assert raised.value.message == "busy"
    assert len(desk.shown) == 1


def test_its_limiter_learns_what_it_says_is_left(limits):
    desk, learnt = Desk({}), []
    desk.ask = lambda picture: desk.tell_left(Allowance(calls=3, until=1.0)) or {}
    limits.of("desk", "s").pacing.told = lambda now, left: learnt.append(left)
    assert judge(desk, limits).ask(PICTURE) == {}
    assert learnt == [Allowance(calls=3, until=1.0)]


def test_several_are_asked_at_a_time_and_found_once():
    """A question is waited for without keeping others from theirs."""
    both, found = threading.Barrier(2, timeout=10), []

    def ask(picture):
        both.wait()
        return {"sexual": 0.5}

    def find(name):
        found.append(name)
        return Judge(source=name, digest="d", ask=ask)

    networks = Networks(find)
    told = []
    threads = [
        threading.Thread(target=lambda: told.append(networks.judge("a").ask(PICTURE))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (told, found, networks.digest("a")) == ([{"sexual": 0.5}] * 2, ["a"], "d")


def test_what_is_weights_is_no_judge():
    networks = Networks(lambda name: WEIGHTS)
    assert (networks.judge("a"), networks.weights("a"), networks.digest("a")) == (None, WEIGHTS, "d")


def test_what_settings_allow():
    assert rates_of(None) == Rates(concurrency=UNBOUND)
    limit = Limit(concurrency=3, per_second=2.0, per_minute=50.0)
    assert rates_of(limit) == Rates(concurrency=3, per_second=2.0, per_minute=50.0)
