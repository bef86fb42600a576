"""Lays a picture or a line of text over the picture: a logo, a badge, a price."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, ClassVar, Self

from msgspec.structs import replace
from PIL import Image as pillow
from PIL import ImageDraw, ImageFont

from imgbuild.colours import rgba_of
from imgbuild.errors import TargetError
from imgbuild.process.base import Operation
from imgbuild.process.laying import check_laying, drawn, lay
from imgbuild.process.placement import Anchor

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Overlay(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Lays an `image`, or a `text` in a `font`, over the picture, at `anchor` and `margin` pixels from its sides.

    image, font: files, relative to the spec. scale: the width of what is laid over, as a share of the picture's width;
    left out, an image keeps its size. size: of the text, in pixels. color: of the text. opacity: of what is laid over.
    What does not fit into the picture fails the target.
    """

    name: ClassVar[str] = "overlay"
    example: ClassVar[str] = "{image: refs/logo.png, anchor: bottom-right, margin: 24, scale: 0.2}"
    keeps_size: ClassVar[bool] = True

    image: str | None = None
    text: str | None = None
    font: str | None = None
    size: int = 48
    color: str = "black"
    anchor: Anchor = "bottom-right"
    margin: int = 0
    scale: float | None = None
    opacity: float = 1.0

    def __post_init__(self) -> None:
        if (self.image is None) == (self.text is None):
            raise ValueError("overlay needs either an image or a text")
        if (self.text is None) != (self.font is None):
            raise ValueError("text and font go together: a font is a file, such as fonts/Inter.ttf")
        if not 1 <= self.size <= 10_000:
            raise ValueError(f"size must be between 1 and 10000 pixels, not {self.size}")
        check_laying(self.margin, self.scale, self.opacity)
        rgba_of(self.color)

    def mixes_in(self) -> bool:
        return self.image is not None

    def files(self) -> Sequence[str]:
        return tuple(path for path in (self.image, self.font) if path is not None)

    def placed(self, locate: Callable[[str], str]) -> Self:
        found = {name: path for name in ("image", "font") if (path := getattr(self, name)) is not None}
        return replace(self, **{name: locate(path) for name, path in found.items()})

    def apply_with(self, picture: PILImage, files: Mapping[str, bytes]) -> PILImage:
        whole = picture.convert("RGBA")
        lay(
            whole,
            self._drawn(files),
            self.image or "the text",
            anchor=self.anchor,
            margin=self.margin,
            scale=self.scale,
            opacity=self.opacity,
        )
        return whole if picture.mode in ("RGBA", "LA") else whole.convert("RGB")

    def _drawn(self, files: Mapping[str, bytes]) -> PILImage:
        """What is laid over, RGBA, at its own size."""
        if self.image is not None:
            return drawn(files, self.image)
        font = self._font(files[self.font or ""])
        left, top, right, bottom = font.getbbox(self.text or "")
        written = pillow.new("RGBA", (max(1, int(right - left)), max(1, int(bottom - top))), (0, 0, 0, 0))
        mask = pillow.new("L", written.size, 0)
        ImageDraw.Draw(mask).text((-left, -top), self.text or "", font=font, fill=255)
        red, green, blue, alpha = rgba_of(self.color)
        written.paste((red, green, blue), (0, 0, *written.size))
        written.putalpha(mask.point([level * alpha // 255 for level in range(256)]))
        return written

    def _font(self, data: bytes) -> ImageFont.FreeTypeFont:
        try:  # the basic layout is the same wherever Pillow is, with other libraries or without
            return ImageFont.truetype(BytesIO(data), self.size, layout_engine=ImageFont.Layout.BASIC)
        except OSError as error:
            raise TargetError(
                f"{self.font} is not a font that can be read", hint="give a TrueType or OpenType file"
            ) from error
