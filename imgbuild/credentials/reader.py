"""Reads and checks the content credentials of any file."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from msgspec import Struct

from imgbuild.credentials.claim import MIMES
from imgbuild.credentials.signer import LIBRARY
from imgbuild.types import Value


class Credentials(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a file's credentials say. state: `trusted` or `valid` by the library's check, else `invalid`.

    signer: whom the certificate names. faults: codes of what does not hold. tool: that made the claim.
    source: IPTC's digital source type. ingredients: titles of the pictures that went in. generation: ours.
    """

    state: str
    signer: str = ""
    time: str = ""
    tool: str = ""
    source: str = ""
    actions: tuple[str, ...] = ()
    ingredients: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    generation: dict[str, Value] = {}


UNREAD = Credentials(state="unread")  # there are some, and the library is not installed


def read_credentials(data: bytes, format: str) -> Credentials | None:
    """Those of a file of that format ("png"); None where it has none. Nothing is asked of the network."""
    if format not in MIMES or not _may_have(data):
        return None
    if find_spec("c2pa") is None:
        return UNREAD
    import c2pa

    context = c2pa.Context(settings=c2pa.Settings.from_dict(dict(LIBRARY)))
    try:
        reader = c2pa.Reader.try_create(MIMES[format], io.BytesIO(data), context=context)
        return None if reader is None else _said(json.loads(reader.json()))
    except (c2pa.C2paError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Credentials(state="invalid", faults=(str(error),))


def _may_have(data: bytes) -> bool:
    """Whether a JUMBF superbox of C2PA may be in it: the one sign that all formats have in common."""
    return b"jumb" in data and b"c2pa" in data


def _said(whole: Mapping[str, Any]) -> Credentials:
    manifest = whole["manifests"][whole["active_manifest"]]
    signature = manifest.get("signature_info", {})
    names = dict.fromkeys(signature.get(key, "") for key in ("common_name", "issuer"))
    generator: Mapping[str, Any] = next(iter(manifest.get("claim_generator_info", [])), {})
    actions = _actions(manifest)
    faults = [item["code"] for item in whole.get("validation_status", [])]
    return Credentials(
        state=str(whole.get("validation_state", "Invalid")).lower(),
        signer=", ".join(name for name in names if name),
        time=signature.get("time", ""),
        tool=f"{generator.get('name', '')} {generator.get('version', '')}".strip(),
        source=next(
            (item["digitalSourceType"] for item in actions if item.get("digitalSourceType")), ""
        ).rpartition("/")[2],
        actions=tuple(str(item.get("action", "")) for item in actions),
        ingredients=tuple(str(item.get("title", "")) for item in manifest.get("ingredients", [])),
        faults=tuple(code for code in faults if code != "signingCredential.untrusted"),
        generation=next(
            (
                found
                for item in actions
                if isinstance(found := item.get("parameters", {}).get("imgbuild"), dict)
            ),
            {},
        ),
    )


def _actions(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Of the first list of actions, in whichever version of the specification."""
    found = [
        item
        for item in manifest.get("assertions", [])
        if str(item.get("label", "")).startswith("c2pa.actions")
    ]
    return list(found[0]["data"]["actions"]) if found else []
