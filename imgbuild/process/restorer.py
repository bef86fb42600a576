"""Networks that draw a face again as it would look in a good photograph, as ONNX files.

All take a face that is upright, in the place where the pictures of FFHQ have it (Karras et al., "A Style-Based
Generator Architecture for Generative Adversarial Networks", CVPR 2019), and give it back: GFPGAN (Wang et al., "Towards
Real-World Blind Face Restoration with Generative Facial Prior", CVPR 2021), CodeFormer (Zhou et al., "Towards Robust
Blind Face Restoration with Codebook Lookup Transformer", NeurIPS 2022), RestoreFormer, GPEN and their kin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgbuild.errors import TargetError
from imgbuild.weights.networks import Weights
from imgbuild.weights.onnx import session_of

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

SIDE = 512  # pixels, where the file leaves it open
FIDELITY = 0.5  # where a network takes one and none is given
_FIGURES = {"tensor(float)": "float32", "tensor(double)": "float64"}


class Restorer:
    """A network that takes a face and gives it restored. side: of both, in pixels."""

    def __init__(self, weights: Weights) -> None:
        self.session = session_of(weights)
        self.source = weights.source
        self.given, *self.more = self.session.get_inputs()
        sides = [side if isinstance(side, int) else SIDE for side in self.given.shape[2:]]
        if len(self.given.shape) != 4 or self.given.shape[1] != 3 or sides[0] != sides[1]:
            raise self._misfit("it takes no square of three colours")
        if len(self.more) > 1 or any(item.type not in _FIGURES for item in self.more):
            raise self._misfit("it wants more than a picture and one figure")
        self.side: int = sides[0]

    def restore(self, face: PILImage, fidelity: float | None) -> PILImage:
        """face: RGB, `side` pixels square. fidelity: for a network that takes one, 0 (beautiful) to 1 (faithful)."""
        import numpy as np
        from PIL import Image as pillow

        if fidelity is not None and not self.more:
            raise TargetError(f"'{self.source}' takes no fidelity", hint="leave 'fidelity' out")
        levels = np.asarray(face, dtype=np.float32) / np.float32(127.5) - np.float32(1)
        feed: dict[str, Any] = {self.given.name: np.ascontiguousarray(levels.transpose(2, 0, 1)[None])}
        for item in self.more:
            shape = [1 for _ in item.shape]
            feed[item.name] = np.full(shape, FIDELITY if fidelity is None else fidelity, _FIGURES[item.type])
        made = np.asarray(self.session.run(None, feed)[0])
        if made.shape != (1, 3, self.side, self.side) or not np.isfinite(made).all():
            raise self._misfit("it gives no picture of the size of what it takes")
        made = (np.clip(made[0].transpose(1, 2, 0), -1, 1) + 1) * 127.5 + 0.5
        return pillow.fromarray(made.astype(np.uint8))

    def _misfit(self, why: str) -> TargetError:
        return TargetError(
            f"'{self.source}' is no network that restores faces: {why}",
            hint="known are GFPGAN, CodeFormer, and others that take and give the same",
        )
