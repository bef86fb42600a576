"""OpenAI's images, as its document has them (openai/openai-openapi, 2026-08)."""

import base64
import hashlib
import io
import json
import time

from PIL import Image as pillow

from tests.vendors.openapi import faults
from tests.vendors.server import Answer, Asked, Vendor

KEY = "sk-test-0123456789abcdef"
SCHEMAS = {
    "/v1/images/generations": "CreateImageRequest",
    "/v1/images/edits": "CreateImageEditRequest",
    "/v1/moderations": "CreateModerationRequest",
}


LABELS = (
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
)
MODELS = {"gpt-image-2": None, "gpt-image-2-2026-04-21": None, "gpt-image-1-mini": "2026-12-01"}


def listed(name, end):
    return {"id": name, "object": "model", "created": 1, "owned_by": "system", "shutdown_date": end}


def failure(status, message, code=None, kind="invalid_request_error", headers=None):
    error = {"message": message, "type": kind, "param": None, "code": code}
    return Answer(status, {"error": error}, headers)


def busy(seconds=None):
    headers = {} if seconds is None else {"Retry-After": str(seconds)}
    return failure(429, "Rate limit reached.", "rate_limit_exceeded", "requests", headers)


def answered(picture, size, quality="medium", request="req_1"):
    """The answer with a picture, which is a PNG."""
    usage = {
        "input_tokens": 50,
        "output_tokens": 1000,
        "total_tokens": 1050,
        "input_tokens_details": {"text_tokens": 40, "image_tokens": 10},
    }
    body = {
        "created": 1770000000,
        "data": [{"b64_json": base64.b64encode(picture).decode()}],
        "output_format": "png",
        "size": size,
        "quality": quality,
        "usage": usage,
    }
    return Answer(200, body, {"x-request-id": request})


def used_up(vendor, a_minute):
    """Answers as ever that say that none of so many calls a minute is left; and when each was asked for."""
    came = []
    told = {
        "x-ratelimit-limit-requests": str(a_minute),
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "1m0s",
    }

    def answer(asked):
        given = vendor.answer(asked)
        given.headers |= told
        with vendor.lock:
            came.append(time.monotonic())
        return given

    return answer, came


def drawn(fields, seed, request="req_1"):
    """The answer to a request, with a picture in one colour."""
    width, height = map(int, fields["size"].split("x"))
    colour = hashlib.sha256(seed.encode()).digest()[:3]
    out = io.BytesIO()
    pillow.new("RGB", (width, height), tuple(colour)).save(out, format="PNG")
    return answered(out.getvalue(), fields["size"], fields.get("quality", "medium"), request)


def with_image(answer, data):
    """The same answer with another image in it."""
    body = json.loads(answer.body)
    body["data"][0]["b64_json"] = base64.b64encode(data).decode()
    return Answer(answer.status, body, answer.headers)


class OpenAI(Vendor):
    """faults: what was wrong with requests, by the vendor's document. refused: words that are blocked.

    azure: the version of the API by which a deployment on Azure is asked; else it is as OpenAI's own.
    scores: what moderation gives to labels, but a millionth. shown: the pictures that it was asked about.
    """

    azure = ""

    def __init__(self, key=KEY, refused=()):
        super().__init__()
        self.key, self.refused, self.faults = key, refused, []
        self.scores, self.shown = {}, []

    def answer(self, asked):
        if self.azure:
            asked = self.as_own(asked)
        if asked.headers.get("Authorization") != f"Bearer {self.key}":
            said = asked.headers.get("Authorization", "").removeprefix("Bearer ")
            return failure(401, f"Incorrect API key provided: {said}.", "invalid_api_key")
        if (asked.method, asked.path) == ("GET", "/v1/models"):
            return Answer(200, {"object": "list", "data": [listed(*item) for item in MODELS.items()]})
        schema = SCHEMAS.get(asked.path)
        if schema is None or asked.method != "POST":
            return failure(404, f"Invalid URL ({asked.method} {asked.path})")
        fields = dict(asked.fields)
        if asked.files:
            names = {
                name.removesuffix("[]"): [name for name, _ in files] for name, files in asked.files.items()
            }
            fields |= {name: files if name == "image" else files[0] for name, files in names.items()}
            fields["n"] = int(fields["n"])
        found = faults("openai", schema, fields)
        with self.lock:
            self.faults += found
        if found:
            return failure(400, "; ".join(found), "invalid_value")
        if asked.path == "/v1/moderations":
            return self.judged(fields)
        if any(word in fields["prompt"] for word in self.refused):
            return failure(400, "Your request was rejected by the safety system.", "moderation_blocked")
        return self.made(fields)

    def as_own(self, asked):
        """A request to Azure as one to OpenAI: the deployment is named in the path, and the key has a header."""
        path, _, query = asked.path.partition("?")
        start, _, rest = path.partition("/deployments/")
        deployment, _, verb = rest.partition("/")
        if (start, query) != ("/openai", f"api-version={self.azure}") or asked.headers["Authorization"]:
            return Asked(asked.method, asked.path, {}, b"")
        assert deployment == asked.fields["model"]
        headers = {
            "Authorization": f"Bearer {asked.headers['api-key']}",
            "Content-Type": asked.headers["Content-Type"],
        }
        return Asked(asked.method, f"/v1/{verb}", headers, asked.data)

    def judged(self, fields):
        """Each item of `input` is text or one picture; what is said is of all of them together."""
        for item in fields["input"] if isinstance(fields["input"], list) else ():
            head, _, packed = item["image_url"]["url"].partition(",")
            picture = pillow.open(io.BytesIO(base64.b64decode(packed)))
            with self.lock:
                self.shown.append((head, picture.format, picture.mode, picture.size))
        scores = dict.fromkeys(LABELS, 1e-6) | self.scores
        result = {
            "flagged": max(scores.values()) > 0.5,
            "categories": {label: score > 0.5 for label, score in scores.items()},
            "category_scores": scores,
            "category_applied_input_types": {label: ["image"] for label in LABELS},
        }
        return Answer(200, {"id": "modr-1", "model": fields["model"], "results": [result]})

    def made(self, fields):
        with self.lock:
            self.billed += 1
            number = self.billed
        return drawn(fields, f"{fields['prompt']} {number}", f"req_{number}")  # another one each time
