"""What is made of a picture before a ControlNet looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgbuild.providers.diffusers.environment import check_opencv
from imgbuild.providers.diffusers.settings import Canny

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


def preprocessed(picture: PILImage, how: Canny | None) -> PILImage:
    """The picture as its ControlNet reads it, RGB, of the same size. Raises TargetError where a library is missing."""
    rgb = picture.convert("RGB")
    return rgb if how is None else _canny(rgb, how)


def _canny(picture: PILImage, how: Canny) -> PILImage:
    """White edges on black: of a pixel's channels, the one that changes most counts."""
    check_opencv()
    import cv2
    import numpy as np
    from PIL import Image

    return Image.fromarray(cv2.Canny(np.asarray(picture), how.low, how.high)).convert("RGB")
