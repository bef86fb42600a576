"""The twelve shapes as signed distance fields, drawn once and then sampled for many pictures at a time.

A shape lives in unit coordinates: x to the right, y down, the shape within [-1, 1]. Its field gives the distance to the
edge in the same unit, negative inside. A field is kept as a grid, so that drawing costs one look-up a pixel whatever
the shape.
"""

import math
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F

SHAPES = (
    "circle", "square", "triangle", "star", "heart", "hexagon",
    "ring", "cross", "crescent", "arrow", "diamond", "drop",
)  # fmt: skip

REACH = 1.5
"""A field covers [-REACH, REACH] in both directions."""

GRID = 289
"""Points of a field in each direction: 96 to the unit, finer than two to a pixel at the largest radius."""

Points = list[tuple[float, float]]


def arc(x: float, y: float, radius: float, start: float, end: float, pieces: int = 60) -> Points:
    """Points on a circle from one angle to another (radians, clockwise on the screen)."""
    turns = [start + (end - start) * i / pieces for i in range(pieces + 1)]
    return [(x + radius * math.cos(turn), y + radius * math.sin(turn)) for turn in turns]


def circle(radius: float) -> Points:
    return arc(0, 0, radius, 0, 2 * math.pi, 90)


def star(points: int = 5, inner: float = 0.42) -> Points:
    radii = [1.0, inner] * points
    turns = [i * math.pi / points for i in range(2 * points)]
    return [(r * math.sin(turn), -r * math.cos(turn)) for r, turn in zip(radii, turns, strict=True)]


def heart() -> Points:
    """The curve x = 16 sin³ t, y = 13 cos t - 5 cos 2t - 2 cos 3t - cos 4t, brought into the unit square."""
    result = []
    for turn in np.linspace(0, 2 * math.pi, 90, endpoint=False):
        y = 13 * math.cos(turn) - 5 * math.cos(2 * turn) - 2 * math.cos(3 * turn) - math.cos(4 * turn)
        result.append((16 * math.sin(turn) ** 3 / 17, -y / 17 - 0.12))
    return result


def cross(half: float = 0.33, reach: float = 0.95) -> Points:
    arm = [(half, -reach), (half, -half), (reach, -half)]
    result: Points = []
    for quarter in range(4):
        cos, sin = round(math.cos(quarter * math.pi / 2)), round(math.sin(quarter * math.pi / 2))
        result += [(x * cos - y * sin, x * sin + y * cos) for x, y in arm]
    return result


def crescent() -> Points:
    """A disc of radius 0.95 with a disc of radius 0.75, 0.42 to its right, taken away."""
    outer = math.acos((0.95**2 + 0.42**2 - 0.75**2) / (2 * 0.95 * 0.42))
    inner = math.pi - math.acos((0.75**2 + 0.42**2 - 0.95**2) / (2 * 0.75 * 0.42))
    back = arc(0.42, 0, 0.75, 2 * math.pi - inner, inner)
    return arc(0, 0, 0.95, outer, 2 * math.pi - outer) + back


def drop(radius: float = 0.62, low: float = 0.34) -> Points:
    """A disc with the two tangents from a point one unit above the middle."""
    half = math.acos(radius / (1 + low))
    return [(0.0, -1.0), *arc(0, low, radius, half - math.pi / 2, 1.5 * math.pi - half)]


def outline(shape: str) -> list[Points]:
    """The polygons of a shape: the first is filled, a second one is a hole."""
    arrow = [(-0.95, -0.3), (0.1, -0.3), (0.1, -0.82), (0.97, 0), (0.1, 0.82), (0.1, 0.3), (-0.95, 0.3)]
    return {
        "circle": [circle(0.95)],
        "square": [[(-0.84, -0.84), (0.84, -0.84), (0.84, 0.84), (-0.84, 0.84)]],
        "triangle": [[(0, -0.92), (0.98, 0.8), (-0.98, 0.8)]],
        "star": [star()],
        "heart": [heart()],
        "hexagon": [arc(0, 0, 1, 0, 2 * math.pi, 6)[:-1]],
        "ring": [circle(0.97), circle(0.52)],
        "cross": [cross()],
        "crescent": [crescent()],
        "arrow": [arrow],
        "diamond": [[(0, -1), (0.72, 0), (0, 1), (-0.72, 0)]],
        "drop": [drop()],
    }[shape]


def distance(points: Points, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Signed distance from (x, y) to a closed polygon, negative inside (even-odd rule)."""
    nearest = np.full(x.shape, np.inf)
    inside = np.zeros(x.shape, bool)
    for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1], strict=True):
        dx, dy = bx - ax, by - ay
        along = np.clip(((x - ax) * dx + (y - ay) * dy) / max(dx * dx + dy * dy, 1e-12), 0, 1)
        nearest = np.minimum(nearest, (x - ax - along * dx) ** 2 + (y - ay - along * dy) ** 2)
        if ay != by:
            inside ^= ((ay > y) != (by > y)) & (x < ax + (y - ay) * dx / dy)
    return np.where(inside, -1, 1) * np.sqrt(nearest)


@cache
def fields() -> torch.Tensor:
    """The fields of all shapes, float32 (12, GRID, GRID), in units."""
    axis = np.linspace(-REACH, REACH, GRID)
    x, y = np.meshgrid(axis, axis)
    result = []
    for shape in SHAPES:
        parts = [distance(points, x, y) for points in outline(shape)]
        field = parts[0] if len(parts) == 1 else np.maximum(parts[0], -parts[1])
        result.append(field.astype(np.float32))
    return torch.from_numpy(np.stack(result))


@cache
def extents() -> np.ndarray:
    """The bounding box of each shape in units, (12, 4) as left, top, right, bottom."""
    boxes = []
    for shape in SHAPES:
        points = np.array(outline(shape)[0])
        boxes.append([*points.min(0), *points.max(0)])
    return np.array(boxes, np.float32)


def distances(
    shapes: torch.Tensor, centres: torch.Tensor, radii: torch.Tensor, side: int = 128, pixel: float = 1.0
) -> torch.Tensor:
    """Signed distance in pixels to each of n placed shapes: float32 (n, side, side), negative inside.

    `shapes` (n,) are places in `SHAPES`, `centres` (n, 2) are x and y in pixels, `radii` (n,) pixels to the unit.
    `pixel` is the width of a sample, so that side 64 with pixel 2 covers the same square as side 128 with pixel 1.
    """
    axis = (torch.arange(side, dtype=torch.float32) + 0.5) * pixel
    x = (axis[None, :] - centres[:, :1]) / radii[:, None]
    y = (axis[None, :] - centres[:, 1:]) / radii[:, None]
    where = torch.stack(
        torch.broadcast_tensors(x[:, None, :] / REACH, y[:, :, None] / REACH), -1
    )  # (n, side, side, 2)
    table = fields()[shapes][:, None]
    looked_up = F.grid_sample(table, where, padding_mode="border", align_corners=True)
    return looked_up[:, 0] * radii[:, None, None]
