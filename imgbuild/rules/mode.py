"""The mode of the pixels (Pillow's names), and whether any pixel is really not opaque."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from imgbuild.images import Picture, has_alpha, normal
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding


class Mode(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the mode to `mode`; `alpha: true` asks for a pixel that is not opaque, `false` for none.

    An alpha channel that is 255 everywhere is opaque: what counts is what shows.
    """

    name: ClassVar[str] = "mode"
    example: ClassVar[str] = "{mode: RGB}"

    mode: Literal["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"] | None = None
    alpha: bool | None = None

    def __post_init__(self) -> None:
        if self.mode is None and self.alpha is None:
            raise ValueError("mode has nothing to check: give mode, alpha or both")

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {"mode": picture.pixels.mode, "alpha": _shows_through(picture)}

    def judge(self, measured: Measured) -> Finding:
        ok = self.mode in (None, measured["mode"]) and self.alpha in (None, measured["alpha"])
        asked = [
            *([self.mode] if self.mode else []),
            *([_words(self.alpha)] if self.alpha is not None else []),
        ]
        return Finding(
            ok=ok, figure=f"{measured['mode']}, {_words(measured['alpha'])}", limit=", ".join(asked)
        )


def _shows_through(picture: Picture) -> bool:
    if not has_alpha(picture.pixels):
        return False
    least = normal(picture.pixels, picture.name).getchannel("A").getextrema()[0]
    return bool(least != 255)


def _words(alpha: bool) -> str:
    return "transparent" if alpha else "opaque"
