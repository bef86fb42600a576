"""Enlarges a picture: with Lanczos filtering, or with a network that has learnt what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, ClassVar

from imgbuild.extras import need
from imgbuild.process.bands import join, split
from imgbuild.process.base import Operation
from imgbuild.process.esrgan import Enlarger
from imgbuild.process.placement import check_result, check_side, scaled
from imgbuild.process.scaling import stretch
from imgbuild.process.tiles import in_tiles
from imgbuild.weights.networks import Networks
from imgbuild.weights.transformer import steady

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Upscale(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Makes a picture `factor` times as large (2), or as large as a `width` or a `height` says, and never smaller.

    model: a declared model of provider `weights`: one file of an ESRGAN or Real-ESRGAN; without it, the picture is
    scaled. What a network's own factor leaves is scaled, too, and so is alpha. tile, overlap: the network works on
    squares of that many pixels, and their borders are blended.
    """

    name: ClassVar[str] = "upscale"
    example: ClassVar[str] = "{factor: 2, model: esrgan}"
    model_fields: ClassVar[tuple[str, ...]] = ("model",)

    factor: float | None = None
    width: int | None = None
    height: int | None = None
    model: str | None = None
    tile: int = 512
    overlap: int = 32

    def __post_init__(self) -> None:
        given = [value for value in (self.factor, self.width, self.height) if value is not None]
        if len(given) > 1:
            raise ValueError("upscale takes one of factor, width and height")
        if self.factor is not None and not (isfinite(self.factor) and 1 <= self.factor <= 16):
            raise ValueError(f"factor must be between 1 and 16, not {self.factor}")
        check_side("width", self.width)
        check_side("height", self.height)
        if not 8 <= self.overlap <= 256:
            raise ValueError(f"overlap must be between 8 and 256 pixels, not {self.overlap}")
        if not 2 * self.overlap <= self.tile <= 4096:
            raise ValueError(f"tile must be between twice the overlap and 4096 pixels, not {self.tile}")

    def apply(self, picture: PILImage) -> PILImage:
        return stretch(picture, *self._size(picture))

    def apply_by(self, picture: PILImage, files: Mapping[str, bytes], networks: Networks) -> PILImage:
        width, height = self._size(picture)
        if self.model is None or (width, height) == picture.size:
            return self.apply(picture)
        need("torch", "torch", "'upscale: {model: …}'", "local")
        colours, alpha = split(picture)
        with networks.at_work("enlarger", self.model, Enlarger) as enlarger, steady():
            check_result(self.name, *(side * enlarger.scale for side in picture.size))
            enlarged = self._enlarged(colours.convert("RGB"), enlarger)
        made = stretch(enlarged, width, height).convert(colours.mode)
        return join(made, None if alpha is None else stretch(alpha, width, height))

    def _size(self, picture: PILImage) -> tuple[int, int]:
        """Of the result; that of the picture where it is as large already."""
        by = Fraction(self.factor or 2)
        if self.width is not None or self.height is not None:
            by = Fraction(self.width or self.height or 1, picture.width if self.width else picture.height)
        if by <= 1:
            return picture.size
        width, height = scaled(picture.width, by), scaled(picture.height, by)
        check_result(self.name, width, height)
        return width, height

    def _enlarged(self, picture: PILImage, enlarger: Enlarger) -> PILImage:
        """RGB, by the network's own factor."""
        import numpy as np
        import torch
        from numpy.typing import NDArray
        from PIL import Image as pillow

        def work(part: NDArray[np.float32]) -> NDArray[np.float32]:
            given = torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1)))[None]
            made: NDArray[np.float32] = enlarger.enlarge(given)[0].numpy().transpose(1, 2, 0)
            return made

        levels = np.asarray(picture, dtype=np.float32) / np.float32(255)
        made = in_tiles(levels, work, enlarger.scale, self.tile, self.overlap)
        return pillow.fromarray((np.clip(made, 0, 1) * 255 + 0.5).astype(np.uint8))
