"""How near everything in a picture is."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgbuild.providers.diffusers.preprocess.eye import Model

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class DepthEye:
    """What is near is white, and what is far is black."""

    def __init__(self, folder: Path, device: str) -> None:
        self.model = Model("model for depth estimation", "AutoModelForDepthEstimation", folder, device)

    def see(self, picture: PILImage) -> PILImage:
        from PIL import Image

        seen = self.model.look(picture)
        read = self.model.processor.post_process_depth_estimation
        near = read(seen, target_sizes=[(picture.height, picture.width)])[0]["predicted_depth"]
        low, high = near.min(), near.max()
        grey = ((near - low) / (high - low).clamp(min=1e-6) * 255).round().byte().cpu().numpy()
        return Image.fromarray(grey).convert("RGB")
