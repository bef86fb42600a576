"""The first Ctrl-C stops, the second raises, whenever they come."""

import signal
import sys
import threading
import time
import weakref

import pytest

from imgbuild.commands.interrupt import Stop, interruptible


def press_in(call, wanted):
    """Call, and press Ctrl-C at one of the lines that run for it; whether there are so many."""
    lines = iter(range(wanted + 1))

    def trace(frame, event, _):
        if event == "line" and next(lines, None) == wanted:
            signal.raise_signal(signal.SIGINT)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return next(lines, None) is None


def test_ctrl_c_sets_it_and_then_raises():
    before = signal.getsignal(signal.SIGINT)
    with interruptible() as stop:
        assert not stop.is_set()
        signal.raise_signal(signal.SIGINT)
        assert stop.is_set()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_may_come_while_it_is_being_set():
    """By another Ctrl-C or by the build itself: nobody waits for a lock that it holds itself."""
    pressed = 0
    while True:
        with interruptible() as stop:
            try:
                reached = press_in(stop.set, pressed)
            except KeyboardInterrupt:
                reached = True
            assert stop.is_set()
            assert stop.wait(0)
        if not reached:
            break
        pressed += 1
    assert pressed >= 2


def test_ctrl_c_within_a_finaliser_is_not_swallowed(capfd):
    held, hook = {Stop()}, sys.unraisablehook
    weakref.finalize(next(iter(held)), signal.raise_signal, signal.SIGINT)
    with interruptible() as stop:
        signal.raise_signal(signal.SIGINT)
        held.clear()
        with pytest.raises(KeyboardInterrupt):
            time.sleep(30)
    assert stop.is_set()
    assert sys.unraisablehook is hook
    assert capfd.readouterr() == ("", "")


def test_all_that_wait_are_woken():
    stop = Stop()
    began = time.monotonic()
    assert not stop.wait(0.01)
    seen = []
    threads = [threading.Thread(target=lambda: seen.append(stop.wait(30))) for _ in range(4)]
    for thread in threads:
        thread.start()
    stop.set()
    for thread in threads:
        thread.join()
    assert seen == [True] * 4
    assert stop.wait()
    assert time.monotonic() - began < 30


def test_beside_the_main_thread_nothing_listens():
    before = signal.getsignal(signal.SIGINT)
    seen = []

    def look():
        with interruptible() as stop:
            seen.append((stop.is_set(), signal.getsignal(signal.SIGINT)))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [(False, before)]


def test_a_part_is_stopped_by_itself_or_with_the_whole():
    stop = Stop()
    with stop.part() as first:
        first.set()
    with stop.part() as second:
        assert not second.is_set()
        stop.set()
        assert second.is_set()
    with stop.part() as third:
        assert third.wait(0)
    assert first.is_set()


def test_who_waits_for_a_part_is_woken_by_ctrl_c():
    with interruptible() as stop, stop.part() as part:
        main = threading.main_thread().ident
        threading.Timer(0.05, signal.pthread_kill, [main, signal.SIGINT]).start()
        began = time.monotonic()
        assert part.wait(20)
        assert time.monotonic() - began < 10
