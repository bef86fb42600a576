"""What is written into an image: fields that hang on nothing but what made it and what its asset declares.

No dates, paths of outputs, names of targets or versions of the tool: equal images stay equal files. The least says that
a model made it, and never which: its name may be a folder's or a customer's.
"""

from __future__ import annotations

from collections.abc import Mapping

from imgbuild.images import Blocks
from imgbuild.provenance.exif import write_exif
from imgbuild.provenance.infotext import write_infotext
from imgbuild.provenance.segments import LARGEST_PACKET, SEGMENT, name_extension, write_segments
from imgbuild.provenance.xmp import write_extension, write_xmp
from imgbuild.types import Metadata, Recipe, Rendered, Value

MIXED = "compositeWithTrainedAlgorithmicMedia"
_GENERATION = ("prompt", "negative", "width", "height", "seed", "params")
_MODEL = ("provider", "source", "revision", "weights")
_STATED = ("license", "credit", "creator", "copyright")


def described(
    recipe: Recipe, manifest: Mapping[str, Value], rendition: Rendered | None = None
) -> dict[str, Value]:
    """What an image of a recipe says of itself, or a rendition of it. manifest: of the image's first step."""
    if (rendition or recipe).format.type == "ico":  # that has no place for any
        return {}
    return told_by(recipe, manifest, rendition)


def told_by(
    recipe: Recipe, manifest: Mapping[str, Value], rendition: Rendered | None = None
) -> dict[str, Value]:
    """The same, whatever its format has a place for."""
    operations = (*recipe.process, *(rendition.process if rendition else ()))
    mixed = any(operation.mixes_in() for operation in operations)
    drawn = recipe.takes_drawn or (rendition is not None and rendition.takes_drawn)
    return describe(recipe.metadata, manifest, composite=mixed, takes_drawn=drawn)


def describe(
    metadata: Metadata,
    manifest: Mapping[str, Value],
    *,
    composite: bool = False,
    takes_drawn: bool = False,
) -> dict[str, Value]:
    """What an image says of itself; nothing where nothing is to be said. manifest: of its first step.

    composite: whether other pictures were mixed in; takes_drawn: some that models made.
    """
    if metadata.level in (None, "none"):
        return {}
    told: dict[str, Value] = {name: getattr(metadata, name) for name in _STATED if getattr(metadata, name)}
    if "prompt" not in manifest:
        return {**told, "source": MIXED} if takes_drawn else told
    mixed = composite or bool(manifest.get("inputs"))
    told["source"] = MIXED if mixed else "trainedAlgorithmicMedia"
    if metadata.level == "full":
        generation = {name: manifest[name] for name in _GENERATION if name in manifest}
        model = manifest.get("model", {})
        generation["model"] = {name: model[name] for name in _MODEL if model.get(name)}
        told["generation"] = generation
    return told


def blocks_of(told: Mapping[str, Value], type: str) -> Blocks:
    """What `describe` gives, as files of a type carry it: infotext, EXIF and XMP.

    A segment of a JPEG holds 64 KiB. Of EXIF, what does not fit is left out; of XMP, it stands in further segments.
    """
    generation = told.get("generation")
    parameters = write_infotext(generation) if generation else ""
    exif, xmp = write_exif(told, parameters), write_xmp(told)
    if type != "jpeg" or max(len(exif), len(xmp)) <= LARGEST_PACKET:
        return Blocks(parameters=parameters, exif=exif, xmp=xmp)
    shorter = (exif, write_exif(told, ""), write_exif({}, ""))
    fitting = next(block for block in shorter if len(block) <= SEGMENT)
    return Blocks(parameters=parameters, exif=fitting, segments=_segments(told))


def _segments(told: Mapping[str, Value]) -> bytes:
    """The XMP packet in segments: what makes it too long, the generation before all, in its extension."""
    kept, moved = dict(told), dict[str, Value]()
    packet, extension = write_xmp(kept), b""
    for name in ("generation", *_STATED):
        if len(packet) > LARGEST_PACKET and name in kept:
            moved[name] = kept.pop(name)
            extension = write_extension(moved)
            packet = write_xmp(kept, name_extension(extension))
    return write_segments(packet, extension)
