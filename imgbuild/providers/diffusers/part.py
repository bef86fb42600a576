"""Weights beside a pipeline: where they are, the schema of such a declaration, and how it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from imgbuild.types import Value
from imgbuild.weights.source import is_folder

WHENCE = "a path of the project that begins with './', or a repository of the hub"


class Part(Struct, frozen=True, kw_only=True):
    """Weights beside the pipeline.

    source: './' and a path from the project's root, or a name as a model's source is one. file: the one of that
    repository to take. subfolder: of it. revision: a branch, tag or commit of it.
    """

    source: str
    file: str = ""
    subfolder: str = ""
    revision: str = ""

    @property
    def name(self) -> str:
        """What a pin knows it by: "acme/styles@v2:ink.safetensors"."""
        inside = "/".join(filter(None, (self.subfolder, self.file)))
        return "".join(
            [self.source, f"@{self.revision}" if self.revision else "", f":{inside}" if inside else ""]
        )


_TEXT = {"type": "string", "minLength": 1}


def schema_of(
    what: str, more: Mapping[str, Value] | None = None, *, several: bool = False, needs: Sequence[str] = ()
) -> dict[str, Value]:
    """The schema of one part beside the pipeline, or of several. more: what is said of it besides where it is."""
    more = more or {}
    kinds = ["object"] if needs else ["string", "object"]
    one: dict[str, Value] = {
        "properties": {**dict.fromkeys(("source", "file", "subfolder", "revision"), _TEXT), **more},
        "additionalProperties": False,
        **({"required": list(needs)} if needs else {}),
    }
    words = f"{what}: {WHENCE}; {{{', '.join(['source', 'revision', *more])}}}"
    if not several:
        return {"type": kinds, "description": words, **one}
    return {
        "type": [*kinds, "array"],
        "description": f"{words}; or several",
        "items": {"type": kinds, **one},
        **one,
    }


def more_of(item: Value) -> Mapping[str, Value]:
    """What is said of a part besides its source, where anything is."""
    return item if isinstance(item, Mapping) else {}


def read_part(item: Value) -> Part:
    if not isinstance(item, Mapping):
        return Part(source=item)
    told = {name: item[name] for name in Part.__struct_fields__ if name in item}
    if "source" not in told and is_folder(told.get("file", "")):  # a file of the project needs no other name
        told["source"] = told.pop("file")
    return Part(**{"source": "", **told})
