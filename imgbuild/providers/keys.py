"""Keys of vendors: from the environment or the project's `.env`, and from there into nothing that is said or kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import urlsplit

from imgbuild.errors import Unavailable
from imgbuild.types import Concern, Model, Value

# A spec names no other variables, so that it can't send a stranger what is none of theirs.
NAME = r"^(IMGBUILD_[A-Z0-9_]+|[A-Z0-9]+(_[A-Z0-9]+)*_(API_KEY|API_TOKEN))$"
_SHOWN = "(key)"
SHORT = 20.0  # seconds for an answer that nothing is made for

# Parameters that the models of every vendor take: where to ask, with which key, how long to wait.
OF_MODEL: dict[str, Value] = {
    "base_url": {
        "type": "string",
        "pattern": "^https?://[^/]+(/.*)?$",
        "description": "the address of another server that speaks the same protocol",
    },
    "key": {
        "type": "string",
        "pattern": NAME,
        "description": "the environment variable with its key, such as IMGBUILD_HOUSE_KEY",
    },
    "timeout": {"type": "number", "minimum": 1, "maximum": 3600, "description": "seconds for one image"},
}
UNKEYED = frozenset({"key", "timeout"})  # of these, what changes no picture


def key_of(names: Iterable[str], provider: str, environ: Mapping[str, str]) -> str:
    """The first of these variables that is set. environ: the provider's. Raises Unavailable where none is."""
    wanted = list(names)
    found = next((value for name in wanted if (value := environ.get(name, "").strip())), "")
    if not found:
        raise Unavailable(
            f"'{provider}' needs a key, and {' or '.join(wanted)} is not set", hint="set it, and build again"
        )
    if not (found.isascii() and found.isprintable()):  # no header could hold it, and the error would show it
        raise Unavailable(f"what {' or '.join(wanted)} holds is no key", hint="was it copied whole?")
    return found


def without(key: str, text: str) -> str:
    """What a vendor said, on one line and without the key, if it repeats that."""
    return re.sub(r"\s+", " ", text.replace(key, _SHOWN) if key else text).strip()


def elsewhere(model: Model, own: str, key: str) -> Sequence[Concern]:
    """That a key goes to another host than the vendor's own, if it does.

    own: the vendor's address. key: the variable with the key, where the model names none.
    """
    address = str(model.params.get("base_url", ""))
    if not address or address.split("/")[:3] == own.split("/")[:3]:
        return ()
    holds, host = model.params.get("key", key), urlsplit(address).netloc
    wants = f"sends prompts, pictures and what {holds} holds to {host}, which is not the vendor's own host"
    return (Concern(wants=wants, place=("params", "base_url")),)


def safety_of(model: Model, asked: str = "the vendor's own") -> str:
    """What is done so that no harmful picture comes of a model. At another server than the vendor's, nobody here knows.

    asked: what the declaration asks of the vendor.
    """
    return "not known" if "base_url" in model.params else asked
