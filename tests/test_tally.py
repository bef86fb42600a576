"""Attempts, counted: each once, and what they took falls to the images that were accepted."""

from __future__ import annotations

from imgbuild.store.history import Attempt
from imgbuild.tally import Name, Tally, by_model, in_all, last_said


def an_attempt(at: float, end: str = "accepted", model: str = "api", **own: object) -> Attempt:
    known = {"key": "k", "target": "a/b#0", "provider": "vendor", "source": "one", **own}
    return Attempt(at=at, end=end, model=model, **known)  # type: ignore[arg-type]


def free(provider: str, seconds: float) -> float:
    return 0.0


def figures(item: Tally) -> tuple[int, ...]:
    return item.attempts, item.accepted, item.turned_down, item.refused, item.failed.total()


def test_what_was_said_last_of_an_attempt_holds() -> None:
    first, other = an_attempt(2.0, "turned down", rules=("unique",)), an_attempt(2.0, "refused", key="other")
    again, older = an_attempt(2.0), an_attempt(1.0, "failed", kind="no answer")
    assert last_said([first, other, older, again]) == [older, again, other]


def test_attempts_are_counted_by_model_and_by_what_came_of_them() -> None:
    attempts = [
        an_attempt(1.0),
        an_attempt(2.0, "turned down", rules=("sharpness", "unique")),
        an_attempt(3.0, "turned down", rules=("unique",)),
        an_attempt(4.0, "refused"),
        an_attempt(5.0, "failed", kind="no answer"),
        an_attempt(6.0, model="house"),
        an_attempt(7.0, source="two"),
    ]
    found = by_model(attempts, free)
    names = [Name("api", "vendor", "one"), Name("api", "vendor", "two"), Name("house", "vendor", "one")]
    assert list(found) == names
    assert [figures(found[name]) for name in names] == [(5, 1, 2, 1, 1), (1, 1, 0, 0, 0), (1, 1, 0, 0, 0)]
    assert found[names[0]].rules == {"unique": 2, "sharpness": 1}
    assert found[names[0]].failed == {"no answer": 1}
    assert found[names[0]].success == 0.2
    assert figures(in_all(attempts, free)) == (7, 3, 2, 1, 1)


def test_what_all_attempts_took_falls_to_those_that_were_accepted() -> None:
    attempts = [
        an_attempt(1.0, seconds=2.0, cost=0.5),
        an_attempt(2.0, "turned down", seconds=4.0, cost=0.25),
        an_attempt(3.0, "failed", kind="no answer", cost=0.25),
    ]
    item = in_all(attempts, free)
    assert (item.of_image(item.seconds), item.of_image(item.cost)) == (6.0, 1.0)


def test_time_has_a_price_where_nobody_sends_a_bill() -> None:
    attempts = [an_attempt(1.0, seconds=2.0), an_attempt(2.0, seconds=2.0, cost=0.5)]
    assert in_all(attempts, lambda provider, seconds: 10 * seconds).cost == 20.5


def test_without_an_accepted_image_nothing_falls_to_any() -> None:
    item = in_all([an_attempt(1.0, "refused", cost=0.5)], free)
    assert (item.success, item.of_image(item.cost)) == (0.0, None)
    assert Tally().success == 0.0
