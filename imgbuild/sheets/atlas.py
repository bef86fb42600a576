"""The map of a sprite sheet, in the form that TexturePacker calls "JSON (Hash)".

PixiJS, Phaser and other engines load it: https://pixijs.download/release/docs/assets.Spritesheet.html
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from imgbuild.sheets.layout import Box, Size
from imgbuild.types import Value


def write_map(image: str, size: Size, frames: Sequence[tuple[str, Box]]) -> bytes:
    """JSON text. image: file name of the sheet, beside which the map stands; size: of it. frames: pictures by name."""
    whole = {
        "frames": {name: _frame(box) for name, box in frames},
        "meta": {
            "app": "imgbuild",
            "image": image,
            "format": "RGBA8888",
            "size": {"w": size[0], "h": size[1]},
            "scale": "1",
        },
    }
    return msgspec.json.format(msgspec.json.encode(whole), indent=2) + b"\n"


def _frame(box: Box) -> dict[str, Value]:
    left, top, width, height = box
    return {
        "frame": {"x": left, "y": top, "w": width, "h": height},
        "rotated": False,
        "trimmed": False,
        "spriteSourceSize": {"x": 0, "y": 0, "w": width, "h": height},
        "sourceSize": {"w": width, "h": height},
    }
