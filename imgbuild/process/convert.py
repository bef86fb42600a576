"""Brings a picture to a mode: colour or gray, with alpha or without."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from imgbuild.colours import rgba_of
from imgbuild.images import flat, has_alpha
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Convert(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Converts to `mode`. Gray is ITU-R BT.601 luma; alpha that is added is opaque.

    background: the opaque colour that a picture is laid on where its alpha is dropped.
    """

    name: ClassVar[str] = "convert"
    example: ClassVar[str] = "{mode: RGB}"
    keeps_size: ClassVar[bool] = True

    mode: Literal["RGB", "RGBA", "L", "LA"]
    background: str | None = None

    def __post_init__(self) -> None:
        if self.background is None:
            return
        if rgba_of(self.background)[3] != 255:
            raise ValueError(f"background must be opaque, not '{self.background}'")
        if self.mode in ("RGBA", "LA"):
            raise ValueError(f"background only matters where alpha is dropped; {self.mode} keeps it")

    def apply(self, picture: PILImage) -> PILImage:
        if self.mode in ("RGB", "L") and has_alpha(picture):
            picture = flat(picture, rgba_of(self.background or "white"))
        return picture if picture.mode == self.mode else picture.convert(self.mode)
