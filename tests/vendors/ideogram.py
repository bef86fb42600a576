"""Ideogram's images (v1, Ideogram 3.0), as its document has them; images lie on the same host, and only for a while."""

import hashlib
import io

from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

KEY = "ideogram-0123456789abcdef"
_RESOLUTIONS = """
    512x1536 576x1408 576x1472 576x1536 640x1344 640x1408 640x1472 640x1536 704x1152 704x1216 704x1280 704x1344
    704x1408 704x1472 736x1312 768x1088 768x1216 768x1280 768x1344 800x1280 832x960 832x1024 832x1088 832x1152
    832x1216 832x1248 864x1152 896x960 896x1024 896x1088 896x1120 896x1152 960x832 960x896 960x1024 960x1088
    1024x832 1024x896 1024x960 1024x1024 1088x768 1088x832 1088x896 1088x960 1120x896 1152x704 1152x832 1152x864
    1152x896 1216x704 1216x768 1216x832 1248x832 1280x704 1280x768 1280x800 1312x736 1344x640 1344x704 1344x768
    1408x576 1408x640 1408x704 1472x576 1472x640 1472x704 1536x512 1536x576 1536x640
    """
RESOLUTIONS = set(_RESOLUTIONS.split())
FIELDS = {
    "prompt": bool,
    "negative_prompt": lambda text: True,
    "seed": lambda text: text.isdigit() and int(text) <= 2147483647,
    "resolution": RESOLUTIONS.__contains__,
    "num_images": lambda text: text.isdigit() and 1 <= int(text) <= 8,
    "rendering_speed": {"FLASH", "TURBO", "BALANCED", "DEFAULT", "QUALITY"}.__contains__,
    "magic_prompt": {"AUTO", "ON", "OFF"}.__contains__,
    "style_type": {"AUTO", "GENERAL", "REALISTIC", "DESIGN", "CUSTOM", "FICTION", "STYLIZED"}.__contains__,
    "custom_model_uri": lambda text: text.startswith("model/") and "/version/" in text,
}
LARGEST = 10 << 20  # bytes of all references


def failure(status, said, headers=None):
    return Answer(status, {"error": said}, headers)


class Ideogram(Vendor):
    """refused: words that are blocked before; unsafe: words whose image is withheld."""

    def __init__(self, key=KEY, refused=(), unsafe=()):
        super().__init__()
        self.key, self.refused, self.unsafe = key, refused, unsafe
        self.address, self.images = "", {}

    def answer(self, asked):
        if asked.method == "GET" and not asked.path.startswith("/v2/"):
            return self.images.pop(asked.path, failure(404, "The link has expired."))
        if asked.headers.get("Api-Key") != self.key:
            return failure(401, f"Not authorized: {asked.headers.get('Api-Key')}")
        if asked.path == "/v2/account/api-keys":  # the key's owner is no admin
            return failure(404, "No organization with billing access was found for this credential.")
        if asked.path != "/v1/ideogram-v3/generate":
            return failure(404, f"There is no {asked.path}")
        wrong = self.faults(asked)
        if wrong:
            return failure(400, "; ".join(wrong))
        if any(word in asked.fields["prompt"] for word in self.refused):
            return failure(422, "Prompt provided failed safety check due to prohibited content.")
        return self.made(asked)

    def faults(self, asked):
        fields = asked.fields
        wrong = [f"{name}: is not known" for name in fields if name not in FIELDS]
        wrong += [
            f"{name}: is invalid" for name in fields if name in FIELDS and not FIELDS[name](fields[name])
        ]
        wrong += ["prompt: is required"] if "prompt" not in fields else []
        wrong += [f"{name}: is not known" for name in asked.files if name != "style_reference_images"]
        given = [data for _, data in asked.files.get("style_reference_images", ())]
        if sum(map(len, given)) > LARGEST:
            wrong.append("style_reference_images: are too large")
        return wrong

    def made(self, asked):
        fields = asked.fields
        with self.lock:
            self.billed += 1
            number = self.billed
        seed = int(fields.get("seed", 12345))
        resolution = fields.get("resolution", "1024x1024")
        safe = not any(word in fields["prompt"] for word in self.unsafe)
        path = f"/api/images/ephemeral/{number}.png?exp=1770000000&sig=e13e"
        colour = hashlib.sha256(f"{fields['prompt']} {seed}".encode()).digest()[:3]
        out = io.BytesIO()
        pillow.new("RGB", tuple(map(int, resolution.split("x"))), tuple(colour)).save(out, format="PNG")
        self.images[path] = Answer(200, out.getvalue(), {"Content-Type": "image/png"})
        magic = fields.get("magic_prompt", "AUTO") != "OFF"
        made = {
            "prompt": f"A serene scene: {fields['prompt']}" if magic else fields["prompt"],
            "resolution": resolution,
            "is_image_safe": safe,
            "seed": seed,
            "url": f"{self.address}{path}" if safe else None,
            "style_type": fields.get("style_type", "GENERAL"),
        }
        return Answer(200, {"created": "2026-11-27T00:00:00+00:00", "data": [made]})
