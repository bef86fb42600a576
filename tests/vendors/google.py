"""Gemini's generateContent for images, as ai.google.dev and the SDK's types have it (2026-11)."""

import base64
import hashlib
import io

from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

KEY = "AIza-test-0123456789abcdef"
MODELS = ("gemini-2.5-flash-image", "gemini-3-pro-image", "gemini-3.1-flash-image")
RATIOS = {"1:1", "2:3", "3:2", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9", "1:4", "4:1", "1:8", "8:1"}
STATUS = {
    400: "INVALID_ARGUMENT",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
RPC = "type.googleapis.com/google.rpc."


def failure(code, message, status="", details=()):
    error = {"code": code, "message": message, "status": status or STATUS[code]}
    return Answer(code, {"error": error | ({"details": list(details)} if details else {})})


def busy(delay="27s", quota="GenerateRequestsPerMinutePerProjectPerModel"):
    details = [{"@type": f"{RPC}QuotaFailure", "violations": [{"quotaId": quota}]}]
    if delay:
        details.append({"@type": f"{RPC}RetryInfo", "retryDelay": delay})
    return failure(429, "You exceeded your current quota.", details=details)


def no_key():
    info = {"@type": f"{RPC}ErrorInfo", "reason": "API_KEY_INVALID", "domain": "googleapis.com"}
    return failure(400, "API key not valid. Please pass a valid API key.", details=[info])


def blocked(reason, message=None):
    more = {} if message is None else {"blockReasonMessage": message}
    return Answer(200, {"promptFeedback": {"blockReason": reason, **more}, "usageMetadata": USED_UP})


def finished(reason, *parts, **more):
    """An answer that ended so, with these parts in it, and what else it says."""
    made = {"content": {"role": "model", "parts": list(parts)}} if parts else {}
    return Answer(200, {"candidates": [{**made, "index": 0, "finishReason": reason}], **more})


USED_UP = {"promptTokenCount": 40, "totalTokenCount": 40}
USAGE = {
    "promptTokenCount": 50,
    "candidatesTokenCount": 1120,
    "totalTokenCount": 1270,
    "thoughtsTokenCount": 100,
    "promptTokensDetails": [
        {"modality": "TEXT", "tokenCount": 40},
        {"modality": "IMAGE", "tokenCount": 10},
    ],
    "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1120}],
}


class Google(Vendor):
    """refused: words that are blocked. kind: of the images, as their MIME type says it."""

    def __init__(self, key=KEY, refused=(), kind="png"):
        super().__init__()
        self.key, self.refused, self.kind = key, refused, kind

    def answer(self, asked):
        if asked.headers.get("x-goog-api-key") != self.key:
            return no_key()
        if asked.path == "/v1beta/models?pageSize=1":
            return Answer(200, {"models": [{"name": f"models/{MODELS[0]}"}], "nextPageToken": "2"})
        name, _, verb = asked.path.removeprefix("/v1beta/models/").partition(":")
        if name not in MODELS or verb != "generateContent" or asked.method != "POST":
            return failure(404, f"models/{name} is not found for API version v1beta.")
        found = faults(name, asked.fields)
        if found:
            return failure(400, f"Invalid JSON payload received: {'; '.join(found)}")
        prompt = asked.fields["contents"][0]["parts"][0]["text"]
        if any(word in prompt for word in self.refused):
            return blocked("PROHIBITED_CONTENT")
        return self.made(prompt)

    def made(self, prompt):
        with self.lock:
            self.billed += 1
            number = self.billed
        colour = hashlib.sha256(f"{prompt} {number}".encode()).digest()[:3]  # another one each time
        out = io.BytesIO()
        pillow.new("RGB", (64, 32), tuple(colour)).save(out, format=self.kind)
        data = base64.b64encode(out.getvalue()).decode()
        thought = {"thought": True, "inlineData": {"mimeType": "image/png", "data": "AAAA"}}
        image = {"inlineData": {"mimeType": f"image/{self.kind}", "data": data}}
        more = {"usageMetadata": USAGE, "modelVersion": "gemini-test", "responseId": f"r{number}"}
        return finished("STOP", {"text": "Here it is."}, thought, image, **more)


def faults(model, fields):
    """What is wrong with a request, one sentence each; nothing that is not named here may be in it."""
    config = fields.get("generationConfig", {})
    image = config.get("imageConfig", {})
    found = [
        *_strays(fields, {"contents", "generationConfig"}),
        *_strays(config, {"responseModalities", "seed", "imageConfig", "candidateCount"}),
        *_strays(image, {"aspectRatio", "imageSize"}),
    ]
    if config.get("responseModalities") != ["IMAGE"]:
        found.append("no image is asked for")
    if not -(2**31) <= config.get("seed", 0) < 2**31:
        found.append("seed is no int32")
    if image.get("aspectRatio", "1:1") not in RATIOS:
        found.append(f"aspect ratio {image['aspectRatio']}")
    classes = {"1K", "2K", "4K"} if "pro" in model else {"512", "1K", "2K", "4K"}
    if "imageSize" in image and (model.startswith("gemini-2") or image["imageSize"] not in classes):
        found.append(f"image size {image['imageSize']}")
    for part in (part for content in fields.get("contents", ()) for part in content["parts"]):
        found += _strays(part, {"text", "inlineData"})
        found += _strays(part.get("inlineData", {}), {"data", "mimeType", "mime_type"})  # protobuf takes both
    return found


def _strays(fields, known):
    return [f'Unknown name "{name}"' for name in fields if name not in known]
