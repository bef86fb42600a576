"""What one model of fal takes, each by the name that the vendor has for it."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from imgbuild.types import Value

IN_PIXELS, AS_RATIO = "image_size", "aspect_ratio"
RATIOS = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "5:4", "4:5", "21:9")


class Takes(Struct, frozen=True, kw_only=True):
    """The names of its fields; empty where it takes none.

    size: `image_size` for pixels, `aspect_ratio` for a ratio of `ratios`. format: takes "png".
    pictures: for a role; a field that ends in "s" takes as many as there are. sent: what else is sent, unless the
    spec says otherwise. params: those of the spec. stated: whether the spec itself says all this.
    """

    size: str = IN_PIXELS
    seed: str = "seed"
    negative: str = ""
    format: str = "output_format"
    pictures: Mapping[str, str] = {}
    ratios: tuple[str, ...] = RATIOS
    sent: Mapping[str, Value] = {}
    params: Mapping[str, Value] = {}
    stated: bool = False
