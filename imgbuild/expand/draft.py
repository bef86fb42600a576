"""One asset, read and checked, with everything ready to make its targets; how many is known before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from msgspec import Struct

from imgbuild.errors import SpecError
from imgbuild.expand.asked import read_asked
from imgbuild.expand.cell import Cell
from imgbuild.expand.context import Context
from imgbuild.expand.edges import Part, Wanted
from imgbuild.expand.faults import NO_FAULT, Fault
from imgbuild.expand.finish import format_of, metadata_of, operations, rules, weights_of
from imgbuild.expand.ids import escape
from imgbuild.expand.inputs import Inputs, layer_sources, read_sources
from imgbuild.expand.lineup import Chain, Lineup, read_lineup
from imgbuild.expand.lint import lint, lint_prompt
from imgbuild.expand.matrix import Matrix, read_matrix
from imgbuild.expand.names import Naming, check_unambiguous
from imgbuild.expand.policies import refuse_asset, refuse_metadata
from imgbuild.expand.renditions import Files, read_renditions
from imgbuild.expand.seeds import Seeding, seeding
from imgbuild.expand.template import compile_template
from imgbuild.expand.wording import Wording, wording
from imgbuild.spec.declared import Declared, Spec
from imgbuild.types import Asset, Format, Recipe, Target

Moved: TypeAlias = (
    Sequence[frozenset[int]] | None
)  # for each axis the choices that changed; None: all cells did


class Draft(Struct, frozen=True, kw_only=True, eq=False):
    """An asset before its cells are made.

    prefix: what its ids begin with. wording: None for pictures that exist already. recipes: one for each
    chain of the lineup. explicit: whether the spec wrote the seeds down. layers: the assets, as (spec, name), whose
    pictures its operations take in.
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
    layers: frozenset[tuple[str, str]] = frozenset()

    @property
    def count(self) -> int:
        """How many targets there are at most."""
        return self.matrix.count * self.lineup.per_cell * self.seeding.count

    def part(self, moved: Moved = None) -> Part:
        """All targets of the asset, in the order of ids; or those of the cells that `moved` choices are in.

        Raises SpecError.
        """
        targets: list[Target] = []
        wanted = [Wanted(source=source, slot=slot, positions=[]) for slot, source in self.inputs.edges]
        for cell in self.matrix.cells(moved):
            start = len(targets)
            try:
                self._add(cell, targets)
            except SpecError as error:
                raise _in_cell(error, cell) from error
            if wanted and targets[start].inputs:
                for edge in wanted:
                    edge.positions.extend(range(start, len(targets)))
        return Part(targets=targets, wanted=wanted)

    def _add(self, cell: Cell, targets: list[Target]) -> None:
        """The targets of one cell: each of its models, each of its seeds."""
        faults: list[Fault] = []
        inputs = self.inputs.of(cell, faults)
        prompt, negative = self.wording.of(cell, faults) if self.wording else ("", "")
        seeds = self.seeding.of(cell)
        head = f"{self.prefix}[{','.join(cell.tags)}]" if cell.tags else self.prefix
        for at in self.lineup.of(cell):
            chain, found = self.lineup.chains[at], faults.copy()
            asks = chain.asks(cell, prompt, negative, found)
            self._lint(chain, prompt)
            fault = found[0] if found else NO_FAULT
            tail = f"@{escape(chain.alias)}#" if chain.fits else "#"
            names = self.naming.names(cell, chain.alias, len(seeds))
            files = self.files.paths(cell.bindings, chain.alias, names)
            for index, seed in enumerate(seeds):
                targets.append(
                    Target(
                        id=f"{head}{tail}{index}",
                        recipe=self.recipes[at],
                        cell=cell.pairs,
                        index=index,
                        seed=seed,
                        explicit=self.explicit,
                        asks=asks,
                        inputs=inputs,
                        output=names[index],
                        files=files[index],
                        fault=fault.message,
                        hint=fault.hint,
                    )
                )

    def _lint(self, chain: Chain, prompt: str) -> None:
        if self.wording is not None:
            for fit in chain.fits:
                lint_prompt(self.wording.context, fit, prompt, self.wording.prompt.where)


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
    words = None if asset.from_ else wording(context, spec, declared, matrix)
    lineup = _lineup(context, spec, name, words)
    sources = read_sources(context, spec, declared)
    format = format_of(declared, asset.format, asset.output)
    files = read_renditions(context, spec, name, declared, matrix.names)
    taken = {role for chain in lineup.chains for fit in chain.fits for role in fit.bound.capabilities.takes}
    if asset.from_:
        taken = {"image"}
    process = operations(context, spec, declared, asset.process, "process")
    layers = layer_sources(context, spec, declared, process)
    further = [operation for item in files.rendered for operation in item.process]
    refuse_asset(context, declared, name, sources, [*process, *further])
    taken |= {layer.role for layer in layers}
    return Draft(
        prefix=f"{spec.name}/{escape(name)}",
        matrix=matrix,
        lineup=lineup,
        wording=words,
        seeding=Seeding(name, listed=(0,)) if asset.from_ else seeding(name, declared, matrix.names),
        explicit=not asset.from_ and _is_explicit(asset.seeds),
        inputs=Inputs(context, [*sources, *layers], frozenset(taken)),
        naming=_naming(spec, name, declared, matrix, format, len(lineup.chains) > 1),
        files=files,
        recipes=_recipes(context, spec, name, lineup, process, format, files),
        layers=frozenset(layer.upstream for layer in layers),
    )


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
) -> tuple[Recipe, ...]:
    declared = spec.assets[name]
    profile = context.settings.profile
    attempts = profile.attempts if profile is not None and profile.attempts else declared.value.attempts
    checks = rules(context, spec, declared)
    told = metadata_of(context, declared)
    refuse_metadata(context, declared, name, told)
    further = [operation for item in files.rendered for operation in item.process]
    return tuple(
        Recipe(
            spec=spec.name,
            asset=name,
            model=chain.fits[0].bound if chain.fits else None,
            fallbacks=tuple(fit.bound for fit in chain.fits[1:]),
            weights=weights_of(context, (*process, *further, *checks)),
            tags=tuple(declared.value.tags),
            rights=declared.value.rights,
            process=process,
            format=format,
            rules=checks,
            renditions=files.rendered,
            metadata=told,
            attempts=attempts,
            where=declared.where(key=True),
        )
        for chain in lineup.chains
    )
