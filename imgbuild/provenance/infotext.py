"""The `parameters` text of AUTOMATIC1111's web UI, which galleries and other tools read.

A prompt, then `Negative prompt: …`, then one line of `Name: value` pairs; a value with a comma, a colon or a line
break is a JSON string. The grammar has no way to say that a line of a prompt is not one of these: such a prompt is
written as it is, and reads as it would there. What is exact stands in the XMP packet.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from imgbuild.types import Value

NEGATIVE = "Negative prompt:"
NAMES = {  # of our parameters, as that text has them
    "steps": "Steps",
    "scheduler": "Sampler",
    "guidance": "CFG scale",
    "strength": "Denoising strength",
    "clip_skip": "Clip skip",
}
_OURS = {theirs: ours for ours, theirs in NAMES.items()}
_PAIR = re.compile(r'\s*(\w[\w \-/]+):\s*("(?:\\.|[^\\"])+"|[^,]*)(?:,|$)')
FEWEST = 3  # pairs that make a line of parameters of the last one


def write_infotext(generation: Mapping[str, Value]) -> str:
    """The text of a generation: prompt, negative, width, height, seed, params and model, as `describe` gives it."""
    lines = [str(generation.get("prompt", ""))]
    if generation.get("negative"):
        lines.append(f"{NEGATIVE} {generation['negative']}")
    pairs = {NAMES.get(name, name): value for name, value in generation.get("params", {}).items()}
    ordered = {name: pairs.pop(name) for name in NAMES.values() if name in pairs}
    model = generation.get("model", {})
    ordered |= {"Seed": generation.get("seed"), "Size": f"{generation['width']}x{generation['height']}"}
    ordered |= {
        "Model": model.get("source"),
        **pairs,
        "Version": "imgbuild",
    }
    known = [f"{name}: {_quoted(value)}" for name, value in ordered.items() if value not in (None, "")]
    return "\n".join([*lines, ", ".join(known)])


def _quoted(value: Value) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
    return json.dumps(text, ensure_ascii=False) if re.search(r'[,:\n"]', text) else text


def read_infotext(text: str) -> dict[str, Value]:
    """What such a text says, in our terms; names that are not ours stand in `params` as they are."""
    lines = text.strip().split("\n")
    pairs = _PAIR.findall(lines[-1])
    if len(pairs) < FEWEST:
        pairs = []
    else:
        lines.pop()
    prompt, negative = _prompts(lines)
    found: dict[str, Value] = {"prompt": prompt, "negative": negative, "params": {}}
    for name, value in pairs:
        _take(found, name, _unquoted(value))
    return found


def _prompts(lines: list[str]) -> tuple[str, str]:
    at = next((number for number, line in enumerate(lines) if line.strip().startswith(NEGATIVE)), len(lines))
    negative = "\n".join(lines[at:]).strip().removeprefix(NEGATIVE).strip()
    return "\n".join(lines[:at]).strip(), negative


def _take(found: dict[str, Value], name: str, value: str) -> None:
    size = re.fullmatch(r"(\d{1,6})x(\d{1,6})", value) if name == "Size" else None
    if size:
        found["width"], found["height"] = int(size[1]), int(size[2])
    elif name == "Seed" and re.fullmatch(r"\d{1,20}", value):
        found["seed"] = int(value)
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
