"""The loop over diffusers that anybody would write by hand: `python -m tests.benchmarks.loop PIPELINE OUT JOBS.json`.

Batches of one size, a generator of its own for each image, PNG files: what a build does too, without the rest.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

BATCH, STEPS, GUIDANCE, THREADS = 8, 16, 2.0, 2


def draw(pipeline: Path, out: Path, jobs: Sequence[Mapping[str, Any]]) -> None:
    """A PNG for each job: {"prompt", "seed", "output"}."""
    import torch
    from diffusers import StableDiffusionPipeline

    torch.set_num_threads(THREADS)
    pipe = StableDiffusionPipeline.from_pretrained(pipeline, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    for start in range(0, len(jobs), BATCH):
        batch = jobs[start : start + BATCH]
        made = pipe(
            [job["prompt"] for job in batch],
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=[torch.Generator("cpu").manual_seed(job["seed"]) for job in batch],
        )
        for job, picture in zip(batch, made.images, strict=True):
            path = out / job["output"]
            path.parent.mkdir(parents=True, exist_ok=True)
            picture.save(path)


if __name__ == "__main__":
    draw(Path(sys.argv[1]), Path(sys.argv[2]), json.loads(Path(sys.argv[3]).read_text()))
