"""What the web UI says: an image, its checkpoints, or what went wrong."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from imgbuild.errors import ProviderFailed, TargetError, did_you_mean
from imgbuild.providers.keys import without
from imgbuild.providers.web import Reply, failure_of
from imgbuild.types import Image, Pin

_TOLD = ("sd_model_name", "sd_vae_name", "version")


def image_of(reply: Reply, pin: Pin) -> Image:
    """The first image: with a batch of one, no grid comes before it.

    Raises ProviderFailed where there is none, or where another checkpoint made it than the pinned one: the web UI goes
    on with the one it has loaded where it does not find the one that is asked for.
    """
    told = reply.json
    try:
        info = json.loads(told["info"])
        data = base64.b64decode(told["images"][0], validate=True)
        made_by, seed = str(info.get("sd_model_hash") or ""), info.get("seed")
    except (AttributeError, IndexError, KeyError, TypeError, ValueError, binascii.Error):
        raise ProviderFailed(
            "the answer has no image in it", hint="was it interrupted in the web UI?"
        ) from None
    if made_by and not pin.revision.startswith(made_by):
        raise ProviderFailed(
            f"the web UI drew with checkpoint {made_by}, and {pin.revision[:10]} is pinned",
            hint=f"is '{pin.source}' still there, and the same? `imgbuild lock --upgrade` pins it anew",
        )
    texts = info.get("infotexts") or [""]
    kept = {name: info.get(name) for name in _TOLD} | {"infotext": texts[0]}
    return Image(
        data=data,
        seed=seed if isinstance(seed, int) else None,
        info={name: value for name, value in kept.items() if value},
    )


def checkpoint_of(reply: Reply, source: str) -> str:
    """SHA-256 of the checkpoint with this name, in hexadecimal. Raises TargetError where it is not known."""
    listed = _checkpoints(reply)
    found = next((item for item in listed if source in _names(item)), None)
    if found is None:
        known = [str(item.get("model_name", "")) for item in listed]
        raise ProviderFailed(
            f"the web UI has no checkpoint '{source}'", hint=did_you_mean(source, known, "checkpoints")
        )
    if not found.get("sha256"):
        raise TargetError(
            f"the web UI has not hashed checkpoint '{source}' yet",
            hint="load it there once, without --no-hashing, and build again",
        )
    return str(found["sha256"])


def names_of(reply: Reply) -> Iterator[str]:
    """All that the checkpoints are called, those without a digest, too."""
    for item in _checkpoints(reply):
        yield from _names(item)


def _checkpoints(reply: Reply) -> Sequence[Mapping[str, Any]]:
    return [item for item in reply.json if isinstance(item, dict)] if isinstance(reply.json, list) else []


def _names(item: Mapping[str, Any]) -> Sequence[str]:
    """What a checkpoint is called: its title with and without the hash, its name, its file."""
    title, file = str(item.get("title", "")), str(item.get("filename", "")).replace("\\", "/")
    return title, title.rpartition(" [")[0], str(item.get("model_name", "")), PurePosixPath(file).name


def fault_of(reply: Reply, key: str, source: str) -> TargetError:
    """What an answer that is none means. key: to be left out of what is said.

    An error 500 is an exception that this request raised, and would raise again.
    """
    if reply.status == 404:
        said = without(key, _said(_json(reply)))[:300]
        return ProviderFailed(
            f"the web UI does not take this: {said or 'not found'}", hint="was it started with --api?"
        )
    if reply.status == 500:
        return ProviderFailed(f"the web UI failed: {without(key, _said(_json(reply)))[:300] or 'error 500'}")
    return failure_of(reply, key, source, _said)


def _json(reply: Reply) -> Any:
    try:
        return json.loads(reply.body)
    except ValueError:
        return {}


def _said(told: Any) -> str:
    """Of an exception its name and text; of fields that are not taken, each with what is wrong; else the detail."""
    if not isinstance(told, dict):
        return ""
    if told.get("errors"):
        return f"{told.get('error', 'error')}: {told['errors']}"
    detail = told.get("detail")
    if isinstance(detail, list):
        faults = [item for item in detail if isinstance(item, dict)]
        return "; ".join(f"{'.'.join(map(str, item.get('loc', [])))}: {item.get('msg')}" for item in faults)
    return str(detail or "")
