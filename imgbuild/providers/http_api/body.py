"""The body of a request, as JSON, as a form, or as a form with files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

from imgbuild.errors import Misdeclared
from imgbuild.providers.http_api.bindings import FilePart
from imgbuild.providers.http_api.filling import LEFT_OUT, Path
from imgbuild.templates.values import NoText, text_of

Part = tuple[str, tuple[str | None, bytes, str | None]]


def json_body(value: Any, path: Path) -> bytes:
    """All of it in ASCII, so that no text can be spoilt on its way. Raises Misdeclared for what JSON can't hold."""
    _check_json(value, path)
    try:
        return json.dumps({} if value is LEFT_OUT else value, allow_nan=False).encode()
    except ValueError as error:
        raise Misdeclared("a number in it is not finite, and JSON has no such", path) from error


def form_body(value: Any, path: Path) -> bytes:
    return urlencode(pairs_of(value, path), errors="replace").encode()


def multipart_body(value: Any, path: Path) -> list[Part]:
    """The parts, as httpx takes them."""
    parts: list[Part] = []
    for name, item in _items(value, path):
        if isinstance(item, FilePart):
            parts.append((name, (item.name, item.data, "image/png")))
        else:
            parts.append((name, (None, _text(item, (*path, name)).encode(errors="replace"), None)))
    return parts


def pairs_of(value: Any, path: Path) -> list[tuple[str, str]]:
    """Names and texts, of a form or of an address; a name stands once for each item of a list."""
    return [(name, _text(item, (*path, name))) for name, item in _items(value, path)]


def _items(value: Any, path: Path) -> Iterator[tuple[str, Any]]:
    for name, item in () if value is LEFT_OUT else value.items():
        yield from ((name, each) for each in (item if isinstance(item, list) else [item]))


def _text(value: Any, path: Path) -> str:
    try:
        return text_of(value)
    except NoText as error:
        raise Misdeclared(str(error), path, hint=error.hint) from error


def _check_json(value: Any, path: Path) -> None:
    if isinstance(value, FilePart):
        hint = "write its 'base64' or 'data_uri', or send the request as 'multipart'"
        raise Misdeclared("a file can't stand in JSON", path, hint=hint)
    if isinstance(value, Mapping):
        for name, item in value.items():
            _check_json(item, (*path, name))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            _check_json(item, (*path, at))
