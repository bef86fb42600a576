"""What a model is asked for after rules turned attempts down: the declared ask, adjusted once for each of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice, product
from typing import Any

from msgspec.structs import replace

from imgbuild.types import Ask, Change, Recipe, Target, Value, Verdict

GUESSES = 64  # ways to read the labels of a line, where rules of one name came, went or changed places
ATTEMPTS = 1000  # as many as a spec can ask for: no rule adjusts more often

_OWN_MARKS = " ,.;:!?\n"  # added text that begins with one of these needs no comma before it


def ask_at(target: Target, position: int, labels: Sequence[str] = ()) -> Ask:
    """What is asked of the model at that place in the chain. labels: of adjustments that the recipe has, in order."""
    ask = target.asks[position]
    if not labels:
        return ask
    known = {item.label: item.changes[position] for item in target.recipe.adjustments}
    return adjusted(ask, (change for label in labels for change in known[label]))


def adjusted(ask: Ask, changes: Iterable[Change]) -> Ask:
    """The ask after these changes, one after the other."""
    prompt, words, params = unfolded(ask), {"kept": ask.negative, "folded": ask.folded}, dict(ask.params)
    for change in changes:
        if change.name == "prompt":
            prompt = changed(prompt, change)
        elif change.name == "negative":
            way = "folded" if change.folds else "kept"
            words[way] = changed(words[way], change)
        else:
            params[change.name] = changed(params.get(change.name), change)
    return replace(
        ask,
        prompt=fold(prompt, words["folded"]),
        negative=words["kept"],
        folded=words["folded"],
        params=params,
    )


def changed(now: Any, change: Change) -> Any:
    """The value after the change. Raises TypeError where nothing can be added to it."""
    if not change.adds:
        return change.value
    if isinstance(now, str) and isinstance(change.value, str):
        return joined(now, change.value)
    if isinstance(now, bool) or not isinstance(now, int | float) or isinstance(change.value, str):
        raise TypeError(f"{change.value} can't be added to {now}")
    if isinstance(now, int) and isinstance(change.value, int):
        return now + change.value
    return float(Decimal(str(now)) + Decimal(str(change.value)))  # 0.1 + 0.2 is 0.3, as it is written


def joined(text: str, more: str) -> str:
    """The text with more at its end, after a comma where that does not begin with a mark or a space of its own."""
    if not text.strip():
        return more.lstrip(_OWN_MARKS)
    return f"{text}{more}" if more[:1] in _OWN_MARKS else f"{text.rstrip(' .,')}, {more}"


def fold(prompt: str, negative: str) -> str:
    """A prompt that says in words of its own what the picture must not show."""
    return f"{prompt.rstrip(' .')}{_avoid(negative)}" if negative else prompt


def unfolded(ask: Ask) -> str:
    """The prompt without what was folded into it."""
    return ask.prompt.removesuffix(_avoid(ask.folded)) if ask.folded else ask.prompt


def _avoid(negative: str) -> str:
    return f". Avoid: {negative}"


def difference(before: Ask, after: Ask) -> dict[str, Value]:
    """What the one asks for otherwise than the other, by its name."""
    texts = {name: getattr(after, name) for name in ("prompt", "negative")}
    found = {name: text for name, text in texts.items() if text != getattr(before, name)}
    params = {
        name: value
        for name, value in after.params.items()
        if name not in before.params or value != before.params[name]
    }
    return {**found, **params}


def adjusting(recipe: Recipe, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    """Labels of the broken rules that adjust the next attempt.

    verdicts: of the rules that look at one image, in their order, then of those over groups, as far as they were asked.
    """
    if not recipe.adjustments:
        return ()
    places = sorted(range(len(recipe.rules)), key=lambda place: recipe.rules[place].group)
    judged = zip(places, verdicts, strict=False)
    broken = {place for place, verdict in judged if verdict.status == "fail"}
    return tuple([item.label for item in recipe.adjustments if item.place in broken])


def readings(recipe: Recipe, labels: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """What the labels of a lock line may mean now, the likeliest first; nothing where no rule of a name adjusts.

    Rules of one name may have come, gone or changed places since: each may be any of those that there are.
    """
    if len(labels) > ATTEMPTS * len(recipe.adjustments):
        return
    distinct = list(dict.fromkeys(labels))
    choices = [_meant(recipe, label) for label in distinct]
    for chosen in islice(product(*choices), GUESSES):
        now = dict(zip(distinct, chosen, strict=True))
        yield tuple(now[label] for label in labels)


def forgotten(recipe: Recipe, labels: Sequence[str]) -> str:
    """The first name among the labels of which no rule adjusts anything now; empty where all do."""
    return next((_name(label) for label in labels if not _meant(recipe, label)), "")


def _meant(recipe: Recipe, label: str) -> list[str]:
    """The labels there are of rules that have this label's name; first the same one, if it is among them."""
    found = [item.label for item in recipe.adjustments if _name(item.label) == _name(label)]
    return sorted(found, key=lambda other: other != label)


def _name(label: str) -> str:
    return label.partition("#")[0]


def told_labels(labels: Sequence[str]) -> str:
    """Labels in words, each once: `sharpness (twice), brightness`."""
    counts = {label: labels.count(label) for label in labels}
    return ", ".join(f"{label}{_times(count)}" for label, count in counts.items())


def told_asked(asked: Mapping[str, Value]) -> str:
    """What is asked for otherwise, in words: `guidance 8.5, negative 'hands, blurry'`."""
    shown = {name: f"'{value}'" if isinstance(value, str) else value for name, value in asked.items()}
    return ", ".join(f"{name} {value}" for name, value in shown.items())


def _times(count: int) -> str:
    return {1: "", 2: " (twice)"}.get(count, f" ({count} times)")
