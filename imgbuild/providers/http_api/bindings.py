"""What templates of a request know of an image that is to be made."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from imgbuild.providers.http_api.declared import OWN
from imgbuild.providers.pictures import png
from imgbuild.templates.values import Group, NoText
from imgbuild.types import ROLES, Request, Value

WORDS = ("prompt", "negative", "seed", "width", "height", "source", "revision")
FORMS = ("base64", "data_uri", "file")  # in which a picture can be sent


class FilePart:
    """A picture as a part of a `multipart` body. It is no text."""

    def __init__(self, name: str, data: bytes) -> None:
        self.name, self.data = name, data

    def __str__(self) -> str:
        raise NoText("a file has no text of its own", "let it be the whole value of a part of 'multipart'")


def many(role: str) -> str:
    """What all pictures of a role are called, where the role itself is the first of them: images, masks, …"""
    return f"{role}s"


NAMES = frozenset((*WORDS, "params", *ROLES, *map(many, ROLES)))


def free(params: Mapping[str, Value]) -> dict[str, Value]:
    """The parameters of the API, without those of the declaration."""
    return {name: value for name, value in params.items() if name not in OWN}


def bindings_of(request: Request, roles: Iterable[str]) -> dict[str, Any]:
    """The values of one request. roles: those that its pictures are wanted of."""
    bound: dict[str, Any] = {
        "prompt": request.prompt,
        "negative": request.negative or None,
        "seed": request.seed,
        "width": request.width,
        "height": request.height,
        "source": request.pin.source or None,
        "revision": request.pin.revision or None,
        "params": Group(free(request.params)),
    }
    for role in roles:
        bound |= pictures_of(role, [png(picture) for picture in request.inputs.get(role, ())])
    return bound


def pictures_of(role: str, files: Sequence[bytes]) -> dict[str, Group]:
    """The pictures of a role in all forms: the first by its name, all by its plural; None where there is none."""
    texts = [b64encode(data).decode() for data in files]
    names = [f"{role}-{number}.png" for number in range(1, len(files) + 1)]
    forms: dict[str, list[Any]] = {
        "base64": [*texts],
        "data_uri": [f"data:image/png;base64,{text}" for text in texts],
        "file": [FilePart(name, data) for name, data in zip(names, files, strict=True)],
    }
    return {
        role: Group({form: found[0] if found else None for form, found in forms.items()}),
        many(role): Group({form: found or None for form, found in forms.items()}),
    }
