"""Whether the libraries are there, and which of their versions and what device shape pixels."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from imgbuild.errors import TargetError
from imgbuild.providers.diffusers.settings import Setup

NEEDED = ("torch", "diffusers", "transformers", "accelerate", "safetensors", "peft")

ALWAYS = ("torch", "diffusers", "transformers", "peft")

# What a back end is installed as, by the first word of its name.
DISTRIBUTIONS = {
    "bitsandbytes": "bitsandbytes",
    "flash": "flash-attn",
    "quanto": "optimum-quanto",
    "sage": "sageattention",
    "torchao": "torchao",
    "xformers": "xformers",
}


def check_installed() -> None:
    """Raise TargetError where a library is missing; imports none of them."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    if missing:
        raise TargetError(
            f"provider 'diffusers' needs libraries that are not installed: {', '.join(missing)}",
            hint="install them with `pip install 'imgbuild[local]'`",
        )


def fingerprint(device: str, setup: Setup) -> dict[str, str]:
    """Versions, and the device or the CPU's instruction set: what may shape pixels and is in no key."""
    import torch

    used = [*ALWAYS, *(DISTRIBUTIONS[name] for name in _back_ends(setup) if name in DISTRIBUTIONS)]
    found = {name: _version(name) for name in used}
    found["device"] = device
    if device.startswith("cuda"):
        found["device"] = f"{device} {torch.cuda.get_device_name(device)}"
        found["cuda"] = f"{torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"
    else:
        found["cpu"] = torch.backends.cpu.get_cpu_capability()
    return found


def _back_ends(setup: Setup) -> list[str]:
    """The first words of the back ends that a model names: "flash" of the attention "flash_varlen"."""
    named = [setup.attention.strip("_"), (setup.quantization or {}).get("backend", "")]
    return [name.partition("_")[0] for name in named]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
