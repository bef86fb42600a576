"""Which inputs of a workflow what a spec says goes into: as the model's `bind` has it, and else as its links tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import msgspec

from imgbuild.errors import TargetError, did_you_mean
from imgbuild.providers.comfyui.finding import LOOKED_FOR, Places
from imgbuild.providers.comfyui.graph import Graph, called, named
from imgbuild.types import ROLES, Value
from imgbuild.workflows import Place, source_of

# Of what is bound, what is text, and what is a whole number; pictures go in by the names of their files.
TEXT = ("prompt", "negative", *ROLES)
WHOLE = ("seed", "width", "height")
_ONE_FILE = {"image", "mask"}  # what one picture can hold both of


def bound(whole: Graph, graph: Graph, bind: Value, path: str) -> Places:
    """Where everything goes. graph: the nodes of the whole that lead to the image. bind: as the model says it.

    What it does not name is looked for. Raises TargetError where a name leads nowhere, or it has to be said.
    """
    asked = _read(bind)
    found: dict[str, Sequence[Place]] = {
        name: [_named(whole, graph, name, text, path) for text in texts] for name, texts in asked.items()
    }
    said = {place: name for name, places in found.items() for place in places}
    for name, look in LOOKED_FOR.items():
        if name not in asked:
            places = look(graph, found, path)
            found[name] = [place for place in places if place not in said or {name, said[place]} == _ONE_FILE]
            _check_prompt(name, found[name], [said[place] for place in places if place in said])
    _check_apart(found)
    _check_sides(found)
    return {name: places for name, places in found.items() if places}


def _read(bind: Value) -> Mapping[str, Sequence[str]]:
    """For each name, what it is bound to. Raises TargetError where it has another form: the schema tells it better."""
    try:
        read = msgspec.convert(bind, dict[str, str | list[str]])
    except msgspec.ValidationError as error:
        raise TargetError(
            f"'bind' is not as it must be: {error}", hint="such as bind: {prompt: 6.text}"
        ) from None
    return {name: [texts] if isinstance(texts, str) else texts for name, texts in read.items()}


def _named(whole: Graph, graph: Graph, name: str, text: str, path: str) -> Place:
    """The input that a text of `bind` names: the number or the title of a node, a dot, and the input's name."""

    def wrong(why: str, hint: str = "") -> TargetError:
        return TargetError(f"'{name}' can't be bound to '{text}': {why}", hint=hint)

    ways = [(text[:at], text[at + 1 :]) for at, letter in enumerate(text) if letter == "."]
    if not ways:
        raise wrong("it names no input", "write the node and its input, such as 6.text")
    nodes = [(node, key) for word, key in ways for node in named(whole, word)]
    if not nodes:
        known = [*whole, *(node.title for node in whole.values())]
        raise wrong(f"{path} has no such node", did_you_mean(ways[-1][0], known, "nodes"))
    places = [(node, key) for node, key in nodes if key in whole[node].inputs]
    if not places:
        node, key = nodes[-1]
        raise wrong(
            f"{called(whole, node)} has no input '{key}'", did_you_mean(key, whole[node].inputs, "inputs")
        )
    if len(places) > 1:
        many = ", ".join(node for node, _ in places)
        raise wrong(
            f"several nodes are called so: {many}", f"name one by its number: {places[0][0]}.{places[0][1]}"
        )
    _check(whole, graph, name, places[0], wrong)
    return places[0]


def _check(whole: Graph, graph: Graph, name: str, place: Place, wrong: Callable[..., TargetError]) -> None:
    """Raise an error where what is bound would not be drawn with, or is of another kind than the input holds."""
    node, key = place
    value = whole[node].inputs[key]
    if node not in graph:
        raise wrong(
            f"nothing of {called(whole, node)} goes into the image",
            "bind an input of a node that leads to it",
        )
    if (source := source_of(value)) is not None:
        raise wrong(f"that input comes from {called(whole, source)}", "bind an input of that node")
    kind, what = (str, "a text") if name in TEXT else (int, "a whole number")
    if name in (*TEXT, *WHOLE) and (not isinstance(value, kind) or isinstance(value, bool)):
        raise wrong(f"that input holds {value!r}, and not {what}", "bind an input of that kind")


def _check_prompt(name: str, places: Sequence[Place], others: Sequence[str]) -> None:
    """Raise TargetError where the prompt would go nowhere, since something else goes to where it is written."""
    if name == "prompt" and not places:
        raise TargetError(
            f"'{others[0]}' is bound to where the prompt goes",
            hint="bind it elsewhere, or bind the 'prompt' too",
        )


def _check_apart(found: Places) -> None:
    """Raise TargetError where two things go into one input."""
    taken: dict[Place, str] = {}
    for name, places in found.items():
        for place in places:
            other = taken.setdefault(place, name)
            if other != name and {name, other} != _ONE_FILE:
                raise TargetError(
                    f"'{other}' and '{name}' are both bound to '{'.'.join(place)}'",
                    hint="bind one of them elsewhere",
                )


def _check_sides(found: Places) -> None:
    """Raise TargetError where only one of the sides of an image can be told to the workflow."""
    known = [side for side in ("width", "height") if found.get(side)]
    if len(known) == 1:
        other = "height" if known == ["width"] else "width"
        raise TargetError(
            f"'{known[0]}' is bound, and '{other}' is not",
            hint="bind both, or neither: {width: [], height: []}",
        )
