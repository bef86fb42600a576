"""Which pictures are others, new, gone or renamed between two states of the locks."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from imgbuild.revisions import compare
from imgbuild.types import Line


def a_line(pixels="p", intent="i", image="", **more):
    return Line(intent=intent, seed=1, attempt=0, image=image or f"{pixels}.png", pixels=pixels, **more)


def told(before, after):
    return [(item.kind, item.id, item.was) for item in compare(before, after)]


def test_nothing():
    assert compare({}, {}) == []
    assert compare({"a": a_line()}, {"a": a_line()}) == []


def test_what_is_no_picture_does_not_count():
    """Another intent or seed that came to the same bytes; a line that waits for its build, now as then."""
    assert compare({"a": a_line()}, {"a": a_line(intent="j")}) == []
    waiting = Line(seed=1, attempt=0)
    assert compare({"a": waiting}, {"a": Line(seed=2, attempt=0)}) == []
    assert compare({"a": waiting}, {}) == []
    assert compare({}, {"a": waiting}) == []


def test_each_kind():
    before = {
        "same": a_line("s"),
        "moved": a_line("m", "m"),
        "old": a_line("n", "n"),
        "gone": a_line("g", "g"),
    }
    after = {
        "same": a_line("s"),
        "moved": a_line("M", "m"),
        "name": a_line("n", "n"),
        "new": a_line("x", "x"),
    }
    assert told(before, after) == [
        ("changed", "moved", ""),
        ("renamed", "name", "old"),
        ("new", "new", ""),
        ("gone", "gone", ""),
    ]
    changed, renamed, new, gone = compare(before, after)
    assert (changed.before, changed.after) == (before["moved"], after["moved"])
    assert (renamed.before, renamed.after) == (before["old"], after["name"])
    assert (new.before, new.after) == (None, after["new"])
    assert (gone.before, gone.after) == (before["gone"], None)


def test_first_built_since_and_reseeded_since():
    waiting = Line(seed=2, attempt=0)
    assert told({"a": waiting}, {"a": a_line()}) == [("new", "a", "")]
    (changed,) = compare({"a": a_line()}, {"a": waiting})
    assert (changed.kind, changed.after, changed.has_other_pixels) == ("changed", None, False)


def test_renditions_count():
    before, after = a_line(files={"small.png": "1"}), a_line(files={"small.png": "2"})
    (changed,) = compare({"a": before}, {"a": after})
    assert (changed.kind, changed.has_other_pixels) == ("changed", False)


def test_renamed_by_pixels_before_intents():
    """Four variants have one intent, and not one picture."""
    before = {f"old#{at}": a_line(f"p{at}") for at in range(4)}
    after = {f"new#{at}": a_line(f"p{3 - at}") for at in range(4)}
    assert told(before, after) == [("renamed", f"new#{at}", f"old#{3 - at}") for at in range(4)]


def test_renamed_and_drawn_anew():
    (renamed,) = compare({"old#0": a_line("p")}, {"new#0": a_line("q")})
    assert (renamed.kind, renamed.was, renamed.has_other_pixels) == ("renamed", "old#0", True)
    assert told({"old#0": a_line("p", "i")}, {"new#0": a_line("q", "j")}) == [
        ("new", "new#0", ""),
        ("gone", "old#0", ""),
    ]


def test_distances():
    def distance(before, after):
        (item,) = compare({"a": a_line("p", phash=before)}, {"a": a_line("q", phash=after)})
        return item.distance

    assert distance("0000000000000000", "ffffffffffffffff") == 64
    assert distance("00000000000000f0", "0000000000000000") == 4
    assert distance("", "0000000000000000") is None
    assert compare({}, {"a": a_line(phash="0" * 16)})[0].distance is None


lines = st.dictionaries(
    st.sampled_from(["a#0", "a#1", "b#0", "b#1", "c#0"]),
    st.builds(
        lambda pixels, intent, waits: (
            Line(seed=1, attempt=0, intent=intent) if waits else a_line(pixels, intent)
        ),
        st.sampled_from("pqr"),
        st.sampled_from("ijk"),
        st.booleans(),
    ),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
@given(lines, lines)
def test_every_picture_is_told_of_once(before, after):
    found = compare(before, after)
    assert len({(item.kind == "gone", item.id) for item in found}) == len(found)
    was = [item.was for item in found if item.was]
    assert len(set(was)) == len(was)
    old, new = ({id for id, line in each.items() if line.image} for each in (before, after))
    told_new = {item.id for item in found if item.after is not None}
    told_old = {item.was or item.id for item in found if item.before is not None}
    silent = {id for id in old & new if before[id].image == after[id].image}
    assert told_new == new - silent
    assert told_old == old - silent
