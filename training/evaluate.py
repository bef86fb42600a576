"""Figures: how often pictures show what held-out prompts ask for, the judge's own accuracy, and what the VAE allows."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline

from training.icons import Icon, draw, invent
from training.judge import judge
from training.phrases import describe
from training.pictures import as_pixels, as_tensor
from training.vae import psnr, rebuild

STEPS, GUIDANCE = 16, 2.0
"""How pictures are made for judging."""

BATCH = 8

Prompt = tuple[Icon, str]


def prompts(count: int, *, pairs: bool, seed: int = 4242) -> list[Prompt]:
    """Held-out icons, none twice, each with a phrase that names every attribute."""
    chance = random.Random(seed + pairs)
    found: dict[Icon, str] = {}
    while len(found) < count:
        icon = invent(chance, pairs=float(pairs), held_out=True)
        found.setdefault(icon, describe(icon, chance, full=True))
    return list(found.items())


def generate(
    pipe: StableDiffusionPipeline,
    phrases: Sequence[str],
    *,
    seed: int = 0,
    steps: int = STEPS,
    guidance: float = GUIDANCE,
) -> np.ndarray:
    """A picture for each phrase, uint8 (n, 128, 128, 3); phrase k has the seed `seed` + k."""
    made = []
    for start in range(0, len(phrases), BATCH):
        part = list(phrases[start : start + BATCH])
        generators = [torch.Generator().manual_seed(seed + start + k) for k in range(len(part))]
        told = pipe(
            part, num_inference_steps=steps, guidance_scale=guidance, generator=generators, output_type="np"
        )
        made.append(told.images)
    return (np.concatenate(made) * 255).round().astype(np.uint8)


def shares(pixels: np.ndarray, icons: Sequence[Icon]) -> dict[str, float]:
    """The part of pictures that show each attribute, and of those that show all."""
    verdicts = [judge(picture, icon) for picture, icon in zip(pixels, icons, strict=True)]
    result = {name: float(np.mean([v[name] for v in verdicts])) for name in verdicts[0]}
    return result | {"all": float(np.mean([all(v.values()) for v in verdicts]))}


def judge_accuracy(count: int, *, pairs: bool, seed: int = 777) -> dict[str, float]:
    """The judge on fresh drawings, where it should find everything right."""
    icons = [icon for icon, _ in prompts(count, pairs=pairs, seed=seed)]
    return shares(draw(icons, torch.Generator().manual_seed(seed)), icons)


def ceiling(vae: AutoencoderKL, count: int, *, pairs: bool, seed: int = 778) -> dict[str, float]:
    """What the VAE alone allows: fresh drawings through it and back. Also its PSNR in dB."""
    icons = [icon for icon, _ in prompts(count, pairs=pairs, seed=seed)]
    wanted = as_tensor(draw(icons, torch.Generator().manual_seed(seed)))
    made = rebuild(vae, wanted)
    return shares(as_pixels(made), icons) | {"psnr": psnr(made, wanted)}


def follow(pipe: StableDiffusionPipeline, count: int, *, pairs: bool, **settings: float) -> dict[str, float]:
    """How a pipeline follows held-out prompts."""
    asked = prompts(count, pairs=pairs)
    made = generate(pipe, [phrase for _, phrase in asked], **settings)
    return shares(made, [icon for icon, _ in asked])


def timing(pipe: StableDiffusionPipeline, rounds: int = 5) -> tuple[float, bool]:
    """Seconds of an image alone, the quickest of some rounds, and whether all of them gave the same bits."""
    first = generate(pipe, ["a red star on a white background"])
    seconds, same = [], True
    for _ in range(rounds):
        began = time.perf_counter()
        same &= bool((generate(pipe, ["a red star on a white background"]) == first).all())
        seconds.append(time.perf_counter() - began)
    return min(seconds), same


def load(folder: Path) -> StableDiffusionPipeline:
    """A pipeline from its folder, as anyone would load it."""
    pipe = StableDiffusionPipeline.from_pretrained(folder, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe
