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
    loads=["lora", "ip_adapter"],
    tokens=16,
    checked=False,
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
    """A folder with `pipeline` and, for it, another `vae`, a ControlNet in `net`, `lora.safetensors`, an IP-Adapter
    (`adapter.safetensors`, with an `image_encoder`) and a `refiner`; the same bits each time.
    """
    import torch

    from imgbuild.providers.diffusers.loading import be_quiet

    be_quiet()
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    pipeline = _pipeline()
    pipeline.save_pretrained(folder / "pipeline")
    _vae().save_pretrained(folder / "vae")
    _net(pipeline).save_pretrained(folder / "net")
    _save_adapter(pipeline.unet, folder)
    _save_lora(pipeline, folder)
    _pipeline().save_pretrained(folder / "refiner")
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
    from diffusers import DDIMScheduler, StableDiffusionPipeline
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
        unet=_unet(),
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def _unet(cross_attention_dim=32, **more):
    from diffusers import UNet2DConditionModel

    return UNet2DConditionModel(
        sample_size=8,
        block_out_channels=(16, 32),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=cross_attention_dim,
        norm_num_groups=4,
        attention_head_dim=4,
        **more,
    )


def _vae(**more):
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        **more,
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


def _save_adapter(unet, folder):
    """An IP-Adapter whose keys and values are as large as those of words, and what reads its pictures."""
    import torch
    from safetensors.torch import save_file
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    size, tokens, width = 16, 4, unet.config.cross_attention_dim
    encoder = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=32,
        projection_dim=size,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=32,
        patch_size=8,
    )
    CLIPVisionModelWithProjection(encoder).save_pretrained(folder / "image_encoder")
    weights = {
        "image_proj.proj.weight": torch.randn(tokens * width, size),
        "image_proj.proj.bias": torch.zeros(tokens * width),
        "image_proj.norm.weight": torch.ones(width),
        "image_proj.norm.bias": torch.zeros(width),
    }
    layers = [layer for name, layer in unet.named_modules() if name.endswith("attn2")]
    for number, layer in enumerate(layers):
        for name in ("to_k", "to_v"):
            like = getattr(layer, name).weight
            weights[f"ip_adapter.{2 * number + 1}.{name}_ip.weight"] = torch.randn_like(like)
    save_file(weights, folder / "adapter.safetensors")


@pytest.fixture(scope="session")
def eyes(tmp_path_factory):
    """A folder with models that see `depth`, `pose` (COCO's joints), `people` (and dogs) and `segmentation` (four classes)."""
    import torch

    from imgbuild.providers.diffusers.loading import be_quiet

    be_quiet()
    folder = tmp_path_factory.mktemp("eyes")
    for save in (_save_depth, _save_pose, _save_people, _save_segmentation):
        torch.manual_seed(0)
        save(folder / save.__name__.removeprefix("_save_"))
    return folder


def _save_random(model, std, folder):
    """Save it with random weights, but without biases, which would decide alone."""
    import torch

    for name, parameter in model.named_parameters():
        torch.nn.init.normal_(parameter, std=0.0 if name.endswith("bias") else std)
    model.save_pretrained(folder)


def _save_depth(folder):
    """A model for depth estimation that sees something, unlike a new one, whose last layer is all below zero."""
    import torch
    from transformers import DPTConfig, DPTForDepthEstimation, DPTImageProcessor

    config = DPTConfig(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=32,
        patch_size=16,
        backbone_out_indices=[0, 1, 2, 3],
        neck_hidden_sizes=[4, 4, 4, 4],
        fusion_hidden_size=4,
    )
    model = DPTForDepthEstimation(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    torch.nn.init.constant_(model.head.head[-2].bias, 4.0)
    model.save_pretrained(folder)
    DPTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(folder)


def _save_pose(folder):
    from transformers import (
        VitPoseBackboneConfig,
        VitPoseConfig,
        VitPoseForPoseEstimation,
        VitPoseImageProcessor,
    )

    backbone = VitPoseBackboneConfig(
        image_size=[64, 48],
        patch_size=[16, 16],
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        mlp_ratio=2,
        out_indices=[2],
    )
    config = VitPoseConfig(backbone_config=backbone, use_simple_decoder=True, num_labels=17)
    _save_random(VitPoseForPoseEstimation(config), 0.3, folder)
    VitPoseImageProcessor(size={"height": 64, "width": 48}).save_pretrained(folder)


def _save_people(folder):
    from transformers import YolosConfig, YolosForObjectDetection, YolosImageProcessor

    config = YolosConfig(
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=16,
        image_size=[64, 64],
        patch_size=16,
        num_detection_tokens=8,
        id2label={0: "Person", 1: "dog"},
        label2id={"Person": 0, "dog": 1},
    )
    _save_random(YolosForObjectDetection(config), 0.5, folder)
    YolosImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)


def _save_segmentation(folder):
    from transformers import SegformerConfig, SegformerForSemanticSegmentation, SegformerImageProcessor

    config = SegformerConfig(
        num_encoder_blocks=2,
        depths=[1, 1],
        sr_ratios=[2, 1],
        hidden_sizes=[8, 16],
        patch_sizes=[7, 3],
        strides=[4, 2],
        num_attention_heads=[1, 2],
        mlp_ratios=[2, 2],
        decoder_hidden_size=16,
        num_labels=4,
    )
    _save_random(SegformerForSemanticSegmentation(config), 0.5, folder)
    SegformerImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)


@pytest.fixture(scope="session")
def flux(weights, tmp_path_factory):
    """A folder with a pipeline whose body is a transformer, with random weights; the same bits each time."""
    import torch
    from diffusers import (
        DiffusionPipeline,
        FlowMatchEulerDiscreteScheduler,
        FluxPipeline,
        FluxTransformer2DModel,
    )
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    torch.manual_seed(1)
    vocab = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    vocab += [(chr(code), -3.0) for code in range(97, 123)]
    small = DiffusionPipeline.from_pretrained(weights / "pipeline")
    made = FluxPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_vae(shift_factor=0.0, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=small.text_encoder,
        tokenizer=small.tokenizer,
        text_encoder_2=T5EncoderModel(
            T5Config(vocab_size=64, d_model=32, d_kv=8, d_ff=32, num_layers=1, num_heads=2)
        ),
        tokenizer_2=T5Tokenizer(vocab=vocab, extra_ids=0, model_max_length=64),
        transformer=FluxTransformer2DModel(
            patch_size=1,
            in_channels=16,
            num_layers=2,
            num_single_layers=2,
            attention_head_dim=16,
            num_attention_heads=2,
            joint_attention_dim=32,
            pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8),
        ),
    )
    folder = tmp_path_factory.mktemp("flux")
    made.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def xl(weights, tmp_path_factory):
    """Folders with two pipelines of Stable Diffusion XL's kind, "tiny" and "refiner", with random weights."""
    import torch
    from diffusers import DiffusionPipeline, EulerDiscreteScheduler, StableDiffusionXLPipeline
    from transformers import CLIPTextModelWithProjection

    torch.manual_seed(2)
    small = DiffusionPipeline.from_pretrained(weights / "pipeline")
    second = CLIPTextModelWithProjection(small.text_encoder.config)
    folders = {}
    for name in ("tiny", "refiner"):
        made = StableDiffusionXLPipeline(
            vae=_vae(),
            text_encoder=small.text_encoder,
            text_encoder_2=second,
            tokenizer=small.tokenizer,
            tokenizer_2=small.tokenizer,
            unet=_unet(
                cross_attention_dim=64,
                addition_embed_type="text_time",
                addition_time_embed_dim=8,
                projection_class_embeddings_input_dim=6 * 8 + second.config.projection_dim,
            ),
            scheduler=EulerDiscreteScheduler.from_config(small.scheduler.config),
        )
        folders[name] = tmp_path_factory.mktemp("xl") / name
        made.save_pretrained(folders[name])
    return folders


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
        for part in ("vae", "net", "image_encoder", "refiner"):
            shutil.copytree(weights / part, made.root / "models" / part)
        for file in ("lora.safetensors", "adapter.safetensors"):
            shutil.copy(weights / file, made.root / "models" / file)
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


@pytest.fixture
def refs(tmp_path):
    """Files for the inputs: a picture, and masks that keep the left half and all of it."""
    from PIL import Image

    base = Image.radial_gradient("L").resize((64, 64)).convert("RGB")
    half = Image.new("L", (64, 64))
    half.paste(255, (32, 0, 64, 64))
    pictures = {"base": base, "half": half, "long": base.resize((64, 32)), "large": base.resize((128, 128))}
    for name, picture in pictures.items():
        picture.save(tmp_path / f"{name}.png")
    return {f"refs/{name}.png": (tmp_path / f"{name}.png").read_bytes() for name in pictures}
