"""Make the model in the box: `python -m training`. Every stage goes on where it was stopped; done ones are kept."""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from training import (
    brand,
    canny,
    card,
    diffusion,
    evaluate,
    growth,
    pictures,
    pipeline,
    sheet,
    text,
    tokens,
    vae,
)
from training.icons import BACKGROUNDS, COLOURS
from training.phrases import vocabulary
from training.shapes import SHAPES

ROOT = Path(__file__).resolve().parent.parent

RECIPE = {
    "pictures": 24000,
    "latents": 16000,
    "vae": 873,
    "decoder": 200,
    "text": 350,
    "unet": 5119,
    "grown latents": 22000,
    "grown": 2800,
    "brand": 561,
    "canny": 300,
}
"""Pictures drawn and encoded, and the steps of each course, of the model that ships."""

PAIRS = 0.32
"""Part of the pictures that show two shapes."""


class Workshop:
    """The stages in their order, each with its folder in `work`."""

    def __init__(self, work: Path, target: Path) -> None:
        self.work, self.target = work, target
        self.tokenizer = tokens.make(vocabulary(), work / "tokens")

    def draw(self) -> pictures.Pictures:
        folder = self.work / "pictures"
        if not (folder / "pixels.npy").exists():
            pictures.draw_all(folder, RECIPE["pictures"], pairs=PAIRS, seed=1)
        return pictures.load(folder)

    def vae(self) -> AutoencoderKL:
        """The first VAE, whose latents the UNet learns."""
        done = self.work / "vae" / "done"
        if not done.exists():
            vae.train(self.draw(), self.work / "vae", RECIPE["vae"]).save_pretrained(done)
        return AutoencoderKL.from_pretrained(done).to(memory_format=torch.channels_last)

    def latents(self, count: int = RECIPE["latents"]) -> np.ndarray:
        return diffusion.store_latents(self.vae(), self.draw(), self.work / "latents", count)

    def denoiser(self) -> diffusion.Denoiser:
        """The UNet and the text encoder at the end of their courses."""
        drawn = self.draw()
        encoder = text.train(drawn.icons, self.tokenizer, self.work / "text", RECIPE["text"])
        denoiser = diffusion.Denoiser(diffusion.make_unet(), encoder, self.tokenizer)
        diffusion.train(denoiser, drawn, self.latents(), self.work / "unet", RECIPE["unet"])
        return denoiser

    def grown(self) -> diffusion.Denoiser:
        """The denoiser after a second course with a deeper UNet, on more pictures."""
        denoiser, drawn = self.denoiser(), self.draw()
        denoiser.unet = growth.grow(denoiser.unet)
        stored = self.latents(RECIPE["grown latents"])
        shown = growth.emphasis(drawn.icons, len(stored))
        diffusion.train(
            denoiser, drawn, stored, self.work / "grown", RECIPE["grown"], shown=shown, rate=0.7, seed=4
        )
        return denoiser

    def decoder(self) -> AutoencoderKL:
        """The VAE with a decoder that was trained a little longer; the latents stay what they are."""
        done = self.work / "decoder" / "done"
        if not done.exists():
            better = vae.train_decoder(self.vae(), self.draw(), self.work / "decoder", RECIPE["decoder"])
            better.save_pretrained(done)
        return AutoencoderKL.from_pretrained(done)

    def pipeline(self) -> None:
        """The whole pipeline. It takes the longer-trained decoder where there is one."""
        denoiser = self.grown()
        better = (self.work / "decoder" / "done").exists()
        pipeline.save(pipeline.assemble(denoiser, self.decoder() if better else self.vae()), self.target)

    def judge(self, count: int = 400) -> None:
        """Figures of the finished pipeline, into figures.json."""
        pipe = evaluate.load(self.target)
        figures = {}
        for pairs in (False, True):
            figures["two shapes" if pairs else "one shape"] = {
                "generated": evaluate.follow(pipe, count, pairs=pairs),
                "through the VAE": evaluate.ceiling(pipe.vae, count, pairs=pairs),
                "fresh drawings": evaluate.judge_accuracy(count, pairs=pairs),
            }
        (self.work / "figures.json").write_text(json.dumps(figures, indent=2))

    def card(self, count: int = 400) -> None:
        """The model card of the judged pipeline."""
        pipe = evaluate.load(self.target)
        seconds, same = evaluate.timing(pipe)
        sizes = {"vae": pipe.vae, "unet": pipe.unet, "text": pipe.text_encoder}
        facts = {name: sum(p.numel() for p in part.parameters()) for name, part in sizes.items()}
        names = {"shapes": SHAPES, "colours": COLOURS, "backgrounds": BACKGROUNDS}
        card.write(
            self.target,
            self.work,
            facts
            | {name: ", ".join(values) for name, values in names.items()}
            | {"steps": evaluate.STEPS, "guidance": evaluate.GUIDANCE, "count": count, "seconds": seconds}
            | {"threads": torch.get_num_threads(), "same": "equal" if same else "different"},
        )

    def brand(self) -> None:
        """The LoRA beside the finished pipeline."""
        pipe = evaluate.load(self.target)
        brand.train(pipe, self.work / "brand", RECIPE["brand"])
        brand.save(pipe, self.target.with_name(f"{self.target.name}_brand.safetensors"))

    def canny(self) -> None:
        """The ControlNet beside the finished pipeline."""
        pipe = evaluate.load(self.target)
        control = canny.train(pipe, self.draw(), self.latents(), self.work / "canny", RECIPE["canny"])
        pipeline.save_part(control, self.target.with_name(f"{self.target.name}_canny"))

    def sheet(self) -> None:
        words = sheet.phrases()
        made = evaluate.generate(evaluate.load(self.target), words, seed=1000)
        sheet.lay_out(made, words, self.work / "sheet.png")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m training", description=__doc__)
    parser.add_argument(
        "stages", nargs="*", default=["pipeline", "judge", "sheet", "card"], help="what to make"
    )
    parser.add_argument("--work", type=Path, default=ROOT / ".training", help="pictures and checkpoints")
    parser.add_argument("--target", type=Path, default=ROOT / "imgbuild" / "models" / "tiny_icons")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    workshop = Workshop(options.work, options.target)
    for stage in options.stages:
        run: Callable[[], object] = getattr(workshop, stage)
        run()


if __name__ == "__main__":
    main()
