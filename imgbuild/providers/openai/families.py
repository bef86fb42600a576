"""What OpenAI's models take, by their names.

Of the API reference (images) and the guide to image generation, as they stood in November 2026.
"""

from __future__ import annotations

from typing import Any

from imgbuild.providers.keys import OF_MODEL, UNKEYED
from imgbuild.types import Capabilities, Grade, Value

SNAPSHOTS = {"gpt-image-2": "gpt-image-2-2026-04-21"}  # what an undated name stands for now
_QUALITY = ["low", "medium", "high", "auto"]
_MORE_QUALITY = ["low", "medium", "high", "xhigh", "max", "auto"]
_FIXED = ((1024, 1024), (1536, 1024), (1024, 1536))

AZURE = {
    "api_version": {
        "type": "string",
        "pattern": r"^\d{4}-\d{2}-\d{2}(-preview)?$",
        "description": "of the API of a deployment on Azure, which `source` names then",
    }
}
_PARAMS: dict[str, Value] = {
    "background": {"type": "string", "enum": ["transparent", "opaque", "auto"]},
    "moderation": {"type": "string", "enum": ["low", "auto"]},
    "input_fidelity": {"type": "string", "enum": ["low", "high"]},
}


def capabilities_of(source: str) -> Capabilities:
    """What a model takes. One of another name is taken to be as the newest are."""
    fixed = source.startswith(("gpt-image-1", "chatgpt-image"))
    more = not fixed and not source.startswith("gpt-image-2-") and source != "gpt-image-2"
    quality = {"type": "string", "enum": _MORE_QUALITY if more else _QUALITY}
    sizes: dict[str, Any] = {"sizes": _FIXED} if fixed else {"multiple_of": 16, "max_side": 3840}
    return Capabilities(
        takes=frozenset({"image", "mask", "reference"}),
        grade=Grade.STORED,
        params={"quality": quality, **_PARAMS, **OF_MODEL, **AZURE},
        of_model=frozenset(OF_MODEL | AZURE),
        unkeyed=UNKEYED | frozenset(AZURE),
        needs={"mask": "image", "input_fidelity": "image"},
        pictures={"mask": 1},
        concurrency=8,
        **sizes,
    )
