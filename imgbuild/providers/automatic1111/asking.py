"""A request in the words of the API: the path to post to, and the fields of its JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from imgbuild.errors import ProviderFailed
from imgbuild.providers.pictures import png_text
from imgbuild.types import Request

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_CALLED = {
    "steps": "steps",
    "guidance": "cfg_scale",
    "sampler_name": "sampler_name",
    "scheduler": "scheduler",
}
_SETTINGS = {"clip_skip": "CLIP_stop_at_last_layers", "vae": "sd_vae"}
# What is white in the mask is drawn anew, over what was there, in the whole picture.
_INPAINTING = {
    "mask_blur": 4,
    "inpainting_fill": 1,
    "inpaint_full_res": False,
    "inpainting_mask_invert": 0,
}


def asked(request: Request) -> tuple[str, dict[str, Any]]:
    """Raises ProviderFailed for a picture of another shape than what is asked for: it would be distorted."""
    fields = {
        "prompt": request.prompt,
        "negative_prompt": request.negative,
        "seed": request.seed,
        "width": request.width,
        "height": request.height,
        "batch_size": 1,
        "n_iter": 1,
        "send_images": True,
        "save_images": False,
        "do_not_save_samples": True,
        "do_not_save_grid": True,
        "override_settings": _settings(request),
        "override_settings_restore_afterwards": True,
        **_named(request.params, _CALLED),
    }
    if not request.inputs.get("image"):
        return "txt2img", fields
    fields["init_images"] = [_encoded(request, "image")]
    fields |= _named(request.params, {"strength": "denoising_strength"})
    if request.inputs.get("mask"):
        fields |= {"mask": _encoded(request, "mask"), **_INPAINTING}
    return "img2img", fields


def _settings(request: Request) -> dict[str, Any]:
    return {"sd_model_checkpoint": request.pin.source, **_named(request.params, _SETTINGS)}


def _named(params: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {theirs: params[ours] for ours, theirs in names.items() if ours in params}


def _encoded(request: Request, role: str) -> str:
    """The picture as PNG in base64; the web UI scales it."""
    picture: PILImage = request.inputs[role][0]
    width, height = picture.size
    if abs(width * request.height - height * request.width) > max(width, height):
        raise ProviderFailed(
            f"the picture for input '{role}' is {width}x{height}, which is another shape than "
            f"{request.width}x{request.height}",
            hint="crop or pad it first, with an asset of its own",
        )
    return png_text(picture.convert("L") if role == "mask" else picture)
