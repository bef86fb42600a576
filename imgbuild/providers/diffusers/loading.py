"""A pipeline from its folder to the device, set up as the model's declaration says."""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.errors import ProviderFailed
from imgbuild.providers.diffusers.fittings import compile_body, fit
from imgbuild.providers.diffusers.own_code import own_code
from imgbuild.providers.diffusers.parts import Places
from imgbuild.providers.diffusers.preprocess.eye import Eye
from imgbuild.providers.diffusers.preprocess.eyes import eye_for
from imgbuild.providers.diffusers.quantization import quantization_of
from imgbuild.providers.diffusers.settings import Setup
from imgbuild.weights.causes import must_load

_FOLDER = "it is a folder with a config.json and weights in safetensors"


class Loaded(Struct, kw_only=True, eq=False):
    """A pipeline ready to draw.

    whole: as its folder names it. eyes: of each ControlNet, what sees pictures for it. refiner: what finishes its
    pictures. tasks: those pipelines that share its parts, by what they take.
    """

    whole: Any
    setup: Setup
    device: str
    scheduler: Any
    controlnets: Sequence[Any] = ()
    eyes: Sequence[Eye | None] = ()
    refiner: Loaded | None = None
    tasks: dict[tuple[str, bool], Any] = {}


def load(folder: Path, setup: Setup, places: Places) -> Loaded:
    """The pipeline in a folder. places: of what `setup` names beside it. Raises TargetError."""
    import torch

    be_quiet()
    be_deterministic(setup.deterministic)  # before a GPU is touched
    device = device_of(setup.device)
    dtype = getattr(torch, setup.dtype)
    parts = _parts(setup, places, dtype)
    nets = [_model("ControlNet", places.of(one.part), dtype) for one in setup.controlnet]
    pipeline = _pipeline(folder, setup, dtype, parts)
    fit(pipeline, setup, places)
    _place(pipeline, setup.offload, device)
    if setup.compile:
        compile_body(pipeline)
    return Loaded(
        whole=pipeline,
        setup=setup,
        device=device,
        scheduler=pipeline.scheduler,
        controlnets=[net.to(device) for net in nets],
        eyes=[
            eye_for(net.preprocess, places, device) if net.preprocess else None for net in setup.controlnet
        ],
        refiner=_refiner(setup, places),
    )


def _parts(setup: Setup, places: Places, dtype: Any) -> Mapping[str, Any]:
    """What stands in the place of the pipeline's own parts, by their names."""
    parts = {}
    if setup.vae:
        parts["vae"] = _model("VAE", places.of(setup.vae), dtype)
    if setup.ip_adapter:
        parts["image_encoder"] = _image_encoder(places.of(setup.ip_adapter[0].encoder), dtype)
    return parts


def _refiner(setup: Setup, places: Places) -> Loaded | None:
    """The pipeline that finishes pictures: run as the model is, and with its own VAE and scheduler."""
    if setup.refiner is None:
        return None
    alone = replace(setup, vae=None, lora=(), controlnet=(), ip_adapter=(), refiner=None)
    return load(places.of(setup.refiner.part), alone, places)


def _pipeline(folder: Path, setup: Setup, dtype: Any, parts: Mapping[str, Any]) -> Any:
    """The pipeline as its folder names it, with `parts` in place of its own."""
    hint = "does `DiffusionPipeline.from_pretrained` load it?"
    with must_load(f"the pipeline in {folder.name}", hint), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # what may be dropped some day is there today
        return _read(folder, setup, dtype, parts)


def _read(folder: Path, setup: Setup, dtype: Any, parts: Mapping[str, Any]) -> Any:
    from diffusers import DiffusionPipeline

    return DiffusionPipeline.from_pretrained(
        folder,
        dtype=dtype,
        use_safetensors=None if setup.allow_pickle else True,  # None: pickles where there is nothing else
        variant=setup.variant or None,
        local_files_only=True,
        quantization_config=quantization_of(folder, setup.quantization),
        **parts,
        **(own_code(folder) if setup.trust_remote_code else {}),
    )


def be_quiet() -> None:
    """Keep the libraries from writing bars and advice over the display; what matters is raised."""
    import diffusers
    import transformers

    for name in (
        "torchao",
        "torch.utils._pytree",
    ):  # what they can't use of a GPU, and each other's old names
        logging.getLogger(name).setLevel(logging.CRITICAL)
    for library in (diffusers, transformers):
        library.utils.logging.set_verbosity(
            logging.CRITICAL
        )  # "error" tells of each file that is only pickled
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

    with must_load(f"the {what} in {folder.name}", _FOLDER):
        name = json.loads((folder / "config.json").read_bytes()).get("_class_name", "")
        kind = getattr(diffusers, name)
        return kind.from_pretrained(folder, dtype=dtype, use_safetensors=True, local_files_only=True)


def _image_encoder(folder: Path, dtype: Any) -> Any:
    """What reads the pictures of an IP-Adapter."""
    import transformers

    with must_load(f"the image encoder in {folder.name}", f"{_FOLDER}; 'image_encoder' says where"):
        kind = json.loads((folder / "config.json").read_bytes()).get("model_type", "")
        if not kind.startswith(("clip", "siglip")):
            raise ValueError("its configuration names no CLIP and no SigLIP")
        name = "SiglipVisionModel" if kind.startswith("siglip") else "CLIPVisionModelWithProjection"
        return getattr(transformers, name).from_pretrained(
            folder, dtype=dtype, use_safetensors=True, local_files_only=True
        )


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
