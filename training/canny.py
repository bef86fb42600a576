"""A small ControlNet that makes the picture follow white edges on black, as Canny's detector draws them."""

import random
from pathlib import Path

import cv2
import numpy as np
import torch
from diffusers import ControlNetModel, StableDiffusionPipeline

from training.course import Course
from training.diffusion import draw_times, make_scheduler, noised, order, say
from training.optimizers import Average, Optimizer
from training.pictures import Pictures
from training.text import encode

BATCH = 16

LOW, HIGH = 100, 200
"""The thresholds of the detector."""


def edges_of(pixels: np.ndarray) -> torch.Tensor:
    """The edges of pictures, uint8 (n, h, w, 3), as float32 (n, 3, h, w) of 0 and 1."""
    lines = np.stack([cv2.Canny(picture, LOW, HIGH) for picture in pixels])
    return torch.from_numpy(lines > 0)[:, None].float().expand(-1, 3, -1, -1)


def make(pipe: StableDiffusionPipeline) -> ControlNetModel:
    """A ControlNet that starts as a copy of the UNet's first half. Its hint goes from 128 to 32 pixels."""
    control = ControlNetModel.from_unet(pipe.unet, conditioning_embedding_out_channels=(8, 16, 32))
    return control.to(memory_format=torch.channels_last)


def loss_of(
    pipe: StableDiffusionPipeline,
    control: ControlNetModel,
    clean: torch.Tensor,
    phrases: list[str],
    hints: torch.Tensor,
) -> torch.Tensor:
    """The squared error of v with the hints' help. `clean` (n, 4, 32, 32), `hints` (n, 3, 128, 128)."""
    times = draw_times(len(clean))
    noisy, wanted = noised(make_scheduler(), clean, times)
    with torch.no_grad():
        states = pipe.text_encoder(encode(pipe.tokenizer, phrases)).last_hidden_state
    down, middle = control(noisy, times, states, controlnet_cond=hints, return_dict=False)
    said = pipe.unet(
        noisy,
        times,
        states,
        down_block_additional_residuals=down,
        mid_block_additional_residual=middle,
        return_dict=False,
    )[0]
    return (said - wanted).square().mean()


def train(
    pipe: StableDiffusionPipeline,
    pictures: Pictures,
    stored: np.ndarray,
    folder: Path,
    steps: int,
    *,
    seed: int = 6,
) -> ControlNetModel:
    """Train, or go on training, a ControlNet for a pipeline that stays as it is; it ends with averaged weights."""
    torch.manual_seed(seed)
    pipe.unet.requires_grad_(False)
    control = make(pipe).train()
    optimizer = Optimizer(control.named_parameters(), muon=0.005, adam=1e-3)
    average = Average(control.parameters(), most=0.99)
    parts = {"control": control, "optimizer": optimizer, "average": average}
    course = Course(folder, steps, parts, seed=seed, decay=0.7)
    for step in course.steps():
        rows = order(len(stored), step, seed, BATCH)
        phrases = say([pictures.icons[i] for i in rows], random.Random(seed * 1_000_003 + step))
        clean = torch.from_numpy(stored[rows]).float().contiguous(memory_format=torch.channels_last)
        loss = loss_of(pipe, control, clean, phrases, edges_of(pictures.pixels[rows]))
        loss.backward()
        optimizer.step(course.scale)
        average.step()
        if step % 50 == 49:
            course.tell(f"canny loss {loss.item():.4f}")
    average.swap()
    return control.eval()
