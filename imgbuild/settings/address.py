"""The address that is told how builds went: what it may be, and what of it may be shown. It can hold a secret."""

from __future__ import annotations

import re
from urllib.parse import SplitResult, urlsplit

VARIABLE = "IMGBUILD_NOTIFY_URL"

_ADDRESS = re.compile(r"(https?://)(\S+)", re.IGNORECASE)
_WRITTEN = re.compile(r"https?://[!-~]+", re.IGNORECASE)


def host_of(address: str) -> str:
    """Its host, and the port if it names one: all of it that may be shown."""
    return urlsplit(address).netloc.rpartition("@")[2]


def fault_of(address: str) -> str:
    """What is wrong with it, as a sentence goes on; empty where nothing is."""
    try:
        parts = urlsplit(address)
        parts.port  # noqa: B018 - raises where it is none
    except ValueError:
        return "is no address"
    if not _WRITTEN.fullmatch(address) or not parts.hostname:
        return "is no address such as https://hooks.example.com/…"
    if "@" in parts.netloc:
        return "must not hold a user's name"
    if parts.scheme != "https" and not is_here(parts):
        return f"must begin with https: {parts.netloc} is another machine"
    return ""


def is_here(parts: SplitResult) -> bool:
    """Whether it is of this machine itself."""
    from ipaddress import ip_address

    host = parts.hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def hidden(text: str) -> str:
    """The text, with all that follows the host of an address starred out."""
    return _ADDRESS.sub(_starred, text)


def _starred(address: re.Match[str]) -> str:
    scheme, rest = address.groups()
    shown = "" if "@" in rest else re.split(r"[/?#]", rest, maxsplit=1)[0]
    return scheme + shown + "*" * (len(rest) - len(shown))
