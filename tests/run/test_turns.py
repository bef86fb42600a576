"""Threads that take turns keep to one processor; what has more to do runs wherever there is room."""

import os
import sys
import threading

import pytest

from imgbuild.run import turns
from imgbuild.run.turns import LONG, Turns

LINUX = sys.platform == "linux"


@pytest.fixture(autouse=True)
def as_before():
    """The tests' own process is left as it was."""
    interval = sys.getswitchinterval()
    yield
    sys.setswitchinterval(interval)


def in_a_thread(call):
    """What a call gives in a thread of its own: what it says of its processors goes with it."""
    given = []
    thread = threading.Thread(target=lambda: given.append(call()))
    thread.start()
    thread.join()
    return given[0]


def processors():
    return os.sched_getaffinity(0) if LINUX else set()


def test_a_thread_keeps_to_one_processor_and_is_let_go():
    before = processors()

    def look():
        own = Turns(0, 2)
        seen = [processors()]
        for here in (True, True, False, False, True):
            own.keep(here=here)
            seen.append(processors())
        return seen

    first, *rest = in_a_thread(look)
    assert first == before
    if LINUX:
        assert [len(seen) for seen in rest] == [1, 1, len(before), len(before), 1]
    assert processors() == before
    assert sys.getswitchinterval() == pytest.approx(LONG)


def test_each_thread_has_its_own_say():
    before = processors()

    def look():
        own = Turns(0, 1)
        own.keep(here=True)
        return in_a_thread(lambda: own.keep(here=False) or processors()), processors()

    other, mine = in_a_thread(look)
    if LINUX:
        assert len(mine) == 1
        assert other == mine, "a thread runs where the one that started it did, until it says otherwise"
    assert processors() == before


@pytest.mark.parametrize(("count", "of"), [(8, 4), (8, 8), (64, 3), (2, 2)])
def test_processes_share_out_the_processors(monkeypatch, count, of):
    monkeypatch.setattr(turns, "_processors", lambda: list(range(10, 10 + count)))
    own = [Turns(number, of)._own for number in range(of)]
    assert len({place for (place,) in own}) == of
    assert all(10 <= place < 10 + count for (place,) in own)


def test_there_may_be_fewer_processors_than_processes(monkeypatch):
    monkeypatch.setattr(turns, "_processors", lambda: [3, 5])
    own = [place for number in range(5) for place in Turns(number, 5)._own]
    assert sorted(own) in ([3, 3, 3, 5, 5], [3, 3, 5, 5, 5])


@pytest.mark.parametrize("name", ["sched_getaffinity", "sched_setaffinity"])
def test_a_system_that_does_not_allow_it_decides(monkeypatch, name):
    before = processors()

    def no(*_):
        raise PermissionError

    with monkeypatch.context() as patched:
        patched.setattr(os, name, no, raising=False)
        own = Turns(0, 2)
        own.keep(here=True)
        own.keep(here=False)
    assert processors() == before


def test_elsewhere_the_system_decides(monkeypatch):
    before = processors()
    monkeypatch.setattr(sys, "platform", "darwin")
    own = Turns(1, 2)
    own.keep(here=True)
    monkeypatch.undo()
    assert own._own == []
    assert processors() == before
