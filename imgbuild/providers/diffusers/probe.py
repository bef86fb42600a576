"""Looks at a pipeline's class and configurations, in a process of its own: `python -m … FOLDER`.

Importing diffusers takes seconds and much memory, which planning is spared; no weights are read.
"""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from imgbuild.errors import TargetError
from imgbuild.providers.diffusers.own_code import own_class
from imgbuild.providers.diffusers.takes import Found
from imgbuild.weights.bundles import BODIES, INDEX, components, read_index

PATIENCE = 600  # seconds: a cold start from a slow disk
KINDS = {"int": "integer", "float": "number", "bool": "boolean", "str": "string"}

ENDLESS = 100_000  # tokens: tokenizers without a limit name a huge number

# What the call takes that is no parameter of a picture: given otherwise, or no plain value.
_OURS = {
    "height",
    "width",
    "image",
    "mask_image",
    "control_image",
    "control_mode",
    "generator",
    "latents",
    "num_images_per_prompt",
    "output_type",
    "return_dict",
    "device",
}
_OURS_TOO = ("prompt", "negative_prompt", "callback")  # and what begins so

# Schedulers that draw noise past the generators they are given: no seed makes their pictures again.
_SEEDLESS = {"CosineDPMSolverMultistepScheduler", "DPMSolverSDEScheduler"}


def probe(folder: Path, *, code: bool = False) -> Found:
    """What the pipeline in a folder takes. code: whether code beside the weights may be run. Raises TargetError."""
    command = [sys.executable, "-P", "-m", __name__, str(folder), *(["code"] if code else [])]
    try:
        ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    except subprocess.TimeoutExpired as error:
        raise TargetError(
            f"looking at {folder.name} took more than {PATIENCE} s", hint="try again"
        ) from error
    if ended.returncode:
        last = ended.stderr.strip().rpartition("\n")[2]
        last = last.partition(": ")[2] or last  # without the name of the exception
        raise TargetError(f"the pipeline in {folder.name} can't be looked at: {last}", hint=_hint(last))
    return msgspec.json.decode(ended.stdout.rpartition("\n")[2], type=Found)


def _hint(last: str) -> str:
    if "needs a newer diffusers" in last:
        return "update diffusers; if its code is beside the weights, 'trust_remote_code: true' runs that"
    return "does `DiffusionPipeline.from_pretrained` load it?"


def look(folder: Path, *, code: bool = False) -> Found:
    """What the pipeline in a folder takes; in the process that has diffusers. Raises LookupError."""
    index = read_index((folder / INDEX).read_bytes(), INDEX)
    own = own_class(folder) if code else None
    kind = own or _known(index["_class_name"])
    name = kind.__name__
    tasks = _tasks(name) if own is None else {}  # classes of diffusers would draw without its code
    calls = [inspect.signature(each.__call__).parameters for each in (kind, *tasks.values())]
    scale, size = _measures(folder, index)
    scheduler = str((index.get("scheduler") or ["", ""])[1])
    return Found(
        pipeline=name,
        roles=sorted(tasks),
        negative="negative_prompt" in calls[0],
        params=dict(sorted({**_params(calls[2:]), **_params(calls[1:2]), **_params(calls[:1])}.items())),
        scheduler=scheduler,
        schedulers=_schedulers(scheduler),
        multiple=scale,
        size=(size, size),
        control=_control(name) if own is None else None,
        loads=_loads(kind, index),
        tokens=_tokens(folder, index, calls[0]),
        checked="safety_checker" in components(index),
    )


def _known(name: Any) -> Any:
    import diffusers

    kind = getattr(diffusers, name, None) if isinstance(name, str) else None
    if kind is None:
        raise LookupError(f"its class '{name}' needs a newer diffusers")
    return kind


def _tasks(name: str) -> dict[str, Any]:
    """The classes that share this one's parts and take a picture, or a picture and a mask, by that role."""
    from diffusers.pipelines import auto_pipeline as auto

    mappings = {
        "image": auto.AUTO_IMAGE2IMAGE_PIPELINES_MAPPING,
        "mask": auto.AUTO_INPAINT_PIPELINES_MAPPING,
    }
    found = {role: auto._get_task_class(known, name, False) for role, known in mappings.items()}
    return {role: kind for role, kind in found.items() if kind is not None}


def _control(name: str) -> dict[str, str] | None:
    """What the classes that have a ControlNet beside this one's parts take; None where there are none."""
    from diffusers.pipelines import auto_pipeline as auto

    plain = name.replace("Pipeline", "ControlNetPipeline")
    first = auto._get_task_class(auto.AUTO_TEXT2IMAGE_PIPELINES_MAPPING, plain, False)
    if first is None:
        return None
    kinds = (*reversed(_tasks(plain).values()), first)  # what the first says of a parameter holds
    calls = [inspect.signature(kind.__call__).parameters for kind in kinds]
    return dict(sorted(_params(calls).items()))


def _loads(kind: Any, index: Mapping[str, Any]) -> list[str]:
    """Of LOADED, what the pipeline can load or be given."""
    import diffusers

    methods = {"lora": "load_lora_weights", "ip_adapter": "load_ip_adapter"}
    found = [name for name, method in methods.items() if hasattr(kind, method)]
    bodies = [getattr(diffusers, index[name][1] or "", None) for name in BODIES if name in index]
    return [*found, *(["cache"] if any(hasattr(body, "enable_cache") for body in bodies) else [])]


def _tokens(folder: Path, index: Mapping[str, Any], call: Mapping[str, inspect.Parameter]) -> int:
    """The tokens that the encoder reads which reads most; 0 where no file says it."""
    longest = call.get("max_sequence_length")
    if longest is not None and isinstance(longest.default, int):
        return longest.default
    names = [name for name in components(index) if name.startswith("tokenizer")]
    told = [_config(folder / name / "tokenizer_config.json").get("model_max_length") for name in names]
    return max((most for most in told if isinstance(most, int) and most < ENDLESS), default=0)


def _params(calls: Sequence[Mapping[str, inspect.Parameter]]) -> dict[str, str]:
    """The plain values that calls take, by name, each with its JSON type."""
    found = {}
    for call in calls:
        for name, parameter in call.items():
            kind = _kind(parameter)
            if kind and name not in _OURS and not name.startswith(_OURS_TOO) and "embeds" not in name:
                found[name] = kind
    return found


def _kind(parameter: inspect.Parameter) -> str:
    if isinstance(parameter.default, float) and "list[float]" in str(parameter.annotation):
        return "number[]"
    if parameter.default is not inspect.Parameter.empty and parameter.default is not None:
        return KINDS.get(type(parameter.default).__name__, "")
    words = [
        word.strip() for word in str(parameter.annotation).replace("<class '", "").rstrip("'>").split("|")
    ]
    plain = [KINDS[word] for word in words if word in KINDS]
    return plain[0] if plain and len(plain) == len([word for word in words if word != "None"]) else ""


def _measures(folder: Path, index: Mapping[str, Any]) -> tuple[int, int]:
    """What sides must be multiples of, and the side the model was made for, in pixels."""
    configs = {part: _config(folder / part / "config.json") for part in components(index)}
    blocks = configs.get("vae", {}).get("block_out_channels") or configs.get("vqvae", {}).get(
        "block_out_channels"
    )
    scale = 2 ** (len(blocks) - 1) if isinstance(blocks, list) and blocks else 8
    body = next((configs[name] for name in BODIES if name in configs), {})
    patch = max(2, body.get("patch_size") or 1) if "transformer" in configs else 1
    sample = body.get("sample_size")
    side = sample * scale if isinstance(sample, int) else 1024
    return scale * patch, side // (scale * patch) * (scale * patch) or scale * patch


def _config(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_bytes()) if path.is_file() else {}
    return found if isinstance(found, dict) else {}


def _schedulers(name: str) -> list[str]:
    import diffusers

    kind = getattr(diffusers, name, None)
    known = getattr(kind, "_compatibles", [])
    return sorted({*known} - _SEEDLESS) if kind is not None else []


if __name__ == "__main__":
    found = look(Path(sys.argv[1]), code=sys.argv[2:] == ["code"])
    sys.stdout.write(f"\n{msgspec.json.encode(found).decode()}")
