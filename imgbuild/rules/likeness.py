"""What rules share that compare a picture with a reference: by their perceptual hashes, SSIM or LPIPS."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from msgspec.structs import replace

from imgbuild.extras import need
from imgbuild.images import Picture, decode, flat, hamming, normal, perceptual_hash
from imgbuild.rules.band import check_bounds, rounded
from imgbuild.rules.base import Measured, Rule
from imgbuild.rules.lpips import Heads, Trunk, fitting
from imgbuild.types import Value
from imgbuild.weights.networks import Networks
from imgbuild.weights.transformer import steady

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

WINDOW = 11  # pixels a side of what SSIM looks at: Gaussian, of 1.5 pixels, cut off at 3.5 of them
By = Literal["phash", "ssim", "lpips"]


class Likeness(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule on how like a picture is to the one in the file `reference`, scaled to the picture's size.

    by: phash, in how many of 64 bits their perceptual hashes differ; ssim, the mean structural similarity of their
    luma; lpips, how differently they look to a network, 0 where they are equal.
    """

    model_fields: ClassVar[tuple[str, ...]] = ("model", "head")
    bound: ClassVar[str]  # the parameter that is the threshold of lpips

    reference: str
    by: By = "phash"
    distance: int | None = None
    similarity: float | None = None
    model: str | None = None
    head: str | None = None

    def __post_init__(self) -> None:
        if not self.reference:
            raise ValueError("reference must name a picture")
        check_bounds(self.distance, None, "distance", "", high=64)
        check_bounds(self.similarity, None, "similarity", "", low=-1, high=1)
        own = {"phash": "a distance", "ssim": "a similarity", "lpips": f"a {self.bound}"}[self.by]
        if self.by != "ssim" and self.similarity is not None:
            raise ValueError(f"similarity is of ssim: say 'by: ssim', or give {own}")
        if self.by != "phash" and self.distance is not None:
            raise ValueError(f"distance is of phash: leave 'by' out, or give {own}")
        for name in (self.bound, *self.model_fields) if self.by != "lpips" else ():
            if getattr(self, name) is not None:
                raise ValueError(f"{name} is of lpips: say 'by: lpips', or leave it out")
        if self.by == "lpips" and self.model is None:
            raise ValueError("lpips needs a model: the AlexNet or VGG that it looks through")

    def measured_by(self) -> Mapping[str, Value]:
        return {"by": self.by} if self.by != "phash" else {}

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        data = files[self.reference]
        if self.by == "ssim":
            need("skimage", "scikit-image", f"rule '{self.name}' by ssim", "rules")
            return {"ssim": rounded(ssim(picture.luma, _luma_of(data, self.reference)))}
        return {"distance": hamming(perceptual_hash(picture.luma), _hash_of(data, self.reference))}

    def measure_by(self, picture: Picture, files: Mapping[str, bytes], networks: Networks) -> Measured:
        if self.model is None:
            return self.measure(picture, files)
        need("torch", "torch", f"rule '{self.name}' by lpips", "local")
        with (
            networks.at_work("lpips trunk", self.model, Trunk) as trunk,
            networks.at_work("lpips heads", self.head or self.model, Heads) as heads,
            steady(),
        ):
            data, size = files[self.reference], fitting(picture.flat.size)
            known = trunk.see_once((data, size), lambda: _fitted(_flat_of(data, self.reference), size))
            return {"lpips": rounded(heads.weigh(trunk, trunk.see(_fitted(picture.flat, size)), known))}

    def files(self) -> Sequence[str]:
        return (self.reference,)

    def placed(self, locate: Callable[[str], str]) -> Self:
        return replace(self, reference=locate(self.reference))


@lru_cache(maxsize=4)  # one reference is compared with thousands of pictures
def _hash_of(data: bytes, name: str) -> str:
    return perceptual_hash(decode(data, name))


@lru_cache(maxsize=4)
def _luma_of(data: bytes, name: str) -> PILImage:
    return flat(normal(decode(data, name), name)).convert("L")


def _flat_of(data: bytes, name: str) -> PILImage:
    return flat(normal(decode(data, name), name)).convert("RGB")


def _fitted(picture: PILImage, size: tuple[int, int]) -> PILImage:
    from PIL.Image import Resampling

    return picture if picture.size == size else picture.resize(size, Resampling.LANCZOS)


def ssim(luma: PILImage, reference: PILImage) -> float:
    """Mean structural similarity, from -1 to 1, of two pictures of mode L; the reference is scaled to the other's size.

    Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", IEEE Transactions on Image
    Processing 13 (2004): Gaussian weights, K₁ 0.01 and K₂ 0.03, levels 0…255. Sides below the window are enlarged.
    """
    import numpy as np
    from PIL.Image import Resampling
    from skimage.metrics import structural_similarity

    if reference.size != luma.size:
        reference = reference.resize(luma.size, Resampling.LANCZOS)
    if min(luma.size) < WINDOW:
        size = (max(WINDOW, luma.width), max(WINDOW, luma.height))
        luma, reference = luma.resize(size, Resampling.NEAREST), reference.resize(size, Resampling.NEAREST)
    return float(
        structural_similarity(
            np.asarray(luma),
            np.asarray(reference),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
    )
