"""The script that anybody would write to check pictures by hand: `python -m tests.benchmarks.checks FOLDER`.

Ten checks on each picture, which is decoded once, with the libraries that are there for them; a line for each that
fails.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

SIDE = 1024
NOISE, SHARPNESS, DISTANCE = 50, 1, 4


def check(folder: Path) -> Iterator[str]:
    """What is wrong with the pictures of a folder."""
    import imagehash
    import numpy as np
    from PIL import Image, ImageStat
    from scipy.ndimage import convolve, laplace
    from skimage.color import deltaE_ciede2000, rgb2lab

    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]])
    palette = rgb2lab(np.array([[[255, 255, 255], [0, 0, 0]]], dtype=np.uint8))
    seen: list[tuple[str, imagehash.ImageHash]] = []
    for path in sorted(folder.glob("*.png")):
        picture = Image.open(path).convert("RGB")
        gray = picture.convert("L")
        pixels, levels = np.asarray(picture), np.asarray(gray, dtype=np.int32)
        figures = ImageStat.Stat(gray)
        packed = (pixels // 16).astype(np.int32) @ np.array([256, 16, 1])
        colours, counts = np.unique(packed, return_counts=True)
        most = colours[np.argsort(-counts)[:64]]
        common = np.stack([most // 256, most // 16 % 16, most % 16], axis=1).astype(np.uint8) * 16 + 8
        near = deltaE_ciede2000(rgb2lab(common[:, None]), palette).min(axis=1) <= 10
        border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        touching = (np.abs(border - np.median(border, axis=0)) > 32).any(axis=1)
        wrong = {
            "size": picture.size != (SIDE, SIDE),
            "ratio": picture.width != picture.height,
            "blank": max(ImageStat.Stat(picture).stddev) < 2.55,
            "dark": figures.mean[0] < 0.05 * 255,
            "flat": figures.stddev[0] < 0.01 * 255,
            "blurred": laplace(levels).var() < SHARPNESS,
            "noisy": np.abs(convolve(levels, kernel)).mean() / 6 * np.sqrt(np.pi / 2) > NOISE,
            "off palette": counts[np.argsort(-counts)[:64]][near].sum() < 0,
            "cut off": touching.mean() > 1,
        }
        yield from (f"{path.name}: {name}" for name, is_so in wrong.items() if is_so)
        found = imagehash.phash(picture)
        yield from (f"{path.name}: like {name}" for name, other in seen if found - other <= DISTANCE)
        seen.append((path.name, found))


if __name__ == "__main__":
    for line in check(Path(sys.argv[1])):
        print(line)
