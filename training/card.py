"""The model card: what the pipeline is, how it was made, its figures as they were measured, and its limits."""

import json
from pathlib import Path

import torch

CARD = """\
# Tiny icons

A text-to-image pipeline for flat icons, 128 × 128 pixels, {megabytes:.1f} MB in all. It is made for tests, examples and
first steps without a network: `StableDiffusionPipeline.from_pretrained(folder, use_safetensors=True)` loads it.

## What it draws

One of twelve shapes ({shapes}), in one of ten colours ({colours}), on one of eight backgrounds ({backgrounds}), small,
medium or large, in the center, left, right, top or bottom, and flat, outlined, striped or with a gradient; or two flat
shapes, side by side or one above the other.

    a large striped purple ring on the left on a cream background
    a red heart next to a blue star, white background

{steps} steps and a guidance of {guidance:g} give the figures below.

## Parts

| part | parameters | shape |
| --- | --- | --- |
| VAE (`AutoencoderKL`) | {vae:,} | 128 × 128 × 3 to 32 × 32 × 4 |
| UNet (`UNet2DConditionModel`) | {unet:,} | 24, 48 and 96 channels, two layers a block; reads the words at 8 × 8 |
| text encoder (`CLIPTextModel`) | {text:,} | 3 layers of 96, 32 tokens |
| scheduler | | DDIM, v-prediction, last step pure noise |

The files hold 16-bit weights; a load without a dtype gives 32-bit ones.

## Data and training

Every picture was drawn by `training/` in this project's repository; no other picture, text or model was used. One in
ten combinations of attributes was kept for judging and never trained on. The courses, on two shared CPU threads:

| course | steps | minutes |
| --- | --- | --- |
{courses}

## Figures

{count} held-out prompts with one shape and {count} with two, one seed each, nothing selected. The judge fits drawn
icons to the picture and takes the nearest (`training/judge.py`). The other columns say what it finds on fresh drawings,
which is its own accuracy, and on fresh drawings that went through the VAE.

| one shape | generated | through the VAE | fresh drawings |
| --- | --- | --- | --- |
{one}

| two shapes | generated | through the VAE | fresh drawings |
| --- | --- | --- | --- |
{two}

The VAE gives drawings back with {psnr:.1f} dB (mean over pictures). An image alone takes {seconds:.2f} s on {threads}
threads (the quickest of five on the machine that trained it). The same seed gives {same} bits on the same machine with
the same number of threads and the same batch size.

## Limits

- It knows the words above and a few synonyms (tiny, little, big, huge, moon, droplet, plus, grey). Any other word is
  accepted and **silently ignored or misread**: "a turquoise zebra" gives some shape in some colour.
- It draws nothing but such icons: no letters, no more than two shapes, no other sizes than 128 × 128.
- A black shape with an outline has a light line, which can't be seen on a light background.
- Colours that can hardly be told from the background (yellow on cream) were not trained.
- What is left open by a prompt is chosen by the seed.

## Licence

Apache-2.0, as the rest of the project.
"""


def rows(figures: dict[str, dict[str, float]]) -> str:
    """A table row for each attribute: generated, through the VAE, fresh drawings, in percent."""
    names = list(figures["fresh drawings"])
    columns = ("generated", "through the VAE", "fresh drawings")
    lines = []
    for name in names:
        values = " | ".join(f"{figures[column][name] * 100:.1f} %" for column in columns)
        lines.append(f"| {name} | {values} |")
    return "\n".join(lines)


def course_rows(work: Path) -> str:
    """Steps and minutes of each course, from its checkpoint."""
    lines = []
    for name in ("vae", "decoder", "text", "unet", "grown"):
        path = work / name / "checkpoint.pt"
        if path.exists():
            course = torch.load(path, weights_only=True)["course"]
            lines.append(f"| {name} | {course['step']} | {course['seconds'] / 60:.0f} |")
    return "\n".join(lines)


def write(folder: Path, work: Path, facts: dict[str, object]) -> None:
    """Write MODEL_CARD.md into a pipeline's folder from figures.json and the facts that `CARD` names."""
    figures = json.loads((work / "figures.json").read_text())
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    text = CARD.format(
        megabytes=size / 1e6,
        courses=course_rows(work),
        one=rows(figures["one shape"]),
        two=rows(figures["two shapes"]),
        psnr=figures["one shape"]["through the VAE"]["psnr"],
        **facts,
    )
    (folder / "MODEL_CARD.md").write_text(text)
