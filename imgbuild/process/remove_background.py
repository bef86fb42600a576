"""Makes the ground of a picture transparent: by its colour, or as a network sees it."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import TYPE_CHECKING, ClassVar, Literal

from imgbuild.errors import TargetError
from imgbuild.extras import need
from imgbuild.ground import CONTRAST, box_of, ground_of, off_ground
from imgbuild.images import flat
from imgbuild.process.bands import with_alpha
from imgbuild.process.base import Operation
from imgbuild.process.matte import Matte
from imgbuild.weights.networks import Networks

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as PILImage

ROUNDS = 5  # of GrabCut: more change little


class RemoveBackground(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Makes transparent what hangs together with the border, and is within `contrast` levels of its median.

    So a white shirt on white stays whole if its outline is darker. method: "flood" does just that; "grabcut" takes what
    that leaves for a first guess, and cuts along edges that it finds (Rother et al., "GrabCut", SIGGRAPH 2004; OpenCV's
    implementation, in imgbuild[local]). feather: blurs the outline by that many pixels.

    model: in place of all that, a declared model of provider `weights`: one ONNX file of U²-Net, IS-Net or their kin,
    run by imgbuild[onnx]. prepare: how such a network wants its pictures, "u2net" (the default) or "isnet".
    """

    name: ClassVar[str] = "remove_background"
    example: ClassVar[str] = "{method: flood, contrast: 24}"
    keeps_size: ClassVar[bool] = True

    model_fields: ClassVar[tuple[str, ...]] = ("model",)
    added: ClassVar[tuple[str, ...]] = ("model", "prepare")

    method: Literal["flood", "grabcut"] = "flood"
    contrast: int = CONTRAST
    feather: float = 0.5
    model: str | None = None
    prepare: Literal["u2net", "isnet"] | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.contrast <= 254:
            raise ValueError(f"contrast must be between 0 and 254 levels, not {self.contrast}")
        if not isfinite(self.feather) or not 0 <= self.feather <= 100:
            raise ValueError(f"feather must be between 0 and 100 pixels, not {self.feather}")
        if self.prepare is not None and self.model is None:
            raise ValueError("prepare only matters where a model is named")

    def apply_by(self, picture: PILImage, files: Mapping[str, bytes], networks: Networks) -> PILImage:
        if self.model is None:
            return self.apply(picture)
        need("onnxruntime", "ONNX Runtime", "'remove_background: {model: …}'", "onnx")
        with networks.at_work("matte", self.model, Matte) as matte:
            return with_alpha(picture, matte.of(flat(picture).convert("RGB"), self.prepare or "u2net"))

    def apply(self, picture: PILImage) -> PILImage:
        import numpy as np
        from PIL import Image as pillow
        from PIL.ImageFilter import GaussianBlur

        rgb = np.asarray(flat(picture).convert("RGB"))
        kept = _not_flooded(off_ground(rgb, ground_of(rgb), self.contrast))
        if self.method == "grabcut":
            need("cv2", "OpenCV", "'remove_background: {method: grabcut}'", "local")
            kept = _grab_cut(rgb, kept)
        if not kept.any():
            raise TargetError("all of the picture is background", hint="lower 'contrast'")
        mask = pillow.fromarray(kept.astype(np.uint8) * 255)
        return with_alpha(picture, mask.filter(GaussianBlur(self.feather)) if self.feather else mask)


def _not_flooded(standing_out: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Height × width: all but what does not stand out, and hangs together with the border."""
    import numpy as np
    from scipy.ndimage import label

    pools, _ = label(~standing_out)
    wet = np.unique(np.concatenate([pools[0], pools[-1], pools[:, 0], pools[:, -1]]))
    return ~np.isin(pools, wet[wet > 0])


def _grab_cut(rgb: NDArray[np.uint8], kept: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What GrabCut keeps: outside of the box around the guess is background for sure."""
    import cv2
    import numpy as np

    box = box_of(kept)
    if box is None or box == (0, 0, rgb.shape[1], rgb.shape[0]):
        return kept  # with no ground around it, there is nothing to learn from
    left, top, right, bottom = box
    marks = np.full(kept.shape, cv2.GC_BGD, dtype=np.uint8)
    marks[top:bottom, left:right] = cv2.GC_PR_BGD
    marks[kept] = cv2.GC_PR_FGD
    cv2.setRNGSeed(0)  # it begins at clusters that are drawn by chance
    models = (np.zeros((1, 65)), np.zeros((1, 65)))
    cv2.grabCut(np.ascontiguousarray(rgb[..., ::-1]), marks, None, *models, ROUNDS, cv2.GC_INIT_WITH_MASK)
    return np.asarray((marks == cv2.GC_FGD) | (marks == cv2.GC_PR_FGD))
