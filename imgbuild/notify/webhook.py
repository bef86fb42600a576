"""Hands one JSON object to an address, in bounded time. Where that fails, what is said shows nothing but the host."""

from __future__ import annotations

import threading
import time
from http.client import HTTPException
from queue import Empty, SimpleQueue
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from imgbuild import __version__
from imgbuild.settings.address import host_of, is_here

LIMIT = 5.0  # seconds
TICK = 0.05  # seconds after which it is seen that the build was stopped


class _NoRedirects(HTTPRedirectHandler):
    """What is meant for one host is sent to no other."""

    def redirect_request(self, *_: object) -> None:
        return None


def send(address: str, data: bytes, stop: threading.Event) -> str:
    """Why it came to nothing; empty where it was taken, or where `stop` was set meanwhile."""
    told: SimpleQueue[str] = SimpleQueue()
    until = time.monotonic() + LIMIT
    # Nobody waits for it longer, not even the end of the program.
    threading.Thread(target=lambda: told.put(_post(address, data)), daemon=True).start()
    while not stop.is_set() and time.monotonic() < until:
        try:
            return told.get(timeout=TICK)
        except Empty:
            continue
    return "" if stop.is_set() else _late(address)


def _post(address: str, data: bytes) -> str:
    host = host_of(address)
    request = Request(
        address,
        data=data,
        headers={"Content-Type": "application/json", "User-Agent": f"imgbuild/{__version__}"},
    )
    try:
        with _opener(address).open(request, timeout=LIMIT):
            return ""
    except HTTPError as error:
        with error:
            return f"{host} answered {error.code}"
    except TimeoutError:
        return _late(address)
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            return _late(address)
        return f"{host} can't be reached: {_why(error.reason)}"
    except (OSError, HTTPException, ValueError) as error:
        return f"{host} can't be reached: {_why(error)}"


def _opener(address: str) -> OpenerDirector:
    """This machine itself is behind no proxy."""
    direct = [ProxyHandler({})] if is_here(urlsplit(address)) else []
    return build_opener(_NoRedirects(), *direct)


def _late(address: str) -> str:
    return f"{host_of(address)} gave no answer in {LIMIT:g} s"


def _why(error: object) -> str:
    """An error of the system in its words. Others may repeat the address, and are told by their kind."""
    said = error.strerror if isinstance(error, OSError) else None
    return said or type(error).__name__
