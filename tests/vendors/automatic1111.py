"""The API of AUTOMATIC1111's web UI 1.10 (modules/api), as far as images and checkpoints go."""

import base64
import hashlib
import io
import json

from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

SHA = "31e35c80fc4829d14f90153f4c74cd59c90b779f6afe05a74cd6120b893f7e5b"
SETTINGS = {"sd_model_checkpoint": str, "sd_vae": str, "CLIP_stop_at_last_layers": int}
SAMPLERS = ("Euler", "Euler a", "DPM++ 2M")
FIELDS = {
    "prompt": str,
    "negative_prompt": str,
    "seed": int,
    "width": int,
    "height": int,
    "batch_size": int,
    "n_iter": int,
    "steps": int,
    "cfg_scale": (int, float),
    "sampler_name": str,
    "scheduler": str,
    "send_images": bool,
    "save_images": bool,
    "do_not_save_samples": bool,
    "do_not_save_grid": bool,
    "override_settings": dict,
    "override_settings_restore_afterwards": bool,
}
INPUTS = {
    "init_images": list,
    "denoising_strength": (int, float),
    "mask": str,
    "mask_blur": int,
    "inpainting_fill": int,
    "inpaint_full_res": bool,
    "inpainting_mask_invert": int,
}


def checkpoint(name, sha):
    short = sha and sha[:10]
    return {
        "title": f"{name}.safetensors [{short}]" if sha else f"{name}.safetensors",
        "model_name": name,
        "hash": short,
        "sha256": sha,
        "filename": f"C:\\webui\\models\\{name}.safetensors",
        "config": None,
    }


def exception(name, text):
    return Answer(500, {"error": name, "detail": "", "body": "", "errors": text})


class WebUI(Vendor):
    """login: user:password, where it wants one. checkpoints: those it has; the first is loaded."""

    def __init__(self, login=""):
        super().__init__()
        self.login = login
        self.checkpoints = [checkpoint("sd_xl_base_1.0", SHA), checkpoint("fresh", None)]

    def answer(self, asked):
        basic = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.login and asked.headers.get("Authorization") != basic:
            return Answer(401, {"detail": "Incorrect username or password"})
        if (asked.method, asked.path) == ("GET", "/sdapi/v1/sd-models"):
            return Answer(200, self.checkpoints)
        path = asked.path.removeprefix("/sdapi/v1/")
        if asked.method != "POST" or path not in ("txt2img", "img2img"):
            return Answer(404, {"detail": "Not Found"})
        known = FIELDS | (INPUTS if path == "img2img" else {})
        wrong = faults(asked.fields, known)
        if wrong:
            detail = [{"loc": ["body", name], "msg": text, "type": "value_error"} for name, text in wrong]
            return Answer(422, {"detail": detail})
        if asked.fields.get("sampler_name", "Euler") not in SAMPLERS:
            return Answer(400, {"detail": "Sampler not found"})
        if path == "img2img" and not asked.fields.get("init_images"):
            return Answer(404, {"detail": "Init image not found"})
        return self.made(asked.fields)

    def made(self, fields):
        with self.lock:
            self.billed += 1
        named = fields["override_settings"]["sd_model_checkpoint"]
        loaded = next(
            (item for item in self.checkpoints if named in (item["title"], item["model_name"])),
            self.checkpoints[0],  # what it does not find, it leaves out
        )
        words = f"{fields['prompt']} {fields['seed']} {loaded['sha256']}"
        out = io.BytesIO()
        size = (fields["width"], fields["height"])
        pillow.new("RGB", size, tuple(hashlib.sha256(words.encode()).digest()[:3])).save(out, format="PNG")
        info = {
            "seed": fields["seed"],
            "all_seeds": [fields["seed"]],
            "sd_model_name": loaded["model_name"],
            "sd_model_hash": loaded["hash"],
            "sd_vae_name": None,
            "infotexts": [f"{fields['prompt']}\nSeed: {fields['seed']}, Version: v1.10.1"],
            "version": "v1.10.1",
        }
        images = [base64.b64encode(out.getvalue()).decode()]
        return Answer(200, {"images": images, "parameters": {}, "info": json.dumps(info)})


def faults(fields, known):
    """Fields that it does not have, or that are of another type, each with what is wrong."""
    strays = [(name, "extra fields not permitted") for name in fields if name not in known]
    kinds = [
        (name, "wrong type")
        for name, value in fields.items()
        if not isinstance(value, known.get(name, object))
    ]
    settings = fields.get("override_settings", {})
    strays += [(name, "no such setting") for name in settings if name not in SETTINGS]
    return strays + kinds
