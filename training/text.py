"""The text encoder: a small CLIPTextModel, first taught to tell the attributes of a picture from its phrase."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from training.course import Course
from training.icons import BACKGROUNDS, COLOURS, PLACES, RADII, STYLES, Icon
from training.optimizers import Optimizer
from training.phrases import describe, distract
from training.shapes import SHAPES
from training.tokens import LENGTH

WIDTH = 96
"""Numbers of a token's state; the UNet's cross-attention reads as many."""

PHRASES = 96
"""Phrases of a step."""

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "background": tuple(BACKGROUNDS),
    "colour": tuple(COLOURS),
    "shape": SHAPES,
    "size": tuple(RADII),
    "place": tuple(PLACES),
    "style": STYLES,
    "second colour": (*COLOURS, "none"),
    "second shape": (*SHAPES, "none"),
}


def make(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=256,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=LENGTH,
            hidden_act="quick_gelu",
            projection_dim=WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def encode(tokenizer: CLIPTokenizer, phrases: Sequence[str]) -> torch.Tensor:
    """The tokens of phrases, int64 (n, LENGTH), as a Stable Diffusion pipeline writes them."""
    told = tokenizer(
        list(phrases), padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt"
    )
    return told.input_ids


def labels(icon: Icon) -> list[int]:
    """The places of a picture's attributes in `ATTRIBUTES`."""
    first = icon.things[0]
    second = icon.things[1] if len(icon.things) > 1 else None
    values = (icon.background, first.colour, first.shape, first.size, first.place, first.style)
    others = (second.colour, second.shape) if second else ("none", "none")
    return [names.index(v) for names, v in zip(ATTRIBUTES.values(), (*values, *others), strict=True)]


def read(head: nn.Linear, states: torch.Tensor, ends: torch.Tensor) -> list[torch.Tensor]:
    """Logits of each attribute, read from a random token at or after the end mark: any of them must know all.

    `states` is (n, LENGTH, WIDTH), `ends` (n,) the place of the end mark.
    """
    places = ends + (torch.rand(len(ends)) * (LENGTH - ends)).long()
    logits = head(states[torch.arange(len(ends)), places])
    return list(logits.split([len(names) for names in ATTRIBUTES.values()], dim=1))


def train(
    icons: Sequence[Icon], tokenizer: CLIPTokenizer, folder: Path, steps: int, *, seed: int = 2
) -> CLIPTextModel:
    """Train, or go on training, on the attributes of the pictures that phrases were made for."""
    torch.manual_seed(seed)
    model = make(tokenizer)
    head = nn.Linear(WIDTH, sum(map(len, ATTRIBUTES.values())))
    named = [*model.named_parameters(), *((f"head.{name}", p) for name, p in head.named_parameters())]
    optimizer = Optimizer(named, muon=0.01, adam=2e-3)
    parts = {"model": model, "head": head, "optimizer": optimizer}
    course = Course(folder, steps, parts, seed=seed, decay=1.0)
    wanted = torch.tensor([labels(icon) for icon in icons])
    for step in course.steps():
        chance = random.Random(seed * 1_000_003 + step)
        rows = np.array(chance.sample(range(len(icons)), PHRASES))
        tokens = encode(tokenizer, [distract(describe(icons[i], chance), chance) for i in rows])
        ends = (tokens == tokenizer.eos_token_id).int().argmax(1)
        logits = read(head, model(tokens).last_hidden_state, ends)
        loss = sum(F.cross_entropy(part, wanted[rows, k]) for k, part in enumerate(logits)) / len(logits)
        loss.backward()
        optimizer.step(course.scale)
        if step % 100 == 99:
            right = [(part.argmax(1) == wanted[rows, k]).float().mean() for k, part in enumerate(logits)]
            course.tell(f"text loss {loss.item():.3f}  right {sum(right).item() / len(right):.3f}")
    return model
