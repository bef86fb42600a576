"""A request as the input of a model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from imgbuild.errors import ProviderFailed
from imgbuild.providers.keys import OF_MODEL
from imgbuild.providers.pictures import png
from imgbuild.providers.replicate.form import Form, form_of, is_many
from imgbuild.providers.replicate.schema import Found
from imgbuild.providers.replicate.sizes import sizes_of, taken_by_sizes
from imgbuild.types import Request, Value

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

SEEDS_END = 2**31
ADVICE = "give it in 'params' or 'inputs', of the model or the asset"
ORDER = ("image", "reference", "mask", "control")  # of pictures, where roles share a list


def input_of(request: Request, found: Found) -> dict[str, Value]:
    """All but the pictures. Raises ProviderFailed for what the model can't be asked."""
    form = form_of(found.inputs)
    own = {
        form.called.get(name, name): value for name, value in request.params.items() if name not in OF_MODEL
    }
    told: dict[str, Value] = {**form.unless, **_size(request, found, own), **own}
    told |= {**form.always, **_words(request, form)}
    if form.seed:
        told[form.seed] = seed_within(request.seed, found.inputs[form.seed])
    given = {name for role, name in form.roles.items() if request.inputs.get(role)}
    missing = [name for name in found.required if name not in told.keys() | given]
    if missing:
        raise ProviderFailed(f"model '{request.pin.source}' needs {_listed(missing, form)}", hint=ADVICE)
    return told


def _size(request: Request, found: Found, own: Mapping[str, Value]) -> Mapping[str, Value]:
    """What tells the size; nothing where the spec states a shape itself, such as that of the input image."""
    if own.keys() & taken_by_sizes(found.inputs).keys():
        return {}
    told = sizes_of(found.inputs).told((request.width, request.height))
    if told is None:
        size = f"{request.width}x{request.height}"
        raise ProviderFailed(f"model '{request.pin.source}' makes no images of {size}")
    return told


def _words(request: Request, form: Form) -> Mapping[str, Value]:
    if request.prompt and not form.prompt:
        raise ProviderFailed(
            f"model '{request.pin.source}' takes no prompt", hint="it works on an image alone; name another"
        )
    words = {form.prompt: request.prompt, form.negative: request.negative}
    return {name: text for name, text in words.items() if name and text}


def _listed(missing: Sequence[str], form: Form) -> str:
    titles = {name: title for title, name in {**form.called, **form.roles}.items()}
    return " and ".join(f"'{titles.get(name, name)}'" for name in missing)


def seed_within(seed: int, schema: Value) -> int:
    """The seed, or where the model takes fewer of them, one that stands for it."""
    low = max(0, int(schema.get("minimum", 0)))
    count = min(SEEDS_END - 1, int(schema.get("maximum", SEEDS_END - 1))) - low + 1
    return seed if count < 1 else low + seed % count


def pictures_of(request: Request, found: Found) -> dict[str, list[bytes]]:
    """The pictures that go along, as PNG files, by the inputs that take them."""
    roles, given = form_of(found.inputs).roles, request.inputs
    files: dict[str, list[bytes]] = {}
    for role in ORDER:
        for picture in given.get(role, ()):
            name = roles[role]
            drawn = _inverted(picture) if role == "mask" and name in found.black else picture
            files.setdefault(name, []).append(png(drawn))
    return files


def _inverted(mask: PILImage) -> PILImage:
    """White is what is drawn anew; this model wants that black."""
    return mask.convert("L").point([255 - level for level in range(256)])


def as_told(files: Mapping[str, Sequence[str]], found: Found) -> dict[str, Value]:
    """Addresses of pictures, as the inputs take them: one, or a list."""
    return {
        name: list(places) if is_many(found.inputs[name]) else places[0] for name, places in files.items()
    }
