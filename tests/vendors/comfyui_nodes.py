"""Some of ComfyUI's node classes: what they take, as `/object_info` tells it, and what they make, in short.

Latent images and conditionings are texts here, that say all they came from; an image is a picture of one colour.
"""

import hashlib
import io

from PIL import Image as pillow

SIDE = ["INT", {"default": 512, "min": 16, "max": 16384, "step": 8}]
SEED = ["INT", {"default": 0, "min": 0, "max": 0xFFFFFFFFFFFFFFFF, "control_after_generate": True}]
STEPS = ["INT", {"default": 20, "min": 1, "max": 10000}]
SAMPLERS, SCHEDULERS = ["euler", "dpmpp_2m"], ["simple", "karras"]
DENOISE = ["FLOAT", {"default": 1.0, "min": 0.0, "max": 1.0, "step": 0.01}]
NUMBER = ["FLOAT", {"default": 1.0, "min": 0.0, "max": 100.0}]


class Kind:
    """A class. required, optional: its inputs. makes: a function of these. saves: whether its images are kept."""

    def __init__(self, required, outputs, makes, *, optional=None, saves=False, module="nodes", api=False):
        self.required, self.optional, self.outputs = required, optional or {}, outputs
        self.makes, self.saves, self.module, self.api = makes, saves, module, api

    def info(self, name):
        told = {
            "input": {"required": self.required, **({"optional": self.optional} if self.optional else {})},
            "input_order": {"required": list(self.required)},
            "output": self.outputs,
            "output_is_list": [False] * len(self.outputs),
            "output_name": self.outputs,
            "name": name,
            "display_name": name,
            "description": "",
            "python_module": self.module,
            "category": "sd",
            "output_node": self.saves,
        }
        return {**told, "api_node": True} if self.api else told


def words(*given):
    return hashlib.sha256(repr(given).encode()).hexdigest()[:16]


def sampled(given, sampler="KSampler"):
    """A latent image is its size and a text."""
    size, text = given["latent_image"]
    rest = {name: value for name, value in given.items() if name != "latent_image"}
    return [(size, words(sampler, text, sorted(rest.items())))]


def decoded(given):
    size, text = given["samples"]
    colour = tuple(hashlib.sha256(text.encode()).digest()[:3])
    return [pillow.new("RGB", size, colour)]


def encoded(given):
    picture = given["pixels"]
    return [(picture.size, words(picture.mode, picture.size, picture.tobytes(), given.get("mask")))]


def loaded(data):
    """A picture and its mask, as LoadImage gives them: what is not opaque."""
    picture = pillow.open(io.BytesIO(data))
    alpha = picture.getchannel("A") if "A" in picture.getbands() else pillow.new("L", picture.size, 255)
    return picture.convert("RGB"), alpha.point(lambda level: 255 - level)


def load_image(given):
    picture, mask = loaded(given["image"])
    return [picture, words(mask.tobytes())]


def load_mask(given):
    picture = pillow.open(io.BytesIO(given["image"])).convert("RGBA")
    levels = picture.getchannel(given["channel"][0].upper())
    return [words((levels if given["channel"] != "alpha" else levels.point(lambda v: 255 - v)).tobytes())]


LOADED = {"image": [["example.png"], {"image_upload": True}]}
SAMPLED = {
    "model": ["MODEL"],
    "seed": SEED,
    "steps": STEPS,
    "cfg": NUMBER,
    "sampler_name": [SAMPLERS],
    "scheduler": [SCHEDULERS],
    "positive": ["CONDITIONING"],
    "negative": ["CONDITIONING"],
    "latent_image": ["LATENT"],
    "denoise": DENOISE,
}
KINDS = {
    "CheckpointLoaderSimple": Kind(
        {"ckpt_name": [["sdxl.safetensors"]]},
        ["MODEL", "CLIP", "VAE"],
        lambda given: [given["ckpt_name"]] * 3,
    ),
    "CLIPTextEncode": Kind(
        {"text": ["STRING", {"multiline": True}], "clip": ["CLIP"]},
        ["CONDITIONING"],
        lambda given: [given["text"]],
    ),
    "EmptyLatentImage": Kind(
        {"width": SIDE, "height": SIDE, "batch_size": ["INT", {"default": 1, "min": 1, "max": 4096}]},
        ["LATENT"],
        lambda given: [((given["width"], given["height"]), f"empty {given['batch_size']}")],
    ),
    "KSampler": Kind(SAMPLED, ["LATENT"], sampled),
    "VAEDecode": Kind({"samples": ["LATENT"], "vae": ["VAE"]}, ["IMAGE"], decoded),
    "VAEEncode": Kind({"pixels": ["IMAGE"], "vae": ["VAE"]}, ["LATENT"], encoded),
    "VAEEncodeForInpaint": Kind({"pixels": ["IMAGE"], "vae": ["VAE"], "mask": ["MASK"]}, ["LATENT"], encoded),
    "LoadImage": Kind(LOADED, ["IMAGE", "MASK"], load_image),
    "LoadImageMask": Kind({**LOADED, "channel": [["alpha", "red", "green", "blue"]]}, ["MASK"], load_mask),
    "PrimitiveInt": Kind(
        {"value": ["INT", {}]}, ["INT"], lambda given: [given["value"]], module="comfy_extras.nodes_primitive"
    ),
    "Sharpen+": Kind(
        {"image": ["IMAGE"], "much": NUMBER},
        ["IMAGE"],
        lambda given: [given["image"]],
        module="custom_nodes.sharpen",
    ),
    "CloudUpscale": Kind(
        {"image": ["IMAGE"]},
        ["IMAGE"],
        lambda given: [given["image"]],
        module="comfy_api_nodes.nodes_cloud",
        api=True,
    ),
    "SaveImage": Kind(
        {"images": ["IMAGE", {}], "filename_prefix": ["STRING", {"default": "ComfyUI"}]}, [], None, saves=True
    ),
    "PreviewImage": Kind({"images": ["IMAGE"]}, [], None, saves=True),
}
