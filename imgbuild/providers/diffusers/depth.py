"""How near everything in a picture is, for a ControlNet that follows it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from imgbuild.errors import ProviderFailed
from imgbuild.providers.diffusers.causes import first_line, misfits

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Eye:
    """A model for depth estimation, loaded. It computes with 32 bits and looks at one picture at a time."""

    def __init__(self, folder: Path, device: str) -> None:
        from transformers import AutoImageProcessor, AutoModelForDepthEstimation

        try:
            self.processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True)
            model = AutoModelForDepthEstimation.from_pretrained(
                folder, use_safetensors=True, local_files_only=True
            )
        except misfits() as error:
            raise ProviderFailed(
                f"the model for depth estimation in {folder.name} can't be loaded: {first_line(error)}",
                hint="it is a folder as transformers writes it, with weights in safetensors",
            ) from error
        self.model = model.eval().to(device)

    def depth(self, picture: PILImage) -> PILImage:
        """What is near is white, and what is far is black: RGB, of the same size. picture: RGB."""
        import torch
        from PIL import Image

        with torch.inference_mode():
            seen = self.model(**self.processor(images=picture, return_tensors="pt").to(self.model.device))
        sizes = [(picture.height, picture.width)]
        near = self.processor.post_process_depth_estimation(seen, target_sizes=sizes)[0]["predicted_depth"]
        low, high = near.min(), near.max()
        grey = ((near - low) / (high - low).clamp(min=1e-6) * 255).round().byte().cpu().numpy()
        return Image.fromarray(grey).convert("RGB")
