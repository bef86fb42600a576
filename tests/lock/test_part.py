"""Some lines of a lock, read and replaced where they stand: the same as reading and writing all of it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.lock.part import Part
from imgbuild.lock.text import Lock, write_lock
from imgbuild.types import Line
from tests.lock.test_text import SMALL, lines, locks, names

OTHER = Line(seed=99, attempt=3)


@settings(max_examples=200)
@given(locks, st.lists(names, max_size=3), st.data())
def test_the_lines_asked_for_are_those_of_the_whole(lock, others, data):
    known = sorted(lock.targets)
    asked = data.draw(st.lists(st.sampled_from(known), unique=True) if known else st.just([]))
    found = Part(write_lock(lock)).lock([*asked, *others])
    wanted = {name: line for name, line in lock.targets.items() if name in {*asked, *others}}
    assert found == Lock(models=lock.models, targets=wanted)


@settings(max_examples=200)
@given(locks, st.data())
def test_replaced_lines_leave_the_text_of_the_whole(lock, data):
    known = sorted(lock.targets)
    moved = data.draw(st.dictionaries(st.sampled_from(known), lines) if known else st.just({}))
    wanted = write_lock(Lock(models=lock.models, targets={**lock.targets, **moved}))
    assert Part(write_lock(lock)).replaced(moved) == wanted


def test_a_line_that_is_not_there_is_not_replaced():
    with pytest.raises(ValueError, match=r"^'new#0' has no line$"):
        Part(write_lock(SMALL)).replaced({"new#0": OTHER})


@pytest.mark.parametrize("cut", range(1, len(write_lock(SMALL)), 7))
def test_a_text_cut_short_is_no_lock(cut):
    with pytest.raises(ValueError):
        Part(write_lock(SMALL)[:-cut]).lock(list(SMALL.targets))


@settings(max_examples=300)
@given(st.integers(0, len(write_lock(SMALL)) - 1), st.integers(1, 255))
def test_a_turned_byte_is_found_or_harmless(place, turn):
    data = bytearray(write_lock(SMALL))
    data[place] ^= turn
    try:
        found = Part(bytes(data)).lock(list(SMALL.targets))
    except ValueError:
        return
    assert found.models == SMALL.models
    assert all(SMALL.targets.get(name) == line for name, line in found.targets.items())


def test_conflict_markers_are_no_lock():
    text = write_lock(SMALL)
    with pytest.raises(ValueError):
        Part(text.replace(b'  "banner', b'<<<<<<< ours\n  "banner')).lock(["banner@hero#1", "a#0"])
