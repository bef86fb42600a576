"""Two states of the locks, held against each other: which pictures are others, new, gone, or renamed. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.lock.rename import carry_over
from imgbuild.types import Line

Kind: TypeAlias = Literal["changed", "renamed", "new", "gone"]
KINDS: tuple[Kind, ...] = ("changed", "renamed", "new", "gone")


class Difference(Struct, frozen=True, kw_only=True):
    """One image that is not what it was. id: of now, or its last one. was: what it was called, where it is renamed.

    before, after: its line where there was, or is, an image. `after` of a changed one is None while it waits for a
    build: it was reseeded.
    """

    kind: Kind
    id: str
    was: str = ""
    before: Line | None = None
    after: Line | None = None

    @property
    def has_other_pixels(self) -> bool:
        """Whether it looks otherwise, and not only its name, its metadata, encoding or renditions are others."""
        before, after = self.before, self.after
        return before is not None and after is not None and before.pixels != after.pixels

    @property
    def distance(self) -> int | None:
        """In how many of 64 bits the perceptual hashes differ; None where there are not two."""
        before, after = self.before, self.after
        if before is None or after is None or not (before.phash and after.phash):
            return None
        from imgbuild.images import hamming

        return hamming(before.phash, after.phash)


def compare(before: Mapping[str, Line], after: Mapping[str, Line]) -> list[Difference]:
    """What differs, by id; changed ones first, then renamed, new and gone ones. Lines are by whole target id."""
    renamed = _renamed(before, after)
    old = set(renamed.values())
    found = [
        *_changed(before, after),
        *(
            Difference(kind="renamed", id=id, was=was, before=_made(before[was]), after=_made(after[id]))
            for id, was in renamed.items()
        ),
        *(
            Difference(kind="new", id=id, after=line)
            for id, line in after.items()
            if line.image and id not in renamed and not (id in before and before[id].image)
        ),
        *(
            Difference(kind="gone", id=id, before=line)
            for id, line in before.items()
            if line.image and id not in after and id not in old
        ),
    ]
    return sorted(found, key=lambda item: (KINDS.index(item.kind), item.id))


def _changed(before: Mapping[str, Line], after: Mapping[str, Line]) -> Iterator[Difference]:
    for id, line in after.items():
        old = before.get(id)
        if old is not None and old.image and (old.image, old.files) != (line.image, line.files):
            yield Difference(kind="changed", id=id, before=old, after=_made(line))


def _made(line: Line) -> Line | None:
    return line if line.image else None


def _renamed(before: Mapping[str, Line], after: Mapping[str, Line]) -> dict[str, str]:
    """New → old, where an id went and one came: with the same pixels, or else with the same intent."""
    came = {id: line for id, line in after.items() if id not in before}
    went = {id: line for id, line in before.items() if id not in after and line.image}
    if not came or not went:
        return {}
    by_pixels = {id: replace(line, intent=line.pixels) for id, line in went.items()}
    same = carry_over(by_pixels, {id: line.pixels for id, line in came.items() if line.pixels})
    left = {id: line for id, line in went.items() if id not in set(same.values())}
    intents = {id: line.intent for id, line in came.items() if id not in same}
    return {**same, **carry_over(left, intents)}
