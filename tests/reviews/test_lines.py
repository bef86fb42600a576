"""Decisions as text: what is written is read, what is damaged is told, and what git leaves of two sides counts once."""

from hypothesis import given
from hypothesis import strategies as st

from imgbuild.reviews import Decision
from imgbuild.reviews.lines import read_lines, write_line

ANN, BEN = "Ann <ann@shop.example>", "Ben <ben@shop.example>"


def decision(target="lamps#0", kind="approve", *, pixels="P", who=ANN, when="2026-11-27T06:30:00Z", **own):
    return Decision(target=target, pixels=pixels, decision=kind, who=who, when=when, **own)


DECISIONS = st.builds(
    Decision,
    target=st.text(min_size=1),
    pixels=st.text(),
    decision=st.sampled_from(["approve", "reject", "comment", "star", "unstar"]),
    who=st.text(),
    when=st.datetimes().map(lambda when: when.strftime("%Y-%m-%dT%H:%M:%SZ")),
    note=st.text(),
    ticked=st.lists(st.text()).map(tuple),
)


@given(st.lists(DECISIONS, unique=True))
def test_what_is_written_is_read_the_oldest_first(made):
    found, faults = read_lines(b"".join(map(write_line, made)), "shop.reviews")
    assert found == sorted(made, key=lambda item: item.when)
    assert faults == []
    assert all(write_line(item).count(b"\n") == 1 for item in made)


def test_a_damaged_line_costs_itself_alone():
    text = write_line(decision()) + b'{"target": "lam\n' + b"\xff\n\n" + write_line(decision(kind="star"))
    found, faults = read_lines(text, "shop.reviews")
    assert [item.decision for item in found] == ["approve", "star"]
    assert faults == [
        "shop.reviews:2: this is no decision, and does not count",
        "shop.reviews:3: this is no decision, and does not count",
    ]


def test_both_sides_of_a_conflict_count_and_each_line_once():
    ours, theirs = write_line(decision()), write_line(decision(who=BEN, kind="reject", note="no"))
    text = b"<<<<<<< HEAD\n" + ours + ours + b"=======\n" + theirs + b">>>>>>> theirs\n"
    found, faults = read_lines(text, "shop.reviews")
    assert ([item.who for item in found], faults) == ([ANN, BEN], [])
