"""Two locks become one: both sides of a conflict, and what was written meanwhile."""

from hypothesis import given, settings
from hypothesis import strategies as st

from imgbuild.digest import digest_bytes
from imgbuild.lock.conflict import merge_newer, merge_sides
from imgbuild.lock.text import Lock, read_lock, write_lock
from imgbuild.types import Line, Pin

LOW, HIGH = sorted((digest_bytes(b"a"), digest_bytes(b"b")))
STALE, WANTED = digest_bytes(b"stale"), digest_bytes(b"wanted")

lines = st.builds(
    Line,
    intent=st.sampled_from(["", STALE, WANTED]),
    seed=st.integers(0, 2),
    attempt=st.integers(0, 1),
    image=st.sampled_from(["", LOW, HIGH]),
)
pins = st.builds(Pin, provider=st.just("p"), revision=st.sampled_from("ab"), weights=st.sampled_from("xy"))
locks = st.builds(
    Lock,
    models=st.dictionaries(st.sampled_from("mn"), pins),
    targets=st.dictionaries(st.sampled_from("abcd"), lines),
)


def one(line: Line) -> Lock:
    return Lock(targets={"t@m#0": line})


def fits(name: str, line: Line) -> bool:
    return line.intent == WANTED


def nowhere(digest: str) -> bool:
    return False


def test_the_side_that_fits_the_spec_is_kept_without_a_word() -> None:
    ours, theirs = (
        Line(intent=STALE, seed=1, attempt=0, image=LOW),
        Line(intent=WANTED, seed=2, attempt=0, image=HIGH),
    )
    assert merge_sides(one(ours), one(theirs), fits, nowhere) == (one(theirs), [])


def test_where_both_fit_bytes_at_hand_decide() -> None:
    ours, theirs = (Line(intent=WANTED, seed=1, attempt=0, image=image) for image in (LOW, HIGH))
    assert merge_sides(one(ours), one(theirs), fits, lambda digest: digest == HIGH) == (
        one(theirs),
        ["t@m#0: both sides fit the spec: kept the one whose image is at hand"],
    )


def test_where_both_fit_and_neither_or_both_are_at_hand_the_lower_digest_decides() -> None:
    ours, theirs = (Line(intent=WANTED, seed=1, attempt=0, image=image) for image in (HIGH, LOW))
    lower = (one(theirs), ["t@m#0: both sides fit the spec: kept the lower digest"])
    assert merge_sides(one(ours), one(theirs), fits, nowhere) == lower
    assert merge_sides(one(ours), one(theirs), fits, lambda digest: True) == lower


def test_a_built_line_goes_before_one_that_waits() -> None:
    built, waiting = (
        Line(intent=WANTED, seed=1, attempt=0, image=HIGH),
        Line(intent=WANTED, seed=1, attempt=0),
    )
    assert merge_sides(one(waiting), one(built), fits, nowhere)[0] == one(built)


def test_where_neither_fits_the_target_is_unlocked() -> None:
    ours, theirs = Line(intent=STALE, seed=1, attempt=0), Line(intent=STALE, seed=2, attempt=0)
    assert merge_sides(one(ours), one(theirs), fits, nowhere) == (
        Lock(),
        ["t@m#0: neither side fits the spec: unlocked"],
    )


def test_equal_lines_and_lines_of_one_side_are_kept_as_a_clean_merge_would() -> None:
    stale = Line(intent=STALE, seed=1, attempt=0)
    ours, theirs = Lock(targets={"a": stale, "b": stale}), Lock(targets={"b": stale, "c": stale})
    assert merge_sides(ours, theirs, fits, nowhere) == (
        Lock(targets={"a": stale, "b": stale, "c": stale}),
        [],
    )


def test_what_either_side_has_chosen_was_chosen() -> None:
    ours, theirs = (
        Lock(models={"m": Pin(provider="p", chosen=chosen)}) for chosen in (("b", "c"), ("a", "b"))
    )
    merged = Lock(models={"m": Pin(provider="p", chosen=("a", "b", "c"))})
    assert merge_sides(ours, theirs, fits, nowhere) == (merged, [])
    assert merge_sides(theirs, ours, fits, nowhere) == (merged, [])


def test_of_two_pins_the_lower_revision_is_kept_and_named() -> None:
    ours, theirs = (Lock(models={"sdxl": Pin(provider="p", revision=revision)}) for revision in ("b2", "a1"))
    assert merge_sides(ours, theirs, fits, nowhere) == (
        theirs,
        ["model 'sdxl' is pinned differently on the two sides: kept revision 'a1'"],
    )


@settings(max_examples=150)
@given(locks, locks, st.sets(st.sampled_from([LOW, HIGH])))
def test_sides_may_be_swapped(ours: Lock, theirs: Lock, present: set[str]) -> None:
    def at_hand(digest: str) -> bool:
        return digest in present

    merged, notes = merge_sides(ours, theirs, fits, at_hand)
    assert merge_sides(theirs, ours, fits, at_hand) == (merged, notes)
    for name, line in merged.targets.items():
        assert line in (ours.targets.get(name), theirs.targets.get(name))
    dropped = (ours.targets.keys() | theirs.targets.keys()) - merged.targets.keys()
    assert all(f"{name}: neither side fits the spec: unlocked" in notes for name in dropped)


@settings(max_examples=50)
@given(locks)
def test_a_lock_merged_with_itself_is_itself(lock: Lock) -> None:
    assert merge_sides(lock, lock, fits, nowhere) == (lock, [])


@settings(max_examples=50)
@given(locks, locks)
def test_sides_in_markers_are_the_sides_that_were_written(ours: Lock, theirs: Lock) -> None:
    texts = [write_lock(side) for side in (ours, theirs)]
    text = b"<<<<<<< HEAD\n%b||||||| base\n=======\n%b>>>>>>> branch\n" % tuple(texts)
    read = read_lock(text, "a.lock")
    assert (read.sides, read.faults) == ((ours, theirs), [])
    assert read.lock.targets.items() == ours.targets.items() & theirs.targets.items()


def test_what_only_one_writer_changed_is_taken_from_it() -> None:
    a, b, c = (Line(seed=seed, attempt=0) for seed in (1, 2, 3))
    base = Lock(targets={"same": a, "here": a, "there": a, "gone here": a, "gone there": a})
    ours = Lock(targets={"same": a, "here": b, "there": a, "gone there": a, "new here": c})
    read = Lock(targets={"same": a, "here": a, "there": c, "gone here": a, "new there": b})
    assert merge_newer(read, base, ours).targets == {
        "same": a,
        "here": b,
        "there": c,
        "new here": c,
        "new there": b,
    }


def test_where_both_changed_a_line_ours_is_kept_and_nothing_changed_is_lost() -> None:
    a, b, c = (Line(seed=seed, attempt=0) for seed in (1, 2, 3))
    base = Lock(targets={"x": a, "y": a, "z": a})
    ours, read = Lock(targets={"x": b, "y": b}), Lock(targets={"x": c, "z": c})
    assert merge_newer(read, base, ours).targets == {"x": b, "y": b, "z": c}


def test_a_line_that_came_while_it_was_made_anew_stays() -> None:
    """The lock was away for a moment, or git brought it: what it says may have been chosen."""
    made, chosen = Line(seed=1, attempt=0), Line(seed=2, attempt=3)
    ours, read = Lock(targets={"x": made, "y": made}), Lock(targets={"x": chosen})
    assert merge_newer(read, Lock(), ours).targets == {"x": chosen, "y": made}


@settings(max_examples=100)
@given(locks, locks)
def test_without_a_change_on_one_side_the_other_is_written(base: Lock, changed: Lock) -> None:
    assert merge_newer(base, base, changed) == changed
    assert merge_newer(changed, base, base) == changed
    assert merge_newer(changed, base, changed) == changed
