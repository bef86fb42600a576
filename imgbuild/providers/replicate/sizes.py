"""How a model is told a size: by its sides, by one of a list, or by a ratio, which leaves the pixels to the model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.providers import ratios
from imgbuild.providers.replicate.schema import SIDES
from imgbuild.types import Value

Size = tuple[int, int]  # width and height, pixels
Inputs = Mapping[str, Value]  # name → JSON Schema
Told = Mapping[str, Value]  # name → value

SQUARE = (1024, 1024)
LARGEST = 16384  # pixels a side, where the model names no bound
LISTS = ("resolution", "size", "image_size", "dimensions")
RATIOS = ("aspect_ratio", "ratio", "image_aspect_ratio")
_LISTED = re.compile(r"([1-9]\d{1,4})\s*[x×*]\s*([1-9]\d{1,4})")
_RATIO = re.compile(r"[1-9]\d?:[1-9]\d?")


class Sizes(Struct, frozen=True, kw_only=True):
    """known: what tells each size that there is; empty where width and height tell any within the bounds.

    along: what is told beside the sides. least, most, multiple: of a side, pixels. default: the model's own, or the one
    nearest to a square megapixel.
    """

    known: Mapping[Size, Told] = {}
    along: Told = {}
    least: int = 1
    most: int = LARGEST
    multiple: int = 1
    default: Size = SQUARE

    def told(self, size: Size) -> Told | None:
        """The inputs that tell a size; None where the model has no such."""
        if self.known:
            return self.known.get(size)
        return {**dict(zip(SIDES, size, strict=True)), **self.along}


def sizes_of(inputs: Inputs) -> Sizes:
    """By what there is, the exact before the rough. A model that can't be told makes what stands for 1024x1024."""
    return _by_sides(inputs) or _by_list(inputs) or _by_ratio(inputs) or Sizes(known={SQUARE: {}})


def taken_by_sizes(inputs: Inputs) -> Mapping[str, Sequence[Value]]:
    """Of each input that tells a size, the choices that do: they are for imgbuild to make."""
    sides = dict.fromkeys(SIDES, ()) if _by_sides(inputs) else {}
    shapes = {name: [each for each in _choices(inputs, name) if _is_shape(each)] for name in LISTS + RATIOS}
    return {**sides, **{name: found for name, found in shapes.items() if found}}


def _by_sides(inputs: Inputs) -> Sizes | None:
    sides = [inputs.get(name, {}) for name in SIDES]
    if any(side.get("type") != "integer" for side in sides):
        return None
    customs = [(name, each) for name in LISTS + RATIOS for each in _choices(inputs, name) if _is_custom(each)]
    along = dict(customs)
    default = (_default(sides[0]), _default(sides[1]))
    wide, high = (side.get("enum", ()) for side in sides)
    known = {
        (width, height): {"width": width, "height": height, **along} for width in wide for height in high
    }
    if known:
        return Sizes(known=known, default=default if default in known else _nearest(known))
    found = Sizes(
        along=along,
        least=int(max(side.get("minimum", 1) for side in sides)),
        most=int(min(side.get("maximum", LARGEST) for side in sides)),
        multiple=max(1, *(int(side.get("multipleOf", 1)) for side in sides)),
    )
    return replace(found, default=(_fitting(default[0], found), _fitting(default[1], found)))


def _default(side: Value) -> int:
    default = side.get("default", SQUARE[0])
    return default if isinstance(default, int) else SQUARE[0]


def _fitting(side: int, sizes: Sizes) -> int:
    """The largest side within the bounds that is no larger, or else the least."""
    least = -(-max(1, sizes.least) // sizes.multiple) * sizes.multiple
    return max(least, min(side, sizes.most) // sizes.multiple * sizes.multiple)


def _by_list(inputs: Inputs) -> Sizes | None:
    for name in LISTS:
        known: dict[Size, Told] = {}
        for choice in _choices(inputs, name):
            found = _LISTED.fullmatch(str(choice))
            if found:
                known.setdefault((int(found[1]), int(found[2])), {name: choice})
        if known:
            return _chosen(known, name, inputs)
    return None


def _by_ratio(inputs: Inputs) -> Sizes | None:
    for name in RATIOS:
        known: dict[Size, Told] = {}
        for choice in _choices(inputs, name):
            able = [str(choice)] if _RATIO.fullmatch(str(choice)) else []
            for size in ratios.sizes_of(able, ratios.MEGAPIXEL):
                known.setdefault(size, {name: choice})
        if known:
            return _chosen(known, name, inputs)
    return None


def _chosen(known: Mapping[Size, Told], name: str, inputs: Inputs) -> Sizes:
    own = inputs[name].get("default")
    default = next((size for size, told in known.items() if told[name] == own), _nearest(known))
    return Sizes(known=known, default=default)


def _nearest(known: Mapping[Size, Told]) -> Size:
    return min(known, key=lambda size: (abs(size[0] - SQUARE[0]) + abs(size[1] - SQUARE[1]), size))


def _is_shape(choice: Value) -> bool:
    return _is_custom(choice) or any(form.fullmatch(str(choice)) for form in (_LISTED, _RATIO))


def _is_custom(choice: Value) -> bool:
    return str(choice).casefold() == "custom"


def _choices(inputs: Inputs, name: str) -> Sequence[Value]:
    found: Sequence[Value] = inputs.get(name, {}).get("enum", ())
    return found
