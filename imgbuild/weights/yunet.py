"""Where the faces of a picture are, as YuNet finds them.

Wu et al., "YuNet: A Tiny Millisecond-level Face Detector", Machine Intelligence Research 20 (2023), run by OpenCV.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from imgbuild.errors import ProviderFailed
from imgbuild.weights.networks import Weights

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

SURE = 0.3  # what is less sure to be a face is not found
OVERLAP = 0.3  # of two finds, from which they are one face
SIDE = 1024  # pixels: a larger picture is scaled down to it, since faces are found from 10 to 300 pixels


class Face(Struct, frozen=True, kw_only=True):
    """A face of a picture. sure: how sure it is one, to 1. size: its height as a share of the picture's.

    points: pixels from the picture's top left corner, x + iy: the eye that is further left where the face is upright,
    the other one, the tip of the nose, the corners of the mouth in the same order.
    """

    sure: float
    size: float
    points: tuple[complex, ...]


class Detector:
    """YuNet, as OpenCV runs it."""

    def __init__(self, weights: Weights) -> None:
        import cv2

        self.source, self.errors = weights.source, cv2.error
        with self._explained():
            self.net = cv2.FaceDetectorYN.create(str(weights.path), "", (32, 32), SURE, OVERLAP)

    def find(self, picture: PILImage) -> list[Face]:
        """The faces of an RGB picture, the surest first."""
        import numpy as np

        seen = picture
        if max(picture.size) > SIDE:
            seen = picture.copy()
            seen.thumbnail((SIDE, SIDE))
        with self._explained():
            self.net.setInputSize(seen.size)
            _, rows = self.net.detect(np.ascontiguousarray(np.asarray(seen)[..., ::-1]))
        found = [_face(row, seen, picture) for row in ([] if rows is None else rows)]
        return sorted(found, key=lambda face: (face.sure, face.size), reverse=True)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except self.errors as error:
            raise ProviderFailed(
                f"'{self.source}' is no network that finds faces", hint="take YuNet of OpenCV's zoo"
            ) from error


def _face(row: Sequence[Any], seen: PILImage, picture: PILImage) -> Face:
    """row: left, top, width, height, five points, how sure; in pixels of `seen`, which is the picture or smaller."""
    across, down = picture.width / seen.width, picture.height / seen.height
    places = [float(value) for value in row[4:14]]
    points = tuple(complex(x * across, y * down) for x, y in zip(places[::2], places[1::2], strict=True))
    return Face(sure=float(row[14]), size=float(row[3]) / seen.height, points=points)
