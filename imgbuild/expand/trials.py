"""Trials: the targets of one asset that compete, and the name under which the winner is published, too."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.edges import Part, alias_of
from imgbuild.expand.matrix import Matrix
from imgbuild.expand.names import Naming, check_unambiguous
from imgbuild.expand.winners import Contests, Group
from imgbuild.spec.declared import Declared, Spec
from imgbuild.templates.template import compile_template
from imgbuild.types import Asset, Format, Target, Where, Won

MODEL, SEED = "model", "seed"  # what may compete beside the variables


class Rules(Struct, frozen=True, kw_only=True, eq=False):
    """What competes in an asset. over: variables, MODEL and SEED. naming: of the winners. where: its place."""

    over: frozenset[str]
    naming: Naming
    where: Where

    def group(self, target: Target) -> tuple[object, ...]:
        """Equal for targets that are rivals."""
        model = "" if MODEL in self.over else alias_of(target)
        index = 0 if SEED in self.over else target.index
        return model, index, *(pair for pair in target.cell if pair[0] not in self.over)


def read_trial(
    spec: Spec, name: str, declared: Declared[Asset], matrix: Matrix, format: Format
) -> Rules | None:
    """What competes in the asset, if anything does. A table's rows compete by its axis or its key. Raises SpecError."""
    trial = declared.value.pick
    if trial is None:
        return None
    axes = {name: axis.name for axis in matrix.axes for name in (axis.axis, axis.name)}
    known = {MODEL: MODEL, SEED: SEED, **axes}
    for at, over in enumerate(trial.over):
        if over not in known:
            raise SpecError(
                f"'{over}' in 'over' is no axis of '{name}'",
                where=declared.where("pick", "over", at),
                hint=did_you_mean(over, known, "things that can compete"),
            )
    template = compile_template(trial.output, declared.where("pick", "output"))
    check_unambiguous(template, matrix.names, f"'{name}'")
    naming = Naming(spec.name, name, template, format, template.where, several=False)
    return Rules(
        over=frozenset(known[over] for over in trial.over),
        naming=naming,
        where=declared.where("pick", key=True),
    )


def groups_of(rules: Rules, part: Part) -> list[Group]:
    """The groups of an asset's targets. Raises SpecError where rivals would have several names for the winner."""
    found: dict[tuple[object, ...], Group] = {}
    for target, path in zip(part.targets, part.places, strict=True):
        group = found.setdefault(rules.group(target), Group(rivals=[], path=path))
        group.rivals.append(target)
        if group.path != path:
            raise SpecError(
                f"the winner would be '{group.path}' if it is {group.rivals[0].id}, and '{path}' if it is {target.id}",
                where=rules.naming.where,
                hint="name it by what does not compete",
            )
    return list(found.values())


def crown(targets: list[Target], groups: Sequence[Group], contests: Contests) -> None:
    """Note in each winner, in place, where it is published, too."""
    won = {}
    for group in groups:
        winner = contests.winner(group.rivals)
        if winner is not None and not winner.rejected:
            won[winner.target] = Won(output=group.path, pixels=winner.pixels)
    for at, target in enumerate(targets) if won else ():
        if target.id in won:
            targets[at] = replace(target, won=won[target.id])
