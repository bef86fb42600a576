"""A spec that would draw a picture again, as far as the picture says how it was made."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from imgbuild.errors import UsageError
from imgbuild.expand.seeds import SEEDS_END
from imgbuild.provenance.read import Found
from imgbuild.provenance.samplers import find_scheduler
from imgbuild.provenance.strangers import whole
from imgbuild.types import Value

MAX_SIDE = 16384  # pixels

_KNOWN = ("steps", "guidance", "scheduler")


def redrawing(found: Found, name: str, file: str, up: str) -> str:
    """The text of the spec. name: of the asset; file: of the picture; up: the way to the project's root.

    Raises UsageError for a picture that says nothing of how it was made.
    """
    made = found.generation
    if not made.get("prompt"):
        raise UsageError(
            f"'{file}' says nothing of how it was made", hint="`imgbuild inspect` tells what an image says"
        )
    lines = [
        f"# yaml-language-server: $schema={up}schema/spec.schema.json",
        "#",
        f"# What {_one_line(file)} says of itself ({_one_line(found.tool) or 'by an unknown tool'}).",
        "version: 1",
        "",
        *_model(made, ours=found.tool == "imgbuild"),
        "",
        "assets:",
        f"  {name}:",
        *(f"    {line}" for line in _asset(made, found)),
    ]
    return "\n".join(lines) + "\n"


def _model(made: Mapping[str, Value], *, ours: bool) -> Iterator[str]:
    told = made.get("model")
    model = told if isinstance(told, dict) else {}
    source, provider = str(model.get("source", "")), str(model.get("provider", "")) if ours else ""
    yield "models:"
    yield "  model:"
    yield f"    provider: {_text(provider or 'diffusers')}"
    if provider and source:
        yield f"    source: {_text(source)}"
    elif not provider:
        said = f"the picture calls it {_text(source)}" if source else "the picture does not say which"
        yield f"    source: {_text(source or 'your/model')} # a hub id, or a folder: {said}"
    if ours and model.get("revision"):
        yield f"    revision: {_text(model['revision'])}"
    yield from _params(made.get("params", {}), ours=ours)


def _params(params: Value, *, ours: bool) -> Iterator[str]:
    """What is understood stands there; what is not, as a comment, so that nothing is lost."""
    told = dict(params) if isinstance(params, dict) else {}
    given = told if ours else _translated(told)
    kept = given if ours else {key: given[key] for key in _KNOWN if key in given}
    if kept:
        yield f"    params: {_flow(kept)}"
    for key, value in given.items():
        if key not in kept:
            yield f"    # {_one_line(key)}: {_one_line(value if isinstance(value, str) else json.dumps(value))}"


def _translated(told: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters of another tool with the scheduler as diffusers has it; as `sampler` where it has none such."""
    rest = {name: value for name, value in told.items() if name not in ("scheduler", "sigmas")}
    sampler, shape = str(told.get("scheduler", "")), str(told.get("sigmas", ""))
    if known := find_scheduler(sampler, shape):
        scheduler, shape = known
        rest["scheduler"] = scheduler
    elif sampler:
        rest["sampler"] = sampler
    return {**rest, "sigmas": shape} if shape else rest


def _asset(made: Mapping[str, Value], found: Found) -> Iterator[str]:
    yield f"prompt: {_template(str(made['prompt']))}"
    if made.get("negative"):
        yield f"negative: {_template(str(made['negative']))}"
    yield "models: [model]"
    seed = whole(made.get("seed"))
    if seed is not None and seed < SEEDS_END:
        yield f"seeds: [{seed}]"
    elif made.get("seed") is not None:
        yield f"# seed {_one_line(str(made['seed']))}: seeds are below {SEEDS_END}"
    width, height = whole(made.get("width", found.width)), whole(made.get("height", found.height))
    if width and height and max(width, height) <= MAX_SIDE:
        yield f"size: {width}x{height}"


def _template(text: str) -> str:
    """The text as a template that renders to it."""
    if not re.search(r"\{[{%#]", text):
        return _text(text)
    raw = text.replace("{% endraw %}", "{% endraw %}{{ '{% endraw %}' }}{% raw %}")
    return _text("{% raw %}" + raw + "{% endraw %}")


def _text(value: Value) -> str:
    """A YAML scalar in quotes."""
    return _flow(str(value))


def _mark(mark: str) -> str:
    if mark.isprintable():
        return mark
    return "\ufffd" if "\ud800" <= mark <= "\udfff" else f"\\U{ord(mark):08x}"


def _flow(value: Value) -> str:
    """Any JSON value in YAML's flow style: JSON's own, with the marks escaped that YAML does not take as they are."""
    return "".join(map(_mark, json.dumps(value, ensure_ascii=False)))


def _one_line(text: str) -> str:
    """Fit for a comment."""
    return "".join(mark if mark.isprintable() else " " for mark in text)
