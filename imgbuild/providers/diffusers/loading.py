"""A pipeline from its folder to the device, set up as the model's declaration says."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from logging import CRITICAL
from pathlib import Path
from typing import Any

from msgspec import Struct

from imgbuild.errors import ProviderFailed, TargetError
from imgbuild.providers.diffusers.own_code import own_code
from imgbuild.providers.diffusers.parts import Places
from imgbuild.providers.diffusers.settings import Lora, Setup

# What a VAE or a transformer does for more or less memory, by the setting's name.
_VAE_SWITCHES = {"vae_slicing": "enable_slicing", "vae_tiling": "enable_tiling"}


class Loaded(Struct, kw_only=True, eq=False):
    """A pipeline ready to draw. whole: as its folder names it; tasks: those that share its parts, by what they take."""

    whole: Any
    setup: Setup
    device: str
    scheduler: Any
    controlnets: Sequence[Any] = ()
    tasks: dict[tuple[str, bool], Any] = {}


def load(folder: Path, setup: Setup, places: Places) -> Loaded:
    """The pipeline in a folder. places: of what `setup` names beside it. Raises TargetError."""
    import torch

    be_quiet()
    be_deterministic(setup.deterministic)  # before a GPU is touched
    device = device_of(setup.device)
    dtype = getattr(torch, setup.dtype)
    vae: Mapping[str, Any] = {"vae": _model("VAE", places.of(setup.vae), dtype)} if setup.vae else {}
    nets = [_model("ControlNet", places.of(one.part), dtype) for one in setup.controlnet]
    pipeline = _pipeline(folder, setup, dtype, vae)
    _add_loras(pipeline, setup.lora, places)
    _show_text_model(pipeline)
    _set_up(pipeline, setup, device)
    return Loaded(
        whole=pipeline,
        setup=setup,
        device=device,
        scheduler=pipeline.scheduler,
        controlnets=[net.to(device) for net in nets],
    )


def _pipeline(folder: Path, setup: Setup, dtype: Any, parts: Mapping[str, Any]) -> Any:
    """The pipeline as its folder names it, with `parts` in place of its own."""
    from diffusers import DiffusionPipeline

    try:
        return DiffusionPipeline.from_pretrained(
            folder,
            dtype=dtype,
            use_safetensors=None if setup.allow_pickle else True,  # None: pickles where there is nothing else
            variant=setup.variant or None,
            local_files_only=True,
            **parts,
            **(own_code(folder) if setup.trust_remote_code else {}),
        )
    except (OSError, ValueError) as error:
        raise ProviderFailed(
            f"the pipeline in {folder.name} can't be loaded: {_first(error)}",
            hint="does `DiffusionPipeline.from_pretrained` load it?",
        ) from error


def be_quiet() -> None:
    """Keep the libraries from writing bars and advice over the display; what matters is raised."""
    import diffusers
    import transformers

    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity(CRITICAL)  # "error" tells of each file that is only pickled
        library.utils.logging.disable_progress_bar()


def device_of(wanted: str) -> str:
    """The device to use: "auto" is the first of a GPU that CUDA knows, Apple's, and the CPU. Raises ProviderFailed."""
    import torch

    there = {
        "cuda": torch.cuda.is_available,
        "mps": torch.backends.mps.is_available,
        "xpu": torch.xpu.is_available,
    }
    if wanted == "auto":
        return next((name for name in ("cuda", "mps") if there[name]()), "cpu")
    kind = wanted.partition(":")[0]
    if kind in there and not there[kind]():
        raise ProviderFailed(
            f"this machine has no device '{wanted}'", hint="leave 'device' out, or say 'cpu'"
        )
    return wanted


def _model(what: str, folder: Path, dtype: Any) -> Any:
    """One model of diffusers, of the class that its configuration names."""
    import diffusers

    try:
        name = json.loads((folder / "config.json").read_bytes()).get("_class_name", "")
        kind = getattr(diffusers, name)
        return kind.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)
    except (OSError, ValueError, AttributeError) as error:
        raise ProviderFailed(
            f"the {what} in {folder.name} can't be loaded: {_first(error)}",
            hint="it is a folder with a config.json and weights in safetensors",
        ) from error


def _show_text_model(pipeline: Any) -> None:
    """For `clip_skip`, diffusers looks into `text_model`, whose layers the encoder holds itself in transformers 5."""
    encoder = getattr(pipeline, "text_encoder", None)
    if hasattr(encoder, "final_layer_norm") and not hasattr(encoder, "text_model"):
        object.__setattr__(
            encoder, "text_model", encoder
        )  # past torch, which would take it for a part of itself


def _add_loras(pipeline: Any, loras: Sequence[Lora], places: Places) -> None:
    names = [f"lora{number}" for number in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        file = places.of(lora.part)
        if not hasattr(pipeline, "load_lora_weights"):
            raise ProviderFailed(f"a {type(pipeline).__name__} takes no LoRA", hint="leave 'lora' out")
        try:
            pipeline.load_lora_weights(
                file.parent,
                weight_name=file.name,
                adapter_name=name,
                use_safetensors=True,
                local_files_only=True,
            )
        except (OSError, ValueError, RuntimeError, KeyError) as error:
            raise ProviderFailed(
                f"the LoRA {lora.part.name} can't be loaded: {_first(error)}",
                hint="is it in safetensors, and made for this model?",
            ) from error
    if names:
        pipeline.set_adapters(names, adapter_weights=[lora.scale for lora in loras])


def _set_up(pipeline: Any, setup: Setup, device: str) -> None:
    import torch

    pipeline.set_progress_bar_config(disable=True)
    for name, method in _VAE_SWITCHES.items():
        if getattr(setup, name):
            if not hasattr(getattr(pipeline, "vae", None), method):
                raise ProviderFailed(f"a {type(pipeline).__name__} has no '{name}'", hint="leave it out")
            getattr(pipeline.vae, method)()
    if setup.channels_last:
        body = getattr(pipeline, "unet", None) or getattr(pipeline, "transformer", None)
        if body is not None:
            body.to(memory_format=torch.channels_last)
    _place(pipeline, setup.offload, device)


def _place(pipeline: Any, offload: str, device: str) -> None:
    """Put the weights on the device, or let them wait in memory until they are used there."""
    import torch

    if offload == "none" or device == "cpu":  # on the CPU they are where they are used
        pipeline.to(device)
    elif offload == "model":
        pipeline.enable_model_cpu_offload(device=device)
    elif offload == "sequential":
        pipeline.enable_sequential_cpu_offload(device=device)
    else:
        pipeline.enable_group_offload(
            onload_device=torch.device(device),
            offload_type="leaf_level",
            use_stream=device.startswith("cuda"),
        )


def be_deterministic(on: bool) -> None:
    """Let torch take only algorithms that give the same bits each time, and fail where there is none."""
    import torch

    if on:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # heeded if CUDA has not started yet
    torch.use_deterministic_algorithms(on)
    torch.backends.cudnn.deterministic = on
    torch.backends.cudnn.benchmark = False
    torch.backends.cudnn.allow_tf32 = not on
    torch.backends.cuda.matmul.allow_tf32 = False


def task_of(loaded: Loaded, role: str, control: bool) -> Any:
    """The pipeline that takes a picture ("image"), or a picture and a mask ("mask"); it shares all parts.

    control: whether pictures go to the ControlNets, too. Raises ProviderFailed where there is no such pipeline.
    """
    if not role and not control:
        return loaded.whole
    key = (role, control)
    if key not in loaded.tasks:
        import diffusers

        names = {"": "Text2Image", "image": "Image2Image", "mask": "Inpainting"}
        kind = getattr(diffusers, f"AutoPipelineFor{names[role]}")
        nets = list(loaded.controlnets)
        more = {"controlnet": nets if len(nets) > 1 else nets[0]} if control else {}
        try:
            made = kind.from_pipe(loaded.whole, **more)
        except ValueError as error:
            asked = " and ".join(f"'{name}'" for name in (role, "control" if control else "") if name)
            raise ProviderFailed(
                f"a {type(loaded.whole).__name__} takes no input {asked}", hint="leave it out"
            ) from error
        made.set_progress_bar_config(disable=True)
        loaded.tasks[key] = made
    return loaded.tasks[key]


def scheduler_of(loaded: Loaded, asked: Any) -> Any:
    """A new scheduler: as the model has it, or of another class, or with other settings. Raises TargetError."""
    import diffusers

    own = loaded.scheduler
    if asked is None:
        return type(own).from_config(own.config)
    name, settings = (asked, {}) if isinstance(asked, str) else (asked["class"], dict(asked))
    settings.pop("class", None)
    kind = getattr(diffusers, name, None)
    if kind is None or not hasattr(kind, "from_config"):
        raise ProviderFailed(f"diffusers has no scheduler '{name}'", hint="it is the name of a class")
    unknown = sorted({*settings} - {*kind._get_init_keys(kind)})
    if unknown:
        raise ProviderFailed(
            f"{name} has no setting '{unknown[0]}'", hint=f"its settings: {', '.join(_settings(kind))}"
        )
    try:
        return kind.from_config(own.config, **settings)
    except (ValueError, ImportError, TypeError) as error:
        raise ProviderFailed(
            f"{name} can't be used: {_first(error)}", hint="take another scheduler"
        ) from error


def _settings(kind: Any) -> list[str]:
    return sorted({*kind._get_init_keys(kind)} - {"self", "kwargs"})


def _first(error: Exception) -> str:
    """The first line of a library's message, which may have many."""
    if isinstance(error, TargetError):
        return error.message
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
