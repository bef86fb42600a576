"""What is where in a picture, each class in its own colour."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from imgbuild.colours import rgba_of
from imgbuild.errors import ProviderFailed
from imgbuild.providers.diffusers.preprocess.eye import Model

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_HINT = "write a list with a colour for each class, in their order: [red, green, blue] or '#rrggbb'"


class SegmentationEye:
    """Every pixel in the colour of what is there. colors: the file that says them."""

    def __init__(self, folder: Path, colors: Path, device: str) -> None:
        self.model = Model(
            "model for semantic segmentation", "AutoModelForSemanticSegmentation", folder, device
        )
        self.colors = read_colors(colors)
        if len(self.colors) < self.model.config.num_labels:
            raise ProviderFailed(
                f"{colors.name} has {len(self.colors)} colours, and the model for semantic segmentation in "
                f"{folder.name} knows {self.model.config.num_labels} classes",
                hint=_HINT,
            )

    def see(self, picture: PILImage) -> PILImage:
        import numpy as np
        from PIL import Image

        seen = self.model.look(picture)
        read = self.model.processor.post_process_semantic_segmentation
        classes = read(seen, target_sizes=[(picture.height, picture.width)])[0]
        return Image.fromarray(np.asarray(self.colors, dtype=np.uint8)[classes.cpu().numpy()])


def read_colors(path: Path) -> list[tuple[int, int, int]]:
    """Red, green and blue, 0…255, of each class. Raises ProviderFailed where the file says something else."""
    try:
        found = json.loads(path.read_bytes())
        if not isinstance(found, list) or not found:
            raise ValueError("it is no list")
        return [_color(item) for item in found]
    except ValueError as error:
        raise ProviderFailed(f"{path.name} names no colours: {error}", hint=_HINT) from error


def _color(item: Any) -> tuple[int, int, int]:
    if isinstance(item, str):
        red, green, blue, _ = rgba_of(item)
        return red, green, blue
    match item:
        case [int(red), int(green), int(blue)] if all(0 <= level <= 255 for level in item):
            return red, green, blue
    raise ValueError(f"{json.dumps(item)} is no colour")
