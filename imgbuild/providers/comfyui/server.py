"""One ComfyUI server: what it has, what it is told, and what it says of a prompt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from msgspec import Struct

from imgbuild.errors import BadImage, ProviderFailed, TargetError, Transient, Unanswered, Unavailable
from imgbuild.images import decode
from imgbuild.providers.comfyui.asking import name_of
from imgbuild.providers.keys import without
from imgbuild.providers.web import Reply, Web

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FOLDER = "imgbuild"  # among the server's input pictures
_QUICK = 30.0  # seconds for an answer that needs no drawing


class State(Struct, frozen=True, kw_only=True):
    """What has become of a prompt. entry: of the server's history, once it is done, well or not."""

    doing: Literal["waits", "draws", "done", "gone"]
    entry: Mapping[str, Any] = {}


class Server:
    """address: without a slash at its end. key: the whole login, which is shown nowhere; auth: its two halves."""

    def __init__(self, web: Web, address: str, key: str = "", auth: tuple[str, str] | None = None) -> None:
        self.address, self.auth = address, auth
        self._web, self._key = web, key

    def meet(self) -> dict[str, str]:
        """What may shape pixels there: versions, and the device. Raises Unavailable where no ComfyUI answers."""
        try:
            told = self._get("system_stats")
        except Transient as error:
            hint = "start it, or say in the model's params where it is: base_url"
            raise Unavailable(
                f"ComfyUI does not answer at {self.address}: {error.message}", hint=hint
            ) from None
        try:
            system, devices = told["system"], told["devices"]
            found = {
                "comfyui": system.get("comfyui_version"),
                "torch": system.get("pytorch_version"),
                "python": str(system.get("python_version", "")).partition(" ")[0],
                "device": devices[0]["name"],
            }
        except (AttributeError, LookupError, TypeError):
            raise self._stranger() from None
        return {name: str(value) for name, value in found.items() if value}

    def node(self, kind: str) -> Mapping[str, Any] | None:
        """What the server says of a class of nodes; None where it has none of that name."""
        told = self._get(f"object_info/{quote(kind, safe='')}")
        found = told.get(kind) if isinstance(told, dict) else None
        return found if isinstance(found, dict) else None

    def upload(self, data: bytes) -> str:
        """The name by which nodes find this picture. What is there already is not written again."""
        fields = {"type": "input", "subfolder": FOLDER}
        files = {"image": (name_of(data), data, "image/png")}
        told = self._json(self._call("POST", "upload/image", data=fields, files=files))
        try:
            return f"{told['subfolder']}/{told['name']}"
        except (KeyError, TypeError):
            raise ProviderFailed("the server does not say where it put a picture") from None

    def queue(self, nodes: Mapping[str, Any], ticket: str) -> Reply:
        """The answer to a prompt. Raises Transient where it was not taken, as far as can be told."""
        told = {"prompt": nodes, "prompt_id": ticket, "client_id": ticket}
        try:
            reply = self._web.call(
                "POST", f"{self.address}/prompt", json=told, auth=self.auth, timeout=_QUICK
            )
        except Unanswered as error:
            raise Transient(error.message) from None
        if reply.status not in (200, 400):
            raise self._fault(reply)
        return reply

    def state(self, ticket: str) -> State:
        """What has become of a prompt. From waiting to done it is always in one of two lists, or just between."""
        for _ in range(2):
            told = self._get(f"history/{quote(ticket, safe='')}")
            if isinstance(entry := told.get(ticket) if isinstance(told, dict) else None, dict):
                return State(doing="done", entry=entry)
            queue = self._get("queue")
            if _is_in(queue, "queue_running", ticket):
                return State(doing="draws")
            if _is_in(queue, "queue_pending", ticket):
                return State(doing="waits")
        return State(doing="gone")

    def forget(self, ticket: str) -> None:
        """Take a prompt of ours out of the history: it was collected, and would be found there once more."""
        self._call("POST", "history", json={"delete": [ticket]})

    def interrupt(self, ticket: str) -> None:
        """End a prompt of ours that is drawn now. Older servers end whatever is drawn, so it is looked for first."""
        if self.state(ticket).doing == "draws":
            self._call("POST", "interrupt", json={"prompt_id": ticket})

    def view(self, file: Mapping[str, Any]) -> PILImage | None:
        """An image that was made; None where it is not there any more."""
        asked = {name: str(file.get(name, "")) for name in ("filename", "subfolder", "type")}
        reply = self._web_call("GET", "view", params=asked)
        if reply.status == 404:
            return None
        if reply.status != 200:
            raise self._fault(reply)
        try:
            return decode(reply.body, "what ComfyUI made")
        except BadImage as error:
            raise ProviderFailed(error.message, hint=error.hint) from None

    def _get(self, path: str) -> Any:
        return self._json(self._call("GET", path))

    def _call(self, method: str, path: str, **given: Any) -> Reply:
        reply = self._web_call(method, path, **given)
        if reply.status != 200:
            raise self._fault(reply)
        return reply

    def _web_call(self, method: str, path: str, **given: Any) -> Reply:
        """A call that may be made again: a lost answer is Transient."""
        try:
            return self._web.call(method, f"{self.address}/{path}", auth=self.auth, timeout=_QUICK, **given)
        except Unanswered as error:
            raise Transient(error.message) from None

    def _json(self, reply: Reply) -> Any:
        try:
            return reply.json
        except Unanswered:
            raise self._stranger() from None

    def _stranger(self) -> TargetError:
        return Unavailable(f"what answers at {self.address} is no ComfyUI", hint="look at 'base_url'")

    def _fault(self, reply: Reply) -> TargetError:
        """What an answer means that is none. An error 500 is an exception that this call raised, and would again."""
        said = without(self._key, reply.body[:300].decode(errors="replace")) or f"error {reply.status}"
        if reply.status in (401, 403):
            return Unavailable(
                f"ComfyUI lets nobody in: {said}", hint="name a variable with user:password as 'key'"
            )
        if reply.status in (404, 405):
            return self._stranger()
        if reply.status == 429 or reply.status > 500:
            return Transient(f"the server failed: {said}", retry_after=reply.wait)
        return ProviderFailed(f"ComfyUI does not take this: {said}")


def _is_in(queue: Any, name: str, ticket: str) -> bool:
    """Whether one of the queue's lists has the prompt; its items begin with a number and the prompt's name."""
    items = queue.get(name) if isinstance(queue, dict) else None
    return any(isinstance(item, list) and ticket in item[1:2] for item in items or ())
