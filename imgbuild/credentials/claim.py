"""What is claimed of a file: the steps that made it, and the pictures that went in. Pure.

Actions, source types and relationships are those of the C2PA Technical Specification 2.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from msgspec import Struct

from imgbuild.process.base import Operation
from imgbuild.provenance.xmp import SOURCES
from imgbuild.types import Digest, Value

MIMES = {
    "png": "image/png",
    "jpeg": "image/jpeg",
    "webp": "image/webp",
    "avif": "image/avif",
    "tiff": "image/tiff",
    "gif": "image/gif",
}
_ACTIONS = {
    "adjust": "c2pa.color_adjustments",
    "blur": "c2pa.filtered",
    "color": "c2pa.color_adjustments",
    "crop": "c2pa.cropped",
    "grayscale": "c2pa.color_adjustments",
    "resize": "c2pa.resized",
    "sharpen": "c2pa.filtered",
    "trim": "c2pa.cropped",
    "upscale": "c2pa.resized",
}


class Ingredient(Struct, frozen=True, kw_only=True, eq=False):
    """A picture that went in. label: by which actions name it. digest: of its file; read: gives its bytes.

    relationship: `parentOf` for the picture itself in an earlier state, `componentOf` for one that was placed in it,
    `inputTo` for one that a model was given.
    """

    label: str
    title: str
    mime: str
    relationship: str
    digest: Digest
    read: Callable[[], bytes]


class Claim(Struct, frozen=True, kw_only=True, eq=False):
    """What is claimed of one file. title: its name."""

    title: str
    mime: str
    actions: Sequence[Mapping[str, Value]]
    ingredients: Sequence[Ingredient] = ()

    def definition(self, version: str) -> dict[str, Value]:
        """The manifest, as the library takes it. version: of imgbuild."""
        return {
            "claim_generator_info": [{"name": "imgbuild", "version": version}],
            "title": self.title,
            "format": self.mime,
            "assertions": [{"label": "c2pa.actions.v2", "data": {"actions": list(self.actions)}}],
        }

    def fields(self) -> dict[str, Value]:
        """All of it that can change what is signed, for a key."""
        own = ("label", "title", "mime", "relationship", "digest")
        return {
            "title": self.title,
            "mime": self.mime,
            "actions": list(self.actions),
            "ingredients": [{name: getattr(item, name) for name in own} for item in self.ingredients],
        }


def actions_of(
    told: Mapping[str, Value],
    model: str,
    parents: Sequence[Ingredient],
    given: Sequence[Ingredient],
    process: Sequence[tuple[Operation, Sequence[Ingredient]]],
) -> list[dict[str, Value]]:
    """What was done, in order; the first action says where it all began.

    told: what `describe` says of the file. model: the name of the one that drew; empty where none did. parents: the
    picture that was opened, if one was. given: what the model was given. process: with what each operation placed.
    """
    first: dict[str, Value] = {"action": "c2pa.opened" if parents else "c2pa.created"}
    if not parents:
        first["digitalSourceType"] = SOURCES + told.get("source", "composite")
    if model:
        first["softwareAgent"] = {"name": model}
    parameters: dict[str, Value] = {"imgbuild": told["generation"]} if "generation" in told else {}
    if parents or given:
        parameters["ingredientIds"] = [item.label for item in (*parents, *given)]
    return [{**first, "parameters": parameters} if parameters else first, *_steps(process)]


def _steps(process: Sequence[tuple[Operation, Sequence[Ingredient]]]) -> Iterator[dict[str, Value]]:
    for operation, placed in process:
        name = "c2pa.placed" if placed else _ACTIONS.get(operation.name, "c2pa.edited")
        action: dict[str, Value] = {"action": name, "description": operation.name}
        yield (
            {**action, "parameters": {"ingredientIds": [item.label for item in placed]}} if placed else action
        )
