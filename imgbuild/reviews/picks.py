"""Which of several targets was picked last, by all that was said."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from imgbuild.expand.winners import Winner
from imgbuild.reviews.book import ReviewBook
from imgbuild.reviews.lines import Decision
from imgbuild.types import Digest, Line


class Picks:
    """The winners. The last pick among targets holds; where it does no more, none that came before it does.

    lines: reads the locked lines, by target; only asked for where somebody picked a target that has another name now,
    which is then known by its pixels.
    """

    def __init__(self, book: ReviewBook, lines: Callable[[], Mapping[str, Line]]) -> None:
        self._book, self._lines = book, lines
        self._of_name: dict[str, tuple[int, Decision]] = {}
        self._renamed: dict[Digest, tuple[int, Decision]] = {}
        self._locked: Mapping[str, Line] | None = None
        for at, (name, decision) in enumerate(book.picks()):
            if book.declares(name):
                self._of_name[name] = at, decision
            else:
                self._renamed[decision.pixels] = at, decision

    def winner(self, ids: Sequence[str]) -> Winner | None:
        """Which of these targets was picked last."""
        found = [(*said, name) for name in ids for said in self._of(name)]
        if not found:
            return None
        _, decision, name = max(found, key=lambda item: item[0])
        state = self._book.of(name, decision.pixels).state
        return Winner(target=name, pixels=decision.pixels, rejected=state == "rejected")

    def _of(self, name: str) -> list[tuple[int, Decision]]:
        """What was picked of a target, the last time under each of its names."""
        found = [self._of_name[name]] if name in self._of_name else []
        if self._renamed:
            if self._locked is None:
                self._locked = self._lines()
            line = self._locked.get(name)
            if line is not None and line.pixels in self._renamed:
                found.append(self._renamed[line.pixels])
        return found
