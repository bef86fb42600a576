"""What is asked of a model: the request, in the model's own fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from imgbuild.providers.fal.capabilities import OWN, takes_of
from imgbuild.providers.fal.fields import AS_RATIO, Takes
from imgbuild.providers.pictures import fitted, png_text
from imgbuild.providers.ratios import ratio_for
from imgbuild.types import Request, Value

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_AS_TEXT = "safety_tolerance"  # a number that the vendor's types have as text


def asked(request: Request) -> dict[str, Any]:
    """One image, as PNG where the model has a choice. The prompt is left as it is unless the spec says otherwise."""
    takes = takes_of(request.pin.source, request.params)
    own = {name: value for name, value in request.params.items() if name not in OWN}
    if _AS_TEXT in takes.params and _AS_TEXT in own:
        own[_AS_TEXT] = str(own[_AS_TEXT])
    given = {takes.seed: request.seed, takes.negative: request.negative or None, takes.format: "png"}
    filled = {field: value for field, value in given.items() if field and value is not None}
    return {
        "prompt": request.prompt,
        **takes.sent,
        **own,
        **_size(request, takes),
        **filled,
        **_pictures(request, takes),
    }


def _size(request: Request, takes: Takes) -> dict[str, Value]:
    if not takes.size:
        return {}
    if takes.size == AS_RATIO:
        return {takes.size: ratio_for(request.width, request.height, takes.ratios)}
    return {takes.size: {"width": request.width, "height": request.height}}


def _pictures(request: Request, takes: Takes) -> dict[str, Value]:
    """By their fields, each within its address. Of a model that takes no size, they are what settles it."""
    size = None if takes.size else (request.width, request.height)
    lists: dict[str, list[str]] = {}
    for role, field in takes.pictures.items():
        given = request.inputs.get(role, ())
        if given:
            lists.setdefault(field, []).extend(_address(picture, size) for picture in given)
    return {field: found if field.endswith("s") else found[0] for field, found in lists.items()}


def _address(picture: PILImage, size: tuple[int, int] | None) -> str:
    return f"data:image/png;base64,{png_text(fitted(picture, size) if size else picture)}"
