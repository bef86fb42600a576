"""Skeletons as OpenPose draws them, which is what ControlNets for poses were trained with.

Eighteen joints in the colours of the rainbow, twenty degrees apart, and between them limbs, each in the colour of its
number and at six tenths of its light. Source: the rendering of OpenPose's COCO model (Cao et al., "OpenPose: Realtime
Multi-Person 2D Pose Estimation using Part Affinity Fields", 2019).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

Joint = tuple[float, float]  # pixels from the left and from the top

# As COCO numbers them.
JOINTS = (
    "nose",
    *("left eye", "right eye", "left ear", "right ear"),
    *("left shoulder", "right shoulder", "left elbow", "right elbow", "left wrist", "right wrist"),
    *("left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle"),
)
# As OpenPose numbers them; the neck lies between the shoulders.
_ORDER = (
    *("nose", "neck"),
    *("right shoulder", "right elbow", "right wrist", "left shoulder", "left elbow", "left wrist"),
    *("right hip", "right knee", "right ankle", "left hip", "left knee", "left ankle"),
    *("right eye", "left eye", "right ear", "left ear"),
)
_LIMBS = (
    ("neck", "right shoulder"),
    ("neck", "left shoulder"),
    ("right shoulder", "right elbow"),
    ("right elbow", "right wrist"),
    ("left shoulder", "left elbow"),
    ("left elbow", "left wrist"),
    ("neck", "right hip"),
    ("right hip", "right knee"),
    ("right knee", "right ankle"),
    ("neck", "left hip"),
    ("left hip", "left knee"),
    ("left knee", "left ankle"),
    ("neck", "nose"),
    ("nose", "right eye"),
    ("right eye", "right ear"),
    ("nose", "left eye"),
    ("left eye", "left ear"),
)
_WIDTH, _SIDE = (
    4,
    512,
)  # half the width of a limb, and a joint's radius, in a picture of so many pixels a side
_DIM = 0.6


def draw(people: Sequence[Mapping[str, Joint]], size: tuple[int, int]) -> PILImage:
    """The skeletons of people on black: RGB. people: of each, where its joints are; those that are not seen lack."""
    import numpy as np
    from PIL import Image

    canvas = np.zeros((size[1], size[0], 3), dtype=np.uint8)
    radius = max(1, round(_WIDTH * min(size) / _SIDE))
    for joints in map(_with_neck, people):
        for number, (one, other) in enumerate(_LIMBS):
            if one in joints and other in joints:
                _draw_limb(canvas, joints[one], joints[other], radius, _color(number, _DIM))
    for joints in map(_with_neck, people):
        for number, name in enumerate(_ORDER):
            if name in joints:
                _draw_joint(canvas, joints[name], radius, _color(number))
    return Image.fromarray(canvas)


def _with_neck(joints: Mapping[str, Joint]) -> Mapping[str, Joint]:
    if "left shoulder" not in joints or "right shoulder" not in joints:
        return joints
    (x1, y1), (x2, y2) = joints["left shoulder"], joints["right shoulder"]
    return {**joints, "neck": ((x1 + x2) / 2, (y1 + y2) / 2)}


def _color(number: int, light: float = 1.0) -> tuple[int, int, int]:
    from colorsys import hsv_to_rgb

    red, green, blue = (round(255 * level * light) for level in hsv_to_rgb(number / len(_ORDER), 1, 1))
    return red, green, blue


def _draw_limb(canvas: Any, one: Joint, other: Joint, radius: int, color: tuple[int, int, int]) -> None:
    """An ellipse from joint to joint."""
    import cv2

    (x1, y1), (x2, y2) = one, other
    middle = (round((x1 + x2) / 2), round((y1 + y2) / 2))
    axes = (round(math.dist(one, other) / 2), radius)
    angle = round(math.degrees(math.atan2(y2 - y1, x2 - x1)))
    cv2.fillConvexPoly(canvas, cv2.ellipse2Poly(middle, axes, angle, 0, 360, 1), color)


def _draw_joint(canvas: Any, at: Joint, radius: int, color: tuple[int, int, int]) -> None:
    import cv2

    cv2.circle(canvas, (round(at[0]), round(at[1])), radius, color, thickness=-1)
