"""What a model asks for an image: for each, by quality and size, by the megapixel, or by tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import ceil

from msgspec import Struct

ANY = "any"  # the quality that stands for each that is not listed
SQUARE = "1024x1024"
MEGAPIXEL = 1024**2  # pixels


class Price(Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """US dollars that one model costs, in one of several ways.

    source: the page that said so. image: for an image, whichever it is.
    images: for an image, by quality (or `any`) and size.
    megapixel: for each megapixel of an image; one that is begun counts whole. first_megapixel: for an image's first
    one, where that has another price. input_megapixel: for each megapixel of a picture that goes in.
    tokens: for a million of them, by kind.
    """

    source: str = ""
    image: float | None = None
    images: dict[str, dict[str, float]] = {}
    megapixel: float | None = None
    first_megapixel: float | None = None
    input_megapixel: float = 0.0
    tokens: dict[str, float] = {}

    def of_image(
        self, quality: str, width: int, height: int, given: Iterable[int] = (), *, flat: bool = False
    ) -> float | None:
        """An image of that size, in pixels; None where its price is not known.

        given: pixels of each picture that goes in. flat: what is listed for the square holds for every size.
        """
        made = self._of_listed(quality, width, height, flat=flat)
        if made is None:
            made = self._of_megapixels(width * height) if self.image is None else self.image
        return None if made is None else made + self.input_megapixel * sum(map(_megapixels, given))

    def of_tokens(self, used: Mapping[str, int]) -> float | None:
        """So many tokens of each kind; None where the price of a kind is not known."""
        if not used or any(kind not in self.tokens for kind, count in used.items() if count):
            return None
        return sum(count * self.tokens.get(kind, 0.0) for kind, count in used.items()) / 1e6

    def _of_listed(self, quality: str, width: int, height: int, *, flat: bool) -> float | None:
        """By quality and size; one of a size that is not listed by its share of the square's pixels."""
        listed = self.images.get(quality) or self.images.get(ANY) or {}
        known = listed.get(f"{width}x{height}")
        if known is None and SQUARE in listed:
            known = listed[SQUARE] * (1 if flat else width * height / MEGAPIXEL)
        return known

    def _of_megapixels(self, pixels: int) -> float | None:
        if self.megapixel is None:
            return None
        first = self.megapixel if self.first_megapixel is None else self.first_megapixel
        return first + self.megapixel * (_megapixels(pixels) - 1)


def _megapixels(pixels: int) -> int:
    return max(1, ceil(pixels / MEGAPIXEL))
