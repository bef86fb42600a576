"""What Fooocus writes in its own scheme: JSON, as `parameters` of a PNG, or as the comment of a JPEG or WebP.

In its other scheme it writes the text of AUTOMATIC1111's web UI.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from imgbuild.provenance.strangers import generation_of, parse_object
from imgbuild.types import Value

_NAMES = {
    "prompt": "prompt",
    "negative": "negative_prompt",
    "seed": "seed",
    "width": "width",
    "height": "height",
    "steps": "steps",
    "guidance": "guidance_scale",
    "scheduler": "sampler",
    "sigmas": "scheduler",
    "styles": "styles",  # texts that it adds to the prompt
    "performance": "performance",
    "sharpness": "sharpness",
    "source": "base_model",
    "weights": "base_model_hash",
}


def read_fooocus(texts: Mapping[str, str]) -> dict[str, Value]:
    """The generation; empty where there is none."""
    for name in ("parameters", "UserComment"):
        told = parse_object(texts.get(name, ""))
        if "base_model" in told or str(told.get("version", "")).startswith("Fooocus"):
            size = re.fullmatch(r"\((\d{1,6}), (\d{1,6})\)", str(told.get("resolution", "")))
            sides = {"width": size[1], "height": size[2]} if size else {}
            return generation_of({**told, **sides}, _NAMES)
    return {}
