"""Images of a workflow that a ComfyUI server draws, on this machine or another: handed in, watched, and fetched."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from imgbuild.errors import Gone, ProviderFailed, SpecError, TargetError, Transient
from imgbuild.extras import need
from imgbuild.files import Files
from imgbuild.providers.base import Queued
from imgbuild.providers.comfyui.answers import check_done, file_in, not_taken, taken_as
from imgbuild.providers.comfyui.asking import filled, fingerprint, pictures_of, saved_as, ticket_of
from imgbuild.providers.comfyui.binding import bound
from imgbuild.providers.comfyui.checks import check_nodes
from imgbuild.providers.comfyui.graph import EXPORT, LARGEST, Graph, cut, output_of, read_graph
from imgbuild.providers.comfyui.server import Server
from imgbuild.providers.comfyui.takes import ADDRESS, Found, check_model, found_of, taken, unpinned
from imgbuild.providers.comfyui.watching import watch
from imgbuild.providers.servers import away, is_here, login_of
from imgbuild.providers.web import Web
from imgbuild.typed import convert
from imgbuild.types import Activity, Capabilities, Concern, Digest, Image, Model, Pin, Request, Value

TIMEOUT = 600.0  # seconds of drawing: it may load a checkpoint first


class ComfyUI(Queued):
    """`source` is a workflow among the project's files, and what it says is pinned; not what its checkpoints hold.

    A pin's `takes` hold what was found out about the workflow, `weights` the digest of all in it that draws. A prompt
    goes by a name that follows from it, so that one which an earlier build handed in is found again at the server.
    """

    name: ClassVar[str] = "comfyui"

    def __init__(self) -> None:
        self.web = Web(self.name, "comfyui")
        self._met: dict[str, Mapping[str, str]] = {}  # what servers said of themselves, by their addresses
        self._checked: dict[tuple[str, Digest, bool], frozenset[str]] = {}
        self._last = threading.local()  # the address that a thread asked last

    def close(self) -> None:
        self.web.close()

    def capabilities(self, model: Model) -> Capabilities:
        check_model(model)
        return self._taken(model, {})

    def pinned(self, model: Model, pin: Pin) -> Capabilities:
        check_model(model)
        return self._taken(model, pin.takes)

    def _taken(self, model: Model, takes: Mapping[str, Value]) -> Capabilities:
        """By the file as it is now: whoever edits it edits the spec, too. takes: of a pin, where there is no file."""
        if self.files is None or self.files.stamp(model.source.removeprefix("./")) is None:
            return taken(convert(takes, Found)) if takes else unpinned()
        try:
            return taken(self._look(model.source, model.params)[1])
        except TargetError:  # which is told when it is pinned
            return unpinned()

    def concerns(self, model: Model) -> Sequence[Concern]:
        found = [*away(model)]
        if model.params.get("custom_nodes"):
            path = model.source.removeprefix("./")
            wants = (
                f"lets ComfyUI run nodes that others than its makers wrote, as {path} says: "
                "such a node can run any program there"
            )
            found.append(Concern(wants=wants, place=("params", "custom_nodes"), files=(path,)))
        return found

    def pin(self, model: Model) -> Pin:
        """No server is asked: what the file says is all that there is to pin."""
        graph, found = self._look(model.source, model.params)
        takes = msgspec.json.decode(msgspec.json.encode(found))  # as a lock gives it back
        return replace(super().pin(model), weights=fingerprint(graph, found), takes=takes)

    def weights(self, model: Model, pin: Pin) -> Digest | None:
        """What can't be read as a workflow any more is another one, so that it is looked at, and told."""
        path = model.source.removeprefix("./")
        if self._files().stamp(path) is None:
            return None
        try:
            return fingerprint(*self._look(model.source, model.params))
        except TargetError:
            return ""

    def _look(self, source: str, params: Mapping[str, Value]) -> tuple[Graph, Found]:
        """The nodes that lead to the image, and what goes where. Raises TargetError."""
        path = source.removeprefix("./")
        whole = read_graph(self._read(path), path)
        output = output_of(whole, str(params.get("output", "")), path)
        graph = cut(whole, output)
        return graph, found_of(graph, output, bound(whole, graph, params.get("bind", {}), path))

    def _read(self, path: str) -> bytes:
        try:
            return self._files().read(path, LARGEST)
        except SpecError as error:
            raise TargetError(error.message, hint=error.hint) from None
        except OSError as error:
            raise TargetError(f"{path} can't be read: {error.strerror}", hint=EXPORT) from None

    def submit(self, request: Request) -> str:
        """The name of the prompt; and the one that we gave it, where the server has one of its own."""
        server = self._server(request.params)
        graph, found = self._pinned(request)
        self._check(server, graph, found, request)
        uploads = pictures_of(request, found)
        files = {role: [server.upload(data) for data in pictures] for role, pictures in uploads.items()}
        nodes = filled(graph, found, request, files)
        ticket = ticket_of(nodes)
        if self._is_under_way(server, ticket):
            return ticket
        reply = server.queue(saved_as(nodes, found.output, secrets.token_hex(4)), ticket)
        taken = taken_as(reply)
        if taken is None:
            raise not_taken(reply, nodes, found)
        return ticket if taken == ticket else f"{taken} {ticket}"

    def _is_under_way(self, server: Server, ticket: str) -> bool:
        """Whether an earlier build handed it in, and it has not failed since."""
        state = server.state(ticket)
        if state.doing != "done":
            return state.doing != "gone"
        try:
            check_done(state.entry)
        except TargetError:
            server.forget(ticket)
            return False
        return True

    def collect(self, ticket: str, request: Request, pause: Callable[[float], None]) -> Image:
        """What is collected, or has failed, is taken out of the server's history: no other build finds it there."""
        server = self._server(request.params)
        name, _, client = ticket.partition(" ")
        seconds = float(request.params.get("timeout", TIMEOUT))
        entry = watch(server, name, client or name, seconds, partial(self._tell, request.pin), pause)
        try:
            image = _image(server, name, entry, request)
        except Transient:
            raise
        except TargetError:
            server.forget(name)
            raise
        with suppress(TargetError):  # the image is in hand
            server.forget(name)
        return image

    def environment(self) -> Mapping[str, str]:
        return self._met.get(getattr(self._last, "address", ""), {})

    def _server(self, params: Mapping[str, Value]) -> Server:
        """Raises TargetError where it must not be asked, Unavailable where it does not answer."""
        address = (str(params.get("base_url", "")) or ADDRESS).rstrip("/")
        if self.offline and not is_here(address):
            raise TargetError(f"'{self.name}' is on another machine", hint="build without --offline")
        key, auth = "", None
        if "key" in params:
            key, auth = login_of(
                str(params["key"]), self.name, "write both, and a colon between them", self.environ
            )
        server = Server(self.web, address, key, auth)
        if address not in self._met:
            need("websockets", "websockets", f"provider '{self.name}'", self.name, ProviderFailed)
            self._met[address] = server.meet()
        self._last.address = address
        return server

    def _pinned(self, request: Request) -> tuple[Graph, Found]:
        """The workflow that the pin is of. Raises TargetError where it is another one by now."""
        graph, found = self._look(request.pin.source, request.params)
        if fingerprint(graph, found) != request.pin.weights:
            path = request.pin.source.removeprefix("./")
            raise TargetError(
                f"{path} is not the workflow that is pinned", hint="was it edited meanwhile? Build again"
            )
        return graph, found

    def _check(self, server: Server, graph: Graph, found: Found, request: Request) -> None:
        """See whether it can be drawn there: the workflow, once for each server, and then these values."""
        custom = bool(request.params.get("custom_nodes"))
        checked = (server.address, request.pin.weights, custom)
        if checked not in self._checked:
            self._checked[checked] = check_nodes(server, graph, found, custom=custom)
        for name in sorted(self._checked[checked]):
            value = request.params.get(name)
            if isinstance(value, float) and not value.is_integer():
                raise ProviderFailed(
                    f"parameter '{name}' goes into an input of whole numbers, and is {value}",
                    hint="the rest would be cut off",
                )

    def _tell(self, pin: Pin, done: int, total: int) -> None:
        self.tell(Activity(pin=pin, doing="draw", done=done, total=total))

    def _files(self) -> Files:
        assert self.files is not None
        return self.files


def _image(server: Server, name: str, entry: Mapping[str, Any], request: Request) -> Image:
    """Its pixels: the file has the whole workflow in it, and the mark that it was saved with."""
    check_done(entry)
    picture = server.view(file_in(entry, str(request.pin.takes["output"])))
    if picture is None:
        raise Gone("the image is not at the server any more", hint="was it removed there? build again")
    seed = request.seed if "seed" in request.pin.takes["bound"] else None
    return Image(pixels=picture, seed=seed, info={"request": name})
