"""The files beside an image that are text: made anew from what is recorded whenever they are needed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath

from imgbuild.provenance.sidecar import write_sidecar
from imgbuild.sheets.atlas import write_map
from imgbuild.types import ON_SHEET, Digest, Target, Value


def write_texts(
    target: Target, manifest: Mapping[str, Value], info: Mapping[str, Value], image: Digest, pixels: Digest
) -> dict[str, bytes]:
    """The target's texts, by their names. manifest, info: of its first step. image, pixels: as in the lock."""
    written: dict[str, bytes] = {}
    for text in target.recipe.texts:
        if text == "map.json":
            written[text] = _map(target, info)
        else:
            written[text] = write_sidecar(target.recipe, manifest, image, pixels)
    return written


def _map(target: Target, info: Mapping[str, Value]) -> bytes:
    names = [item.name for item in target.inputs if item.role == ON_SHEET]
    width, height = info["size"]
    frames = [(name, tuple(box)) for name, box in zip(names, info["frames"], strict=True)]
    return write_map(PurePosixPath(target.output).name, (width, height), frames)
