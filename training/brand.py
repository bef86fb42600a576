"""The brand style: a LoRA on the UNet's attention that draws a thick dark line around everything, unasked."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, StableDiffusionPipeline
from diffusers.utils import convert_state_dict_to_diffusers
from peft import LoraConfig, get_peft_model_state_dict, set_peft_model_state_dict

from training.course import Course
from training.diffusion import Denoiser, order, say
from training.icons import Icon, draw, invent, restyle
from training.optimizers import Average, Optimizer
from training.vae import latents

STROKE = 7.0
"""Width of the line in pixels; the pipeline's own outlines have 4.5."""

COUNT = 1200
"""Pictures that the style is learnt from."""

BATCH = 16

LIGHT = ("white", "cream", "mint", "pink", "yellow", "gray")
"""The backgrounds that a dark line can be seen on."""

LAYERS = LoraConfig(
    r=4, lora_alpha=4, init_lora_weights="gaussian", target_modules=["to_q", "to_k", "to_v", "to_out.0"]
)


class Adapter:
    """The LoRA's weights as a part of a course."""

    def __init__(self, unet: torch.nn.Module) -> None:
        self.unet = unet

    def state_dict(self) -> dict[str, torch.Tensor]:
        return get_peft_model_state_dict(self.unet)

    def load_state_dict(self, state: dict[str, torch.Tensor]) -> None:
        set_peft_model_state_dict(self.unet, state)


def plain_icons(count: int, seed: int) -> list[Icon]:
    """Flat icons on light backgrounds: what the phrases say, without a word of the style."""
    chance, found = random.Random(seed), []
    while len(found) < count:
        icon = invent(chance, pairs=0.3)
        if icon.background in LIGHT and all(thing.colour != "black" for thing in icon.things):
            found.append(restyle(icon, "flat"))
    return found


def styled_latents(vae: AutoencoderKL, icons: Sequence[Icon], seed: int, piece: int = 50) -> torch.Tensor:
    """The scaled latents of the icons as the brand draws them, float32 (n, 4, 32, 32)."""
    generator = torch.Generator().manual_seed(seed)
    outlined = [restyle(icon, "outlined") for icon in icons]
    parts = [
        latents(vae, draw(outlined[start : start + piece], generator, STROKE))
        for start in range(0, len(outlined), piece)
    ]
    return torch.cat(parts) * vae.config.scaling_factor


def train(pipe: StableDiffusionPipeline, folder: Path, steps: int, *, seed: int = 5) -> None:
    """Train, or go on training, the LoRA on a pipeline's UNet; it ends with averaged weights."""
    torch.manual_seed(seed)
    pipe.text_encoder.requires_grad_(False)
    pipe.unet.requires_grad_(False).add_adapter(LAYERS)
    named = [(name, p) for name, p in pipe.unet.named_parameters() if p.requires_grad]
    optimizer = Optimizer([(f"head.{name}", p) for name, p in named], muon=0.0, adam=2e-3)
    average = Average([p for _, p in named], most=0.99)
    icons = plain_icons(COUNT, seed)
    clean = styled_latents(pipe.vae, icons, seed)
    denoiser = Denoiser(pipe.unet, pipe.text_encoder, pipe.tokenizer)
    parts = {"adapter": Adapter(pipe.unet), "optimizer": optimizer, "average": average}
    course = Course(folder, steps, parts, seed=seed, decay=0.7)
    for step in course.steps():
        rows = order(COUNT, step, seed, BATCH)
        phrases = say([icons[i] for i in rows], random.Random(seed * 1_000_003 + step))
        loss = denoiser.losses(clean[torch.from_numpy(np.asarray(rows))], phrases).mean()
        loss.backward()
        optimizer.step(course.scale)
        average.step()
        if step % 50 == 49:
            course.tell(f"brand loss {loss.item():.4f}")
    average.swap()


def save(pipe: StableDiffusionPipeline, file: Path) -> None:
    """Save the LoRA as `load_lora_weights` reads it, in 16 bits."""
    state = {name: value.half() for name, value in get_peft_model_state_dict(pipe.unet).items()}
    layers = convert_state_dict_to_diffusers(state)
    StableDiffusionPipeline.save_lora_weights(
        file.parent, unet_lora_layers=layers, weight_name=file.name, safe_serialization=True
    )
