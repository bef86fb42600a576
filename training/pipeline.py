"""The parts put together as a `StableDiffusionPipeline` folder, small and readable with default arguments."""

import json
from pathlib import Path

import torch
from diffusers import AutoencoderKL, ModelMixin, StableDiffusionPipeline
from safetensors.torch import load_file, save_file

from training.diffusion import Denoiser


def assemble(denoiser: Denoiser, vae: AutoencoderKL) -> StableDiffusionPipeline:
    return StableDiffusionPipeline(
        vae=vae,
        text_encoder=denoiser.text,
        tokenizer=denoiser.tokenizer,
        unet=denoiser.unet,
        scheduler=denoiser.scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def save(pipe: StableDiffusionPipeline, folder: Path) -> None:
    """Save a pipeline with weights of 16 bits that load as 32 bits where no dtype is given.

    diffusers reads UNet and VAE as float32 by default whatever the file says. transformers reads a text encoder in the
    dtype that its config names, so the config says float32.
    """
    pipe.save_pretrained(folder, safe_serialization=True)
    for file in folder.glob("*/*.safetensors"):
        halve(file)
    for file in folder.glob("*/*.json"):
        forget_places(file)


def save_part(part: ModelMixin, folder: Path) -> None:
    """Save one model, such as a ControlNet, in the same way."""
    part.save_pretrained(folder, safe_serialization=True)
    for file in folder.glob("*.safetensors"):
        halve(file)
    forget_places(folder / "config.json")


def halve(file: Path) -> None:
    """Write the float32 weights of a file again as float16."""
    weights = {
        name: value.half() if value.dtype == torch.float32 else value
        for name, value in load_file(file).items()
    }
    save_file(weights, file, metadata={"format": "pt"})
    file.chmod(0o644)  # safetensors makes it readable to its owner alone


def forget_places(file: Path) -> None:
    """Take the folder that a part was loaded from out of its config."""
    told = json.loads(file.read_text())
    if isinstance(told, dict) and told.pop("_name_or_path", None) is not None:
        file.write_text(json.dumps(told, indent=2, sort_keys=True) + "\n")
