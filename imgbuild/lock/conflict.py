"""Two locks become one: the sides of a git conflict, or what was written while a build ran."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias, TypeVar

from msgspec.structs import replace

from imgbuild.lock.lines import encode
from imgbuild.lock.text import Lock
from imgbuild.types import Digest, Line, Pin

T = TypeVar("T", Line, Pin)
Fits: TypeAlias = Callable[[str, Line], bool]
AtHand: TypeAlias = Callable[[Digest], bool]


def merge_sides(ours: Lock, theirs: Lock, fits: Fits, at_hand: AtHand) -> tuple[Lock, list[str]]:
    """The lock that both sides make, and a sentence for each line that the spec alone could not settle.

    A name on one side only keeps its line, as in a merge without conflict. fits: whether a target's line has
    the intent of the merged spec; at_hand: whether the bytes of a digest are. Swapped sides give the same.
    """
    notes: list[str] = []
    models = {name: _pick_pin(name, pins, notes) for name, pins in _pairs(ours.models, theirs.models)}
    targets: dict[str, Line] = {}
    for name, lines in _pairs(ours.targets, theirs.targets):
        line = lines[0] if len(lines) == 1 else _pick_line(name, lines, fits, at_hand, notes)
        if line is not None:
            targets[name] = line
    return Lock(models=models, targets=targets), notes


def _pairs(ours: dict[str, T], theirs: dict[str, T]) -> Iterable[tuple[str, list[T]]]:
    """For each name, sorted, its one line, or the two that differ."""
    for name in sorted(ours.keys() | theirs.keys()):
        found = [side[name] for side in (ours, theirs) if name in side]
        yield name, found[:1] if found[0] == found[-1] else found


def _pick_pin(name: str, pins: list[Pin], notes: list[str]) -> Pin:
    """What was chosen on either side was; where that is two models, they are compared again."""
    if len(pins) == 1:
        return pins[0]
    chosen = tuple(sorted({digest for pin in pins for digest in pin.chosen}))
    pins = [replace(pin, chosen=chosen) for pin in pins]
    pin = min(pins, key=lambda pin: (pin.revision, encode(pin)))
    if pins[0] != pins[1]:
        notes.append(f"model '{name}' is pinned differently on the two sides: kept revision '{pin.revision}'")
    return pin


def _pick_line(name: str, lines: list[Line], fits: Fits, at_hand: AtHand, notes: list[str]) -> Line | None:
    fitting = [line for line in lines if fits(name, line)]
    if not fitting:
        notes.append(f"{name}: neither side fits the spec: unlocked")
        return None
    if len(fitting) == 1:
        return fitting[0]
    present = [line for line in fitting if line.image and at_hand(line.image)]
    if len(present) == 1:
        notes.append(f"{name}: both sides fit the spec: kept the one whose image is at hand")
        return present[0]
    notes.append(f"{name}: both sides fit the spec: kept the lower digest")
    # A line without an image waits for its build: any built one goes before it.
    return min(fitting, key=lambda line: (not line.image, line.image, encode(line)))


def merge_newer(read: Lock, base: Lock, ours: Lock) -> Lock:
    """What to write, where the file came to hold `read` since a build that began with `base` made `ours`."""
    return Lock(
        models=_merge_section(read.models, base.models, ours.models),
        targets=_merge_section(read.targets, base.targets, ours.targets),
    )


def _merge_section(read: dict[str, T], base: dict[str, T], ours: dict[str, T]) -> dict[str, T]:
    """Each name from whoever changed it; from `ours` where both did, but a line goes only if neither wants it.

    What came there meanwhile, and was made anew here as it was not known, is the one that somebody settled on.
    """
    merged: dict[str, T] = {}
    for name in read.keys() | ours.keys():
        then, now, own = base.get(name), read.get(name), ours.get(name)
        kept = now if own == then or (then is None and now is not None) else own
        if kept is None and now != then:
            kept = now
        if kept is not None:
            merged[name] = kept
    return merged
