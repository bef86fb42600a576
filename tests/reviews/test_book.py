"""What holds of all that was said: the last decision on this very picture, and no other."""

import pytest

from imgbuild.reviews import ReviewBook, told
from imgbuild.reviews.lines import write_line
from imgbuild.types import Line
from tests.reviews.test_lines import BEN, decision

LAMPS, JUGS = "catalog/lamps#0", "catalog/jugs#0"


@pytest.fixture
def book(bench):
    """A book of these decisions, on targets that are declared."""

    def open_book(*decisions, names=(LAMPS, JUGS)):
        shop = bench({"specs/catalog.yaml": "version: 1\nassets: {lamps: {prompt: a lamp}}\n"})
        shop.write({"specs/catalog.reviews": b"".join(map(write_line, decisions))})
        project = shop.load()
        return ReviewBook(project.files, project.settings, project.specs, names)

    return open_book


def a_line(pixels):
    return Line(seed=1, attempt=0, pixels=pixels)


def at(second, **own):
    return decision(when=f"2026-11-27T06:30:{second:02}Z", **own)


def test_nothing_is_decided_at_first(book):
    standing = book().of(LAMPS, "P")
    assert (standing.state, standing.last, told(standing)) == ("open", None, "nobody has decided on it")


def test_the_last_decision_holds_whatever_stands_first(book):
    later, earlier = at(9, kind="reject", who=BEN, note="too dark"), at(1)
    standing = book(later, earlier).of(LAMPS, "P")
    assert (standing.state, standing.last) == ("rejected", later)
    assert told(standing) == "rejected by Ben: too dark"
    assert standing.said == (earlier, later)
    assert told(book(earlier).of(LAMPS, "P")) == "by Ann"


def test_a_decision_is_about_one_picture(book):
    found = book(at(1)).of(LAMPS, "Q")
    assert (found.state, found.has_changed) == ("open", True)
    assert told(found) == "Ann approved another picture, before it changed"
    assert told(book(at(1, kind="reject", note="no")).of(LAMPS, "Q")) == (
        "Ann rejected another picture, before it changed"
    )
    assert book(at(1)).of(JUGS, "P").state == "open"  # the same pixels, but somebody looked at the lamp


def test_a_picture_keeps_its_decisions_under_a_new_name(book):
    renamed = book(at(1), names=["catalog/lights#0", JUGS])
    assert renamed.of("catalog/lights#0", "P").state == "approved"
    assert renamed.of("catalog/lights#0", "Q").state == "open"


def test_stars_are_peoples_own(book):
    said = [
        at(1, kind="star"),
        at(2, kind="star", who=BEN),
        at(3, kind="unstar"),
        at(4, kind="comment", note="?"),
    ]
    standing = book(*said).of(LAMPS, "P")
    assert (standing.stars, standing.state, len(standing.said)) == ((BEN,), "open", 4)


def test_what_is_approved_of_the_locked_pictures(book):
    opened = book(at(1), at(1, target="jugs#0", pixels="J", kind="reject", note="no"))
    lines = {LAMPS: a_line("P"), JUGS: a_line("J"), "catalog/new#0": a_line("")}
    assert opened.approved(lines) == {LAMPS}


def test_adding_changes_no_line_that_is_there(book):
    opened = book(at(1))
    path = opened.root / "specs/catalog.reviews"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))  # as an editor may leave it
    before = path.read_bytes()
    assert opened.add("catalog", [at(2, kind="reject", note="no")]) == "specs/catalog.reviews"
    assert path.read_bytes() == before + b"\n" + write_line(at(2, kind="reject", note="no"))
    assert opened.of(LAMPS, "P").state == "rejected"


def test_damage_is_told_and_costs_itself_alone(bench):
    shop = bench({"specs/catalog.yaml": "version: 1\nassets: {lamps: {prompt: a lamp}}\n"})
    shop.write({"specs/catalog.reviews": b"what?\n" + write_line(at(1))})
    project = shop.load()
    opened = ReviewBook(project.files, project.settings, project.specs, [LAMPS])
    assert opened.faults == ["specs/catalog.reviews:1: this is no decision, and does not count"]
    assert opened.of(LAMPS, "P").state == "approved"
