"""The states of a target under way: which moves there are, and that every state can be reached and left."""

import itertools

import pytest

from imgbuild.keys import Way
from imgbuild.plan import Action, Decision
from imgbuild.run.work import ENDED, State, Work, move


@pytest.fixture
def work(target):
    """A function: a state → a work in it."""

    def make(state=State.WAITING):
        found = Work(
            Decision(target=target(), action=Action.RUN, seed=7, attempt=2, way=Way(1)), 3, locked=True
        )
        found.state = state
        return found

    return make


def allowed(work, before, after):
    moving = work(before)
    try:
        move(moving, after)
    except AssertionError:
        assert moving.state is before
        return False
    assert moving.state is after
    return True


def moves(work):
    return {pair for pair in itertools.product(State, State) if allowed(work, *pair)}


def test_what_a_work_begins_with(work):
    begun = work()
    assert (begun.id, begun.state, begun.waits, begun.locked) == (
        "shop/lamps[color=red]@paint#0",
        State.WAITING,
        3,
        True,
    )
    assert (begun.seed, begun.attempt, begun.position, begun.tries) == (7, 2, 1, 1)
    assert (begun.trace, begun.made, begun.error, begun.verdicts, begun.cost) == (None, None, None, [], 0.0)


def test_an_illegal_move_is_a_bug_and_moves_nothing(work):
    moving = work(State.DONE)
    with pytest.raises(AssertionError) as caught:
        move(moving, State.READY)
    assert str(caught.value) == "shop/lamps[color=red]@paint#0 can't go from done to ready"
    assert moving.state is State.DONE


def test_what_has_ended_stays_so(work):
    assert {State.DONE, State.FAILED, State.SKIPPED, State.LEFT} == ENDED
    assert not any(before in ENDED for before, _ in moves(work))


def test_every_state_can_be_reached(work):
    reached, todo, known = {State.WAITING}, [State.WAITING], moves(work)
    while todo:
        state = todo.pop()
        following = {after for before, after in known if before is state} - reached
        reached |= following
        todo += following
    assert reached == set(State)


def test_from_every_state_an_end_can_be_reached(work):
    ending, known = set(ENDED), moves(work)
    while more := {before for before, after in known if after in ending} - ending:
        ending |= more
    assert ending == set(State)


def test_whatever_is_under_way_can_be_left_when_the_run_is_stopped(work):
    assert all(allowed(work, state, State.LEFT) for state in set(State) - ENDED)


def test_whatever_has_begun_can_fail(work):
    assert all(allowed(work, state, State.FAILED) for state in set(State) - ENDED - {State.WAITING})


def test_only_what_waits_can_be_skipped(work):
    assert {before for before, after in moves(work) if after is State.SKIPPED} == {State.WAITING}


def test_nothing_is_sent_twice_at_a_time(work):
    assert {before for before, after in moves(work) if after is State.MAKING} == {State.QUEUED}
    assert {before for before, after in moves(work) if after is State.QUEUED} == {State.READY}


def test_a_group_is_waited_for_only_by_what_is_measured(work):
    assert {before for before, after in moves(work) if after is State.HELD} == {
        State.READY,
        State.MAKING,
        State.FINISHING,
    }
