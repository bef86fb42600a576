"""What NovelAI writes: `Software: NovelAI`, the model as `Source`, and JSON as `Comment`.

PNG has them as texts; in WebP, the comment of EXIF is an object with all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from imgbuild.provenance.strangers import generation_of, parse_object
from imgbuild.types import Value

_NAMES = {
    "prompt": "prompt",
    "negative": "uc",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "steps": "steps",
    "guidance": "scale",
    "scheduler": "sampler",
    "sigmas": "noise_schedule",
    "strength": "strength",
    "source": "source",
}


def read_novelai(texts: Mapping[str, str]) -> dict[str, Value]:
    """The generation; empty where there is none. Prompts of single characters are a parameter of that name."""
    outer: Mapping[str, Any] = {**texts, **parse_object(texts.get("UserComment", ""))}
    comment = outer.get("Comment")
    if not str(outer.get("Software", "")).startswith("NovelAI") or not isinstance(comment, str):
        return {}
    told = parse_object(comment)
    prompt, *characters = _captions(told.get("v4_prompt"))
    negative, *_ = _captions(told.get("v4_negative_prompt"))
    told = {"prompt": prompt, "uc": negative, **told, "source": outer.get("Source")}
    made = generation_of(told, _NAMES)
    if made and characters:
        made["params"] = {**made["params"], "characters": characters}
    return made


def _captions(prompt: Any) -> list[str]:
    """Of version 4's prompts: the whole picture's, then each character's."""
    caption = prompt.get("caption") if isinstance(prompt, dict) else None
    if not isinstance(caption, dict):
        return [""]
    inner = caption.get("char_captions")
    parts = inner if isinstance(inner, list) else []
    texts = [
        caption.get("base_caption"),
        *(part.get("char_caption") for part in parts if isinstance(part, dict)),
    ]
    return [text if isinstance(text, str) else "" for text in texts]
