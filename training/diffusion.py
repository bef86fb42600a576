"""The UNet and, with it, the text encoder: trained to take noise out of latents, by the phrase of the picture.

The target is v = a·noise - s·latent (Salimans and Ho, "Progressive distillation", 2022), on a schedule whose last step
is noise alone (Lin et al., "Common diffusion noise schedules and sample steps are flawed", 2023), so that flat white
and flat black pictures come out right.
"""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextModel, CLIPTokenizer

from training.course import Course
from training.icons import Icon
from training.optimizers import Average, Optimizer
from training.phrases import describe, distract
from training.pictures import TEST, Pictures
from training.text import WIDTH, encode
from training.vae import latents

BATCH = 32
"""Pictures of a step."""

EMPTY = 0.1
"""Part of the phrases that are left out, so that guidance has an unconditional side."""

PIECE = 50
"""Pictures encoded at once and kept in one file."""

TIMES = 1000
"""Steps of the full noise schedule."""

LATE = 0.8
"""Times are drawn as TIMES · u ** LATE: a little more of the noisy ones, where the picture is laid out."""


def make_unet() -> UNet2DConditionModel:
    """A new UNet: 32 × 32 cheap and without attention, the words are read at 8 × 8.

    Four norm groups: small groups take the level out of flat colours, here as in the VAE.
    """
    return UNet2DConditionModel(
        sample_size=32,
        in_channels=4,
        out_channels=4,
        block_out_channels=(24, 48, 96),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D", "UpBlock2D"),
        cross_attention_dim=WIDTH,
        attention_head_dim=4,
        norm_num_groups=4,
    ).to(memory_format=torch.channels_last)


def make_scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=1,
    )


def store_latents(vae: AutoencoderKL, pictures: Pictures, folder: Path, count: int) -> np.ndarray:
    """The scaled latents of the first `count` pictures, float16 (count, 4, 32, 32).

    They are encoded once and kept in pieces, so that encoding can be stopped, and more can be added later.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = []
    for start in range(0, count, PIECE):
        path = folder / f"{start:06d}.npy"
        if not path.exists():
            scaled = latents(vae, pictures.pixels[start : start + PIECE]) * vae.config.scaling_factor
            unfinished = path.with_suffix(".unfinished.npy")
            np.save(unfinished, scaled.numpy().astype(np.float16))
            unfinished.rename(path)
        pieces.append(np.load(path))
    return np.concatenate(pieces)[:count]


def order(count: int, step: int, seed: int, batch: int = BATCH) -> np.ndarray:
    """The pictures of a step: each round goes through all of them once, in an order of its own."""
    per_round = count // batch
    shuffled = np.random.default_rng((seed, step // per_round)).permutation(count)
    start = step % per_round * batch
    return np.sort(shuffled[start : start + batch])


def draw_times(count: int) -> torch.Tensor:
    """Times of a step, spread evenly over the schedule, int64 (count,)."""
    even = (torch.arange(count) + torch.rand(count)) / count
    return (even**LATE * TIMES).long().clamp(0, TIMES - 1)


def noised(
    scheduler: DDIMScheduler, clean: torch.Tensor, times: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Latents with noise of the given times, and the v that a UNet should say; both like `clean`."""
    noise = torch.randn_like(clean)
    kept = scheduler.alphas_cumprod[times].view(-1, 1, 1, 1)
    signal, other = kept.sqrt(), (1 - kept).sqrt()
    return signal * clean + other * noise, signal * noise - other * clean


def say(icons: Sequence[Icon], chance: random.Random) -> list[str]:
    """A fresh phrase for each picture, some left out."""
    return ["" if chance.random() < EMPTY else distract(describe(icon, chance), chance) for icon in icons]


class Denoiser:
    """What a step needs: the UNet, the text encoder, the tokenizer and the noise schedule."""

    def __init__(self, unet: UNet2DConditionModel, text: CLIPTextModel, tokenizer: CLIPTokenizer) -> None:
        self.unet, self.text, self.tokenizer = unet, text, tokenizer
        self.scheduler = make_scheduler()

    def losses(self, clean: torch.Tensor, phrases: Sequence[str]) -> torch.Tensor:
        """The squared error of v of each picture, float32 (n,), from early times to late ones."""
        noisy, wanted = noised(self.scheduler, clean, times := draw_times(len(clean)))
        states = self.text(encode(self.tokenizer, phrases)).last_hidden_state
        noisy = noisy.contiguous(memory_format=torch.channels_last)
        said = self.unet(noisy, times, states, return_dict=False)[0]
        return (said - wanted).square().mean((1, 2, 3))


def train(
    denoiser: Denoiser,
    pictures: Pictures,
    stored: np.ndarray,
    folder: Path,
    steps: int,
    *,
    shown: np.ndarray | None = None,
    rate: float = 1.0,
    seed: int = 3,
) -> None:
    """Train, or go on training, the UNet and the text encoder together; they end with averaged weights.

    shown: the pictures of a round, int64 (n,), some of them more than once. rate: as a part of the full one.
    """
    unet, text = denoiser.unet.train(), denoiser.text.train()
    unet_optimizer = Optimizer(unet.named_parameters(), muon=0.015 * rate, adam=1.5e-3 * rate)
    text_optimizer = Optimizer(text.named_parameters(), muon=0.002 * rate, adam=3e-4 * rate)
    average = Average([*unet.parameters(), *text.parameters()], most=0.998)
    parts = {"unet": unet, "text": text, "average": average}
    parts |= {"unet optimizer": unet_optimizer, "text optimizer": text_optimizer}
    course = Course(folder, steps, parts, seed=seed, decay=0.7)
    shown = np.arange(min(len(stored), len(pictures) - TEST)) if shown is None else shown
    seen = None
    for step in course.steps():
        rows = np.sort(shown[order(len(shown), step, seed)])
        phrases = say([pictures.icons[i] for i in rows], random.Random(seed * 1_000_003 + step))
        losses = denoiser.losses(torch.from_numpy(stored[rows]).float(), phrases)
        losses.mean().backward()
        unet_optimizer.step(course.scale)
        text_optimizer.step(course.scale)
        average.step()
        quarters = losses.detach().view(4, -1).mean(1)
        seen = quarters if seen is None else torch.lerp(seen, quarters, 0.03)
        if step % 50 == 49:
            course.tell(f"loss {seen.mean():.4f}  early to late {[round(q, 3) for q in seen.tolist()]}")
    average.swap()
    unet.eval()
    text.eval()
