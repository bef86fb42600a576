"""What InvokeAI writes into a PNG: `invokeai_metadata`, and before its version 3 `sd-metadata`; both are JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgbuild.provenance.strangers import generation_of, parse_object
from imgbuild.types import Value

_NAMES = {
    "prompt": "positive_prompt",
    "negative": "negative_prompt",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "steps": "steps",
    "guidance": "cfg_scale",
    "scheduler": "scheduler",
    "strength": "strength",
    "source": "source",
    "weights": "hash",
}
_OLD = {**_NAMES, "prompt": "prompt", "scheduler": "sampler"}


def read_invokeai(texts: Mapping[str, str]) -> dict[str, Value]:
    """The generation; empty where there is none."""
    told = parse_object(texts.get("invokeai_metadata", ""))
    if found := generation_of({**told, **_model(told.get("model"))}, _NAMES):
        return found
    told = parse_object(texts.get("sd-metadata", ""))
    image = told.get("image")
    if not isinstance(image, dict):
        return {}
    model = {"source": told.get("model_weights"), "hash": told.get("model_hash")}
    return generation_of({**image, "prompt": _prompt(image.get("prompt")), **model}, _OLD)


def _model(model: Any) -> dict[str, Any]:
    """Source and hash; before version 4, the name was `model_name`."""
    if not isinstance(model, dict):
        return {}
    return {"source": model.get("name", model.get("model_name")), "hash": model.get("hash")}


def _prompt(prompt: Any) -> Any:
    """The old form's prompt, a text or a list of weighted parts; what it excludes stands in it in brackets."""
    if not isinstance(prompt, list):
        return prompt
    parts = [part.get("prompt") for part in prompt if isinstance(part, dict)]
    return " ".join(part for part in parts if isinstance(part, str))
