"""What a web UI takes, whatever its checkpoint; names of parameters are those of other providers, or the API's own."""

from __future__ import annotations

from imgbuild.providers.keys import UNKEYED
from imgbuild.providers.servers import of_server
from imgbuild.types import Capabilities, Grade, Value

OF_MODEL = of_server("the web UI", "http://127.0.0.1:7860")
_PARAMS: dict[str, Value] = {
    "steps": {"type": "integer", "minimum": 1, "maximum": 1000},
    "guidance": {"type": "number", "minimum": 0, "maximum": 100},
    "strength": {"type": "number", "minimum": 0, "maximum": 1},
    "sampler_name": {"type": "string", "minLength": 1, "description": "as the web UI calls it: DPM++ 2M"},
    "scheduler": {"type": "string", "minLength": 1, "description": "as the web UI calls it: Karras"},
    "clip_skip": {"type": "integer", "minimum": 1, "maximum": 12},
    "vae": {"type": "string", "minLength": 1, "description": "the file, as the web UI lists it"},
}

CAPABILITIES = Capabilities(
    takes=frozenset({"negative", "seed", "image", "mask"}),
    grade=Grade.PERCEPTUAL,
    params={**_PARAMS, **OF_MODEL},
    of_model=frozenset(OF_MODEL),
    unkeyed=UNKEYED,
    needs={"strength": "image", "mask": "image"},
    pictures={"image": 1, "mask": 1},
    multiple_of=8,
    min_side=64,
    max_side=8192,
    default_size=(512, 512),
    concurrency=1,  # it draws one after the other anyway
)
