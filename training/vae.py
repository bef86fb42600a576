"""The VAE: 128 × 128 pixels to a latent of 32 × 32 × 4 and back.

A cell of the latent stands for 4 × 4 pixels. That is little enough to place an edge within a fraction of a pixel, which
a cell of 8 × 8 pixels with four numbers could not learn in the same time.
"""

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL

from training.course import Course
from training.icons import PLACES, RADII, SHIFTS, SIDE, Icon
from training.optimizers import Average, Optimizer
from training.pictures import TEST, Pictures, as_tensor

CROP = 64
"""Side of the pieces that the first part of the course looks at, chosen around the shapes, where the edges are."""

CROPS, WHOLES = 16, 4
"""Pictures of a step: pieces in the first part, whole pictures in the second. Both cost the same."""

WHOLE_FROM = 0.6
"""Part of the course after which pictures are seen whole: group norms see other statistics then."""

KL = 1e-3
"""Weight of the KL divergence, mean over the latent's numbers."""


def make() -> AutoencoderKL:
    """A new VAE. Two norm groups: with eight, the flat colours that fill these pictures were washed out."""
    return AutoencoderKL(
        block_out_channels=(16, 32, 64),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        layers_per_block=1,
        latent_channels=4,
        norm_num_groups=2,
        sample_size=SIDE,
        mid_block_add_attention=False,
    ).to(memory_format=torch.channels_last)


def difficulty(icon: Icon) -> float:
    """How often to look at a picture: small, outlined and dark shapes are the hard ones."""
    thing = icon.things[0]
    dark = thing.colour in ("black", "purple", "blue") or icon.background in ("black", "navy", "gray")
    return 1.0 + 1.0 * (thing.size == "small") + 1.5 * (thing.style == "outlined") + 0.5 * dark


def corner(icon: Icon, chance: np.random.Generator) -> tuple[int, int]:
    """Left and top of a piece whose middle is within a shape's square."""
    thing = icon.things[chance.integers(len(icon.things))]
    middle = SIDE / 2 + SHIFTS[thing.size] * np.array(PLACES[thing.place])
    spread = RADII[thing.size] * chance.uniform(-1, 1, 2)
    x, y = np.clip(middle + spread - CROP / 2, 0, SIDE - CROP).astype(int)
    return int(x), int(y)


def choose(pictures: Pictures, weights: np.ndarray, whole: bool, chance: np.random.Generator) -> torch.Tensor:
    """The pictures of a step, float32 (n, 3, side, side)."""
    places = chance.choice(len(weights), WHOLES if whole else CROPS, p=weights)
    if whole:
        return as_tensor(pictures.pixels[np.sort(places)])
    pieces = []
    for place in places:
        x, y = corner(pictures.icons[place], chance)
        pieces.append(pictures.pixels[place, y : y + CROP, x : x + CROP])
    return as_tensor(np.stack(pieces))


def slopes(values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Differences between neighbours along rows and along columns."""
    return values[..., 1:] - values[..., :-1], values[..., 1:, :] - values[..., :-1, :]


def picture_loss(made: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Absolute error (flat colours), squared error (PSNR), and absolute error of the slopes (crisp edges)."""
    error = made - wanted
    edges = sum(slope.abs().mean() for slope in slopes(error))
    return error.abs().mean() + 2 * error.square().mean() + 0.5 * edges


def loss_of(vae: AutoencoderKL, wanted: torch.Tensor) -> torch.Tensor:
    latent = vae.encode(wanted).latent_dist
    made = vae.decode(latent.sample()).sample
    divergence = 0.5 * (latent.mean.square() + latent.var - 1 - latent.logvar).mean()
    return picture_loss(made, wanted) + KL * divergence


def psnr(made: torch.Tensor, wanted: torch.Tensor) -> float:
    """Peak signal-to-noise ratio in dB, the mean over pictures; both (n, 3, h, w) in [-1, 1]."""
    squared = ((made.clamp(-1, 1) - wanted) / 2).square().mean((1, 2, 3))
    return float((-10 * squared.log10()).mean())


@torch.no_grad()
def rebuild(vae: AutoencoderKL, wanted: torch.Tensor, piece: int = 16) -> torch.Tensor:
    """Pictures through the VAE and back, without chance."""
    pieces = [vae.decode(vae.encode(part).latent_dist.mode()).sample for part in wanted.split(piece)]
    return torch.cat(pieces).clamp(-1, 1)


@torch.no_grad()
def latents(vae: AutoencoderKL, pixels: np.ndarray) -> torch.Tensor:
    """The latents of pictures, not yet scaled: float32 (n, 4, 32, 32)."""
    return vae.encode(as_tensor(pixels)).latent_dist.mode()


def train(pictures: Pictures, folder: Path, steps: int, *, seed: int = 0) -> AutoencoderKL:
    """Train, or go on training, and return the VAE with averaged weights and its scaling factor."""
    torch.manual_seed(seed)
    vae = make()
    optimizer = Optimizer(vae.named_parameters(), muon=0.02, adam=2e-3)
    average = Average(vae.parameters(), most=0.995)
    parts = {"vae": vae, "optimizer": optimizer, "average": average}
    course = Course(folder, steps, parts, seed=seed, decay=0.6)
    weights = np.array([difficulty(icon) for icon in pictures.icons[:-TEST]])
    weights /= weights.sum()
    test = as_tensor(pictures.pixels[-TEST:][:32])
    for step in course.steps():
        chance = np.random.default_rng((seed, step))
        wanted = choose(pictures, weights, course.progress > WHOLE_FROM, chance)
        loss = loss_of(vae, wanted)
        loss.backward()
        optimizer.step(course.scale)
        average.step()
        if step % 100 == 99:
            average.swap()
            course.tell(f"loss {loss.item():.4f}  test {psnr(rebuild(vae, test), test):.2f} dB")
            average.swap()
    average.swap()
    return finish(vae, pictures)


def finish(vae: AutoencoderKL, pictures: Pictures) -> AutoencoderKL:
    """Note the scaling factor that gives latents a standard deviation of 1."""
    vae.eval()
    spread = latents(vae, pictures.pixels[-TEST:][:128]).std()
    vae.register_to_config(scaling_factor=round(1 / float(spread), 4))
    return vae


def train_decoder(
    vae: AutoencoderKL, pictures: Pictures, folder: Path, steps: int, *, seed: int = 1
) -> AutoencoderKL:
    """Train the decoder alone on whole pictures and slightly noisy latents; the UNet's latent space stays."""
    decoder = [(n, p) for n, p in vae.named_parameters() if n.startswith(("decoder", "post_quant"))]
    optimizer = Optimizer(decoder, muon=0.008, adam=1e-3)
    average = Average([p for _, p in decoder], most=0.99)
    course = Course(
        folder, steps, {"vae": vae, "optimizer": optimizer, "average": average}, seed=seed, decay=0.7
    )
    weights = np.array([difficulty(icon) for icon in pictures.icons[:-TEST]])
    weights /= weights.sum()
    for step in course.steps():
        wanted = choose(pictures, weights, True, np.random.default_rng((seed, step)))
        with torch.no_grad():
            latent = vae.encode(wanted).latent_dist.mode()
        noise = (
            torch.randn_like(latent) * (0.1 / vae.config.scaling_factor) * torch.rand(len(latent), 1, 1, 1)
        )
        loss = picture_loss(vae.decode(latent + noise).sample, wanted)
        loss.backward()
        optimizer.step(course.scale)
        average.step()
        if step % 100 == 99:
            course.tell(f"decoder loss {F.relu(loss).item():.4f}")
    average.swap()
    return vae
