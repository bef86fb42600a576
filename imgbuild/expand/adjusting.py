"""What the rules of an asset adjust for the next attempt, fitted to every model that may make it.

It is checked as what the asset itself asks is, for all the attempts that there can be: how often rules turn one down is
known only when images are made, and then it is too late.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from imgbuild.adjustments import changed, joined, unfolded
from imgbuild.errors import SpecError
from imgbuild.expand.asked import Wish
from imgbuild.expand.faults import Fault
from imgbuild.expand.fit import Fit, advice
from imgbuild.expand.schemas import complaint, typed
from imgbuild.expand.wording import Wording, too_long
from imgbuild.report.text import plural
from imgbuild.templates.values import number_of
from imgbuild.templates.varying import is_varying
from imgbuild.types import Adjustment, Ask, Change, Value, Where

MOST = 64  # values of a parameter looked at for one attempt; of more, the least and the greatest


class Adjusting(Struct, frozen=True, kw_only=True):
    """What one rule adjusts, as it is written. label, place: as of an Adjustment. where: of its key."""

    label: str
    place: int
    where: Where
    wishes: Mapping[str, Wish]


class Bounds:
    """What the asks of a cell may come to by the adjustments. attempts: how many there are at most."""

    def __init__(
        self, wording: Wording, fits: Sequence[Fit], items: Sequence[Adjusting], attempts: int
    ) -> None:
        self.adjustments = tuple(
            Adjustment(
                label=item.label,
                place=item.place,
                changes=tuple(tuple(_changes(fit, item, wording)) for fit in fits),
            )
            for item in items
        )
        self._wording, self._fits, self._rerolls = wording, fits, max(1, attempts - 1)
        self._known: dict[tuple[int, str, str], list[Fault]] = {}
        for at, fit in enumerate(fits):
            for name in fit.fixed:
                self._check_fixed(at, name, items)

    def check(self, asks: Sequence[Ask], faults: list[Fault]) -> None:
        """Add what this cell's asks could not be adjusted to."""
        for at, fit in enumerate(self._fits):
            for name in fit.varying:
                if name in asks[at].params:
                    faults += self._faults_of(at, name, asks[at].params[name])
        self._check_prompt(unfolded(asks[0]), faults)

    def _check_fixed(self, at: int, name: str, items: Sequence[Adjusting]) -> None:
        """Raises SpecError where a parameter that is the same in every cell can't be adjusted as often as it may be."""
        fit = self._fits[at]
        wrong = self._wrong(at, name, fit.fixed[name])
        if wrong is not None:
            wish = next(item for item in items if item.label == wrong.label).wishes[name]
            raise SpecError(wrong.sentence, where=wish.where, hint=wrong.hint)

    def _faults_of(self, at: int, name: str, value: Value) -> list[Fault]:
        key = at, name, repr(value)
        if key not in self._known:
            wrong = self._wrong(at, name, value)
            self._known[key] = [Fault(wrong.sentence, wrong.hint)] if wrong is not None else []
        return self._known[key]

    def _wrong(self, at: int, name: str, value: Value) -> _Wrong | None:
        """What is wrong with a value that the parameter may come to from this one; the fewest rerolls tell."""
        fit = self._fits[at]
        schemas = fit.bound.capabilities.params
        schema = schemas[name] if name in schemas else schemas.get("*", {})
        changes = [
            (item.label, change)
            for item in self.adjustments
            for change in item.changes[at]
            if change.name == name
        ]
        if not any(change.adds for _, change in changes):
            return None  # each was looked at by itself
        try:
            for reached in _reach(value, changes, self._rerolls):
                if wrong := complaint(reached.value, schema):
                    return _Wrong.of(fit, name, wrong, reached, schema)
        except TypeError as error:
            label = next(label for label, change in changes if change.adds)
            sentence = f"parameter '{name}' of {fit.title} can't be adjusted: {error}"
            return _Wrong(label, sentence, f"write it without a sign to put it in place of {value}")
        return None

    def _check_prompt(self, prompt: str, faults: list[Fault]) -> None:
        """The words that may not be in a prompt may come about where text is added; and it grows."""
        changes = [
            change for item in self.adjustments for change in item.changes[0] if change.name == "prompt"
        ]
        if not changes:
            return
        longest = max(len(prompt), *(len(str(change.value)) for change in changes))
        for change in changes:
            if change.adds:
                longest += self._rerolls * (len(change.value) + len(", "))
                text = joined(prompt, change.value)
                if self._wording.forbidden and (word := self._wording.forbidden.find(text)):
                    faults.append(
                        Fault(f"the adjusted prompt holds the forbidden word '{word}'", "adjust it otherwise")
                    )
        if longest > (limit := self._wording.context.settings.policy.prompt_length):
            fault = too_long(longest, limit)
            faults.append(Fault(f"{fault.message}, when it is adjusted as often as it may be", fault.hint))


class _Reached(NamedTuple):
    """A value that a parameter may come to. label: of the adjustment made last; rerolls: how many attempts it takes."""

    value: Value
    label: str
    rerolls: int


class _Wrong(NamedTuple):
    label: str
    sentence: str
    hint: str

    @classmethod
    def of(cls, fit: Fit, name: str, wrong: str, reached: _Reached, schema: Value) -> _Wrong:
        times = plural(reached.rerolls, "reroll")
        return cls(
            reached.label,
            f"parameter '{name}' of {fit.title} {wrong}, and {times} can make it {reached.value}",
            f"{advice(schema)}; adjust it by less, or allow fewer 'attempts'",
        )


def _reach(value: Value, changes: Sequence[tuple[str, Change]], rerolls: int) -> Iterator[_Reached]:
    """The values that come of any of the changes at each reroll, in their order. Raises TypeError."""
    seen, states = {repr(value)}, [value]
    for count in range(1, rerolls + 1):
        fresh: list[Value] = []
        for label, change in changes:
            for now in [*states, *fresh]:
                then = changed(now, change)
                if repr(then) not in seen:
                    seen.add(repr(then))
                    fresh.append(then)
                    yield _Reached(then, label, count)
            fresh = _pruned(fresh)
        if not fresh:
            return
        states = _pruned([*states, *fresh])


def _pruned(values: list[Value]) -> list[Value]:
    """Not more than are to be looked at; adding to numbers leaves their order, so the outermost tell of the others."""
    if len(values) <= MOST:
        return values
    numbers = [value for value in values if isinstance(value, int | float)]
    return [min(numbers), max(numbers)] if numbers else values[:MOST]


def _changes(fit: Fit, item: Adjusting, wording: Wording) -> Iterator[Change]:
    """What the rule changes of that which this model is asked; what the model's declaration drops is left out."""
    for name, wish in item.wishes.items():
        if is_varying(wish.value):
            raise SpecError(
                f"'{name}' is adjusted by a template, and rules know no variables",
                where=wish.where,
                hint="write the value itself",
            )
        change = (
            _words(fit, name, wish, wording) if name in ("prompt", "negative") else _param(fit, name, wish)
        )
        if change is not None:
            yield change


def _words(fit: Fit, name: str, wish: Wish, wording: Wording) -> Change | None:
    """What becomes of the prompt or the negative prompt. Raises SpecError."""
    if not isinstance(wish.value, str):
        raise SpecError(
            f"'{name}' is adjusted by text, not by {wish.value}",
            where=wish.where,
            hint=f"write '{name}: \"+…\"' to add to it, or the text that takes its place",
        )
    adds = wish.value.startswith("+")
    text = wish.value.removeprefix("+") if adds else wish.value
    if not text.strip() and (adds or name == "prompt"):
        message = f"'{name}' is adjusted by no text" if adds else "the adjusted prompt is empty"
        raise SpecError(message, where=wish.where, hint="write some, or leave it out")
    if name == "prompt":
        _check_words(wording, text, wish.where)
        return Change(name=name, value=text, adds=adds)
    fate = fit.negative(wish.name)
    return None if fate == "drop" else Change(name=name, value=text, adds=adds, folds=fate == "fold")


def _check_words(wording: Wording, text: str, where: Where) -> None:
    if wording.forbidden and (word := wording.forbidden.find(text)):
        raise SpecError(
            f"the adjusted prompt holds the forbidden word '{word}'",
            where=where,
            hint="take it out, or take it off 'forbid' or the project's 'policy.blocked'",
        )
    if wording.context.warned and (word := wording.context.warned.find(text)):
        wording.context.warn(f"a prompt holds '{word.lower()}'", where)


def _param(fit: Fit, name: str, wish: Wish) -> Change | None:
    """What becomes of a parameter. Raises SpecError."""
    schema = fit.schema_of(name, wish)
    if schema is None:
        return None
    if name in fit.bound.capabilities.unkeyed:
        message = f"parameter '{name}' of {fit.title} changes nothing in a picture"
        raise SpecError(message, where=wish.name, hint="leave it out: there is nothing to adjust")
    change = _added(fit, name, wish)
    if change is not None:
        return change
    value = typed(wish.value, schema)
    if wrong := complaint(value, schema):
        message = f"parameter '{name}' of {fit.title} {wrong}"
        raise SpecError(message, where=wish.where, hint=advice(schema))
    return Change(name=name, value=value)


def _added(fit: Fit, name: str, wish: Wish) -> Change | None:
    """What is added to a parameter; None where the value takes the place of the old one. Raises SpecError."""
    text, now = wish.value, fit.fixed.get(name)
    if not isinstance(text, str) or text[:1] not in ("+", "-"):
        return None
    number = None if isinstance(now, str) else number_of(text.removeprefix("+"))
    if number is None and not text.startswith("+"):
        return None
    if name not in fit.fixed and name not in fit.varying:
        raise SpecError(
            f"parameter '{name}' of {fit.title} is given no value that {text} could be added to",
            where=wish.where,
            hint=f"give one in 'params: {{{name}: …}}', or adjust it to a value, without a sign",
        )
    return Change(name=name, value=text[1:] if number is None else number, adds=True)
