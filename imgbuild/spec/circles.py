"""Names that name each other: where that goes round in a circle."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterator, Mapping
from typing import TypeVar

Name = TypeVar("Name", bound=Hashable)


def circles(named: Mapping[Name, Collection[Name]]) -> Iterator[list[Name]]:
    """Each circle once, from the name it was entered by: the last of its names names the first again.

    named: name → those that it names, in order; one that is no key names nothing. However deep it goes: no recursion.
    """
    settled: set[Name] = set()
    for root in named:
        trail: dict[Name, Iterator[Name]] = {} if root in settled else {root: iter(named[root])}
        while trail:
            name = next(reversed(trail))
            step = next((item for item in trail[name] if item in named and item not in settled), None)
            if step is None:
                settled.add(name)
                del trail[name]
            elif step in trail:
                names = list(trail)
                yield names[names.index(step) :]
            else:
                trail[step] = iter(named[step])
