"""Images that a rule over several finds alike, directly or through others: who is near whom, and how near."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from imgbuild.foreign import foreign
from imgbuild.report.text import with_unit
from imgbuild.rules.base import GroupRule, Near
from imgbuild.run.accept import Member


class Cluster(Struct, frozen=True, kw_only=True):
    """At least two images, by id. unit: of their distances. outputs: their paths, by id."""

    rule: str
    unit: str
    members: tuple[Near, ...]
    outputs: Mapping[str, str]

    def lines(self) -> list[str]:
        """A head, and a line for each: `  b.png  2 bits of 64 from a.png`."""
        told = [f"  {near.id}  {with_unit(near.distance, self.unit)} from {near.to}" for near in self.members]
        return [f"{len(self.members)} images are alike ({self.rule}):", *told]


def clusters_of(members: Sequence[Member], outputs: Mapping[str, str]) -> list[Cluster]:
    """The clusters of each rule, the largest first. outputs: paths by id. Raises Broke."""
    circles: dict[tuple[str, ...], tuple[GroupRule, list[Member], list[int]]] = {}
    for member in members:
        for place, circle in member.circles:
            rule = member.rules[place]
            assert isinstance(rule, GroupRule)
            _, joined, places = circles.setdefault(circle, (rule, [], []))
            joined.append(member)
            places.append(place)
    found: dict[tuple[str, tuple[Near, ...]], Cluster] = {}
    for rule, joined, places in circles.values():
        measured = {member.id: member.measured[at] for member, at in zip(joined, places, strict=True)}
        with foreign(f"rule '{rule.name}'"):
            for near in rule.clusters(list(measured.items())):
                found[rule.name, tuple(near)] = Cluster(
                    rule=rule.name,
                    unit=rule.unit,
                    members=tuple(near),
                    outputs={item.id: outputs[item.id] for item in near},
                )
    return sorted(found.values(), key=lambda item: (-len(item.members), item.members[0].id, item.rule))
