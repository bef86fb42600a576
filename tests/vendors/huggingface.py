"""The hub, as far as it says who serves a model, and the router to those who do, each with its own protocol.

The forms are those that the vendor's SDK (huggingface_hub 2.4) sends and reads.
"""

import base64
import hashlib
import io
import secrets
from contextlib import contextmanager

from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

KEY = "hf_test0123456789abcdefghijklmn"
DRAWS, EDITS = "text-to-image", "image-to-image"


@contextmanager
def of_the_sdk(address, monkeypatch):
    """The SDK asks a hub at that address, knows nothing of what others said, and forgets it at the end."""
    from huggingface_hub import close_session
    from huggingface_hub.inference._providers import _common, hf_inference

    kept = (_common._fetch_inference_provider_mapping, hf_inference._check_supported_task)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", address)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    for said in kept:
        said.cache_clear()
    yield
    for said in kept:
        said.cache_clear()
    close_session()


def failure(status, said, headers=None, **more):
    return Answer(status, {"error": said, **more}, headers)


def window(seconds, left=0):
    """A no for now, as Hugging Face says it."""
    return failure(429, "Too many requests", {"RateLimit": f'"api";r={left};t={seconds}'})


class HuggingFace(Vendor):
    """serves: for a model, by server: its task and the server's own name of it; hf-inference: its task alone.

    polls: how often a task is still under way, first. flagged: words whose image is flagged; refused: that are no use
    to send. more: what results say beside the image. kind: of the images, as Pillow names it. bodies: of all requests.
    """

    def __init__(self, key=KEY):
        super().__init__()
        self.key, self.address, self.polls, self.kind = key, "", 0, "png"
        self.flagged, self.refused, self.more = (), (), {}
        self.tasks, self.files, self.bodies = {}, {}, []
        everyone = ("fal-ai", "nscale", "replicate", "together", "wavespeed", "zai-org")
        self.serves = {
            "some/model": {name: (DRAWS, f"{name}/model") for name in everyone},
            "some/editor": {name: (EDITS, f"{name}/editor") for name in everyone},
        }

    def answer(self, asked):
        path = asked.path.partition("?")[0]
        if path.startswith("/api/models/"):
            return self.model(path.removeprefix("/api/models/"))
        if path.startswith("/file/"):
            return self.file(asked, path)
        if asked.headers.get("Authorization") != f"Bearer {self.key}":
            return failure(401, f"Invalid username or password: {asked.headers.get('Authorization')}")
        by, _, rest = path.strip("/").partition("/")
        if asked.method == "GET":
            return self.state(by, rest)
        if by == "hf-inference" or by in self.serves["some/model"]:
            return self.take(by, rest, asked)
        return failure(404, "Not Found")

    def model(self, name):
        """What the hub says of a model."""
        served = self.serves.get(name)
        if served is None:
            return failure(404, "Repository not found", {"X-Error-Code": "RepoNotFound"})
        task = next(iter(served.values()))[0]
        mapping = {
            by: {"status": "live", "providerId": own, "task": task} for by, (task, own) in served.items()
        }
        told = {"id": name, "pipeline_tag": task, "tags": [], "inferenceProviderMapping": mapping}
        return Answer(200, told)

    def take(self, by, rest, asked):
        fields = asked.fields
        with self.lock:
            self.bodies.append(fields)
            self.billed += 1
        words, seed, size = said_in(by, fields)
        if any(word in words for word in self.refused):
            detail = [{"loc": ["body", "prompt"], "msg": "flagged", "type": "content_policy_violation"}]
            return Answer(422, {"detail": detail})
        data = self.drawn(words, seed, size)
        if by == "hf-inference":
            return Answer(200, data, {"Content-Type": f"image/{self.kind}"})
        if by in ("together", "nscale"):
            made = {"b64_json": base64.b64encode(data).decode(), "index": 0}
            return Answer(200, {"id": "x", "data": [made], **self.more})
        name = secrets.token_hex(4)
        self.files[name] = data
        link = f"{self.address}/file/{name}.png"
        result = self.result(by, link, words, seed)
        queued = by in ("wavespeed", "zai-org") or "_subdomain=queue" in asked.path
        if not queued:
            return Answer(200, {**result, **self.more})
        self.tasks[name] = {"polls": self.polls, "result": {**result, **self.more}, "asked": asked.path}
        return Answer(200, taken(by, name))

    def result(self, by, link, words, seed):
        flagged = any(word in words for word in self.flagged)
        if by == "fal-ai":
            image = {"url": link, "width": 64, "height": 32, "content_type": "image/png"}
            return {"images": [image], "seed": seed, "has_nsfw_concepts": [flagged], "prompt": words}
        if by == "replicate":
            status = {"status": "failed", "error": "NSFW content detected"} if flagged else {}
            return {"id": "p1", "status": "succeeded", "output": None if flagged else [link], **status}
        if by == "wavespeed":
            done = {"status": "failed", "error": "moderation"} if flagged else {"status": "completed"}
            return {"code": 200, "data": {"outputs": [link], **done}}
        return {"task_status": "FAIL" if flagged else "SUCCESS", "image_result": [{"url": link}]}

    def state(self, by, rest):
        """What is said of a task under way. The paths are those of each server, without its name."""
        parts = rest.split("/")
        name = parts[-2] if parts[-1] in ("status", "result") else parts[-1]
        task = self.tasks.get(name)
        if task is None:
            return failure(404, "no such task")
        with self.lock:
            task["polls"] -= 1
            waits = task["polls"] >= 0
        if by == "fal-ai":
            if parts[-1] != "status":
                return Answer(200, task["result"])
            return Answer(200, {"status": "IN_PROGRESS" if waits else "COMPLETED"})
        if not waits:
            return Answer(200, task["result"])
        return Answer(200, {"data": {"status": "processing"}, "task_status": "PROCESSING"})

    def drawn(self, words, seed, size):
        colour = tuple(hashlib.sha256(f"{words} {seed}".encode()).digest()[:3])
        out = io.BytesIO()
        pillow.new("RGB", size, colour).save(out, format=self.kind)
        return out.getvalue()

    def file(self, asked, path):
        if asked.headers.get("Authorization"):
            return Answer(400, {"error": "a file is for everyone"})
        data = self.files.get(path.removeprefix("/file/").removesuffix(".png"))
        return Answer(200, data, {"Content-Type": "image/png"}) if data else failure(404, "gone")


def taken(by, name):
    """What is said of a task that was taken."""
    if by == "fal-ai":
        url = f"https://queue.fal.run/fal-ai/editor/requests/{name}"
        return {"status": "IN_QUEUE", "request_id": name, "response_url": url, "status_url": f"{url}/status"}
    if by == "wavespeed":
        url = f"https://api.wavespeed.ai/api/v3/predictions/{name}/result"
        return {"code": 200, "data": {"id": name, "status": "created", "urls": {"get": url}}}
    return {"id": name, "task_status": "PROCESSING", "request_id": "r"}


def said_in(by, fields):
    """Prompt, seed and size of a request, from where each server has them."""
    inner = {"hf-inference": "parameters", "replicate": "input"}.get(by)
    told = fields[inner] if inner else fields
    words = fields["inputs"] if by == "hf-inference" and "prompt" not in told else told["prompt"]
    size = told.get("image_size") or told.get("target_size") or told
    if isinstance(told.get("size"), str):
        return words, told.get("seed"), tuple(map(int, told["size"].split("x")))
    return words, told.get("seed"), (size["width"], size["height"])


def decoded(text):
    """The picture in base64, or in an address that holds it."""
    data = base64.b64decode(text.rpartition(",")[2], validate=True)
    return pillow.open(io.BytesIO(data))
