"""Networks that tell what a picture is about from its background: U²-Net, IS-Net and their kin, as ONNX files.

Qin et al., "U²-Net: Going Deeper with Nested U-Structure for Salient Object Detection", Pattern Recognition 106 (2020);
Qin et al., "Highly Accurate Dichotomous Image Segmentation", ECCV 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from imgbuild.errors import TargetError
from imgbuild.weights.networks import Weights
from imgbuild.weights.onnx import session_of

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

# What is taken off the levels, what they are divided by, and the side of what goes in, where the file leaves it open.
PREPARED = {
    "u2net": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 320),
    "isnet": ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0), 1024),
}


class Matte:
    """A network that takes a picture and gives how much of each place belongs to what it shows."""

    def __init__(self, weights: Weights) -> None:
        self.session = session_of(weights)
        self.given = self.session.get_inputs()[0]
        self.source = weights.source
        if len(self.given.shape) != 4 or self.given.shape[1] != 3:
            raise self._misfit("it takes no picture of three colours")

    def of(self, picture: PILImage, how: str) -> PILImage:
        """Mode L, of the picture's size: 255 where it is what is shown. picture: RGB. how: a key of PREPARED."""
        import numpy as np
        from PIL import Image as pillow
        from PIL.Image import Resampling

        mean, spread, side = PREPARED[how]
        height, width = (size if isinstance(size, int) else side for size in self.given.shape[2:])
        levels = np.asarray(picture.resize((width, height), Resampling.LANCZOS), dtype=np.float32)
        levels = levels / max(float(levels.max()), 1.0)
        ready = ((levels - np.asarray(mean)) / np.asarray(spread)).transpose(2, 0, 1)[None]
        made = np.asarray(self.session.run(None, {self.given.name: ready.astype(np.float32)})[0])
        if made.size != height * width:
            raise self._misfit("it gives no mask of one channel")
        low, high = float(made.min()), float(made.max())
        if high <= low:
            raise TargetError(
                f"'{self.source}' sees nothing in the picture that stands out", hint="try another network"
            )
        mask = (made.reshape(height, width) - low) / (high - low) * 255 + 0.5
        return pillow.fromarray(mask.astype(np.uint8)).resize(picture.size, Resampling.LANCZOS)

    def _misfit(self, why: str) -> TargetError:
        return TargetError(
            f"'{self.source}' is no network that finds backgrounds: {why}",
            hint="known are U²-Net, IS-Net, and others that take and give the same",
        )
