"""The words of an asset: its prompt and negative prompt for a cell, and whether they are allowed."""

from __future__ import annotations

from msgspec import Struct

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.cell import Cell
from imgbuild.expand.context import Context
from imgbuild.expand.faults import Fault
from imgbuild.expand.matrix import Matrix
from imgbuild.expand.words import Words
from imgbuild.spec.declared import Declared, Spec
from imgbuild.templates.template import Template, compile_template, narrow
from imgbuild.types import Asset, Where
from imgbuild.types import Template as Declaration


class Wording(Struct, frozen=True, kw_only=True):
    """The compiled texts. forbidden: of template, asset and project together. requires: names with their places."""

    context: Context
    prompt: Template
    negative: Template | None
    requires: list[tuple[str, Where]]
    forbidden: Words

    def of(self, cell: Cell, faults: list[Fault]) -> tuple[str, str]:
        """Prompt and negative prompt; what is wrong with this cell's is added to `faults`. Raises SpecError."""
        for name, where in self.requires:
            if name not in cell.bindings:
                hint = f"the template requires it: add '{name}'"
                raise SpecError(f"there is no '{name}'", where=cell.where or where, hint=hint)
            if is_blank(cell.bindings[name]):
                faults.append(
                    Fault(f"'{name}' is empty", "the template requires it: fill it in for this row")
                )
        prompt = self.prompt.render(cell.bindings).strip()
        self._check(prompt, faults)
        return prompt, self.negative.render(cell.bindings).strip() if self.negative else ""

    def _check(self, prompt: str, faults: list[Fault]) -> None:
        if not prompt:
            faults.append(
                Fault("the prompt is empty", "give the template words of its own, or fill in the row")
            )
        if self.forbidden and (word := self.forbidden.find(prompt)):
            faults.append(
                Fault(f"the prompt holds the forbidden word '{word}'", "reword the row, or leave it out")
            )
        if len(prompt) > (limit := self.context.settings.policy.prompt_length):
            faults.append(too_long(len(prompt), limit))
        if self.context.warned and (word := self.context.warned.find(prompt)):
            self.context.warn(f"a prompt holds '{word.lower()}'", self.prompt.where)


def is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def too_long(length: int, limit: int) -> Fault:
    return Fault(f"the prompt has {length} characters, more than the {limit} allowed", "shorten it")


def wording(context: Context, spec: Spec, declared: Declared[Asset], matrix: Matrix) -> Wording:
    """The asset's texts, compiled and checked as far as they are the spec's own. Raises SpecError."""
    asset = declared.value
    template = spec.templates.get(asset.template)
    source: Declared[Asset] | Declared[Declaration] = template or declared
    negative = declared if asset.negative or template is None else template
    forbid = [*(template.value.forbid if template else ()), *asset.forbid, *context.settings.policy.blocked]
    made = Wording(
        context=context,
        prompt=compile_template(source.value.prompt, source.where("prompt")),
        negative=_negative(negative),
        requires=[*_requires(template, matrix), *_requires(declared, matrix)],
        forbidden=Words(forbid),
    )
    _check_own(made)
    return made


def _negative(declared: Declared[Asset] | Declared[Declaration]) -> Template | None:
    text = declared.value.negative
    return compile_template(text, declared.where("negative")) if text else None


def _requires(
    declared: Declared[Asset] | Declared[Declaration] | None, matrix: Matrix
) -> list[tuple[str, Where]]:
    if declared is None:
        return []
    places = [(name, declared.where("requires", at)) for at, name in enumerate(declared.value.requires)]
    for name, where in places:
        if name not in matrix.names:
            raise SpecError(
                f"required variable '{name}' is bound nowhere in '{matrix.asset}'",
                where=where,
                hint=did_you_mean(name, matrix.names, "variables"),
            )
    return places


def _check_own(made: Wording) -> None:
    """What the template's own text holds is a fault of the spec, not of a row."""
    where = made.prompt.where
    word = made.forbidden.find(made.prompt.literal)
    if word:
        raise SpecError(
            f"the prompt holds the forbidden word '{word}'",
            where=narrow(where, word),
            hint="take it out, or take it off 'forbid' or the project's 'policy.blocked'",
        )
    limit = made.context.settings.policy.prompt_length
    if not made.prompt.names and len(made.prompt.literal) > limit:
        fault = too_long(len(made.prompt.literal), limit)
        raise SpecError(fault.message, where=where, hint=fault.hint)
