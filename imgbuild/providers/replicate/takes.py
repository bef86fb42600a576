"""What a model takes: of one that was looked up by its input, else anything that a model could."""

from __future__ import annotations

from collections.abc import Mapping

from imgbuild.providers.keys import OF_MODEL, UNKEYED
from imgbuild.providers.replicate.form import form_of, is_many
from imgbuild.providers.replicate.schema import Found
from imgbuild.providers.replicate.sizes import sizes_of
from imgbuild.types import ROLES, Capabilities, Grade, Value

CONCURRENCY = 10
NEEDS = {"mask": "image", "strength": "image"}


def unpinned(version: str) -> Capabilities:
    """What may be asked of a model that nobody has looked up. version: that it is certain to be, if it is."""
    return Capabilities(
        takes=frozenset({"seed", "negative", *ROLES}),
        grade=Grade.PERCEPTUAL if version else Grade.STORED,
        params={"*": {}, **OF_MODEL},
        of_model=frozenset(OF_MODEL),
        unkeyed=UNKEYED,
        needs=NEEDS,
        concurrency=CONCURRENCY,
    )


def taken(found: Found, version: str) -> Capabilities:
    """What the model takes. version: that it is pinned to; without one, or a seed, nothing promises a like picture."""
    form, sizes = form_of(found.inputs), sizes_of(found.inputs)
    takes = {*form.roles, *(["negative"] if form.negative else []), *(["seed"] if form.seed else [])}
    return Capabilities(
        takes=frozenset(takes),
        grade=Grade.PERCEPTUAL if version and form.seed else Grade.STORED,
        params={**form.own, **OF_MODEL},
        of_model=frozenset(OF_MODEL),
        unkeyed=UNKEYED,
        needs={name: role for name, role in NEEDS.items() if role in form.roles},
        pictures={role: 1 for role, name in form.roles.items() if not is_many(found.inputs[name])},
        multiple_of=sizes.multiple,
        min_side=sizes.least,
        max_side=sizes.most,
        sizes=tuple(sizes.known),
        default_size=sizes.default,
        concurrency=CONCURRENCY,
    )


def safety_of(params: Mapping[str, Value]) -> str:
    """What of moderation is asked for. Models are anybody's, and what one does unasked is not known."""
    if params.get("disable_safety_checker") is True:
        return "safety checker off"
    asked = params.get("safety_tolerance")
    return "not known" if asked is None else f"safety_tolerance {asked}"
