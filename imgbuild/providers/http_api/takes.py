"""What a model takes, as its declaration says."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

from imgbuild.errors import Misdeclared
from imgbuild.providers.http_api.checks import TAKES
from imgbuild.providers.http_api.declaration import Declaration
from imgbuild.providers.http_api.declared import KEYED, OWN, Parameter, Sides, schemas
from imgbuild.types import ROLES, Capabilities, Grade, Model, Value

SIZE = (1024, 1024)


def capabilities_of(declared: Declaration, model: Model) -> Capabilities:
    """Raises Misdeclared for sizes that the request would not send."""
    takes = declared.form.takes
    sizes = _sizes(declared, model)
    given = {role: getattr(takes, role) for role in declared.roles}
    return Capabilities(
        takes=frozenset(name for name in ("negative", "seed", *ROLES) if getattr(takes, name)),
        grade=Grade(declared.form.grade),
        params={**_params(declared), **schemas()},
        of_model=frozenset(OWN),
        unkeyed=frozenset(OWN) - frozenset(KEYED),
        verbatim=frozenset(OWN),
        needs={"strength": "image"} if takes.image else {},
        pictures={role: count for role, count in given.items() if count is not True},
        multiple_of=takes.sides.multiple_of,
        min_side=takes.sides.min,
        max_side=takes.sides.max,
        sizes=sizes,
        default_size=sizes[0] if sizes else _default(takes.sides),
        concurrency=takes.concurrency,
    )


def _params(declared: Declaration) -> Mapping[str, Value]:
    """The schemas of the API's parameters: as listed, or of all that the request names, or of any."""
    listed = declared.form.takes.params
    if listed is not None:
        return {name: _schema(parameter) for name, parameter in listed.items()}
    named: dict[str, Value] = {name: {} for leaf in declared.leaves for name in sorted(leaf.params)}
    return {**named, "*": {}} if any(leaf.any_params for leaf in declared.leaves) else named


def _schema(parameter: Parameter) -> Value:
    told = msgspec.to_builtins(parameter)
    return {name: value for name, value in told.items() if value is not None}


def _sizes(declared: Declaration, model: Model) -> tuple[tuple[int, int], ...]:
    """The only sizes there are; none, where the request sends any. Two that it would send alike are an error."""
    sides = {name for leaf in declared.leaves for name in leaf.names & {"width", "height"}}
    listed = [_size(text) for text in declared.form.takes.sizes]
    if len(sides) == 2:
        return tuple(listed)
    if not listed:
        return (_size(model.size) if re.fullmatch(r"\d+x\d+", model.size) else SIZE,)
    told = {("width" in sides and width, "height" in sides and height) for width, height in listed}
    if len(told) < len(listed):
        hint = "write {{ width }} and {{ height }} where they go, or name one size"
        raise Misdeclared(
            "'takes' has several sizes, and the request sends none of them", (*TAKES, "sizes"), hint=hint
        )
    return tuple(listed)


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _default(sides: Sides) -> tuple[int, int]:
    """The size nearest to the usual one that it makes."""
    side = min(max(SIZE[0], sides.min), sides.max)
    side -= side % sides.multiple_of
    return side, side
