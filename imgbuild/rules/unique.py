"""That no two pictures are near copies: their perceptual hashes differ in enough of 64 bits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from msgspec import UNSET, UnsetType
from msgspec.structs import force_setattr

from imgbuild.images import Picture, perceptual_hash
from imgbuild.rules.band import check_bounds
from imgbuild.rules.base import GroupRule, Measured
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
            unit="bits of 64",
            limit=f"more than {self.distance} from every other",
            others=tuple(ids[kept[place]] for place in clashes),
        )
