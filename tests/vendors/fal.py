"""fal's queue: tasks that are taken, polled at the addresses that the answer names, and fetched from another place.

The fields are those of the types in the vendor's JavaScript client (2026-08), with no others let in.
"""

import base64
import hashlib
import io
import secrets

from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

KEY = "0a1b2c3d-test:0123456789abcdef"
FLUX = {
    "prompt": str,
    "image_size": dict,
    "num_images": int,
    "num_inference_steps": int,
    "guidance_scale": (int, float),
    "seed": int,
    "output_format": str,
    "sync_mode": bool,
    "enable_safety_checker": bool,
    "acceleration": str,
}
ULTRA = {
    "prompt": str,
    "aspect_ratio": str,
    "num_images": int,
    "seed": int,
    "output_format": str,
    "sync_mode": bool,
    "safety_tolerance": str,
    "enhance_prompt": bool,
    "raw": bool,
    "image_url": str,
    "image_prompt_strength": (int, float),
}
BANANA = {
    "prompt": str,
    "aspect_ratio": str,
    "num_images": int,
    "seed": int,
    "output_format": str,
    "sync_mode": bool,
    "safety_tolerance": str,
    "limit_generations": bool,
    "resolution": str,
    "image_urls": list,
}
FIELDS = {
    "fal-ai/flux/dev": FLUX,
    "fal-ai/flux/dev/image-to-image": {
        **{name: kind for name, kind in FLUX.items() if name != "image_size"},
        "image_url": str,
        "strength": (int, float),
    },
    "fal-ai/flux-lora/inpainting": {
        **FLUX,
        "image_url": str,
        "mask_url": str,
        "strength": (int, float),
        "loras": list,
    },
    "fal-ai/flux-pro/v1.1-ultra": ULTRA,
    "fal-ai/nano-banana-2/edit": BANANA,
    "fal-ai/fast-sdxl": {
        **{name: kind for name, kind in FLUX.items() if name != "output_format"},
        "format": str,
        "negative_prompt": str,
        "expand_prompt": bool,
    },
    "someone/brush/paint": {"text": str, "prompt": str, "shape": str, "dice": int, "picture_urls": list},
}
NEEDED = {"fal-ai/flux/dev/image-to-image": "image_url"}


def faults(*items):
    """What a model says where it doesn't take a request. items: of each the path below the body, text and kind."""
    listed = [{"loc": ["body", *path], "msg": said, "type": kind, "input": "…"} for path, said, kind in items]
    return Answer(422, {"detail": listed}, {"X-Fal-Retryable": "false"})


def refusal(said="The content was flagged by a content checker."):
    return faults((["prompt"], said, "content_policy_violation"))


def broke(kind="runner_disconnected", status=503, said="Runner disconnected"):
    return Answer(status, {"detail": said, "error_type": kind}, {"X-Fal-Error-Type": kind})


class Fal(Vendor):
    """polls: how often a task is in the queue, and as often under way, first.

    ends: what tasks end in, in turn, each an answer in place of a result; else there is an image. flagged: words whose
    image comes out black, and marked. faults: what was wrong with requests. more: what results say beside that.
    """

    def __init__(self, key=KEY, polls=0, flagged=()):
        super().__init__()
        self.key, self.polls, self.flagged = key, polls, flagged
        self.tasks, self.ends, self.faults, self.more = {}, [], [], {}
        self.address = ""

    def answer(self, asked):
        if asked.path.startswith("/files/"):
            return self.file(asked)
        if asked.headers.get("Authorization") != f"Key {self.key}":
            said = "No user found for Key ID and Secret"
            return Answer(401, {"detail": f"{said}: {asked.headers.get('Authorization')}"})
        path, _, query = asked.path.partition("?")
        if asked.method == "POST":
            return self.take(asked, path.strip("/"))
        name, _, rest = path.rpartition("/requests/")[2].partition("/")
        task = self.tasks.get(name)
        if task is None:
            return Answer(404, {"detail": "Request not found"})
        return self.state(task) if rest == "status" else self.result(task)

    def take(self, asked, model):
        if not any(known.startswith(model) or model.startswith(known) for known in FIELDS):
            return Answer(404, {"detail": f"Application '{model.split('/')[1]}' not found"})
        with self.lock:
            self.billed += 1
            task = secrets.token_hex(8)
            self.tasks[task] = {
                "id": task,
                "model": model,
                "asked": asked.fields,
                "polls": 2 * self.polls,
                "end": self.ends.pop(0) if self.ends else self.judged(model, asked.fields),
            }
        base = f"{self.address}/{'/'.join(model.split('/')[:2])}/requests/{task}"
        told = {
            "status": "IN_QUEUE",
            "request_id": task,
            "response_url": base,
            "status_url": f"{base}/status",
            "cancel_url": f"{base}/cancel",
            "logs": None,
            "metrics": {},
            "queue_position": 0,
        }
        return Answer(200, told)

    def judged(self, model, fields):
        """What the model itself has to say against a request, once its turn has come."""
        known = FIELDS.get(model)
        if known is None:
            return Answer(404, {"detail": "Not Found"})
        wrong = [
            ([name], "extra fields not permitted" if name not in known else "wrong type", "value_error")
            for name, value in fields.items()
            if not isinstance(value, known.get(name, ()))
        ]
        self.faults += wrong
        needed = NEEDED.get(model)
        if needed and needed not in fields:
            wrong.append(([needed], "field required", "missing"))
        return faults(*wrong) if wrong else None

    def state(self, task):
        with self.lock:
            task["polls"] -= 1
            left = task["polls"]
        told = {"request_id": task["id"], "response_url": "", "logs": None}
        if left >= self.polls:
            return Answer(202, {**told, "status": "IN_QUEUE", "queue_position": left - self.polls})
        if left >= 0:
            return Answer(202, {**told, "status": "IN_PROGRESS"})
        ended = {**told, "status": "COMPLETED", "metrics": {"inference_time": 1.5}}
        if isinstance(task["end"], Answer):
            ended |= {"error": "Invalid status code", "error_type": "internal_error"}
        return Answer(200, ended)

    def result(self, task):
        if task["end"] is not None:
            return task["end"]
        fields = task["asked"]
        size = fields.get("image_size") or {"width": 64, "height": 32}
        image = {
            "url": f"{self.address}/files/rabbit/{task['id']}.png",
            "content_type": "image/png",
            **size,
        }
        flagged = any(word in fields["prompt"] for word in self.flagged)
        told = {
            "images": [image],
            "timings": {"inference": 1.5},
            "seed": fields.get("seed", 12345),
            "has_nsfw_concepts": [flagged],
            "prompt": fields["prompt"],
        }
        return Answer(200, {**told, **self.more})

    def file(self, asked):
        if asked.headers.get("Authorization"):
            return Answer(400, {"detail": "a file is for everyone"})
        task = self.tasks[asked.path.rpartition("/")[2].removesuffix(".png")]
        fields = task["asked"]
        given = fields.get("image_url")
        size = (64, 32)
        if "image_size" in fields:
            size = (fields["image_size"]["width"], fields["image_size"]["height"])
        elif given:
            size = opened(given).size
        black = any(word in fields["prompt"] for word in self.flagged)
        words = f"{fields['prompt']} {fields.get('seed', secrets.token_hex(4))}"
        colour = (0, 0, 0) if black else tuple(hashlib.sha256(words.encode()).digest()[:3])
        out = io.BytesIO()
        pillow.new("RGB", size, colour).save(out, format="PNG")
        return Answer(200, out.getvalue(), {"Content-Type": "image/png"})


def opened(address):
    """The picture within an address that holds it."""
    head, _, text = address.partition(",")
    assert head == "data:image/png;base64"
    return pillow.open(io.BytesIO(base64.b64decode(text, validate=True)))
