"""A house's own image API: synchronous (bytes, base64, an address), a queue, and tokens of OAuth 2 that expire.

Bodies are closed: a field that it does not know, or of another kind, is an error.
"""

import base64
import hashlib
import io
import secrets
from urllib.parse import parse_qs, urlsplit

from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

KEY = "house-0123456789abcdef"
CLIENT, SECRET = "house-client", "house-secret-0123456789"
FIELDS = {
    "prompt": str,
    "negative_prompt": str,
    "seed": int,
    "width": int,
    "height": int,
    "steps": int,
    "style": str,
    "image": str,
    "references": list,
    "options": dict,
}


def failure(status, code, said, headers=None, **more):
    return Answer(status, {"error": {"code": code, "message": said, **more}}, headers)


class House(Vendor):
    """key: what it wants as a header, as Bearer, as `?api_key=…` or as user:password. refused: words it will not draw.

    lasts: seconds of a token; tokens: those that are good now. polls: how often a task is pending first; states: what
    it then says, else SUCCESS. drawn: a picture for each prompt and seed. wrong: what was wrong with requests.
    """

    def __init__(self, key=KEY, refused=(), lasts=3600, polls=1):
        super().__init__()
        self.key, self.refused, self.lasts, self.polls = key, refused, lasts, polls
        self.tokens, self.given, self.tasks, self.states, self.wrong = set(), 0, {}, [], []
        self.images, self.address, self.elsewhere = {}, "", ""

    def answer(self, asked):
        path = urlsplit(asked.path).path
        if path == "/token":
            return self.token(asked)
        if path.startswith("/images/"):
            return self.image(asked, path)
        if not self.is_known(asked):
            return failure(401, "unauthorized", f"who is {asked.headers.get('Authorization')}?")
        if asked.method == "GET" and path.startswith("/v1/tasks/"):
            return self.task(path.split("/")[3], path)
        if asked.method == "POST" and path.startswith("/v1/tasks"):
            return self.task_by_body(asked, path)
        if asked.method == "GET" and path.startswith("/v1/draw/"):
            return self.drawn(asked, path)
        return self.made(asked, path)

    # --- who asks --------------------------------------------------------------------------------------

    def is_known(self, asked):
        sent = asked.headers.get("Authorization", "")
        query = parse_qs(urlsplit(asked.path).query).get("api_key", [""])[0]
        packed = base64.b64encode(self.key.encode()).decode()
        if self.tokens:
            return sent.removeprefix("Bearer ") in self.tokens
        return (
            self.key in (asked.headers.get("X-Key"), sent.removeprefix("Bearer "), query)
            or sent == f"Basic {packed}"
        )

    def token(self, asked):
        form = {name: found[0] for name, found in parse_qs(asked.data.decode()).items()}
        if form.get("grant_type") != "client_credentials":
            return Answer(400, {"error": "unsupported_grant_type"})
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, SECRET):
            return Answer(
                401, {"error": "invalid_client", "error_description": f"no {form.get('client_secret')} here"}
            )
        with self.lock:
            self.given += 1
            token = f"token-{self.given}-{secrets.token_hex(4)}"
            self.tokens = {token}
        return Answer(200, {"access_token": token, "token_type": "bearer", "expires_in": self.lasts})

    # --- what it makes ---------------------------------------------------------------------------------

    def faults(self, asked):
        fields = asked.fields
        found = [f"{name}: not known" for name in fields if name not in FIELDS]
        found += [
            f"{name}: not a {FIELDS[name].__name__}"
            for name, value in fields.items()
            if name in FIELDS and not isinstance(value, FIELDS[name])
        ]
        return found + ([] if fields.get("prompt") else ["prompt: missing"])

    def made(self, asked, path):
        if asked.headers.get("Content-Type") == "application/x-www-form-urlencoded":
            asked.fields = {name: found[0] for name, found in parse_qs(asked.data.decode()).items()}
        loose = asked.headers.get("Content-Type") != "application/json"
        if not loose and (found := self.faults(asked)):
            with self.lock:
                self.wrong += found
            return failure(422, "invalid", "; ".join(found))
        prompt = asked.fields["prompt"]
        if any(word in prompt for word in self.refused):
            return failure(400, "moderation", f"'{prompt}' is not drawn here")
        with self.lock:
            self.billed += 1
            name = f"{self.billed:04}"
            self.images[name] = draw(asked.fields)
            if path == "/v1/queue":
                return self.taken(name, asked)
        seed = int(asked.fields.get("seed", 99))
        told = {"seed": seed, "credits": 2, "prompt": f"{prompt}, in a studio", "status": "ok"}
        if path == "/v1/bytes":
            return Answer(200, self.images[name], {"Content-Type": "image/png", "X-Seed": str(seed)})
        if path == "/v1/base64":
            return Answer(200, {**told, "images": [{"data": base64.b64encode(self.images[name]).decode()}]})
        return Answer(200, {**told, "images": [{"url": f"{self.elsewhere or self.address}/images/{name}"}]})

    def drawn(self, asked, path):
        """GET /v1/draw/PROMPT?seed=…: the image itself."""
        from urllib.parse import unquote

        query = {name: found[0] for name, found in parse_qs(urlsplit(asked.path).query).items()}
        with self.lock:
            self.billed += 1
        asked.fields = {"prompt": unquote(path.removeprefix("/v1/draw/")), **query}
        return Answer(200, draw(asked.fields), {"Content-Type": "image/png"})

    def image(self, asked, path):
        if "Authorization" in asked.headers or "X-Key" in asked.headers or "api_key" in asked.path:
            self.wrong.append("a key came along with an image's address")
        data = self.images.get(path.split("/")[2])
        return (
            Answer(200, data, {"Content-Type": "image/png"})
            if data
            else failure(404, "gone", "no such image")
        )

    # --- the queue -------------------------------------------------------------------------------------

    def taken(self, name, asked):
        self.tasks[name] = {
            "polls": self.polls,
            "asked": asked.fields,
            "state": self.states.pop(0) if self.states else "SUCCESS",
        }
        return Answer(202, {"task": {"id": name, "url": f"{self.elsewhere or self.address}/v1/tasks/{name}"}})

    def task_by_body(self, asked, path):
        """POST /v1/tasks with `task_id`; at the address of a task that is known without."""
        if path == "/v1/tasks" and asked.fields.keys() == {"task_id", "fields"}:
            return self.task(asked.fields["task_id"], path)
        if path != "/v1/tasks" and not asked.data:
            return self.task(path.split("/")[3], path)
        with self.lock:
            self.wrong.append(f"asked with {asked.data}")
        return failure(422, "invalid", "task_id: missing")

    def task(self, name, path):
        with self.lock:
            task = self.tasks.get(name)
            if task is None:
                return failure(404, "unknown", "no such task")
            if path.endswith("/result"):
                return Answer(200, {"images": [{"url": f"/images/{name}"}], "seed": 7, "credits": 3})
            if task["polls"] > 0:
                task["polls"] -= 1
                return Answer(200, {"status": "RUNNING"})
        told = {"status": task["state"], "seed": task["asked"].get("seed"), "credits": 3, "reason": "no luck"}
        return Answer(
            200, told | ({"image": f"{self.address}/images/{name}"} if task["state"] == "SUCCESS" else {})
        )


def draw(fields):
    """A picture of one colour, by the prompt and the seed, as large as was asked for."""
    colour = hashlib.sha256(f"{fields['prompt']} {fields.get('seed')}".encode()).digest()[:3]
    out = io.BytesIO()
    size = (int(fields.get("width", 64)), int(fields.get("height", 64)))
    pillow.new("RGB", size, tuple(colour)).save(out, format="PNG")
    return out.getvalue()
