"""Addresses of a declaration, whose hosts are written out, so that a reader sees who gets what."""

from __future__ import annotations

import re
from urllib.parse import quote, urldefrag, urljoin, urlsplit

# Nobody reads another host out of such an address, whatever reads it: no user, no backslash, no fragment.
HOST = r"([A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?"
HOSTS = rf"(\*\.(?=[^.]+\.))?{HOST}"  # one, or all below one
ADDRESS = rf"https?://{HOST}(/[^\\#]*)?"
PATH = r"/([^/\\#][^\\#]*)?"

_PLAIN = re.compile(rf"https?://{HOST}(/[!-~]*)?")
_PORTS = {"http": 80, "https": 443}


def whole(address: str, base: str) -> str:
    """The address itself, or what begins with '/' below the base."""
    return f"{base.rstrip('/')}{address}" if address.startswith("/") else address


def is_plain(address: str) -> bool:
    """Whether it can be asked as it is: nothing is left in it that is no letter, digit or sign of ASCII."""
    if _PLAIN.fullmatch(address) is None or "\\" in address or "#" in address:
        return False
    try:
        return bool(origin(address))
    except ValueError:
        return False


def followed(base: str, address: str) -> str:
    """An address that an answer gave, which may be relative to the one that was asked.

    Raises ValueError for what can't be asked.
    """
    found = quote(urldefrag(urljoin(base, address)).url, safe="%/:?=&@!$'()*+,;[]~|\\")
    if not is_plain(found):
        raise ValueError(f"'{address[:100]}' is no address")
    return found


def origin(address: str) -> str:
    """Whom an address leads to: the host, its port where it is not the usual one, and http:// where it is not https.

    A host alone is of https. Raises ValueError for what leads nowhere.
    """
    parts = urlsplit(address if "//" in address else f"https://{address}")
    host, port = (parts.hostname or "").lower(), parts.port
    if not host or parts.scheme not in _PORTS:
        raise ValueError(f"'{address}' has no host")
    host = f"[{host}]" if ":" in host else host
    shown = host if port in (None, _PORTS[parts.scheme]) else f"{host}:{port}"
    return shown if parts.scheme == "https" else f"http://{shown}"


def is_of(found: str, named: str) -> bool:
    """Whether an origin is the one that is named, or below it where that begins with a star."""
    scheme, star, below = named.rpartition("*.")
    if not star:
        return found == named
    return found.startswith("http://") == bool(scheme) and found.endswith(f".{below}")
