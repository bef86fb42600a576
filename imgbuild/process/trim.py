"""Cuts away the ground around what a picture shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from imgbuild.errors import TargetError
from imgbuild.ground import CONTRAST, box_of, subject
from imgbuild.images import flat
from imgbuild.process.base import Operation

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Trim(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keeps the box around the subject, and `margin` pixels of ground on each side, as far as there are some.

    The subject is what is opaque in a picture with transparent pixels, and in others what differs by more than
    `contrast` levels from the median of the outermost pixels. Without any, the target fails.
    """

    name: ClassVar[str] = "trim"
    example: ClassVar[str] = "{margin: 16}"

    margin: int = 0
    contrast: int = CONTRAST

    def __post_init__(self) -> None:
        if self.margin < 0:
            raise ValueError(f"margin must be at least 0, not {self.margin}")
        if not 0 <= self.contrast <= 254:
            raise ValueError(f"contrast must be between 0 and 254 levels, not {self.contrast}")

    def apply(self, picture: PILImage) -> PILImage:
        import numpy as np

        alpha = np.asarray(picture.getchannel("A")) if picture.mode in ("RGBA", "LA") else None
        box = box_of(subject(np.asarray(flat(picture).convert("RGB")), alpha, self.contrast))
        if box is None:
            raise TargetError("there is nothing to trim around", hint="the whole picture is ground")
        left, top, right, bottom = box
        return picture.crop(
            (
                max(0, left - self.margin),
                max(0, top - self.margin),
                min(picture.width, right + self.margin),
                min(picture.height, bottom + self.margin),
            )
        )
