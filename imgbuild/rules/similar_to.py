"""How far a picture is from a reference: in how many of 64 bits their perceptual hashes differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, Self

from msgspec.structs import replace

from imgbuild.images import Picture, decode, hamming, perceptual_hash
from imgbuild.rules.band import check_bounds
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding


class SimilarTo(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the pHash distance to the picture in the file `reference` to at most `distance` bits of 64.

    The same picture scaled or recompressed differs in a few bits, an unrelated one in about 32.
    """

    name: ClassVar[str] = "similar_to"

    reference: str
    distance: int = 10

    def __post_init__(self) -> None:
        if not self.reference:
            raise ValueError("reference must name a picture")
        check_bounds(self.distance, None, "distance", "", high=64)

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        wanted = _hash_of(files[self.reference], self.reference)
        return {"distance": hamming(perceptual_hash(picture.luma), wanted)}

    def judge(self, measured: Measured) -> Finding:
        figure = measured["distance"]
        return Finding(
            ok=figure <= self.distance,
            figure=figure,
            unit="bits of 64",
            limit=f"at most {self.distance} from {self.reference}",
        )

    def files(self) -> Sequence[str]:
        return (self.reference,)

    def placed(self, locate: Callable[[str], str]) -> Self:
        return replace(self, reference=locate(self.reference))


@lru_cache(maxsize=4)  # one reference is compared with thousands of pictures
def _hash_of(data: bytes, name: str) -> str:
    return perceptual_hash(decode(data, name))
