"""One asset, read and checked, with everything ready to make its targets; how many is known before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias, get_args

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.expand.adjusting import Bounds
from imgbuild.expand.asked import read_asked
from imgbuild.expand.cell import Cell
from imgbuild.expand.chain import Chain
from imgbuild.expand.context import Context
from imgbuild.expand.edges import Part, Wanted
from imgbuild.expand.faults import NO_FAULT, Fault
from imgbuild.expand.finish import format_of, metadata_of, operations, read_adjusting, rules, weights_of
from imgbuild.expand.ids import escape
from imgbuild.expand.inputs import (
    EdgeSource,
    FileSource,
    Inputs,
    layer_sources,
    read_sources,
    sheet_of,
)
from imgbuild.expand.lineup import Lineup, Routed, read_lineup
from imgbuild.expand.lint import lint, lint_prompt
from imgbuild.expand.matrix import Matrix, read_matrix
from imgbuild.expand.names import Naming, check_unambiguous
from imgbuild.expand.policies import refuse_asset, refuse_metadata
from imgbuild.expand.renditions import Files, read_renditions
from imgbuild.expand.seeds import Seeding, seeding
from imgbuild.expand.trials import Rules, read_trial
from imgbuild.expand.wording import Wording, wording
from imgbuild.process.base import Operation
from imgbuild.spec.declared import Declared, Spec
from imgbuild.templates.template import compile_template
from imgbuild.types import ON_SHEET, Ask, Asset, Format, Input, Metadata, Recipe, Target, Text

Moved: TypeAlias = (
    Sequence[frozenset[int]] | None
)  # for each axis the choices that changed; None: all cells did


class Draft(Struct, frozen=True, kw_only=True, eq=False):
    """An asset before its cells are made.

    prefix: what its ids begin with. wording: None for pictures that exist already. recipes: one for each
    chain of the lineup, and so are bounds, where rules adjust what is asked for. explicit: whether the spec wrote the
    seeds down. trial: what competes in it, if anything does. mixed: the assets, as (spec, name), whose pictures become
    part of its own.
    """

    prefix: str
    matrix: Matrix
    lineup: Lineup
    wording: Wording | None
    seeding: Seeding
    explicit: bool
    inputs: Inputs
    naming: Naming
    files: Files
    recipes: tuple[Recipe, ...]
    bounds: tuple[Bounds, ...]
    trial: Rules | None = None
    mixed: frozenset[tuple[str, str]] = frozenset()

    @property
    def count(self) -> int:
        """How many targets there are at most."""
        return self.matrix.count * self.lineup.per_cell * self.seeding.count

    def part(self, moved: Moved = None) -> Part:
        """All targets of the asset, in the order of ids; or those of the cells that `moved` choices are in.

        Raises SpecError.
        """
        targets: list[Target] = []
        places: list[str] = []
        wanted = [Wanted(source=source, slot=slot, positions=[]) for slot, source in self.inputs.edges]
        for cell in self.matrix.cells(moved):
            start = len(targets)
            try:
                self._add(cell, targets, places)
            except SpecError as error:
                raise _in_cell(error, cell) from error
            if wanted and targets[start].inputs:
                for edge in wanted:
                    edge.positions.extend(range(start, len(targets)))
        return Part(targets=targets, wanted=wanted, places=places)

    def routed(self, pairs: tuple[tuple[str, str], ...]) -> Routed | None:
        """How the route of the asset came to the model of a cell; None where it has none. Raises SpecError."""
        if self.lineup.route is None:
            return None
        return next(self.lineup.routed(cell) for cell in self.matrix.cells() if cell.pairs == pairs)

    def _add(self, cell: Cell, targets: list[Target], places: list[str]) -> None:
        """The targets of one cell: each of its models, each of its seeds. places: of those that win."""
        faults: list[Fault] = []
        inputs = self.inputs.of(cell, faults)
        words = self.wording.of(cell, faults) if self.wording else ("", "")
        seeds = self.seeding.of(cell)
        for at in self.lineup.of(cell, faults):
            alias, found = self.lineup.chains[at].alias, faults.copy()
            asks = self._asks(at, cell, *words, found)
            fault = found[0] if found else NO_FAULT
            names = self.naming.names(cell, alias, len(seeds))
            files = self.files.paths(cell.bindings, alias, names)
            if self.trial is not None:
                places += self.trial.naming.names(cell, alias, len(seeds))
            variants = zip(seeds, names, files, strict=True)
            targets += self._variants(at, cell, variants, asks, inputs, fault)

    def _variants(
        self,
        at: int,
        cell: Cell,
        variants: Iterable[tuple[int, str, tuple[str, ...]]],
        asks: tuple[Ask, ...],
        inputs: tuple[Input, ...],
        fault: Fault,
    ) -> list[Target]:
        """The targets of a cell and a chain. variants: by index, their seeds, outputs and further files."""
        head = self._head(cell, at)
        return [
            Target(
                id=f"{head}{index}",
                recipe=self.recipes[at],
                cell=cell.pairs,
                index=index,
                seed=seed,
                explicit=self.explicit,
                asks=asks,
                inputs=inputs,
                output=output,
                files=files,
                fault=fault.message,
                hint=fault.hint,
            )
            for index, (seed, output, files) in enumerate(variants)
        ]

    def _head(self, cell: Cell, at: int) -> str:
        """What the ids of a cell and a chain begin with; the index follows."""
        chain = self.lineup.chains[at]
        tags = f"[{','.join(cell.tags)}]" if cell.tags else ""
        return f"{self.prefix}{tags}@{escape(chain.alias)}#" if chain.fits else f"{self.prefix}{tags}#"

    def _asks(self, at: int, cell: Cell, prompt: str, negative: str, faults: list[Fault]) -> tuple[Ask, ...]:
        """What the models of a chain are asked; what a cell asks in vain is added to `faults`. Raises SpecError."""
        chain = self.lineup.chains[at]
        asks = chain.asks(cell, prompt, negative, faults)
        if self.bounds:
            self.bounds[at].check(asks, faults)
        if self.wording is not None:
            for fit in chain.fits:
                lint_prompt(self.wording.context, fit, prompt, self.wording.prompt.where)
        return asks


def _in_cell(error: SpecError, cell: Cell) -> SpecError:
    """An error of a cell that `include` adds stands at that cell, which may lack what others have."""
    if cell.where is None:
        return error
    return SpecError(f"{error.message}, in this cell", where=cell.where, hint=error.hint)


def read_draft(context: Context, spec: Spec, name: str) -> Draft:
    """The asset, read once for each context. Raises SpecError."""
    known = context.drafts.get((spec.name, name))
    if known is None:
        known = context.drafts[spec.name, name] = _read(context, spec, name)
    draft: Draft = known
    return draft


def _read(context: Context, spec: Spec, name: str) -> Draft:
    declared = spec.assets[name]
    asset = declared.value
    matrix = read_matrix(context, name, declared)
    words = wording(context, spec, declared, matrix) if asset.is_generated else None
    lineup = _lineup(context, spec, name, words)
    sources = read_sources(context, spec, declared)
    format = format_of(declared, asset.format, asset.output)
    told = metadata_of(context, declared)
    files = read_renditions(context, spec, name, declared, matrix.names, texts_of(asset, told))
    fits = [fit for chain in lineup.chains for fit in chain.fits]
    taken = {role for fit in fits for role in fit.bound.capabilities.takes}
    if not asset.is_generated:
        taken = {"image", ON_SHEET}
    process = operations(context, spec, declared, asset.process, "process")
    _check_map(declared, process)
    layers = layer_sources(context, spec, declared, process, "process")
    further = {layer.role: layer for layer in [*layers, *files.layers]}  # each once, whoever takes it in
    taken |= set(further)
    finishing = [*process, *(operation for item in files.rendered for operation in item.process)]
    refuse_asset(context, declared, name, sources, finishing)
    checks = rules(context, spec, declared)
    bounds = _bounds(context, spec, declared, lineup, words, checks)
    return Draft(
        prefix=f"{spec.name}/{escape(name)}",
        matrix=matrix,
        lineup=lineup,
        wording=words,
        seeding=seeding(name, declared, matrix.names) if asset.is_generated else Seeding(name, listed=(0,)),
        explicit=asset.is_generated and _is_explicit(asset.seeds),
        inputs=Inputs(context, [*sources, *further.values()], frozenset(taken)),
        naming=_naming(spec, name, declared, matrix, format, lineup.several),
        files=files,
        recipes=_recipes(context, spec, name, lineup, process, format, files, told, checks, bounds),
        bounds=bounds,
        trial=read_trial(spec, name, declared, matrix, format),
        mixed=frozenset(source.upstream for source in [*_edges(sources), *layers]),
    )


def texts_of(asset: Asset, told: Metadata) -> tuple[Text, ...]:
    """The files beside each image that are text."""
    sheet = sheet_of(asset)
    has = {"map.json": sheet is not None and sheet.map, "sidecar.json": bool(told.sidecar)}
    return tuple(text for text in get_args(Text) if has[text])


def _check_map(declared: Declared[Asset], process: Sequence[Operation]) -> None:
    """Raises SpecError where an operation would move the pictures away from where the map of a sheet has them."""
    sheet = sheet_of(declared.value)
    if sheet is None or not sheet.map:
        return
    for at, operation in enumerate(process):
        if not operation.keeps_size:
            raise SpecError(
                f"after '{operation.name}' the sheet's map would not fit it any more",
                where=declared.where("process", at),
                hint="give the sheet a smaller 'cell', process the pictures before, or do it in a rendition",
            )


def _edges(sources: Sequence[FileSource | EdgeSource]) -> list[EdgeSource]:
    """Of what goes into a picture that no model makes: the targets."""
    return [source for source in sources if isinstance(source, EdgeSource) and source.sheet is not None]


def _is_explicit(seeds: Any) -> bool:
    return isinstance(seeds, list) or getattr(seeds, "base", None) is not None


def _lineup(context: Context, spec: Spec, name: str, words: Wording | None) -> Lineup:
    declared = spec.assets[name]
    if words is None:
        return Lineup(chains=(Chain(),), where=declared.where(key=True))
    asked = read_asked(context, declared, words.negative.where if words.negative else None)
    lineup = read_lineup(context, spec, name, declared, asked)
    for chain in lineup.chains:
        for fit in chain.fits:
            lint(context, fit, declared.where(key=True))
    return lineup


def _naming(
    spec: Spec, name: str, declared: Declared[Asset], matrix: Matrix, format: Format, several: bool
) -> Naming:
    output = declared.value.output
    if not output:
        return Naming(spec.name, name, None, format, declared.where(key=True), several)
    template = compile_template(output, declared.where("output"))
    check_unambiguous(template, matrix.names, f"'{name}'")
    return Naming(spec.name, name, template, format, template.where, several)


def _recipes(
    context: Context,
    spec: Spec,
    name: str,
    lineup: Lineup,
    process: tuple[Any, ...],
    format: Format,
    files: Files,
    told: Metadata,
    checks: tuple[Any, ...],
    bounds: tuple[Bounds, ...],
) -> tuple[Recipe, ...]:
    declared = spec.assets[name]
    refuse_metadata(context, declared, name, told)
    further = [operation for item in files.rendered for operation in item.process]
    return tuple(
        Recipe(
            spec=spec.name,
            asset=name,
            model=chain.fits[0].bound if chain.fits else None,
            fallbacks=tuple(fit.bound for fit in chain.fits[1:]),
            rivals=lineup.rivals.get(chain.alias, ()),
            weights=weights_of(context, (*process, *further, *checks)),
            tags=tuple(declared.value.tags),
            rights=declared.value.rights,
            sheet=sheet_of(declared.value),
            process=process,
            format=format,
            rules=checks,
            adjustments=bounds[at].adjustments if bounds else (),
            renditions=files.rendered,
            texts=files.texts,
            metadata=told,
            attempts=_attempts(context, declared),
            where=declared.where(key=True),
        )
        for at, chain in enumerate(lineup.chains)
    )


def _attempts(context: Context, declared: Declared[Asset]) -> int:
    profile = context.settings.profile
    return profile.attempts if profile is not None and profile.attempts else declared.value.attempts


def _bounds(
    context: Context,
    spec: Spec,
    declared: Declared[Asset],
    lineup: Lineup,
    words: Wording | None,
    checks: tuple[Any, ...],
) -> tuple[Bounds, ...]:
    """What the adjustments of the asset's rules may come to, for each chain; nothing where there are none.

    Raises SpecError.
    """
    items = read_adjusting(spec, declared, checks)
    if not items:
        return ()
    if words is None:
        raise SpecError(
            f"rule '{items[0].label}' adjusts what a model is asked for, and no model makes these pictures",
            where=items[0].where,
            hint="leave 'adjust' out",
        )
    return tuple(Bounds(words, chain.fits, items, _attempts(context, declared)) for chain in lineup.chains)
