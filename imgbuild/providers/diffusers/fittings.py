"""What is put on a loaded pipeline: LoRAs, IP-Adapters, an attention back end, a cache, and what saves memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imgbuild.errors import ProviderFailed
from imgbuild.providers.diffusers.attached import Adapter, Lora
from imgbuild.providers.diffusers.parts import Places
from imgbuild.providers.diffusers.settings import Setup, class_of
from imgbuild.types import Value
from imgbuild.weights.bundles import BODIES
from imgbuild.weights.causes import check_settings, first_line, must_load

NATIVE = "native"  # torch's own attention, where nothing else is said

# What a VAE or a transformer does for more or less memory, by the setting's name.
_VAE_SWITCHES = {"vae_slicing": "enable_slicing", "vae_tiling": "enable_tiling"}


def fit(pipeline: Any, setup: Setup, places: Places) -> None:
    """Put on everything that a pipeline can wear before it is on its device. Raises ProviderFailed."""
    pipeline.set_progress_bar_config(disable=True)
    _add_loras(pipeline, setup.lora, places)
    _add_adapters(pipeline, setup.ip_adapter, places)
    _show_text_model(pipeline)
    _save_memory(pipeline, setup)
    _attend(pipeline, setup.attention)
    if setup.cache is not None:
        _cache(pipeline, setup.cache)


def body_of(pipeline: Any) -> Any:
    """The model that takes the noise out; None where the pipeline calls it something else."""
    found = [getattr(pipeline, name, None) for name in BODIES]
    return next((body for body in found if body is not None), None)


def compile_body(pipeline: Any) -> None:
    """Let torch compile the blocks that repeat, or the whole of a model that names none."""
    body = body_of(pipeline)
    if body is None:
        raise ProviderFailed(
            f"a {type(pipeline).__name__} has no part to compile", hint="leave 'compile' out"
        )
    if getattr(body, "_repeated_blocks", None):
        body.compile_repeated_blocks()
    else:
        body.compile()


def hear(pipeline: Any, adapters: Sequence[Adapter], *, silent: bool = False) -> None:
    """Set how strongly the IP-Adapters are heard: as declared, or not at all."""
    scales = [0.0 if silent else one.scale for one in adapters]
    pipeline.set_ip_adapter_scale(scales if len(scales) > 1 else scales[0])


def _add_loras(pipeline: Any, loras: Sequence[Lora], places: Places) -> None:
    names = [f"lora{number}" for number in range(len(loras))]
    for name, lora in zip(names, loras, strict=True):
        file = places.of(lora.part)
        if not hasattr(pipeline, "load_lora_weights"):
            raise ProviderFailed(f"a {type(pipeline).__name__} takes no LoRA", hint="leave 'lora' out")
        hint = "is it in safetensors, and made for this model?"
        with must_load(f"the LoRA {lora.part.name}", hint):
            pipeline.load_lora_weights(
                file.parent,
                weight_name=file.name,
                adapter_name=name,
                use_safetensors=True,
                local_files_only=True,
            )
    if names:
        pipeline.set_adapters(names, adapter_weights=[lora.scale for lora in loras])


def _add_adapters(pipeline: Any, adapters: Sequence[Adapter], places: Places) -> None:
    if not adapters:
        return
    names = " and ".join(one.part.name for one in adapters)
    if not hasattr(pipeline, "load_ip_adapter"):
        raise ProviderFailed(
            f"a {type(pipeline).__name__} takes no IP-Adapter", hint="leave 'ip_adapter' out"
        )
    files = [places.of(one.part) for one in adapters]
    if unsafe := [file.name for file in files if file.suffix != ".safetensors"]:
        raise ProviderFailed(
            f"the IP-Adapter {unsafe[0]} is not in safetensors",
            hint="there is one that is, in most repositories",
        )
    folders, weights = [str(file.parent) for file in files], [file.name for file in files]
    one = len(files) == 1  # some pipelines take no lists
    with must_load(f"the IP-Adapter {names}", "is it made for this model?"):
        pipeline.load_ip_adapter(
            folders[0] if one else folders,
            weight_name=weights[0] if one else weights,
            subfolder="",
            local_files_only=True,
        )
        hear(pipeline, adapters)


def _show_text_model(pipeline: Any) -> None:
    """For `clip_skip`, diffusers looks into `text_model`, whose layers the encoder holds itself in transformers 5."""
    encoder = getattr(pipeline, "text_encoder", None)
    if hasattr(encoder, "final_layer_norm") and not hasattr(encoder, "text_model"):
        object.__setattr__(
            encoder, "text_model", encoder
        )  # past torch, which would take it for a part of itself


def _save_memory(pipeline: Any, setup: Setup) -> None:
    import torch

    for name, method in _VAE_SWITCHES.items():
        if getattr(setup, name):
            if not hasattr(getattr(pipeline, "vae", None), method):
                raise ProviderFailed(f"a {type(pipeline).__name__} has no '{name}'", hint="leave it out")
            getattr(pipeline.vae, method)()
    body = body_of(pipeline)
    if setup.channels_last and body is not None:
        body.to(memory_format=torch.channels_last)


def _attend(pipeline: Any, wanted: str) -> None:
    """Choose how attention is computed. It is always said: what is left open, diffusers takes from an earlier model."""
    body = body_of(pipeline)
    if any(hasattr(kind, "_attention_backend") for kind in _processors(body)):
        try:
            body.set_attention_backend(wanted or NATIVE)
        except (ValueError, RuntimeError, ImportError) as error:
            raise ProviderFailed(
                f"attention '{wanted}' can't be used: {first_line(error)}",
                hint="leave it out, or take another: see the attention back ends of diffusers",
            ) from error
    elif wanted == "xformers":
        try:
            pipeline.enable_xformers_memory_efficient_attention()
        except (ValueError, ImportError) as error:
            raise ProviderFailed(
                f"attention 'xformers' can't be used: {first_line(error)}",
                hint="install xformers on a machine with a GPU, or leave it out",
            ) from error
    elif wanted not in ("", NATIVE):
        raise ProviderFailed(
            f"a {type(body).__name__} can't take its attention from '{wanted}'",
            hint=f"'{NATIVE}' and 'xformers' are what it knows; leave it out",
        )


def _processors(body: Any) -> list[Any]:
    found = [getattr(module, "processor", None) for module in body.modules()] if body is not None else []
    return [processor for processor in found if processor is not None]


def _cache(pipeline: Any, asked: Value) -> None:
    """Let the body skip what hardly changes from one step to the next."""
    from diffusers import hooks

    body = body_of(pipeline)
    if not hasattr(body, "enable_cache"):
        raise ProviderFailed(f"a {type(pipeline).__name__} takes no cache", hint="leave 'cache' out")
    name, settings = class_of(asked)
    kind = getattr(hooks, f"{name.removesuffix('Config')}Config", None)
    fields = getattr(kind, "__dataclass_fields__", {})
    if kind is None or not fields:
        raise ProviderFailed(f"diffusers has no cache '{name}'", hint=f"it has {', '.join(_caches(hooks))}")
    check_settings(name, settings, fields)
    if "current_timestep_callback" in fields:
        settings["current_timestep_callback"] = lambda: pipeline.current_timestep
    try:
        body.enable_cache(kind(**settings))
    except (ValueError, TypeError, AttributeError) as error:
        raise ProviderFailed(
            f"{name} can't be used: {first_line(error)}", hint="take another cache, or other settings"
        ) from error


def _caches(hooks: Any) -> list[str]:
    return sorted(name.removesuffix("Config") for name in vars(hooks) if name.endswith("CacheConfig"))
