"""The `parameters` text of AUTOMATIC1111's web UI, which galleries and other tools read.

A prompt, then `Negative prompt: …`, then one line of `Name: value` pairs; a value with a comma, a colon or a line
break is a JSON string. Lines of a prompt can't be told from these, and lose what is blank around them; but pairs named
`Prompt` and `Negative prompt` go before what the lines say. So a prompt that would be read as another one is said once
more, in the last line. What is exact stands in the XMP packet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from imgbuild.provenance.samplers import name_sampler
from imgbuild.types import Value

NEGATIVE = "Negative prompt:"
NAMES = {  # of our parameters, as that text has them
    "steps": "Steps",
    "scheduler": "Sampler",
    "guidance": "CFG scale",
    "strength": "Denoising strength",
    "clip_skip": "Clip skip",
}
_OURS = {theirs: ours for ours, theirs in NAMES.items()} | {"Schedule type": "sigmas", "Scheduler": "sigmas"}
_FIRST = ("Steps", "Sampler", "Schedule type", *NAMES.values())
_PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
_SIZE = re.compile(r"\d+x\d+$")
FEWEST = 3  # pairs that make a line of parameters of the last one


def write_infotext(generation: Mapping[str, Value]) -> str:
    """The text of a generation: prompt, negative, width, height, seed, params and model, as `describe` gives it."""
    prompt, negative = str(generation.get("prompt", "")), str(generation.get("negative") or "")
    text = f"{prompt}\n{NEGATIVE} {negative}" if negative else prompt
    pairs = {NAMES.get(name, name): value for name, value in generation.get("params", {}).items()}
    if known_sampler := name_sampler(pairs.get("Sampler")):
        pairs["Sampler"], pairs["Schedule type"] = known_sampler
    ordered = {name: pairs.pop(name) for name in _FIRST if name in pairs}
    model = generation.get("model", {})
    ordered |= {"Seed": generation.get("seed"), "Size": f"{generation['width']}x{generation['height']}"}
    ordered |= {"Model": model.get("source"), **pairs}
    known = [f"{name}: {_quoted(value)}" for name, value in ordered.items() if value not in (None, "")]
    return "\n".join([text, ", ".join([*known, *_again(text, prompt, negative), "Version: imgbuild"])])


def _again(text: str, prompt: str, negative: str) -> Iterator[str]:
    """Pairs of what the lines of `text` do not say to the web UI. One that looks like a size would be taken for one."""
    for name, asked, read in zip(
        ("Prompt", NEGATIVE[:-1]), (prompt, negative), read_prompts(text), strict=True
    ):
        if _tidy(asked) != read:
            yield f"{name}: {json.dumps(f'{asked} ' if _SIZE.match(asked) else asked, ensure_ascii=False)}"


def _quoted(value: Value) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[,:\n"]', text) else text


def read_infotext(text: str) -> dict[str, Value]:
    """What such a text says, in our terms; names that are not ours stand in `params` as they are."""
    before, _, last = text.strip().rpartition("\n")
    pairs = _PAIR.findall(last)
    if len(pairs) < FEWEST:
        before, pairs = text, []
    prompt, negative = read_prompts(before)
    found: dict[str, Value] = {"prompt": prompt, "negative": negative, "params": {}}
    for name, value in pairs:
        _take(found, name, _unquoted(value))
    return found


def read_prompts(text: str) -> tuple[str, str]:
    """The prompt, and from a line on that begins as NEGATIVE, the negative one, as the web UI reads lines."""
    prompt: list[str] = []
    negative: list[str] = []
    told = prompt
    for line in map(str.strip, text.split("\n")):
        if line.startswith(NEGATIVE):
            told, line = negative, line.removeprefix(NEGATIVE)
        told.append(line)
    return _tidy("\n".join(prompt)), _tidy("\n".join(negative))


def _tidy(text: str) -> str:
    """The text without what is blank around it and its lines."""
    return "\n".join(map(str.strip, text.strip().split("\n")))


def _take(found: dict[str, Value], name: str, value: str) -> None:
    size = re.fullmatch(r"(\d{1,6})x(\d{1,6})", value) if name == "Size" else None
    if size:
        found["width"], found["height"] = int(size[1]), int(size[2])
    elif name == "Seed" and re.fullmatch(r"\d{1,18}", value):
        found["seed"] = int(value)
    elif name in ("Prompt", NEGATIVE[:-1]):
        found["prompt" if name == "Prompt" else "negative"] = value.strip()
    elif name in ("Model", "Model hash"):
        key = "source" if name == "Model" else "weights"
        found["model"] = {**found.get("model", {}), key: value}
    else:
        found["params"][_OURS.get(name, name)] = _number(value)


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value.strip()
    try:
        return str(json.loads(value))
    except ValueError:
        return value


def _number(text: str) -> Value:
    if re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,18}\.\d{1,18}", text) else text
