"""That no two pictures are near copies: their perceptual hashes differ in enough of 64 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import UNSET, UnsetType
from msgspec.structs import force_setattr

from imgbuild.images import Picture, perceptual_hash
from imgbuild.rules.band import check_bounds
from imgbuild.rules.base import GroupRule, Measured, Near
from imgbuild.types import Finding

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BLOCK = 256  # members compared at a time with all kept so far: two megabytes for each thousand kept


class Unique(GroupRule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Pictures whose pHashes differ in at most `distance` bits of 64 clash, and the later is blamed.

    A blamed member blames no other: what is measured against is what will be kept. The figure is the
    smallest distance to an earlier kept member; the first has none. Compared are the images of the asset or, `across`
    spec or project, those of all assets there that declare this rule with the same reach and distance.
    """

    name: ClassVar[str] = "unique"
    example: ClassVar[str] = "{distance: 6, on_fail: reroll}"

    unit: ClassVar[str] = "bits of 64"

    distance: int = 4
    # Left out, and not "asset", so that the rule is what it was before it had this parameter.
    across: Literal["asset", "spec", "project"] | UnsetType = UNSET

    def __post_init__(self) -> None:
        check_bounds(self.distance, None, "distance", "", high=64)
        if self.across == "asset":
            force_setattr(self, "across", UNSET)

    def circle(self, spec: str) -> tuple[str, ...]:
        if self.across is UNSET:
            return ()
        return (self.name, str(self.distance), *([spec] if self.across == "spec" else []))

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {"phash": perceptual_hash(picture.luma)}

    def judge_group(self, members: Sequence[tuple[str, Measured]]) -> Mapping[str, Finding]:
        import numpy as np

        ids = [id for id, _ in members]
        hashes = np.array([int(measured["phash"], 16) for _, measured in members], dtype=np.uint64)
        kept: list[int] = []
        findings: dict[str, Finding] = {}
        for start in range(0, len(ids), BLOCK):
            block = hashes[start : start + BLOCK]
            to_kept = np.bitwise_count(block[:, None] ^ hashes[kept][None, :])
            within = np.bitwise_count(block[:, None] ^ block[None, :])
            before = len(kept)
            for row in range(len(block)):
                here = [number - start for number in kept[before:]]
                distances = np.concatenate((to_kept[row], within[row, here]))
                finding = self._finding(distances, kept, ids)
                findings[ids[start + row]] = finding
                if finding.ok:
                    kept.append(start + row)
        return findings

    def _finding(self, distances: NDArray[np.uint8], kept: list[int], ids: list[str]) -> Finding:
        """The finding for a member with these distances to the members kept before it, in their order."""
        clashes = (distances <= self.distance).nonzero()[0]
        return Finding(
            ok=len(clashes) == 0,
            figure=int(distances.min()) if len(distances) else None,
            unit=self.unit,
            limit=f"more than {self.distance} from every other",
            others=tuple(ids[kept[place]] for place in clashes),
        )

    def clusters(self, members: Sequence[tuple[str, Measured]]) -> Sequence[Sequence[Near]]:
        """Connected components of the hashes that there are: equal pictures count once."""
        alike: dict[int, list[str]] = {}
        for id, measured in sorted(members):
            alike.setdefault(int(measured["phash"], 16), []).append(id)
        hashes = list(alike)
        firsts, nearest = self._components(hashes)
        found: dict[int, list[Near]] = {}
        for place, value in enumerate(hashes):
            distance, other = nearest[place]
            for id in alike[value]:
                same = next((one for one in alike[value] if one != id), "")
                near = Near(id=id, to=same or alike[hashes[other]][0], distance=0 if same else distance)
                found.setdefault(firsts[place], []).append(near)
        return [sorted(near, key=lambda item: item.id) for near in found.values() if len(near) > 1]

    def _components(self, hashes: Sequence[int]) -> tuple[list[int], list[tuple[int, int]]]:
        """For each hash the first of its component, and how far the nearest other one is, and which it is."""
        import numpy as np

        known = np.array(hashes, dtype=np.uint64)
        firsts = np.arange(len(hashes))
        nearest: list[tuple[int, int]] = []
        for start in range(0, len(hashes), BLOCK):
            distances = np.bitwise_count(known[start : start + BLOCK, None] ^ known[None, :])
            for row, each in enumerate(distances):
                place = start + row
                each[place] = 255  # farther from itself than anything is
                joined = firsts[each <= self.distance]
                others = np.unique(joined[joined != firsts[place]])
                if len(others):
                    mine = firsts[place]
                    firsts[np.isin(firsts, [mine, *others])] = min(mine, others[0])
                least = int(each.argmin())
                nearest.append((int(each[least]), least))
        return firsts.tolist(), nearest
