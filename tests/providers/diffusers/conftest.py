"""A pipeline of Stable Diffusion's kind with random weights, small enough to draw in a blink, and projects that use it."""

import shutil
import socket
from textwrap import dedent

import pytest

from imgbuild.providers import PROVIDERS
from imgbuild.providers.diffusers import provider
from imgbuild.providers.diffusers.takes import Found

FOUND = Found(
    pipeline="StableDiffusionPipeline",
    roles=["image", "mask"],
    negative=True,
    params={
        "clip_skip": "integer",
        "eta": "number",
        "guidance_rescale": "number",
        "guidance_scale": "number",
        "num_inference_steps": "integer",
        "padding_mask_crop": "integer",
        "strength": "number",
    },
    scheduler="DDIMScheduler",
    schedulers=["DDIMScheduler", "EulerDiscreteScheduler"],
    multiple=8,
    size=(64, 64),
    control={"controlnet_conditioning_scale": "number[]", "guess_mode": "boolean"},
)

MODEL = "{provider: diffusers, source: ../models/tiny, params: {steps: 2%s}}"
SPEC = """
models:
  tiny: %s
assets:
  icon:
    prompt: "a {{ color }} icon"
    matrix: {color: [red, blue]}
"""


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    """A folder with `pipeline`, another `vae`, a ControlNet in `net`, and `lora.safetensors`; the same bits each time."""
    import torch

    from imgbuild.providers.diffusers.loading import be_quiet

    be_quiet()
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    pipeline = _pipeline()
    pipeline.save_pretrained(folder / "pipeline")
    _vae().save_pretrained(folder / "vae")
    _net(pipeline).save_pretrained(folder / "net")
    _save_lora(pipeline, folder)
    return folder


def _net(pipeline):
    """A ControlNet that does something, unlike a new one, whose last layers are zeros."""
    import torch
    from diffusers import ControlNetModel

    net = ControlNetModel.from_unet(pipeline.unet, conditioning_embedding_out_channels=(8, 8, 8, 8))
    for parameter in net.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.5)
    return net


def _pipeline():
    from diffusers import DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

    letters = [chr(256 + code) for code in range(256)]
    words = [*letters, *(f"{letter}</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    words += [chr(code) for code in range(97, 123)] + [f"{chr(code)}</w>" for code in range(97, 123)]
    vocab = {word: number for number, word in enumerate(words)}
    text = CLIPTextConfig(
        vocab_size=len(vocab),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=16,
        bos_token_id=512,
        eos_token_id=513,
        pad_token_id=513,
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=32,
        norm_num_groups=4,
        attention_head_dim=4,
    )
    scheduler = DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )
    return StableDiffusionPipeline(
        vae=_vae(),
        text_encoder=CLIPTextModel(text),
        tokenizer=CLIPTokenizer(vocab=vocab, merges=[], model_max_length=16),
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _vae():
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        norm_num_groups=4,
        latent_channels=4,
        sample_size=64,
    )


def _save_lora(pipeline, folder):
    from diffusers import StableDiffusionPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    config = LoraConfig(r=2, lora_alpha=16, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v"])
    pipeline.unet.add_adapter(config)
    StableDiffusionPipeline.save_lora_weights(
        folder, unet_lora_layers=get_peft_model_state_dict(pipeline.unet), weight_name="lora.safetensors"
    )


@pytest.fixture
def drawn(monkeypatch):
    """Every batch that is drawn, as the prompts in it, and every load, as the folder's name."""
    calls, loads = [], []
    from imgbuild.providers.diffusers import drawing, loading

    draw, load = drawing.draw, loading.load

    def counted(loaded, requests, tell):
        calls.append([request.prompt for request in requests])
        return draw(loaded, requests, tell)

    def noted(folder, setup, places):
        loads.append(folder.name)
        return load(folder, setup, places)

    monkeypatch.setattr(drawing, "draw", counted)
    monkeypatch.setattr(loading, "load", noted)
    return calls, loads


@pytest.fixture
def studio(bench, weights, monkeypatch):
    """A function: a spec → a project with the pipeline in models/tiny, looked at in this process; no host is asked."""
    from imgbuild.providers.diffusers import probe

    monkeypatch.setattr(socket.socket, "connect", _no_network)
    monkeypatch.setattr(provider, "probe", probe.look)

    def make(spec, folder="project"):
        made = bench({"specs/catalog.yaml": dedent(spec)}, folder)
        shutil.copytree(weights / "pipeline", made.root / "models/tiny")
        shutil.copytree(weights / "vae", made.root / "models/vae")
        shutil.copytree(weights / "net", made.root / "models/net")
        shutil.copy(weights / "lora.safetensors", made.root / "models/lora.safetensors")
        return made

    return make


INDEX = """
{"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"],
 "vae": ["diffusers", "AutoencoderKL"], "safety_checker": [null, null]}
"""
FOLDER = {
    "models/tiny/model_index.json": INDEX,
    "models/tiny/README.md": "read me",
    "models/tiny/unet/config.json": "{}",
    "models/tiny/unet/diffusion_pytorch_model.safetensors": b"unet",
    "models/tiny/vae/config.json": "{}",
    "models/tiny/vae/diffusion_pytorch_model.safetensors": b"vae",
}


@pytest.fixture
def sketch(bench, monkeypatch):
    """A function: a spec → a project with a folder that only looks like a pipeline's; whoever looks finds FOUND."""
    looked = []

    def look(folder, *, code=False):
        looked.append(f"{folder.name}, and its code" if code else folder.name)
        return FOUND

    monkeypatch.setattr(provider, "probe", look)
    monkeypatch.setattr(provider, "check_installed", lambda: None)
    monkeypatch.setattr(PROVIDERS.get("diffusers"), "generate", _paint)

    def make(spec, files=FOLDER):
        made = bench({"specs/catalog.yaml": dedent(spec), **files})
        made.looked = looked
        return made

    return make


def _no_network(self, address):
    raise AssertionError(f"{address} was asked for something")


def _paint(self, requests):
    from PIL import Image as pillow

    from imgbuild.types import Image

    return [Image(pixels=pillow.new("RGB", (one.width, one.height), one.seed % 256)) for one in requests]
