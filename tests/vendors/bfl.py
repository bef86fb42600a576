"""Black Forest Labs' queue: tasks that are taken, polled, and fetched from an address that runs out."""

import hashlib
import io
import secrets

from PIL import Image as pillow

from tests.vendors.server import Answer, Vendor

KEY = "bfl-test-0123456789"
FLUX_2 = {
    "prompt": str,
    "seed": int,
    "width": int,
    "height": int,
    "output_format": str,
    "safety_tolerance": int,
    **dict.fromkeys(("input_image", *(f"input_image_{number}" for number in range(2, 9))), str),
}
FIELDS = {
    "flux-2-pro": FLUX_2,
    "flux-2-flex": {**FLUX_2, "prompt_upsampling": bool, "guidance": float, "steps": int},
    "flux-pro-1.1": {
        "prompt": str,
        "seed": int,
        "width": int,
        "height": int,
        "output_format": str,
        "safety_tolerance": int,
        "prompt_upsampling": bool,
    },
}


class BFL(Vendor):
    """billed: tasks that were taken. polls: how often a task is pending first. states: what it then says, else Ready.

    faults: what was wrong with requests.
    """

    def __init__(self, polls=1):
        super().__init__()
        self.polls, self.tasks, self.states, self.faults = polls, {}, [], []
        self.address = ""

    def answer(self, asked):
        if asked.path.startswith("/sample/"):
            return self.sample(asked.path.rpartition("/")[2])
        if asked.headers.get("x-key") != KEY:
            return Answer(403, {"detail": "Not authenticated"})
        if asked.path == "/v1/credits":
            return Answer(200, {"credits": 1234})
        if asked.method == "GET":
            return self.result(asked.path.partition("id=")[2])
        return self.take(asked)

    def take(self, asked):
        model = asked.path.removeprefix("/v1/")
        if model not in FIELDS:
            return Answer(404, {"detail": "Not Found"})
        wrong = [
            {"loc": ["body", name], "msg": "extra fields not permitted", "type": "value_error"}
            for name, value in asked.fields.items()
            if not isinstance(value, FIELDS[model].get(name, ()))
            and not (FIELDS[model].get(name) is float and isinstance(value, int))
        ]
        if wrong:
            with self.lock:
                self.faults += wrong
            return Answer(422, {"detail": wrong})
        with self.lock:
            self.billed += 1
            task = secrets.token_hex(8)
            self.tasks[task] = {"asked": asked.fields, "polls": self.polls, "state": self.next_state()}
        told = {"id": task, "polling_url": f"{self.address}/v1/get_result?id={task}", "cost": 4.5}
        return Answer(200, told)

    def next_state(self):
        return self.states.pop(0) if self.states else "Ready"

    def result(self, name):
        with self.lock:
            task = self.tasks.get(name)
            if task is None:
                return Answer(404, {"id": name, "status": "Task not found", "result": None})
            if task["polls"] > 0:
                task["polls"] -= 1
                return Answer(200, {"id": name, "status": "Pending", "result": None, "progress": 0.5})
        result = {
            "sample": f"{self.address}/sample/{name}",
            "seed": task["asked"]["seed"],
            "prompt": task["asked"]["prompt"],
        }
        ready = task["state"] == "Ready"
        told = {
            "id": name,
            "status": task["state"],
            "result": result if ready else None,
            "details": "no luck",
        }
        return Answer(200, told)

    def sample(self, name):
        asked = self.tasks[name]["asked"]
        colour = hashlib.sha256(f"{asked['prompt']} {asked['seed']}".encode()).digest()[:3]
        out = io.BytesIO()
        pillow.new("RGB", (asked["width"], asked["height"]), tuple(colour)).save(out, format="PNG")
        return Answer(200, out.getvalue(), {"Content-Type": "image/png"})
