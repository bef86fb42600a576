"""Draws the faces of a picture again, by a network that knows how faces look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from imgbuild.extras import need
from imgbuild.images import flat
from imgbuild.process.aligned import square_of
from imgbuild.process.bands import join, split
from imgbuild.process.base import Operation
from imgbuild.process.restorer import Restorer
from imgbuild.weights.networks import Networks
from imgbuild.weights.yunet import SURE, Detector, Face

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class RestoreFaces(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Finds the faces of a picture, restores each by a network, and lays it back with soft borders.

    model: a declared model of provider `weights`: one ONNX file of GFPGAN, CodeFormer or their kin, run by
    imgbuild[onnx]. faces: another, the YuNet that finds them, as the rule `faces` takes it. sure: how sure it must be
    of a face, 0.3 to 1. blend: how much of the restored face is taken, 0 to 1. fidelity: of a network that can be told
    so, from 0 (as a good photograph) to 1 (as it was); left out, 0.5.

    A picture without faces stays as it is. What a network gives of a face has its size, 512 pixels for most, so that
    larger faces lose.
    """

    name: ClassVar[str] = "restore_faces"
    example: ClassVar[str] = "{model: gfpgan, faces: yunet, blend: 0.8}"
    keeps_size: ClassVar[bool] = True
    model_fields: ClassVar[tuple[str, ...]] = ("model", "faces")

    model: str
    faces: str
    sure: float = 0.8
    blend: float = 1.0
    fidelity: float | None = None

    def __post_init__(self) -> None:
        if not SURE <= self.sure <= 1:
            raise ValueError(f"sure must be between {SURE} and 1, not {self.sure}")
        if not 0 <= self.blend <= 1:
            raise ValueError(f"blend must be between 0 and 1, not {self.blend}")
        if self.fidelity is not None and not 0 <= self.fidelity <= 1:
            raise ValueError(f"fidelity must be between 0 and 1, not {self.fidelity}")

    def apply_by(self, picture: PILImage, files: Mapping[str, bytes], networks: Networks) -> PILImage:
        need("cv2", "OpenCV", f"'{self.name}'", "local")
        need("onnxruntime", "ONNX Runtime", f"'{self.name}'", "onnx")
        with networks.at_work("faces", self.faces, Detector) as detector:
            found = detector.find(flat(picture).convert("RGB"))
        found = [face for face in found if face.sure >= self.sure]
        if not found or not self.blend:
            return picture
        colours, alpha = split(picture)
        with networks.at_work("restorer", self.model, Restorer) as restorer:
            made = self._restored(colours.convert("RGB"), found, restorer)
        return join(made.convert(colours.mode), alpha)

    def _restored(self, picture: PILImage, found: list[Face], restorer: Restorer) -> PILImage:
        """found: the surest first, which is laid above the others where they meet."""
        made = picture.copy()
        for face in reversed(found):
            square = square_of(face.points, restorer.side, picture.size)
            if square is not None:
                square.lay(restorer.restore(square.cut(picture), self.fidelity), made, self.blend)
        return made
