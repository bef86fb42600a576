"""A ComfyUI server: prompts are checked, queued, drawn one after the other, and told of over a websocket.

As ComfyUI 0.3.64 and later do it (server.py, execution.py, main.py): the same checks and words, the same events, and
the same cache, which keeps what the last prompt came to.
"""

import base64
import io
import json
import re
import threading
import time
from contextlib import suppress
from urllib.parse import parse_qs, unquote, urlsplit

from websockets.protocol import State
from websockets.server import ServerProtocol

from tests.vendors.comfyui_checks import Turned, checked
from tests.vendors.comfyui_nodes import KINDS, words
from tests.vendors.server import Answer, Vendor

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STATS = {
    "system": {
        "os": "posix",
        "comfyui_version": "0.3.64",
        "python_version": "3.12.3 (main, Jun 18 2025) [GCC 13.3.0]",
        "pytorch_version": "2.8.0+cu128",
        "argv": ["main.py"],
    },
    "devices": [{"name": "cuda:0 NVIDIA GeForce RTX 4090 : cudaMallocAsync", "type": "cuda", "index": 0}],
}


class Interrupted(Exception):
    """Somebody asked for it."""


class Socket:
    """One client that listens."""

    def __init__(self, connection, asked):
        self.connection, self.lock, self.protocol = connection, threading.Lock(), ServerProtocol()
        lines = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
        self.protocol.receive_data(f"GET {asked.path} HTTP/1.1\r\n{lines}\r\n".encode())
        (request,) = self.protocol.events_received()
        self.protocol.send_response(self.protocol.accept(request))
        self.flush()

    def flush(self):
        for data in self.protocol.data_to_send():
            if data:
                self.connection.sendall(data)

    def send(self, event):
        """event: bytes, text, or what becomes JSON."""
        with self.lock, suppress(OSError):
            if self.protocol.state is State.OPEN:
                if isinstance(event, bytes):
                    self.protocol.send_binary(event)
                else:
                    text = event if isinstance(event, str) else json.dumps(event)
                    self.protocol.send_text(text.encode())
                self.flush()

    def cut(self):
        """As a network does it that breaks."""
        with suppress(OSError):
            self.connection.shutdown(2)

    def serve(self):
        """Until the client is gone."""
        with suppress(OSError):
            while data := self.connection.recv(1 << 16):
                with self.lock:
                    self.protocol.receive_data(data)
                    self.flush()
                    if self.protocol.state is State.CLOSED or self.protocol.close_expected():
                        return


class ComfyUI(Vendor):
    """billed: images that were saved. drawn: prompts that samplers drew. sent: events, by client.

    login: user:password, where something before it wants one. kinds: node classes that it has. breaks: what goes wrong
    with a class: the exception's type and its words. gate: while it is not set, samplers wait. deaf: whether there is
    no websocket; cuts: how many events are told before it breaks. own_names: whether prompts are named by the server
    alone, as older ones do it. copies: images that are saved at a time. pace: seconds that a step takes.
    """

    def __init__(self, login=""):
        super().__init__()
        self.login, self.kinds, self.breaks = login, dict(KINDS), {}
        self.queue, self.running, self.history, self.files, self.cache = [], None, {}, {}, {}
        self.sockets, self.sent, self.drawn = {}, {}, 0
        self.gate, self.interrupted, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.deaf, self.cuts, self.own_names, self.copies = False, None, False, 1
        self.number, self.pace = 0, 0.0
        self.more = threading.Condition(self.lock)
        self.gate.set()
        self.worker = threading.Thread(target=self.work, daemon=True)
        self.worker.start()

    def close(self):
        self.ended.set()
        self.gate.set()
        with self.more:
            self.more.notify_all()
        self.worker.join(10)
        for socket in list(self.sockets.values()):
            socket.cut()

    # --- what is asked ---------------------------------------------------------------------------------

    def answer(self, asked):
        basic = f"Basic {base64.b64encode(self.login.encode()).decode()}"
        if self.login and asked.headers.get("Authorization") != basic:
            return Answer(401, b"401 Authorization Required")
        parts = urlsplit(asked.path)
        first, _, rest = parts.path.strip("/").partition("/")
        route = getattr(self, f"{asked.method.lower()}_{first}", None)
        if route is None:
            return Answer(404, b"404: Not Found")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        return route(asked, unquote(rest), query)

    def get_system_stats(self, asked, rest, query):
        return Answer(200, STATS)

    def get_object_info(self, asked, rest, query):
        return Answer(200, {rest: self.kinds[rest].info(rest)} if rest in self.kinds else {})

    def get_history(self, asked, rest, query):
        with self.lock:
            return Answer(200, {rest: self.history[rest]} if rest in self.history else {})

    def get_queue(self, asked, rest, query):
        with self.lock:
            running = [self.running] if self.running else []
            return Answer(200, {"queue_running": running, "queue_pending": self.queue})

    def get_view(self, asked, rest, query):
        data = self.files.get((query.get("type", "output"), query.get("subfolder", ""), query["filename"]))
        return Answer(404, b"") if data is None else Answer(200, data, {"Content-Type": "image/png"})

    def get_ws(self, asked, rest, query):
        return (
            Answer(404, b"404: Not Found")
            if self.deaf
            else Answer(101, b"", talk=lambda to: self.talk(to, asked, query))
        )

    def post_history(self, asked, rest, query):
        with self.lock:
            for name in asked.fields.get("delete", ()):
                self.history.pop(name, None)
        return Answer(200, b"")

    def post_queue(self, asked, rest, query):
        with self.lock:
            self.queue = [item for item in self.queue if item[1] not in asked.fields.get("delete", ())]
        return Answer(200, b"")

    def post_interrupt(self, asked, rest, query):
        with self.lock:
            name = asked.fields.get("prompt_id")
            if name is None or (self.running and self.running[1] == name):
                self.interrupted.set()
        return Answer(200, b"")

    def post_upload(self, asked, rest, query):
        ((name, data),) = asked.files["image"]
        folder, stem, number = asked.fields.get("subfolder", ""), name.removesuffix(".png"), 0
        with self.lock:
            while self.files.get(("input", folder, name), data) != data:
                number += 1
                name = f"{stem} ({number}).png"
            self.files["input", folder, name] = data
        return Answer(200, {"name": name, "subfolder": folder, "type": "input"})

    def post_prompt(self, asked, rest, query):
        told = asked.fields
        name = told.get("prompt_id", "")
        if not UUID.fullmatch(name):
            error = {"type": "invalid_prompt_id", "message": "prompt_id must be a valid UUID", "details": ""}
            return Answer(400, {"error": error, "node_errors": {}})
        if self.own_names:
            name = f"00000000-0000-4000-8000-{self.number:012}"
        try:
            outputs = checked(told["prompt"], self.kinds, self.files)
        except Turned as error:
            return Answer(400, error.told)
        with self.more:
            self.number += 1
            extra = {"client_id": told["client_id"]}
            self.queue.append([self.number - 1, name, told["prompt"], extra, outputs])
            self.more.notify_all()
        return Answer(200, {"prompt_id": name, "number": self.number - 1, "node_errors": {}})

    # --- what is told ----------------------------------------------------------------------------------

    def talk(self, connection, asked, query):
        client = query["clientId"]
        socket = self.sockets[client] = Socket(connection, asked)
        status = {"exec_info": {"queue_remaining": len(self.queue)}}
        socket.send({"type": "status", "data": {"status": status, "sid": client}})
        socket.serve()
        if self.sockets.get(client) is socket:
            del self.sockets[client]

    def tell(self, client, event, data):
        self.sent.setdefault(client, []).append(event)
        socket = self.sockets.get(client)
        if socket is not None:
            socket.send({"type": event, "data": data})
            if self.cuts is not None and len(self.sent[client]) >= self.cuts:
                socket.cut()

    # --- what is drawn ---------------------------------------------------------------------------------

    def work(self):
        while not self.ended.is_set():
            with self.more:
                if not self.queue:
                    self.more.wait(1)
                    continue
                self.running = self.queue.pop(0)
                self.interrupted.clear()
            Run(self, *self.running).draw()


class Run:
    """One prompt that is drawn."""

    def __init__(self, server, number, name, nodes, extra, outputs):
        self.server, self.name, self.nodes, self.outputs = server, name, nodes, outputs
        self.item, self.client = [number, name, nodes, extra, outputs], extra["client_id"]
        self.messages, self.shown, self.signatures, self.node, self.is_drawn = [], {}, {}, "", False

    def note(self, event, data):
        told = {**data, "prompt_id": self.name, "timestamp": int(time.time() * 1000)}
        self.messages.append([event, told])
        self.server.tell(self.client, event, told)

    def tell(self, event, data):
        self.server.tell(self.client, event, {**data, "prompt_id": self.name})

    def draw(self):
        server, ended = self.server, "success"
        self.note("execution_start", {})
        known = {name: self.signature(name) for name in self.nodes}
        server.cache = {key: server.cache[key] for key in known.values() if key in server.cache}
        self.note("execution_cached", {"nodes": [name for name in known if known[name] in server.cache]})
        try:
            for output in self.outputs:
                self.value(output)
            self.note("execution_success", {})
        except Interrupted:
            ended = "error"
            self.note("execution_interrupted", {"node_id": self.node, "node_type": self.kind, "executed": []})
        except Exception as error:
            ended = "error"
            self.note("execution_error", self.failure(*error.args))
        with server.lock:
            status = {"status_str": ended, "completed": ended == "success", "messages": self.messages}
            entry = {"prompt": self.item, "outputs": self.shown, "status": status, "meta": {}}
            server.history[self.name] = entry
            server.running = None
            server.drawn += self.is_drawn
        self.tell("executing", {"node": None})

    @property
    def kind(self):
        return self.nodes[self.node]["class_type"]

    def failure(self, kind, words):
        return {
            "node_id": self.node,
            "node_type": self.kind,
            "executed": [],
            "exception_message": f"{words}\n",
            "exception_type": kind,
            "traceback": ['  File "/opt/ComfyUI/execution.py", line 496, in execute\n'],
            "current_inputs": {},
            "current_outputs": [],
        }

    def signature(self, name):
        if name not in self.signatures:
            node = self.nodes[name]
            given = {key: self.told(value) for key, value in node["inputs"].items()}
            if node["class_type"].startswith("LoadImage"):
                given["image"] = words(self.file(given["image"]))
            self.signatures[name] = words(node["class_type"], sorted(given.items()))
        return self.signatures[name]

    def told(self, value):
        return [self.signature(value[0]), value[1]] if isinstance(value, list) else value

    def file(self, name):
        folder, _, name = name.rpartition("/")
        return self.server.files["input", folder, name]

    def value(self, name):
        node, key = self.nodes[name], self.signature(name)
        kind = self.server.kinds[node["class_type"]]
        if key not in self.server.cache:
            given = {
                word: self.value(value[0])[value[1]] if isinstance(value, list) else value
                for word, value in node["inputs"].items()
            }
            self.node = name
            self.tell("executing", {"node": name, "display_node": name})
            if node["class_type"] in self.server.breaks:
                raise RuntimeError(*self.server.breaks[node["class_type"]])
            if node["class_type"].startswith("LoadImage"):
                given["image"] = self.file(given["image"])
            if "steps" in given:
                self.sample(given["steps"])
            self.server.cache[key] = self.save(**given) if kind.saves else kind.makes(given)
        if kind.saves:
            self.shown[name] = self.server.cache[key]
            self.tell("executed", {"node": name, "display_node": name, "output": self.shown[name]})
        return self.server.cache[key]

    def sample(self, steps):
        self.is_drawn = True
        for step in range(1, steps + 1):
            while not self.server.gate.wait(0.01):
                if self.server.interrupted.is_set():
                    raise Interrupted
            time.sleep(self.server.pace)
            socket = self.server.sockets.get(self.client)
            if socket is not None:
                socket.send(b"\0\0\0\1\0\0\0\1 a picture of how far it is")
            self.tell("progress", {"value": step, "max": steps, "node": self.node})

    def save(self, images, filename_prefix="ComfyUI_temp"):
        folder, _, stem = filename_prefix.rpartition("/")
        place = "output" if self.kind == "SaveImage" else "temp"
        out, made = io.BytesIO(), []
        images.save(out, format="PNG")
        with self.server.lock:
            for _ in range(self.server.copies):
                taken = [
                    name for _, at, name in self.server.files if at == folder and name.startswith(f"{stem}_")
                ]
                name = f"{stem}_{len(taken) + 1:05}_.png"
                self.server.files[place, folder, name] = out.getvalue()
                made.append({"filename": name, "subfolder": folder, "type": place})
            self.server.billed += 1
        return {"images": made}
