"""What is made of a picture before a ControlNet looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgbuild.providers.diffusers.depth import Eye
from imgbuild.providers.diffusers.environment import check_opencv
from imgbuild.providers.diffusers.part import Canny, Preprocess

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


def preprocessed(picture: PILImage, how: Preprocess | None, eye: Eye | None) -> PILImage:
    """The picture as its ControlNet reads it, RGB, of the same size. Raises TargetError where a library is missing.

    eye: what sees depth, where that is asked for.
    """
    rgb = picture.convert("RGB")
    if isinstance(how, Canny):
        return _canny(rgb, how)
    return rgb if eye is None else eye.depth(rgb)


def _canny(picture: PILImage, how: Canny) -> PILImage:
    """White edges on black: of a pixel's channels, the one that changes most counts."""
    check_opencv()
    import cv2
    import numpy as np
    from PIL import Image

    return Image.fromarray(cv2.Canny(np.asarray(picture), how.low, how.high)).convert("RGB")
