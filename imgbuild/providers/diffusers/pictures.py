"""Pictures that go into a pipeline's call, by its names for them and at the size that is drawn."""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import TYPE_CHECKING, Any

from imgbuild.errors import ProviderFailed
from imgbuild.providers.diffusers.fittings import hear
from imgbuild.providers.diffusers.loading import Loaded
from imgbuild.types import Request

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_UNHEARD = 224  # pixels a side of the blank picture that stands where no reference is given; it is not heard


def pictures(loaded: Loaded, known: Container[str], requests: Sequence[Request]) -> dict[str, Any]:
    """The call's arguments that are pictures. known: the names of its parameters.

    Raises ProviderFailed where one has another shape than what is drawn.
    """
    return {
        **_pictures(requests),
        **_controls(loaded, requests, "control_image" if "control_image" in known else "image"),
        **_references(loaded, requests[0]),
    }


def _pictures(requests: Sequence[Request]) -> dict[str, list[PILImage]]:
    first = requests[0]
    found: dict[str, list[PILImage]] = {}
    if first.inputs.get("image"):
        found["image"] = [_sized(request, "image").convert("RGB") for request in requests]
    if first.inputs.get("mask"):
        found["mask_image"] = [_sized(request, "mask").convert("L") for request in requests]
    return found


def _controls(loaded: Loaded, requests: Sequence[Request], name: str) -> dict[str, Any]:
    """What the ControlNets look at, by the call's name for it; for several as tensors: calls read lists differently."""
    if not requests[0].inputs.get("control"):
        return {}
    found = []
    for at, eye in enumerate(loaded.eyes):
        given = [_sized(request, "control", at).convert("RGB") for request in requests]
        found.append([eye.see(picture) for picture in given] if eye else given)
    return {name: [_tensor(pictures) for pictures in found] if len(found) > 1 else found[0]}


def _tensor(pictures: Sequence[PILImage]) -> Any:
    """RGB pictures of one size as float32 (n, 3, height, width) in [0, 1]."""
    import numpy as np
    import torch

    pixels = np.stack([np.asarray(picture, dtype=np.float32) for picture in pictures]) / 255
    return torch.from_numpy(pixels).permute(0, 3, 1, 2)


def _sized(request: Request, role: str, at: int = 0) -> PILImage:
    """A picture of a role, at the size that is asked for. Raises ProviderFailed where it has another shape."""
    from PIL.Image import Resampling

    picture = request.inputs[role][at]
    width, height = picture.size
    if (width, height) == (request.width, request.height):
        return picture
    if abs(width * request.height - height * request.width) > max(width, height):
        raise ProviderFailed(
            f"the picture for input '{role}' is {width}x{height}, which is another shape than "
            f"{request.width}x{request.height}",
            hint="crop or pad it first, with an asset of its own",
        )
    return picture.resize((request.width, request.height), Resampling.LANCZOS)


def _references(loaded: Loaded, request: Request) -> dict[str, Any]:
    """What IP-Adapters look at: all of them for one, one each for several. They are loaded, so they always look."""
    from PIL import Image

    adapters = loaded.setup.ip_adapter
    if not adapters:
        return {}
    given = [picture.convert("RGB") for picture in request.inputs.get("reference", ())]
    hear(loaded.whole, adapters, silent=not given)
    given = given or [Image.new("RGB", (_UNHEARD, _UNHEARD))] * len(adapters)
    return {"ip_adapter_image": [given] if len(adapters) == 1 else [[picture] for picture in given]}
