"""The further files of every image, one by one, and what they are called: renditions, and texts beside it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.context import Context
from imgbuild.expand.finish import extension, format_of, operations
from imgbuild.expand.inputs import EdgeSource, layer_sources
from imgbuild.expand.names import BUILT_IN, check_path, check_unambiguous, shorten, slug, with_suffix
from imgbuild.expand.presets import PRESETS, Preset
from imgbuild.spec.declared import Declared, Spec
from imgbuild.templates.template import Template, compile_template
from imgbuild.types import Asset, Format, Rendered, Rendition, Text, Value, Where

GIVEN = ("file", "rendition", "stem", "width")  # in the names of renditions, beside BUILT_IN
_SET_BY_PRESET = ("widths", "formats", "format")

Piece = tuple[
    str, int | str, Sequence[Value], Format
]  # the file's name, its width if one is set, operations, format


class File(Struct, frozen=True, kw_only=True, eq=False):
    """One file of every image. given: what its name knows of it. template: None for `<stem><glue><file>`.

    layers: the targets of other assets that it takes in.
    """

    rendered: Rendered
    layers: Sequence[EdgeSource]
    given: Mapping[str, Any]
    template: Template | None
    glue: str
    where: Where

    def path(self, bindings: Mapping[str, Any], output: str) -> str:
        """Its path beside the image at `output`. Raises SpecError for what is no path inside the folder."""
        stem = output[: output.rindex(".")]
        name = self.given["file"]
        if self.template is not None:
            given = {**bindings, **self.given, "stem": stem}
            path = with_suffix(self.template.render(given), self.rendered.format, self.where)
        elif self.glue == "/":
            path = f"{stem}/{name}"
        else:
            folder, slash, last = stem.rpartition("/")
            suffix = f"{self.glue}{name}"
            path = f"{folder}{slash}{shorten(last, suffix)}"
        check_path(path, self.where)
        return path


class Files:
    """All further files of an asset's images. fixed: what names know of the asset."""

    def __init__(self, files: Sequence[File], fixed: Mapping[str, Any], texts: tuple[Text, ...] = ()) -> None:
        self.files, self._fixed, self.texts = files, fixed, texts

    @property
    def rendered(self) -> tuple[Rendered, ...]:
        return tuple(file.rendered for file in self.files)

    @property
    def layers(self) -> list[EdgeSource]:
        """The targets of other assets that any of them takes in."""
        return [layer for file in self.files for layer in file.layers]

    def paths(self, bindings: Mapping[str, Any], alias: str, outputs: Sequence[str]) -> list[tuple[str, ...]]:
        """For each image of a cell, by its output, the paths of its further files."""
        if not self.files and not self.texts:
            return [()] * len(outputs)
        known = {**bindings, **self._fixed, "model": alias}
        return [
            (
                *(file.path({**known, "index": index}, output) for file in self.files),
                *(_beside(output, text) for text in self.texts),
            )
            for index, output in enumerate(outputs)
        ]


def _beside(output: str, text: Text) -> str:
    """Where a text stands: engines look for a map by the sheet's name, sidecars have the image's whole name."""
    return f"{output[: output.rindex('.')] if text == 'map.json' else output}.json"


def read_renditions(
    context: Context,
    spec: Spec,
    name: str,
    declared: Declared[Asset],
    variables: Collection[str],
    texts: tuple[Text, ...] = (),
) -> Files:
    """The renditions of an asset, and its texts. variables: of its cells. Raises SpecError."""
    files: dict[str, File] = {}
    for key, value in declared.value.renditions.items():
        where = declared.where("renditions", key, key=True)
        for file in _files(context, spec, declared, key, value, variables):
            if file.rendered.name in files:
                raise SpecError(
                    f"'{file.rendered.name}' would be made twice", where=where, hint="rename the rendition"
                )
            files[file.rendered.name] = file
    return Files(list(files.values()), {"spec": spec.name, "asset": name}, texts)


def _files(
    context: Context,
    spec: Spec,
    declared: Declared[Asset],
    key: str,
    value: str | Rendition,
    variables: Collection[str],
) -> Iterator[File]:
    at = ("renditions", key)
    wanted = Rendition(preset=value) if isinstance(value, str) else value
    template = _template(declared, wanted, at, variables)
    own = operations(context, spec, declared, wanted.process, *at, "process")
    layers = layer_sources(context, spec, declared, own, *at, "process")
    pieces = _of_preset(declared, wanted, at) if wanted.preset else _of_widths(declared, wanted, at)
    for file, width, further, format in pieces:
        scaling = operations(context, spec, declared, further, *at)
        name = f"{slug(key)}/{file}" if wanted.preset else f"{slug(key)}{file}"
        own_name = file if wanted.preset else name
        ext = own_name.rpartition(".")[2]
        yield File(
            rendered=Rendered(name=name, process=(*own, *scaling), format=format),
            layers=layers,
            given={"rendition": key, "file": own_name, "width": width, "ext": ext},
            template=template,
            glue="/" if wanted.preset else "-",
            where=template.where if template else declared.where(*at, key=True),
        )


def _of_widths(declared: Declared[Asset], wanted: Rendition, at: tuple[str, ...]) -> Iterator[Piece]:
    """Widths × formats; 0 for the width of the image itself. Of the file's name, what follows the rendition's."""
    formats = _formats(declared, wanted, at)
    for width in wanted.widths or [0]:
        scaling = [{"resize": {"width": width}}] if width else []
        for format in formats:
            yield f"{f'-{width}' if width else ''}.{extension(format)}", width or "", scaling, format


def _of_preset(declared: Declared[Asset], wanted: Rendition, at: tuple[str, ...]) -> Iterator[Piece]:
    for preset in _preset(declared, wanted, at):
        yield preset.file, "", preset.process, preset.format


def _formats(declared: Declared[Asset], wanted: Rendition, at: tuple[str, ...]) -> list[Format]:
    if not wanted.formats:
        return [format_of(declared, wanted.format, wanted.output, *at)]
    if wanted.format is not None:
        raise SpecError(
            "a rendition has either a format or formats",
            where=declared.where(*at, "format", key=True),
            hint="remove one of the two",
        )
    named = enumerate(wanted.formats)
    return [format_of(declared, item, wanted.output, *at, "formats", place) for place, item in named]


def _preset(declared: Declared[Asset], wanted: Rendition, at: tuple[str, ...]) -> Sequence[Preset]:
    for option in _SET_BY_PRESET:
        if getattr(wanted, option):
            raise SpecError(
                f"the preset '{wanted.preset}' has its own '{option}'",
                where=declared.where(*at, option, key=True),
                hint="leave it out, or write the rendition without a preset",
            )
    known = PRESETS.get(wanted.preset)
    if known is None:
        written = isinstance(declared.value.renditions[at[1]], str)
        raise SpecError(
            f"unknown preset '{wanted.preset}'",
            where=declared.where(*at) if written else declared.where(*at, "preset"),
            hint=did_you_mean(wanted.preset, PRESETS, "presets"),
        )
    return known


def _template(
    declared: Declared[Asset], wanted: Rendition, at: tuple[str, ...], variables: Collection[str]
) -> Template | None:
    if not wanted.output:
        return None
    template = compile_template(wanted.output, declared.where(*at, "output"))
    check_unambiguous(template, variables, "the asset", (*BUILT_IN, *GIVEN))
    return template
