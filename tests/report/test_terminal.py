"""What a terminal says it can show, by its answers to one question; what it does not answer is not waited for."""

import os
import select
import termios
import threading
import time

import pytest

from imgbuild.report.terminal import graphics_of

KITTY, PLAIN, SIXEL = b"\x1b_Gi=31;OK\x1b\\", b"\x1b[?62;22c", b"\x1b[?62;4;22c"


@pytest.fixture
def pair():
    """Two ends of a terminal: the one that a person's program holds, and the one of the program under test."""
    ours, theirs = os.openpty()
    yield ours, theirs
    os.close(ours)
    os.close(theirs)


def ask(pair, answers, patience=30):
    """What it comes to where the terminal answers these, one after the other; and what it was asked."""
    ours, theirs = pair
    asked = []

    def answer():
        asked.append(os.read(ours, 1024).decode())
        for some in answers:
            os.write(ours, some)
            time.sleep(0.01)

    thread = threading.Thread(target=answer)
    thread.start()
    with os.fdopen(os.dup(theirs), "w") as stream:
        found = graphics_of(stream, theirs, patience)
    thread.join()
    return found, asked


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ([PLAIN], "cells"),
        ([SIXEL], "sixel"),
        ([KITTY, PLAIN], "kitty"),
        ([KITTY + PLAIN], "kitty"),
        ([KITTY, SIXEL], "sixel"),
        ([b"\x1b_Gi=31;ENOTSUPPORTED:no\x1b\\", PLAIN], "cells"),
        ([b"\x1b[?6", b"2;", b"4c"], "sixel"),
        ([b"\x1b[?64;41;14c"], "cells"),
        ([b"typed ahead", KITTY, PLAIN], "kitty"),
    ],
)
def test_answers(pair, answers, found):
    assert ask(pair, answers) == (found, ["\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"])


def test_one_that_says_nothing(pair):
    assert ask(pair, [], patience=0.05)[0] == "cells"
    assert ask(pair, [KITTY], patience=0.2)[0] == "kitty"


def test_answers_are_not_shown_and_the_terminal_is_left_as_it_was(pair):
    ours, theirs = pair
    before = termios.tcgetattr(theirs)
    ask(pair, [KITTY, PLAIN])
    assert termios.tcgetattr(theirs) == before
    assert select.select([ours, theirs], [], [], 0)[0] == []
