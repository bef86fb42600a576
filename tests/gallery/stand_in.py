"""A stand-in for the gallery's server: the page itself, and what a test says is in the catalogue."""

import colorsys
import hashlib
import io
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from urllib.parse import urlsplit

from PIL import Image as pillow
from PIL import ImageDraw

import imgbuild

PAGE = Path(imgbuild.__file__).parent / "gallery" / "page"
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
CSP = (
    "default-src 'none'; img-src 'self' blob: data:; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
SHAPES = ("star", "heart", "hexagon", "ring", "drop", "diamond")
COLORS = ("red", "orange", "green", "blue", "purple")


def sha_of(text):
    return hashlib.sha256(text.encode()).hexdigest()


def a_card(number, shape, color, *, model="tiny", index=0, **more):
    """A target of the catalogue."""
    id = f"icons/icon[shape={shape},color={color}]@{model}#{index}"
    return {
        "id": id,
        "handle": sha_of(id)[:8],
        "asset": 0,
        "cell": {"shape": shape, "color": color},
        "model": model,
        "index": index,
        "prompt": number,
        "output": f"set/{shape}-{color}-{model}-{index}.png",
        "state": "fresh",
        "why": "",
        "image": sha_of(f"image of {id}"),
        "pixels": sha_of(f"pixels of {id}")[:43],
        "width": 256,
        "height": 256,
        "color": "#a09080",
        "rules": {"sharpness": "pass"},
        "review": "open",
        "wins": False,
        "stars": 0,
        "seed": 7 + number,
        "attempt": 0,
        "cost": 0.04,
        "seconds": 1.2,
        "grade": "bitwise",
        "via": "",
    } | more


def a_catalogue(cards, prompts, **more):
    return {
        "project": "icons",
        "root": "",
        "profile": "",
        "can": {"review": True},
        "checklist": [],
        "variables": ["shape", "color"],
        "assets": [{"id": "icons/icon", "tags": ["set"]}],
        "prompts": prompts,
        "targets": cards,
        "groups": [],
    } | more


def icons():
    """Thirty icons by two models, in several states."""
    cells = [(shape, color) for shape in SHAPES for color in COLORS]
    prompts = [f"a large {color} {shape} on a white background" for shape, color in cells]
    cards = [
        a_card(number, shape, color, model=model)
        for model in ("tiny", "house")
        for number, (shape, color) in enumerate(cells)
    ]
    cards[1] |= {"review": "approved", "stars": 1}
    cards[2] |= {"review": "rejected"}
    cards[3] |= {"state": "run", "why": "its prompt has changed"}
    cards[4] |= {"state": "fail", "rules": {"sharpness": "fail"}}
    cards[5] |= {"image": "", "state": "unpinned", "width": 256, "height": 256}
    return a_catalogue(cards, prompts)


def competing():
    """The same, where the two models compete for each icon, and all drops for one name."""
    catalogue = icons()
    half = len(catalogue["targets"]) // 2
    catalogue["targets"][1]["wins"] = True
    catalogue["groups"] = [
        {"name": f"icons/icon[shape={shape},color={color}]#0", "output": "", "targets": [at, at + half]}
        for at, (shape, color) in enumerate((shape, color) for shape in SHAPES for color in COLORS)
        if shape != "drop"
    ]
    drops = [at for at, card in enumerate(catalogue["targets"]) if card["cell"]["shape"] == "drop"]
    catalogue["groups"] += [{"name": "icons/icon[shape=drop]#0", "output": "best/drop.png", "targets": drops}]
    return catalogue


def many(count=10_000):
    """So many of them: a hundred shapes, ten colours, ten seeds."""
    cards, prompts = [], []
    for number in range(count):
        shape, color, index = f"shape {number // 100}", f"color {number // 10 % 10}", number % 10
        if not index:
            prompts.append(
                f"a large {color} {shape}, studio light, on a white background, high detail, sharp"
            )
        cards.append(a_card(len(prompts) - 1, shape, color, index=index))
    return a_catalogue(cards, prompts, project="many")


def paint(sha, side):
    """A picture that follows from its digest: a shape on a transparent or coloured ground."""
    hue = int(sha[:4], 16) / 65535
    tone = tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.65, 0.85))
    ground = (0, 0, 0, 0) if int(sha[4], 16) < 4 else (250, 250, 248, 255)
    picture = pillow.new("RGBA", (side, side), ground)
    inside = [side * 0.15, side * 0.15, side * 0.85, side * 0.85]
    ImageDraw.Draw(picture).regular_polygon(
        (side / 2, side / 2, side * 0.4), 3 + int(sha[5], 16) % 6, int(sha[6:8], 16), (*tone, 255)
    ) if int(sha[8], 16) > 3 else ImageDraw.Draw(picture).ellipse(inside, (*tone, 255))
    out = io.BytesIO()
    picture.save(out, "WEBP", quality=80)
    return out.getvalue()


class Server(ThreadingHTTPServer):
    """A browser that leaves a page hangs up in the middle of answers."""

    daemon_threads = True

    def handle_error(self, *_):
        pass


class StandIn:
    """Serves a catalogue. asked: every address, in order. posted: by the page. refuse: what reviews are answered."""

    def __init__(self, catalogue):
        self.catalogue, self.details, self.changes = catalogue, {}, {}
        self.asked, self.posted, self.refuse, self.etag = [], Queue(), None, 0
        self.listeners, self.heard, self.painted = [], threading.Event(), {}
        owner = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                owner.asked.append(self.path)
                owner.get(self, urlsplit(self.path).path)

            def do_POST(self):
                owner.posted.put(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
                status, told = owner.refuse or (200, {})
                owner.answer(self, json.dumps(told).encode(), "application/json", status)

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def answer(self, handler, data, kind, status=200):
        handler.send_response(status)
        headers = {"Content-Type": kind, "Content-Length": len(data), "Content-Security-Policy": CSP}
        headers |= {"ETag": f'"{self.etag}"'}
        for name, value in headers.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(data)

    def get(self, handler, path):
        parts = path.strip("/").split("/")
        if path == "/" or parts[0] == "page":
            place = PAGE / (parts[1] if len(parts) > 1 else "index.html")
            return self.answer(handler, place.read_bytes(), TYPES[place.suffix])
        if parts[0] in ("thumb", "image"):
            side = int(parts[2]) if parts[0] == "thumb" else 640
            key = parts[1], side
            if key not in self.painted:
                self.painted[key] = paint(*key)
            return self.answer(handler, self.painted[key], "image/webp")
        if path == "/api/events":
            return self.stream(handler)
        told = {
            "/api/catalogue": lambda: self.catalogue,
            "/api/diff": lambda: self.changes,
        }.get(path, lambda: self.details.get(parts[-1], {}))
        return self.answer(handler, json.dumps(told()).encode(), "application/json")

    def stream(self, handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        handler.close_connection = True
        events = Queue()
        self.listeners.append(events)
        self.heard.set()
        while (event := events.get()) is not None:
            try:
                handler.wfile.write(event)
                handler.wfile.flush()
            except OSError:
                return

    def said(self):
        """The next decision that the page sends."""
        return self.posted.get(timeout=20)

    def send(self, name, data):
        """An event to every page that listens."""
        assert self.heard.wait(20), "no page listens"
        for events in self.listeners:
            events.put(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())

    def close(self):
        for events in self.listeners:
            events.put(None)
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
