"""The web application: its routes and nothing else, and the thread that serves them on the loopback address."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import cast

import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import StreamingResponse

from imgbuild.errors import BadImage, ImgbuildError, UsageError
from imgbuild.gallery.gallery import Gallery
from imgbuild.gallery.guard import App, Door, Guard, new_token
from imgbuild.gallery.history import HEAD
from imgbuild.gallery.page import read_page
from imgbuild.gallery.pictures import type_of
from imgbuild.gallery.posted import read_posted, status_of
from imgbuild.gallery.thumbs import SIDES

JSON = "application/json"
FOR_EVER = {"cache-control": "private, max-age=31536000, immutable"}  # of what is named by its digest
NEVER = {"cache-control": "no-store"}
PATIENCE = 3  # seconds for requests that are underway when the gallery ends


class Routes:
    """What answers each address; the guard has looked at the request already."""

    def __init__(self, gallery: Gallery, page: Mapping[str, tuple[bytes, str]]) -> None:
        self.gallery, self.page = gallery, page

    async def index(self, request: Request) -> Response:
        return self._file("index.html")

    async def file(self, request: Request) -> Response:
        return self._file(request.path_params["name"])

    def _file(self, name: str) -> Response:
        if name not in self.page:
            return _missing()
        data, kind = self.page[name]
        return Response(data, media_type=kind, headers={"cache-control": "no-cache"})

    def catalogue(self, request: Request) -> Response:
        """As it is: it goes no further than this machine, where packing takes longer than sending."""
        shown = self.gallery.current()
        headers = {"etag": shown.tag, "cache-control": "private, no-cache"}
        if request.headers.get("if-none-match") == shown.tag:
            return Response(status_code=304, headers=headers)
        return Response(shown.data, media_type=JSON, headers=headers)

    def target(self, request: Request) -> Response:
        told = self.gallery.detail(request.path_params["handle"])
        return Response(told, media_type=JSON, headers=NEVER) if told is not None else _missing()

    def since(self, request: Request) -> Response:
        try:
            found = self.gallery.since(request.query_params.get("rev", HEAD))
        except ImgbuildError as error:
            return _failed(error)
        return Response(msgspec.json.encode(found), media_type=JSON, headers=NEVER)

    async def review(self, request: Request) -> Response:
        return await run_in_threadpool(self._decide, await request.body())

    def _decide(self, body: bytes) -> Response:
        if not self.gallery.can_review:
            return _failed(
                UsageError("this gallery takes no decisions", hint="it was started with --read-only"), 403
            )
        try:
            done = self.gallery.decide(read_posted(body))
        except ImgbuildError as error:
            return _failed(error)
        return Response(msgspec.json.encode({"done": done}), media_type=JSON, headers=NEVER)

    async def thumb(self, request: Request) -> Response:
        image, side = request.path_params["image"], request.path_params["side"]
        if not self.gallery.pictures.has(image) or side not in map(str, SIDES):
            return _missing()
        try:
            data = await asyncio.wrap_future(self.gallery.thumbs.ask(image, int(side)))
        except (KeyError, BadImage):
            return _missing()
        return Response(data, media_type="image/webp", headers=FOR_EVER)

    def image(self, request: Request) -> Response:
        try:
            data = self.gallery.pictures.read(request.path_params["image"])
        except KeyError:
            return _missing()
        return Response(data, media_type=type_of(data), headers={**FOR_EVER, "content-disposition": "inline"})

    async def events(self, request: Request) -> Response:
        feed = self.gallery.feed
        return StreamingResponse(
            feed.read(self.gallery.first()), media_type="text/event-stream", headers=NEVER
        )


def _failed(error: ImgbuildError, status: int = 0) -> Response:
    told = msgspec.json.encode({"error": error.message, "hint": error.hint})
    return Response(told, status or status_of(error), media_type=JSON, headers=NEVER)


def _missing() -> Response:
    return Response("there is nothing here\n", 404, media_type="text/plain", headers=NEVER)


def application(gallery: Gallery, door: Door) -> App:
    """The routes, behind the guard."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    routes = Routes(gallery, read_page())
    app.add_route("/", routes.index)
    app.add_route("/page/{name}", routes.file)
    app.add_route("/api/catalogue", routes.catalogue)
    app.add_route("/api/target/{handle}", routes.target)
    app.add_route("/api/diff", routes.since)
    app.add_route("/api/review", routes.review, methods=["POST"])
    app.add_route("/api/events", routes.events)
    app.add_route("/thumb/{image}/{side}", routes.thumb)
    app.add_route("/image/{image}", routes.image)
    return Guard(cast(App, app), door)


@contextmanager
def serving(gallery: Gallery, port: int = 0) -> Iterator[Door]:
    """Serve the gallery from a thread of its own while the context lasts. port: 0 for a free one.

    Raises UsageError where the port is not to be had.
    """
    with _bound(port) as bound:
        door = Door(port=bound.getsockname()[1], token=new_token())
        server = _Server(gallery, door)
        thread = threading.Thread(target=server.run, args=([bound],), name="gallery", daemon=True)
        thread.start()
        try:
            server.started_or_failed.wait()
            yield door
        finally:
            gallery.feed.close()
            server.should_exit = True
            thread.join(PATIENCE + 1)
            gallery.close()


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere it lets others take the same port
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        raise UsageError(
            f"port {port} can't be used: {error.strerror}", hint="leave out --port, and a free one is taken"
        ) from error
    return bound


class _Server(uvicorn.Server):
    """Uvicorn without signals of its own, and without a word."""

    def __init__(self, gallery: Gallery, door: Door) -> None:
        super().__init__(
            uvicorn.Config(
                application(gallery, door),
                log_config=None,
                access_log=False,
                lifespan="off",
                ws="none",
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=PATIENCE,
            )
        )
        self._gallery = gallery
        self.started_or_failed = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._gallery.feed.start(asyncio.get_running_loop())
        await super().startup(sockets)
        self.started_or_failed.set()

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            super().run(sockets)
        finally:
            self.started_or_failed.set()
