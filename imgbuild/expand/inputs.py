"""The pictures that go into an asset's targets: files, named by templates, and targets of other assets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from imgbuild.colours import rgba_of
from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.cell import Cell
from imgbuild.expand.context import Context
from imgbuild.expand.faults import Fault
from imgbuild.process.base import Operation, upstream_name
from imgbuild.spec.declared import Declared, Spec
from imgbuild.templates.template import Template, compile_template
from imgbuild.types import ON_SHEET, ROLES, Asset, Edge, Input, Pick, Sheet, Value, Where


class FileSource(Struct, frozen=True, kw_only=True):
    """A file for each cell. The template gives its path, relative to the folder of the spec file."""

    role: str
    template: Template


class EdgeSource(Struct, frozen=True, kw_only=True, eq=False):
    """A target of another asset for each cell. upstream: that asset, as (spec, name). declared, path: its place.

    sheet: that takes all targets which agree with the cell, not one. is_pick: whether it takes that one of them which
    was picked.
    """

    role: str
    edge: Edge
    upstream: tuple[str, str]
    declared: Declared[Asset]
    path: tuple[Any, ...]
    sheet: Sheet | None = None
    is_pick: bool = False

    def where(self, *more: str | int) -> Where:
        return self.declared.where(*self.path, *more)


class Inputs:
    """The inputs of an asset's cells, in the order of their roles; those of edges are filled in later."""

    def __init__(
        self, context: Context, sources: list[FileSource | EdgeSource], taken: frozenset[str]
    ) -> None:
        self.sources = [source for source in sources if source.role in taken]
        self.edges = [(at, item) for at, item in enumerate(self.sources) if isinstance(item, EdgeSource)]
        self._context = context
        self._known: dict[tuple[int, str], tuple[Input | None, Fault | None]] = {}

    def of(self, cell: Cell, faults: list[Fault]) -> tuple[Input, ...]:
        """One input for each source; none at all where a path leaves the project, which is a fault of the cell."""
        found = [self._input(source, cell, faults) for source in self.sources]
        inputs = tuple([item for item in found if item is not None])
        return inputs if len(inputs) == len(found) else ()

    def _input(self, source: FileSource | EdgeSource, cell: Cell, faults: list[Fault]) -> Input | None:
        if isinstance(source, EdgeSource):
            return Input(role=source.role)
        key = id(source), source.template.render(cell.bindings).strip()
        if key not in self._known:
            self._known[key] = self._look(source, key[1])
        found, fault = self._known[key]
        if fault is not None:
            faults.append(fault)
        return found

    def _look(self, source: FileSource, name: str) -> tuple[Input | None, Fault | None]:
        where = source.template.where
        try:
            path = self._context.files.locate(name, self._context.folder(where), where)
        except SpecError as error:
            if not source.template.names:
                raise
            return None, Fault(error.message, error.hint)
        found = Input(role=source.role, file=path)
        if self._context.files.stamp(path) is not None:
            return found, None
        hint = f"it was looked for at {path}" if path != name else "put it there, or leave the row out"
        return found, Fault(f"input image '{name}' does not exist", hint)


def read_sources(context: Context, spec: Spec, declared: Declared[Asset]) -> list[FileSource | EdgeSource]:
    """What the asset's `inputs`, or its `from`, names. Raises SpecError."""
    asset = declared.value
    if asset.from_:
        return [_file(context, "image", asset.from_, declared.where("from"))]
    if asset.sheet is not None:
        return [_sheet(context, spec, declared)]
    sources: list[FileSource | EdgeSource] = []
    for role in asset.inputs:
        if role in ROLES:
            sources += _sources(context, spec, declared, role)
    return sources


def layer_sources(
    context: Context, spec: Spec, declared: Declared[Asset], process: Sequence[Operation], *place: str | int
) -> list[EdgeSource]:
    """The targets of other assets that the operations at `place` take in, each once. Raises SpecError."""
    found: dict[str, EdgeSource] = {}
    for at, operation in enumerate(process):
        for inside, edge in operation.edges():
            path = (*place, at, operation.name, *inside)
            name = upstream_name(edge)
            found.setdefault(name, _upstream(context, spec, declared, name, edge, path))
    return list(found.values())


def sheet_of(asset: Asset) -> Sheet | None:
    """What an asset shows all in one, if it does."""
    return Sheet(asset=asset.sheet) if isinstance(asset.sheet, str) else asset.sheet


def _sheet(context: Context, spec: Spec, declared: Declared[Asset]) -> EdgeSource:
    sheet = sheet_of(declared.value)
    assert sheet is not None
    try:
        rgba_of(sheet.background)
    except ValueError as error:
        raise SpecError(str(error), where=declared.where("sheet", "background")) from error
    which: dict[str, Any] = {"match": sheet.match, "model": sheet.model, "index": sheet.index}
    edge = Pick(pick=sheet.pick, **which) if sheet.pick else Edge(asset=sheet.asset, **which)
    source = replace(_upstream(context, spec, declared, ON_SHEET, edge, ("sheet",)), sheet=sheet)
    home, name = source.upstream
    if sheet.pick and context.specs[home].assets[name].value.pick is None:
        raise SpecError(
            f"'{sheet.pick}' does not say which of its images compete",
            where=declared.where("sheet", "pick"),
            hint="give it a 'pick' of its own, or show all of them: write 'asset' in place of 'pick'",
        )
    return source


def _sources(
    context: Context, spec: Spec, declared: Declared[Asset], role: str
) -> Iterator[FileSource | EdgeSource]:
    value = declared.value.inputs[role]
    items: list[tuple[Value, tuple[Any, ...]]] = [(value, ("inputs", role))]
    if isinstance(value, list):
        items = [(item, ("inputs", role, at)) for at, item in enumerate(value)]
    for item, path in items:
        if isinstance(item, Mapping):
            edge = msgspec.convert(item, Pick) if "pick" in item else msgspec.convert(item, Edge)
            yield _upstream(context, spec, declared, role, edge, path)
        else:
            yield _file(context, role, item, declared.where(*path))


def _upstream(
    context: Context,
    spec: Spec,
    declared: Declared[Asset],
    role: str,
    wanted: Edge | Pick,
    path: tuple[Any, ...],
) -> EdgeSource:
    """Raises SpecError where there is no asset of that name, or where it could pick from itself alone."""
    if isinstance(wanted, Edge):
        return _edge(context, spec, declared, role, wanted, path)
    edge = Edge(asset=wanted.pick, match=wanted.match, model=wanted.model, index=wanted.index)
    source = replace(_edge(context, spec, declared, role, edge, path, key="pick"), is_pick=True)
    home, name = source.upstream
    if context.specs[home].assets[name] is declared:
        raise SpecError(
            f"'{name}' would be made from the winner among its own images",
            where=declared.where(*path, "pick"),
            hint="pick from another asset, whose images are there before",
        )
    return source


def _file(context: Context, role: str, path: str, where: Where) -> FileSource:
    template = compile_template(path, where)
    if any(mark in template.literal for mark in "*?"):
        raise SpecError(
            f"'{path}' is a pattern, and a path is needed",
            where=where,
            hint="list the files in a table, and name them with its columns: photos/{{ sku }}.jpg",
        )
    if "{" not in template.literal:
        context.files.locate(template.literal.replace(" ", "x").strip() or "x", context.folder(where), where)
    return FileSource(role=role, template=template)


def _edge(
    context: Context,
    spec: Spec,
    declared: Declared[Asset],
    role: str,
    edge: Edge,
    path: tuple[Any, ...],
    key: str = "asset",
) -> EdgeSource:
    """key: that names the asset. Raises SpecError where there is none of that name."""
    home, _, name = edge.asset.rpartition("/")
    other = context.specs.get(home) if home else spec
    if edge.asset in spec.assets:
        other, name = spec, edge.asset
    if other is None or name not in other.assets:
        known = [
            *spec.assets,
            *(
                f"{one.name}/{name}"
                for one in context.specs.values()
                if one is not spec
                for name in one.assets
            ),
        ]
        raise SpecError(
            f"unknown asset '{edge.asset}'",
            where=declared.where(*path, key),
            hint=did_you_mean(edge.asset, known, "assets"),
        )
    return EdgeSource(role=role, edge=edge, upstream=(other.name, name), declared=declared, path=path)
