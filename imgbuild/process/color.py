"""Puts the colours of a picture right: white balance, levels from black to white, or those of another picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal, Self

from msgspec.structs import replace

from imgbuild.extras import need
from imgbuild.images import decode, flat
from imgbuild.process.bands import join, split
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FULL = 255


class Color(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Applies, in this order, what is asked for:

    white_balance: "gray-world" scales red, green and blue so that their means are equal (Buchsbaum, 1980), and
    "white-patch" so that the brightest hundredth of each is white (after Land and McCann, 1971). levels: the shares
    of pixels, at the dark and at the light end, that become black and white; what lies between is stretched, all
    channels alike, so that hues stay. match: a file, relative to the spec; each channel then has as many pixels of
    each level as there (histogram matching of scikit-image, in imgbuild[rules]). Colours are weighed by no alpha, which
    is left alone. Pictures with an embedded profile have been brought to sRGB when they were read.
    """

    name: ClassVar[str] = "color"
    example: ClassVar[str] = "{white_balance: gray-world, levels: [0.005, 0.005]}"
    keeps_size: ClassVar[bool] = True
    added: ClassVar[tuple[str, ...]] = ("match",)

    white_balance: Literal["gray-world", "white-patch"] | None = None
    levels: tuple[float, float] | None = None
    match: str | None = None

    def __post_init__(self) -> None:
        if self.white_balance is None and self.levels is None and self.match is None:
            raise ValueError("color has nothing to do: give white_balance, levels or match")
        for share in self.levels or ():
            if not 0 <= share < 0.5:
                raise ValueError(f"levels must be shares from 0 to below 0.5, not {share}")

    def files(self) -> Sequence[str]:
        return () if self.match is None else (self.match,)

    def placed(self, locate: Callable[[str], str]) -> Self:
        return self if self.match is None else replace(self, match=locate(self.match))

    def apply(self, picture: PILImage) -> PILImage:
        colours, alpha = split(picture)
        if self.white_balance and colours.mode == "RGB":
            colours = _scaled(colours, _balance(colours, self.white_balance))
        if self.levels is not None:
            colours = _stretched(colours, *self.levels)
        return join(colours.copy() if colours is picture else colours, alpha)

    def apply_with(self, picture: PILImage, files: Mapping[str, bytes]) -> PILImage:
        made = self.apply(picture)
        if self.match is None:
            return made
        need("skimage", "scikit-image", "'color: {match: …}'", "rules")
        colours, alpha = split(made)
        return join(_matched(colours, flat(decode(files[self.match], self.match))), alpha)


def _matched(colours: PILImage, reference: PILImage) -> PILImage:
    """With as many pixels of each level as the reference has."""
    import numpy as np
    from PIL import Image as pillow
    from skimage.exposure import match_histograms

    own, other = np.asarray(colours), np.asarray(reference.convert(colours.mode))
    made = match_histograms(own, other, channel_axis=-1 if own.ndim == 3 else None)
    return pillow.fromarray(np.asarray(made).round().astype(np.uint8), colours.mode)


def _balance(colours: PILImage, how: str) -> list[tuple[int, int]]:
    """What each channel is multiplied by, as a fraction of whole numbers."""
    histograms = _histograms(colours)
    if how == "white-patch":
        return [(FULL, max(1, _level_at(histogram, 0.01, light=True))) for histogram in histograms]
    sums = [sum(level * count for level, count in enumerate(histogram)) for histogram in histograms]
    return [(sum(sums), max(1, 3 * own)) for own in sums]


def _scaled(colours: PILImage, factors: list[tuple[int, int]]) -> PILImage:
    tables = [
        min(FULL, (2 * level * times + parts) // (2 * parts))
        for times, parts in factors
        for level in range(256)
    ]
    return colours.point(tables)


def _stretched(colours: PILImage, dark: float, light: float) -> PILImage:
    together = [sum(counts) for counts in zip(*_histograms(colours), strict=True)]
    low, high = _level_at(together, dark), _level_at(together, light, light=True)
    if high <= low:
        return colours
    span = high - low
    table = [min(FULL, max(0, (2 * (level - low) * FULL + span) // (2 * span))) for level in range(256)]
    return colours.point(table * len(colours.getbands()))


def _histograms(colours: PILImage) -> list[list[int]]:
    whole = colours.histogram()
    return [whole[start : start + 256] for start in range(0, len(whole), 256)]


def _level_at(histogram: list[int], share: float, *, light: bool = False) -> int:
    """The level beyond which, at the dark or the light end, lies at most that share of the pixels."""
    most, passed = int(share * sum(histogram)), 0
    for step in range(256):
        level = FULL - step if light else step
        passed += histogram[level]
        if passed > most:
            return level
    return 0 if light else FULL
