"""The edges of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgbuild.extras import need
from imgbuild.providers.diffusers.looks import Canny

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class EdgeEye:
    """White edges on black: of a pixel's channels, the one that changes most counts."""

    def __init__(self, how: Canny) -> None:
        need("cv2", "OpenCV", "'preprocess: canny'", "local")
        self.how = how

    def see(self, picture: PILImage) -> PILImage:
        import cv2
        import numpy as np
        from PIL import Image

        return Image.fromarray(cv2.Canny(np.asarray(picture), self.how.low, self.how.high)).convert("RGB")
