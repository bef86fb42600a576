"""The models of fal whose fields are known.

Of the types of the vendor's JavaScript client (fal-ai/fal-js), as they stood in August 2026. They name no smallest or
largest size; where a model makes another than was asked for, the record has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgbuild.providers.fal.fields import AS_RATIO, RATIOS, Takes
from imgbuild.types import Value

_OF_FLUX = ("1:1", "16:9", "9:16", "4:3", "3:4", "3:2", "2:3", "21:9", "9:21")
_EXTREME = (*RATIOS, "4:1", "1:4", "8:1", "1:8")

_BOOLEAN: Value = {"type": "boolean"}
_SHARE: Value = {"type": "number", "minimum": 0, "maximum": 1}
_TEXT: Value = {"type": "string"}
_GUIDANCE: Mapping[str, Value] = {"guidance_scale": {"type": "number", "minimum": 0, "maximum": 20}}
_STEPS: Mapping[str, Value] = {"num_inference_steps": {"type": "integer", "minimum": 1, "maximum": 100}}
_CHECKER: Mapping[str, Value] = {"enable_safety_checker": _BOOLEAN}
_FASTER: Mapping[str, Value] = {"acceleration": {"type": "string", "enum": ["none", "regular", "high"]}}
_TOLERANCE: Mapping[str, Value] = {"safety_tolerance": {"type": "integer", "minimum": 1, "maximum": 6}}
_LORAS: Mapping[str, Value] = {"loras": {"type": "array", "items": {"type": "object"}}}
_STRENGTH: Mapping[str, Value] = {"strength": _SHARE}
_EXPANSION: Mapping[str, Value] = {"enable_prompt_expansion": _BOOLEAN}
_ENHANCE: Mapping[str, Value] = {"enhance_prompt": _BOOLEAN}
_EXPAND: Mapping[str, Value] = {"expand_prompt": _BOOLEAN}
_SAMPLED = {**_GUIDANCE, **_STEPS, **_CHECKER}
_QUICK = {**_SAMPLED, **_FASTER}
_HOSTED = {**_TOLERANCE, **_CHECKER}
_PRO = {**_TOLERANCE, **_ENHANCE}
_CLOSED = {**_TOLERANCE, "limit_generations": _BOOLEAN}
_LOOKS_UP = {"enable_web_search": _BOOLEAN, "system_prompt": _TEXT}

_ONE = {"num_images": 1, "sync_mode": False}
_IMAGE = {"image": "image_url"}
_MASKED = {"image": "image_url", "mask": "mask_url"}
_IMAGES = {"image": "image_urls", "reference": "image_urls"}


def _many(*groups: tuple[str, Mapping[str, Any]]) -> dict[str, Takes]:
    return {name: Takes(**own) for names, own in groups for name in names.split()}


def _sent(**off: Value) -> Mapping[str, Value]:
    return {**_ONE, **off}


def _kontext(pictures: Mapping[str, str]) -> Mapping[str, Any]:
    params = {**_PRO, **_GUIDANCE}
    return {
        "size": AS_RATIO,
        "ratios": _OF_FLUX,
        "pictures": pictures,
        "sent": _sent(enhance_prompt=False),
        "params": params,
    }


def _banana(ratios: tuple[str, ...], classes: str, pictures: Mapping[str, str]) -> Mapping[str, Any]:
    """Google's, which may make several images of one prompt, if they are not told to make one."""
    newer = {**_LOOKS_UP, "resolution": {"type": "string", "enum": classes.split()}} if classes else {}
    return {
        "size": AS_RATIO,
        "ratios": ratios,
        "pictures": pictures,
        "sent": _sent(limit_generations=True),
        "params": {**_CLOSED, **newer},
    }


_FLUX = {"sent": _ONE, "params": _QUICK}
_FLUX_LORA = {"sent": _ONE, "params": {**_QUICK, **_LORAS}}
_FLUX_2 = {"sent": _sent(enable_prompt_expansion=False), "params": {**_QUICK, **_EXPANSION}}
_KLEIN = {"sent": _ONE, "params": {**_STEPS, **_CHECKER}}
_QWEN = {"sent": _ONE, "negative": "negative_prompt", "params": {**_QUICK, **_LORAS, "use_turbo": _BOOLEAN}}
_QWEN_PLAIN = {"sent": _ONE, "negative": "negative_prompt", "params": _QUICK}
_SEEDREAM = {"sent": _sent(max_images=1), "format": "", "params": _CHECKER}
_SDXL = {
    "negative": "negative_prompt",
    "format": "format",
    "sent": _sent(expand_prompt=False),
    "params": {**_SAMPLED, **_EXPAND, **_LORAS},
}
_NEGATIVE = {"negative": "negative_prompt", "sent": _ONE}
_GPT = {
    "seed": "",
    "sent": _ONE,
    "params": {"quality": {"type": "string", "enum": ["auto", "low", "medium", "high"]}},
}
_IDEOGRAM = {
    "negative": "negative_prompt",
    "format": "",
    "sent": _sent(expand_prompt=False),
    "pictures": {"reference": "image_urls"},
    "params": {
        **_EXPAND,
        "rendering_speed": {"type": "string", "enum": ["TURBO", "BALANCED", "QUALITY"]},
        "style": {"type": "string", "enum": ["AUTO", "GENERAL", "REALISTIC", "DESIGN"]},
        "style_preset": _TEXT,
    },
}
_ULTRA = {
    "size": AS_RATIO,
    "ratios": _OF_FLUX,
    "pictures": {"reference": "image_url"},
    "sent": _sent(enhance_prompt=False),
    "params": {**_PRO, "raw": _BOOLEAN, "image_prompt_strength": _SHARE},
}


def _with(given: Mapping[str, Any], pictures: Mapping[str, str], **own: Any) -> Mapping[str, Any]:
    """The same that takes pictures, too; with a `strength` where one of them is what is drawn over."""
    params = {**given["params"], **(_STRENGTH if pictures in (_IMAGE, _MASKED) else {})}
    return {**given, "pictures": pictures, "params": params, **own}


KNOWN = _many(
    ("fal-ai/flux/dev fal-ai/flux/schnell fal-ai/flux/krea fal-ai/flux/srpo", _FLUX),
    ("fal-ai/flux-1/dev fal-ai/flux-1/schnell fal-ai/flux-1/krea fal-ai/flux-1/srpo", _FLUX),
    (
        "fal-ai/flux/dev/image-to-image fal-ai/flux/krea/image-to-image fal-ai/flux/srpo/image-to-image",
        _with(_FLUX, _IMAGE, size=""),
    ),
    ("fal-ai/flux-lora fal-ai/flux-krea-lora", _FLUX_LORA),
    ("fal-ai/flux-lora/image-to-image fal-ai/flux-krea-lora/image-to-image", _with(_FLUX_LORA, _IMAGE)),
    ("fal-ai/flux-lora/inpainting fal-ai/flux-krea-lora/inpainting", _with(_FLUX_LORA, _MASKED)),
    ("fal-ai/flux-pro/v1.1", {"sent": _sent(enhance_prompt=False), "params": _PRO}),
    ("fal-ai/flux-pro/v1.1-ultra", _ULTRA),
    ("fal-ai/flux-pro/kontext fal-ai/flux-pro/kontext/max", _kontext(_IMAGE)),
    ("fal-ai/flux-pro/kontext/multi fal-ai/flux-pro/kontext/max/multi", _kontext(_IMAGES)),
    ("fal-ai/flux-pro/kontext/text-to-image fal-ai/flux-pro/kontext/max/text-to-image", _kontext({})),
    ("fal-ai/flux-2", _FLUX_2),
    ("fal-ai/flux-2/edit", _with(_FLUX_2, _IMAGES)),
    ("fal-ai/flux-2/klein/4b fal-ai/flux-2/klein/9b", _KLEIN),
    ("fal-ai/flux-2/klein/4b/edit fal-ai/flux-2/klein/9b/edit", _with(_KLEIN, _IMAGES)),
    ("fal-ai/flux-2-pro fal-ai/flux-2-max", {"params": _HOSTED}),
    ("fal-ai/flux-2-pro/edit fal-ai/flux-2-max/edit", {"params": _HOSTED, "pictures": _IMAGES}),
    ("fal-ai/flux-2-flex", {"params": {**_HOSTED, **_GUIDANCE, **_STEPS}}),
    ("fal-ai/flux-2-flex/edit", {"params": {**_HOSTED, **_GUIDANCE, **_STEPS}, "pictures": _IMAGES}),
    ("fal-ai/nano-banana", _banana(RATIOS, "", {})),
    ("fal-ai/nano-banana/edit", _banana(RATIOS, "", _IMAGES)),
    ("fal-ai/nano-banana-pro", _banana(RATIOS, "1K 2K 4K", {})),
    ("fal-ai/nano-banana-pro/edit", _banana(RATIOS, "1K 2K 4K", _IMAGES)),
    ("fal-ai/nano-banana-2", _banana(_EXTREME, "0.5K 1K 2K 4K", {})),
    ("fal-ai/nano-banana-2/edit", _banana(_EXTREME, "0.5K 1K 2K 4K", _IMAGES)),
    ("fal-ai/qwen-image", _QWEN),
    ("fal-ai/qwen-image-2512", _QWEN_PLAIN),
    ("fal-ai/qwen-image-edit", {**_QWEN_PLAIN, "pictures": _IMAGE}),
    ("fal-ai/qwen-image-edit-2509 fal-ai/qwen-image-edit-2511", {**_QWEN_PLAIN, "pictures": _IMAGES}),
    (
        "fal-ai/z-image/turbo",
        {
            "sent": _sent(enable_prompt_expansion=False),
            "params": {**_STEPS, **_CHECKER, **_FASTER, **_EXPANSION},
        },
    ),
    (
        "fal-ai/bytedance/seedream/v4/text-to-image fal-ai/bytedance/seedream/v4.5/text-to-image",
        _SEEDREAM,
    ),
    (
        "fal-ai/bytedance/seedream/v4/edit fal-ai/bytedance/seedream/v4.5/edit",
        _with(_SEEDREAM, _IMAGES),
    ),
    ("fal-ai/fast-sdxl", _SDXL),
    ("fal-ai/fast-sdxl/image-to-image", _with(_SDXL, _IMAGE)),
    ("fal-ai/fast-sdxl/inpainting", _with(_SDXL, _MASKED)),
    (
        "fal-ai/stable-diffusion-v35-large fal-ai/stable-diffusion-v35-medium fal-ai/hidream-i1-full",
        {**_NEGATIVE, "params": _SAMPLED},
    ),
    ("fal-ai/hidream-i1-dev fal-ai/hidream-i1-fast", {**_NEGATIVE, "params": {**_STEPS, **_CHECKER}}),
    ("fal-ai/ideogram/v3", _IDEOGRAM),
    (
        "fal-ai/recraft/v3/text-to-image",
        {"seed": "", "format": "", "params": {**_CHECKER, "style": _TEXT, "style_id": _TEXT}},
    ),
    ("openai/gpt-image-2", _GPT),
    ("openai/gpt-image-2/edit", {**_GPT, "pictures": _IMAGES}),
)
