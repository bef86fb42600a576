"""What makes such a picture, loaded once for each ControlNet that asks for one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from imgbuild.errors import ProviderFailed
from imgbuild.weights.causes import must_load

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Eye(Protocol):
    """See a picture. Models compute with 32 bits, and look at one picture at a time."""

    def see(self, picture: PILImage) -> PILImage:
        """What a ControlNet reads: RGB, of the same size. picture: RGB."""
        ...


class Model:
    """A model of transformers and what prepares its pictures, of the class that `kind` names for automatic loading."""

    def __init__(self, what: str, kind: str, folder: Path, device: str) -> None:
        import transformers

        hint = "it is a folder as transformers writes it, with weights in safetensors"
        with must_load(f"the {what} in {folder.name}", hint):
            # Without torchvision, which prepares pictures to other bits where it happens to be installed.
            self.processor = transformers.AutoImageProcessor.from_pretrained(
                folder, use_fast=False, local_files_only=True
            )
            model = getattr(transformers, kind).from_pretrained(
                folder, use_safetensors=True, local_files_only=True
            )
        self.name, self.what = folder.name, what
        self.network = model.eval().to(device)

    @property
    def config(self) -> Any:
        return self.network.config

    def look(self, picture: PILImage, given: dict[str, Any] | None = None, **more: Any) -> Any:
        """What the model gives for a picture. given: to what prepares it. more: to the model, as tensors."""
        import torch

        device = self.network.device
        with torch.inference_mode():
            prepared = self.processor(images=picture, return_tensors="pt", **(given or {})).to(device)
            return self.network(**prepared, **{name: value.to(device) for name, value in more.items()})

    def misfit(self, why: str, hint: str) -> ProviderFailed:
        """The error for a model that is of the right kind and still can't be used."""
        return ProviderFailed(f"the {self.what} in {self.name} {why}", hint=hint)
