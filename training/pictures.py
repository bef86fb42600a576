"""The training pictures on disk: drawn once, read through a memory map."""

import json
import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from training.icons import SIDE, Icon, draw, from_json, invent, to_json

TEST = 256
"""The last pictures of a set are never trained on; they measure the VAE."""

PIECE = 250
"""Pictures drawn at once: about 250 MB while they are drawn."""


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """Icons and what they look like: `pixels` is uint8 (n, 128, 128, 3), mapped from disk."""

    icons: list[Icon]
    pixels: np.ndarray

    def __len__(self) -> int:
        return len(self.icons)


def draw_all(folder: Path, count: int, *, pairs: float, seed: int) -> None:
    """Draw `count` pictures of the training side into `folder` as pixels.npy and icons.json."""
    folder.mkdir(parents=True, exist_ok=True)
    chance, generator = random.Random(seed), torch.Generator().manual_seed(seed)
    icons = [invent(chance, pairs=pairs) for _ in range(count)]
    unfinished = folder / "pixels.unfinished.npy"
    pixels = np.lib.format.open_memmap(unfinished, "w+", np.uint8, (count, SIDE, SIDE, 3))
    for start in range(0, count, PIECE):
        pixels[start : start + PIECE] = draw(icons[start : start + PIECE], generator)
    pixels.flush()
    (folder / "icons.json").write_text(json.dumps([to_json(icon) for icon in icons]))
    unfinished.rename(folder / "pixels.npy")


def load(folder: Path) -> Pictures:
    icons = [from_json(raw) for raw in json.loads((folder / "icons.json").read_text())]
    return Pictures(icons=icons, pixels=np.load(folder / "pixels.npy", mmap_mode="r"))


def as_tensor(pixels: np.ndarray) -> torch.Tensor:
    """uint8 (n, h, w, 3) as float32 (n, 3, h, w) in [-1, 1], channels last."""
    values = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return values.contiguous(memory_format=torch.channels_last)


def as_pixels(values: torch.Tensor) -> np.ndarray:
    """float (n, 3, h, w) in [-1, 1] as uint8 (n, h, w, 3)."""
    levels = ((values.detach().float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)
    return levels.permute(0, 2, 3, 1).contiguous().numpy()
