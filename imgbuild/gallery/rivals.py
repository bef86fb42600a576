"""Pictures that compete, as the page groups them, and who wins."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from imgbuild.expand.winners import common_id
from imgbuild.gallery.look import Look
from imgbuild.reviews.lines import Kind
from imgbuild.types import Target

SETTLING: tuple[Kind, ...] = ("approve", "pick", "reject")  # what may change who wins


class Rivals(Struct, frozen=True, kw_only=True):
    """Some of one asset that compete. name: what their ids share. output: where the winner is published, too, if it is.

    targets: places in the catalogue's list.
    """

    name: str
    output: str
    targets: tuple[int, ...]


def rivals_of(look: Look) -> tuple[Rivals, ...]:
    """Every group of rivals, by the first of them that is shown."""
    expansion, graph = look.found.project.expansion, look.found.project.graph
    if not expansion.contests:
        return ()
    places = {target.id: at for at, target in enumerate(look.chosen)}
    outputs = {common_id(group.rivals): group.path for group in expansion.trials}
    found: dict[str, Rivals] = {}
    for ids in expansion.contests:
        name = common_id([graph.targets[id] for id in ids])
        shown = tuple([places[id] for id in ids if id in places])
        if shown:
            found[name] = Rivals(name=name, output=outputs.get(name, ""), targets=shown)
    return tuple(sorted(found.values(), key=lambda rivals: rivals.targets))


def winners_of(look: Look) -> frozenset[str]:
    """Those that were picked over others and are approved, with the pictures that they have now."""
    targets, winners = look.found.project.graph.targets, look.found.winners
    return frozenset(name for name in winners if look.standing_of(targets[name]).state == "approved")


def is_settling(look: Look, kind: Kind, targets: Iterable[Target]) -> bool:
    """Whether such a decision on these may change who wins, and so what is made from the winner."""
    return kind in SETTLING and any(target.id in look.competing for target in targets)
