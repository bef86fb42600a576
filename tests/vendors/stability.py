"""Stability's v2beta images (generate), as its document has them: closed forms, and errors as lists."""

import base64
import hashlib
import io

from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

KEY = "sk-stability-0123456789abcdef"
SD3 = ("sd3.5-large", "sd3.5-large-turbo", "sd3.5-medium", "sd3.5-flash")
# What it makes of a ratio is its own choice, about a megapixel.
PIXELS = {
    "1:1": (1024, 1024),
    "16:9": (1344, 768),
    "9:16": (768, 1344),
    "3:2": (1248, 832),
    "2:3": (832, 1248),
    "5:4": (1120, 896),
    "4:5": (896, 1120),
    "21:9": (1536, 640),
    "9:21": (640, 1536),
}
STYLES = {"photographic", "line-art", "pixel-art"}


def is_number(low, high):
    def holds(text):
        try:
            return low <= float(text) <= high
        except ValueError:
            return False

    return holds


def is_text(text):
    return len(text) <= 10000


COMMON = {
    "prompt": lambda text: 1 <= len(text) <= 10000,
    "negative_prompt": is_text,
    "aspect_ratio": PIXELS.__contains__,
    "seed": is_number(0, 4294967294),
    "style_preset": STYLES.__contains__,
    "output_format": {"png", "jpeg", "webp"}.__contains__,
}
FIELDS = {
    "core": COMMON,
    "ultra": COMMON | {"strength": is_number(0, 1)},
    "sd3": COMMON
    | {
        "strength": is_number(0, 1),
        "mode": {"text-to-image", "image-to-image"}.__contains__,
        "model": SD3.__contains__,
        "cfg_scale": is_number(1, 10),
    },
}


def failure(status, name, *errors, headers=None):
    return Answer(status, {"id": "a1b2c3", "name": name, "errors": list(errors)}, headers)


def busy(headers=None):
    said = "You have exceeded the rate limit of 150 requests within a 10 second period, and have been timed out for 60 seconds."
    return failure(429, "rate_limit_exceeded", said, headers=headers)


class Stability(Vendor):
    """refused: words that are blocked before; filtered: words whose image is blurred."""

    def __init__(self, key=KEY, refused=(), filtered=()):
        super().__init__()
        self.key, self.refused, self.filtered = key, refused, filtered

    def answer(self, asked):
        if asked.headers.get("Authorization") != f"Bearer {self.key}":
            said = asked.headers.get("Authorization", "").removeprefix("Bearer ")
            return failure(401, "unauthorized", f"authorization: invalid key {said}")
        if asked.path == "/v1/user/balance":
            return Answer(200, {"credits": 45.625})
        service = asked.path.removeprefix("/v2beta/stable-image/generate/")
        if asked.method != "POST" or service not in FIELDS:
            return failure(404, "not_found", f"there is no {asked.path}")
        wrong = self.faults(service, asked)
        if wrong:
            return failure(400, "bad_request", *wrong)
        if any(word in asked.fields["prompt"] for word in self.refused):
            return failure(
                403, "content_moderation", "Your request was flagged by our content moderation system."
            )
        return self.made(asked)

    def faults(self, service, asked):
        if not asked.headers.get("Content-Type", "").startswith("multipart/form-data"):
            return ["content-type: must be multipart/form-data"]
        if asked.headers.get("Accept") not in ("image/*", "application/json"):
            return ["accept: must be image/* or application/json"]
        known, fields = FIELDS[service], asked.fields
        wrong = [f"{name}: is not known" for name in fields if name not in known]
        wrong += [f"{name}: is invalid" for name in fields if name in known and not known[name](fields[name])]
        wrong += ["prompt: is required"] if "prompt" not in fields else []
        wrong += [
            f"{name}: is not known" for name in asked.files if name != "image" or "strength" not in known
        ]
        if ("image" in asked.files) != ("strength" in fields):
            wrong.append("strength: is required with an image, and only there")
        if service == "sd3":
            drawn_over = fields.get("mode") == "image-to-image"
            if drawn_over != ("image" in asked.files) or (drawn_over and "aspect_ratio" in fields):
                wrong.append("mode: does not fit the fields")
        return wrong

    def made(self, asked):
        with self.lock:
            self.billed += 1
            number = self.billed
        fields, size = asked.fields, PIXELS[asked.fields.get("aspect_ratio", "1:1")]
        if fields.get("mode") == "image-to-image":
            size = pillow.open(io.BytesIO(asked.files["image"][0][1])).size
        seed = int(fields.get("seed", 0)) or 343940597  # 0 is any
        colour = hashlib.sha256(f"{fields['prompt']} {seed}".encode()).digest()[:3]
        out = io.BytesIO()
        pillow.new("RGB", size, tuple(colour)).save(out, format=fields["output_format"].upper())
        blurred = any(word in fields["prompt"] for word in self.filtered)
        body = {
            "image": base64.b64encode(out.getvalue()).decode(),
            "finish_reason": "CONTENT_FILTERED" if blurred else "SUCCESS",
            "seed": seed,
        }
        kind = f"application/json; type=image/{fields['output_format']}"
        return Answer(200, body, {"Content-Type": kind, "x-request-id": f"req-{number}"})
