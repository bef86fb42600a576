"""Faces turned upright out of a picture, and laid back into it.

Places in a plane are complex numbers, x + iy in pixels, so that a similarity is z → az + b.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct
from PIL import Image as pillow

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

# Where FFHQ has eyes, nose and corners of the mouth on average, of a square of 512 pixels, as facexlib gives them.
TEMPLATE = (
    192.98138 + 239.94708j,
    318.90277 + 240.1936j,
    256.63416 + 314.01935j,
    201.26117 + 371.41043j,
    313.08905 + 371.15118j,
)
OF = 512  # pixels
FEATHER = 0.125  # of a face's side, over which it fades at each border
GREY = (135, 133, 132)  # what lies beyond the picture
LEAST = 4  # pixels of the picture: the side of a square that can be a face
MOST = 4  # sides of the picture: beyond, the points are no face's


class Square(Struct, frozen=True, kw_only=True):
    """Where a face lies in a picture: a place z there is at turn · z + shift of a square of `side` pixels."""

    turn: complex
    shift: complex
    side: int

    def cut(self, picture: PILImage) -> PILImage:
        """The square of an RGB picture, upright."""
        return _warped(picture, (self.side, self.side), 1 / self.turn, -self.shift / self.turn)

    def lay(self, face: PILImage, picture: PILImage, blend: float) -> None:
        """Lay the square back into an RGB picture, which is changed, fading at its borders. blend: 0 to 1."""
        left, top, right, bottom = self._box(picture.size)
        if left >= right or top >= bottom:
            return
        size, shift = (right - left, bottom - top), self.turn * complex(left, top) + self.shift
        mask = _warped(_feathered(self.side), size, self.turn, shift)
        picture.paste(
            _warped(face, size, self.turn, shift),
            (left, top),
            mask.point([int(level * blend + 0.5) for level in range(256)]),
        )

    def _box(self, size: tuple[int, int]) -> tuple[int, int, int, int]:
        """What the square covers of a picture: left, top, right, bottom."""
        corners = [(self.side * corner - self.shift) / self.turn for corner in (0, 1, 1j, 1 + 1j)]
        xs, ys = [corner.real for corner in corners], [corner.imag for corner in corners]
        low, high = (max(0, int(min(xs))), max(0, int(min(ys)))), (int(max(xs)) + 1, int(max(ys)) + 1)
        return (*low, min(size[0], high[0]), min(size[1], high[1]))


def square_of(points: tuple[complex, ...], side: int, size: tuple[int, int]) -> Square | None:
    """The square that has the points nearest to their places, by least squares; None where they are no face's.

    Umeyama, "Least-Squares Estimation of Transformation Parameters Between Two Point Patterns", IEEE TPAMI 13 (1991);
    in the plane, and without mirroring, it is one quotient. side: in pixels. size: of the picture.
    """
    wanted = [place * side / OF for place in TEMPLATE]
    middle, centre = sum(points) / len(points), sum(wanted) / len(wanted)
    away = [place - middle for place in points]
    spread = sum(abs(place) ** 2 for place in away)
    pairs = zip(away, wanted, strict=True)
    turn = sum(place.conjugate() * (to - centre) for place, to in pairs) / max(spread, 1e-9)
    if not LEAST * abs(turn) <= side <= MOST * max(size) * abs(turn):
        return None
    return Square(turn=turn, shift=centre - turn * middle, side=side)


def _warped(picture: PILImage, size: tuple[int, int], turn: complex, shift: complex) -> PILImage:
    """A picture of that size, whose place z is at turn · z + shift of the given one."""
    by = max(1, int(abs(turn)))  # pixels that fall together are averaged
    if by > 1:
        picture, turn, shift = picture.reduce(by), turn / by, shift / by
    data = (turn.real, -turn.imag, shift.real, turn.imag, turn.real, shift.imag)
    how, fill = (
        (pillow.Resampling.BICUBIC, GREY) if picture.mode == "RGB" else (pillow.Resampling.BILINEAR, 0)
    )
    return picture.transform(size, pillow.Transform.AFFINE, data, how, fillcolor=fill)


@lru_cache(maxsize=4)
def _feathered(side: int) -> PILImage:
    """How much each pixel of a face counts: 255 inside, falling to 0 at the borders."""
    import numpy as np

    places = np.arange(side) + 0.5
    share = np.clip(np.minimum(places, side - places) / (FEATHER * side), 0, 1)
    share = share * share * (3 - 2 * share)
    return pillow.fromarray((share[:, None] * share[None, :] * 255 + 0.5).astype(np.uint8))
