"""Servers of one's own, on this machine or another: their address, their login, and the consent to ask them."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from imgbuild.errors import Unavailable
from imgbuild.providers.keys import NAME, key_of
from imgbuild.types import Concern, Model, Value

# Hosts are written plainly, so that nobody reads another one out of the same address.
_ADDRESS = r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?(/[A-Za-z0-9._~/-]*)?$"


def of_server(title: str, example: str) -> dict[str, Value]:
    """The parameters of such models that say where to ask, who asks, how long to wait. title: of the server."""
    return {
        "base_url": {
            "type": "string",
            "pattern": _ADDRESS,
            "description": f"the address of {title}, such as {example}",
        },
        "key": {
            "type": "string",
            "pattern": NAME,
            "description": "the environment variable that holds user:password, such as IMGBUILD_HOUSE_KEY",
        },
        "timeout": {"type": "number", "minimum": 1, "maximum": 7200, "description": "seconds for one image"},
    }


def is_here(address: str) -> bool:
    """Whether an address is of this machine, whatever names are resolved to."""
    try:
        host = urlsplit(address).hostname or ""
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def away(model: Model) -> Sequence[Concern]:
    """That prompts go to another machine, if they do."""
    address = str(model.params.get("base_url", ""))
    if not address or is_here(address):
        return ()
    key = model.params.get("key")
    what = f"prompts, pictures and what {key} holds" if key else "prompts and pictures"
    wants = f"sends {what} to {urlsplit(address).netloc}, which is another machine"
    return (Concern(wants=wants, place=("params", "base_url")),)


def login_of(name: str, provider: str, hint: str, environ: Mapping[str, str]) -> tuple[str, tuple[str, str]]:
    """The whole of a variable, and the user and password in it. Raises Unavailable, with the hint."""
    key = key_of([name], provider, environ)
    user, colon, password = key.partition(":")
    if not colon:
        raise Unavailable(f"{name} does not hold user:password", hint=hint)
    return key, (user, password)
