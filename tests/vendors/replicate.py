"""Replicate's predictions: models with a schema each, versions, deployments, files, and outputs that run out.

Of the API's OpenAPI document as a mirror had it in 2026, and of input schemas as models there publish them.
"""

import base64
import hashlib
import io
import json
import secrets

from jsonschema import Draft202012Validator
from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

KEY = "r8_test0123456789abcdef0123456789abcdef01"
SDXL, OLD, UPSCALER = "5d" * 32, "01" * 32, "a9" * 32
HIDDEN = "f0" * 32  # of an official model: told, and not to be asked for


def choice(*values, default=None):
    return {"type": "string", "enum": list(values), "description": "An enumeration."}, default


def document(inputs, required=("prompt",), **choices):
    """The OpenAPI document of a version, its choices in schemas of their own, as Cog writes them."""
    given = dict(inputs)
    for name, (_, default) in choices.items():
        given[name] = {"allOf": [{"$ref": f"#/components/schemas/{name}"}], "default": default}
    properties = {
        name: {"title": name.title(), "x-order": at, **given[name]} for at, name in enumerate(given)
    }
    schemas = {
        "Input": {"type": "object", "title": "Input", "required": list(required), "properties": properties},
        "Output": {"type": "array", "items": {"type": "string", "format": "uri"}, "title": "Output"},
        **{name: {**schema, "title": name} for name, (schema, _) in choices.items()},
    }
    return {
        "openapi": "3.0.2",
        "info": {"title": "Cog", "version": "0.1.0"},
        "components": {"schemas": schemas},
    }


TEXT, WHOLE, SHARE = {"type": "string"}, {"type": "integer"}, {"type": "number", "minimum": 0, "maximum": 1}
PICTURE = {"type": "string", "format": "uri"}
PICTURES = {"type": "array", "items": PICTURE, "default": []}
COUNT = {"type": "integer", "default": 1, "minimum": 1, "maximum": 4}
STEPS = {"type": "integer", "default": 28, "minimum": 1, "maximum": 50}
WHITE = {**PICTURE, "description": "Black areas will be preserved, white areas will be inpainted."}
BLACK = {
    **PICTURE,
    "description": "A black and white image. Black pixels are inpainted, white pixels are preserved.",
}
SIDE = {"type": "integer", "default": 1024, "description": "Width or height of the output image"}

DOCUMENTS = {
    "black-forest-labs/flux-dev": document(
        {
            "prompt": TEXT,
            "image": PICTURE,
            "seed": WHOLE,
            "go_fast": {"type": "boolean", "default": True},
            "guidance": {"type": "number", "default": 3, "minimum": 0, "maximum": 10},
            "num_outputs": COUNT,
            "num_inference_steps": STEPS,
            "prompt_strength": {**SHARE, "default": 0.8},
        },
        aspect_ratio=choice("1:1", "16:9", "3:2", default="1:1"),
        megapixels=choice("1", "0.25", default="1"),
        output_format=choice("webp", "jpg", "png", default="webp"),
    ),
    "stability-ai/sdxl": document(
        {
            "prompt": {**TEXT, "default": "An astronaut"},
            "negative_prompt": {**TEXT, "default": ""},
            "image": PICTURE,
            "mask": WHITE,
            "width": SIDE,
            "height": SIDE,
            "seed": {"anyOf": [WHOLE, {"type": "null"}]},
            "num_outputs": COUNT,
            "num_inference_steps": STEPS,
            "guidance_scale": {"type": "number", "minimum": 1, "maximum": 50, "default": 7.5},
            "prompt_strength": SHARE,
            "apply_watermark": {"type": "boolean", "default": True},
        },
        required=(),
        scheduler=choice("DDIM", "K_EULER", default="K_EULER"),
    ),
    "ideogram-ai/ideogram-v3-turbo": document(
        {
            "prompt": TEXT,
            "image": PICTURE,
            "mask": BLACK,
            "style_reference_images": PICTURES,
            "seed": {**WHOLE, "maximum": 2147483647, "nullable": True},
        },
        aspect_ratio=choice("1:1", "16:9", default="1:1"),
        resolution=choice("None", "512x1536", "1024x1024", "1536x512", default="None"),
        magic_prompt_option=choice("Auto", "On", "Off", default="Auto"),
    ),
    "google/nano-banana": document(
        {"prompt": TEXT, "image_input": PICTURES},
        aspect_ratio=choice("match_input_image", "1:1", "16:9", default="match_input_image"),
        output_format=choice("jpg", "png", default="jpg"),
    ),
    "bytedance/seedream-4": document(
        {
            "prompt": TEXT,
            "image_input": PICTURES,
            "width": {**WHOLE, "minimum": 64, "maximum": 4096, "default": 2048},
            "height": {**WHOLE, "minimum": 64, "maximum": 4096, "default": 2048},
            "max_images": {**WHOLE, "minimum": 1, "maximum": 15, "default": 1},
            "enhance_prompt": {"type": "boolean", "default": True},
            "seed": {**WHOLE, "maximum": 99999},
        },
        size=choice("1K", "2K", "custom", default="2K"),
        aspect_ratio=choice("match_input_image", "1:1", "16:9", default="match_input_image"),
    ),
    "acme/upscaler": document({"image": PICTURE, "scale": {"type": "number"}}, required=("image", "scale")),
    "acme/mute": {"components": {"schemas": {}}},
}
OFFICIAL = {name for name in DOCUMENTS if name.split("/")[0] not in ("stability-ai", "acme")}
VERSIONS = {
    "stability-ai/sdxl": {SDXL, OLD},
    "acme/upscaler": {UPSCALER},
    "acme/mute": {"77" * 32},
    "acme/none": set(),
}
LATEST = {"stability-ai/sdxl": SDXL, "acme/upscaler": UPSCALER, "acme/mute": "77" * 32}
DEPLOYMENTS = {"acme/house": ("stability-ai/sdxl", SDXL), "acme/idle": None}


def problem(status, detail, title="", **more):
    return Answer(status, {"detail": detail, "status": status, **({"title": title} if title else {}), **more})


def throttled(seconds=None):
    said = "Request was throttled. Your rate limit resets in ~30s."
    return problem(429, said, **({} if seconds is None else {"retry_after": seconds}))


class Replicate(Vendor):
    """billed: predictions that were taken. polls: how often one is under way first. ends: what they then are, each more
    fields of it. faults: what was wrong with requests. uploads: pictures that were handed in, by their address.
    """

    def __init__(self, polls=1, refused=()):
        super().__init__()
        self.polls, self.refused = polls, refused
        self.tasks, self.ends, self.faults, self.uploads = {}, [], [], {}
        self.address = ""

    def answer(self, asked):
        if asked.path.startswith("/delivery/"):
            return self.deliver(asked)
        if asked.headers.get("Authorization") != f"Bearer {KEY}":
            return problem(401, "You did not pass a valid authentication token", "Unauthenticated")
        place = asked.path.removeprefix("/v1/").split("/")
        if asked.method == "GET":
            return self.get(place)
        if place == ["files"]:
            return self.upload(asked)
        return self.create(place, asked.fields)

    def get(self, place):
        match place:
            case ["models", owner, name]:
                return self.model(f"{owner}/{name}")
            case ["models", owner, name, "versions", version] if version in VERSIONS.get(
                f"{owner}/{name}", ()
            ):
                return Answer(200, self.version(f"{owner}/{name}", version))
            case ["deployments", owner, name] if f"{owner}/{name}" in DEPLOYMENTS:
                return self.deployment(owner, name)
            case ["predictions", task] if task in self.tasks:
                return self.state(task)
            case _:
                return problem(404, "The requested resource could not be found.", "Not found")

    def model(self, name):
        if name not in OFFICIAL and name not in VERSIONS:
            return problem(404, "The requested resource could not be found.", "Not found")
        latest = HIDDEN if name in OFFICIAL else LATEST.get(name)
        owner, _, title = name.partition("/")
        told = {"owner": owner, "name": title, "is_official": name in OFFICIAL, "visibility": "public"}
        return Answer(200, {**told, "latest_version": latest and self.version(name, latest)})

    def version(self, name, version):
        return {"id": version, "cog_version": "0.14.1", "openapi_schema": DOCUMENTS[name]}

    def deployment(self, owner, name):
        deployed = DEPLOYMENTS[f"{owner}/{name}"]
        release = {"number": 3, "model": deployed[0], "version": deployed[1]} if deployed else None
        return Answer(200, {"owner": owner, "name": name, "current_release": release})

    def upload(self, asked):
        name = secrets.token_hex(8)
        address = f"{self.address}/v1/files/{name}"
        ((_, data),) = asked.files["content"]
        with self.lock:
            self.uploads[address] = data
        return Answer(201, {"id": name, "urls": {"get": address}})

    def create(self, place, fields):
        version, name = "hidden", "/".join(place[1:3])
        match place:
            case ["predictions"]:
                version = fields.get("version")
                name = next((name for name, known in VERSIONS.items() if version in known), "")
                allowed = {"version", "input"}
            case ["models", _, _, "predictions"] if name in OFFICIAL:
                allowed = {"input"}
            case ["deployments", _, _, "predictions"] if DEPLOYMENTS.get(name):
                (name, version), allowed = DEPLOYMENTS[name], {"input"}
            case _:
                return problem(404, "The requested resource could not be found.", "Not found")
        if not name:
            said = "The specified version does not exist (or perhaps you don't have permission to use it?)"
            return problem(422, said, "Invalid version or not permitted")
        wrong = [f"stray {stray}" for stray in fields.keys() - allowed]
        return self.take(name, version, fields["input"], wrong)

    def take(self, name, version, given, wrong):
        wrong = wrong + faults(DOCUMENTS[name], given) + self.strangers(given)
        if wrong:
            with self.lock:
                self.faults += wrong
            return problem(422, "".join(f"- input.{each}\n" for each in wrong), "Input validation failed")
        with self.lock:
            self.billed += 1
            task = secrets.token_hex(13)
            end = self.ends.pop(0) if self.ends else {}
            if any(word in given.get("prompt", "") for word in self.refused):
                said = "The input or output was flagged as sensitive. Please try again with different inputs. (E005)"
                end = {"status": "failed", "error": said}
            asked = {"model": name, "version": version, "input": given}
            self.tasks[task] = {"asked": asked, "polls": self.polls, "end": end}
        return Answer(201, self.told(task, {"status": "starting"}))

    def strangers(self, given):
        """Pictures that are neither in the request, if they are small, nor were uploaded."""
        texts = [text for value in given.values() for text in (value if isinstance(value, list) else [value])]
        large = [text for text in texts if str(text).startswith("data:") and len(text) > 256_000]
        unknown = [text for text in texts if "/v1/files/" in str(text) and text not in self.uploads]
        return [f"picture {text[:40]}" for text in large + unknown]

    def state(self, task):
        with self.lock:
            known = self.tasks[task]
            if known["polls"] > 0:
                known["polls"] -= 1
                return Answer(200, self.told(task, {"status": "processing"}))
        end = {"status": "succeeded", "output": [f"{self.address}/delivery/{task}/out-0.png"]}
        end |= {"logs": f"Using seed: {known['asked']['input'].get('seed', 4711)}\n"}
        return Answer(200, self.told(task, {**end, "metrics": {"predict_time": 2.9}, **known["end"]}))

    def told(self, task, more):
        place = f"{self.address}/v1/predictions/{task}"
        return {
            "id": task,
            **self.tasks[task]["asked"],
            "output": None,
            "error": None,
            "logs": "",
            "data_removed": False,
            "created_at": "2026-11-27T10:00:00Z",
            "urls": {"get": place, "cancel": f"{place}/cancel", "web": f"https://replicate.com/p/{task}"},
            **more,
        }

    def deliver(self, asked):
        """Outputs are there for anybody who knows their address."""
        given = self.tasks[asked.path.split("/")[2]]["asked"]["input"]
        return Answer(200, drawn(given), {"Content-Type": "image/png"})


def drawn(given):
    """A picture whose colour follows from all that was asked."""
    colour = hashlib.sha256(json.dumps(given, sort_keys=True).encode()).digest()[:3]
    out = io.BytesIO()
    size = (given.get("width", 64), given.get("height", 64))
    pillow.new("RGB", size, tuple(colour)).save(out, format="PNG")
    return out.getvalue()


def within(data):
    return f"data:image/png;base64,{base64.b64encode(data).decode()}"


def faults(document, given):
    """What is wrong with an input, by the model's own schema; no input that is not named there may be in it."""
    schemas = dict(document["components"]["schemas"])
    schemas["Input"] = {**schemas["Input"], "additionalProperties": False}
    root = {"$ref": "#/components/schemas/Input", "components": {"schemas": schemas}}
    found = Draft202012Validator(root).iter_errors(given)
    return [f"{'.'.join(map(str, error.path))}: {error.message[:200]}" for error in found]
