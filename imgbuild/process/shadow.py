"""Lays a soft shadow below a cut-out."""

from __future__ import annotations

from math import ceil, isfinite
from typing import TYPE_CHECKING, ClassVar

from PIL import Image as pillow

from imgbuild.colours import rgba_of
from imgbuild.errors import TargetError
from imgbuild.process.base import Operation
from imgbuild.process.placement import check_result

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

SPREAD = 3  # standard deviations of a blur beyond which nothing is seen


class Shadow(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lays a shadow of `color`, as opaque as `opacity`, `x` and `y` pixels right of and below what is opaque.

    blur: its standard deviation, in pixels. grow: makes the picture larger where the shadow would be cut off; false
    keeps its size. The picture needs alpha: cut something out of its ground first.
    """

    name: ClassVar[str] = "shadow"
    example: ClassVar[str] = "{y: 12, blur: 16, opacity: 0.4}"

    x: int = 0
    y: int = 8
    blur: float = 12.0
    color: str = "black"
    opacity: float = 0.5
    grow: bool = True

    def __post_init__(self) -> None:
        if max(abs(self.x), abs(self.y)) > 10_000:
            raise ValueError("x and y must be between -10000 and 10000 pixels")
        if not isfinite(self.blur) or not 0 <= self.blur <= 1000:
            raise ValueError(f"blur must be between 0 and 1000 pixels, not {self.blur}")
        if not 0 <= self.opacity <= 1:
            raise ValueError(f"opacity must be between 0 and 1, not {self.opacity}")
        if rgba_of(self.color)[3] != 255:
            raise ValueError(f"color must be opaque, not '{self.color}': say so by 'opacity'")

    def apply(self, picture: PILImage) -> PILImage:
        from PIL.ImageFilter import GaussianBlur

        if picture.mode not in ("RGBA", "LA"):
            raise TargetError(
                "a picture without alpha throws no shadow", hint="cut it out of its ground first"
            )
        left, top, right, bottom = self._room()
        size = (picture.width + left + right, picture.height + top + bottom)
        check_result(self.name, *size)
        cut_out = picture.convert("RGBA")
        shape = pillow.new("L", size, 0)
        shape.paste(cut_out.getchannel("A"), (left + self.x, top + self.y))
        shape = shape.filter(GaussianBlur(self.blur)).point(
            [int(level * self.opacity + 0.5) for level in range(256)]
        )
        ground = pillow.new("RGBA", size, rgba_of(self.color))
        ground.putalpha(shape)
        ground.alpha_composite(cut_out, (left, top))
        return ground

    def _room(self) -> tuple[int, int, int, int]:
        """The pixels that are added at the left, the top, the right and the bottom."""
        if not self.grow:
            return 0, 0, 0, 0
        soft = ceil(self.blur * SPREAD)
        return max(0, soft - self.x), max(0, soft - self.y), max(0, soft + self.x), max(0, soft + self.y)
