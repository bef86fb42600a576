"""Which of several targets was picked last, by all that was said."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgbuild.expand.winners import Winner
from imgbuild.reviews import Decision
from imgbuild.reviews.picks import Picks
from imgbuild.reviews.standing import standing_of
from imgbuild.types import Line

IDS = ("a", "b", "c")


class Book:
    """Decisions by target; those of IDS alone are declared."""

    def __init__(self, *decisions):
        self.decisions = sorted(decisions, key=lambda decision: decision.when)

    def picks(self):
        return [(item.target, item) for item in self.decisions if item.decision == "pick"]

    def declares(self, name):
        return name in IDS

    def of(self, name, pixels):
        return standing_of([item for item in self.decisions if item.pixels == pixels], ())


def said(target, when, decision="pick", pixels=""):
    return Decision(
        target=target, pixels=pixels or f"pixels of {target}", decision=decision, who="Ann", when=str(when)
    )


def never():
    raise AssertionError("no lock is read where nobody was renamed")


def test_the_last_pick_holds():
    picks = Picks(Book(said("a", 1), said("b", 3), said("a", 2)), never)
    assert picks.winner(IDS) == Winner(target="b", pixels="pixels of b")
    assert picks.winner(("a", "c")) == Winner(target="a", pixels="pixels of a")
    assert picks.winner(("c",)) is None


@pytest.mark.parametrize(("decision", "rejected"), [("reject", True), ("approve", False), ("comment", False)])
def test_a_rejected_winner_is_none_and_nobody_moves_up(decision, rejected):
    picks = Picks(Book(said("b", 1), said("a", 2), said("a", 3, decision)), never)
    assert picks.winner(IDS) == Winner(target="a", pixels="pixels of a", rejected=rejected)


def test_what_was_renamed_is_known_by_its_pixels():
    lines = {"c": Line(seed=1, attempt=0, pixels="pixels of old"), "b": Line(seed=1, attempt=0)}
    picks = Picks(Book(said("a", 1), said("old", 2)), lambda: lines)
    assert picks.winner(IDS) == Winner(target="c", pixels="pixels of old")
    assert picks.winner(("a", "b")) == Winner(target="a", pixels="pixels of a")


@given(st.lists(st.sampled_from(IDS), min_size=1), st.randoms())
def test_in_any_order_of_lines_the_same_one_wins(names, random):
    decisions = [said(name, f"{at:04}") for at, name in enumerate(names)]
    random.shuffle(decisions)
    assert Picks(Book(*decisions), never).winner(IDS).target == names[-1]
