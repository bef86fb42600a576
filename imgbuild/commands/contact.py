"""A contact sheet that a command writes when it is asked to: pictures with their names below them, in one PNG."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from imgbuild.commands.session import Session
from imgbuild.digest import digest_bytes
from imgbuild.errors import UsageError
from imgbuild.project import Project
from imgbuild.store.store import Store
from imgbuild.types import Digest, Format, Sheet

if TYPE_CHECKING:
    from imgbuild.sheets.drawing import Piece

GAP, MARGIN = 8, 16  # pixels
CELLS = (256, 128, 64, 32)  # pixels a side: the largest with which the sheet stays within MOST
MOST = 1 << 26  # pixels, a quarter of a GB while it is drawn


def check_name(session: Session, name: str) -> Path:
    """Where a sheet of that name goes, from where the command was given. Raises UsageError where it can't."""
    if not name.lower().endswith(".png"):
        raise UsageError(f"'{name}' is no name of a PNG file", hint="a contact sheet is one: sheet.png")
    place = session.folder / name
    if not place.parent.is_dir():
        raise UsageError(f"there is no folder for '{name}'", hint="make it, or name another one")
    _, settings = session.settings()
    if place.resolve().is_relative_to((settings.root / settings.output).resolve()):
        raise UsageError(
            f"'{name}' would lie among the images, or over one",
            hint=f"name a place outside of {settings.output}/",
        )
    return place


def write_contact(place: Path, pieces: Sequence[Piece], columns: int | None = None) -> None:
    """Draw the pictures, scaled down to cells of one size, and write them. Raises TargetError, UsageError.

    columns: how many stand in a row, or a number that this is a multiple of.
    """
    from imgbuild.images import encode
    from imgbuild.sheets.drawing import draw_sheet

    picture, _ = draw_sheet(_sheet(len(pieces), columns), pieces)
    data = encode(picture, Format(type="png"))
    temporary = place.with_name(f".{place.name}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.replace(place)
    except OSError as error:
        raise UsageError(
            f"{place.name} can't be written: {error.strerror}", hint="is its folder there, and yours?"
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def _sheet(count: int, columns: int | None) -> Sheet:
    from imgbuild.sheets.layout import LABEL

    fits = (cell for cell in CELLS if count * (cell + GAP) * (cell + GAP + LABEL) <= MOST)
    cell = next(fits, CELLS[-1])
    if columns is not None:
        columns = max(1, round(count**0.5 / columns)) * columns
    return Sheet(
        asset="",
        cell=f"{cell}x{cell}",
        columns=columns,
        gap=GAP,
        margin=MARGIN,
        background="white",
        labels=True,
    )


def is_at_hand(store: Store, image: Digest, place: Path | None = None) -> bool:
    return bool(image) and (store.blobs.has(image) or picture_of(store, image, place) is not None)


def picture_of(store: Store, image: Digest, place: Path | None = None) -> bytes | None:
    """The bytes of an image: of the store, its cache, or of the file where it may be published; None: nowhere."""
    if not image:
        return None
    with suppress(KeyError):
        return store.blobs.read(image)
    if place is not None:
        with suppress(OSError):
            data = place.read_bytes()
            return data if digest_bytes(data) == image else None
    return None


def piece_of(when: str, name: str, store: Store, image: Digest, place: Path | None = None) -> Piece:
    """The picture under its name; a blank that says so where there is none, or its bytes are nowhere."""
    from imgbuild.sheets.drawing import Piece

    if not is_at_hand(store, image, place):
        return Piece(f"{when}: {'not in the store' if image else 'none'}", _blank)
    return Piece(f"{when}: {name}", partial(_bytes_of, store, image, place))


def pieces_of(project: Project, store: Store, ids: Iterable[str]) -> list[Piece]:
    """What is published of these targets, each under its path without suffix; those without an image are left out."""
    from imgbuild.sheets.drawing import Piece

    return [
        Piece(os.path.splitext(project.graph.targets[id].output)[0], read)  # noqa: PTH122 - text
        for id, read in published_of(project, store, ids).items()
    ]


def published_of(project: Project, store: Store, ids: Iterable[str]) -> dict[str, Callable[[], bytes]]:
    """What is published of these targets, where it is at hand: by id, what gives its bytes."""
    published, folder = store.records.outputs(project.settings.profile_name), project.outputs.folder
    found: dict[str, Callable[[], bytes]] = {}
    for target in (project.graph.targets[id] for id in ids):
        output, place = published.get(target.output), folder / target.output
        if output is not None and output.target == target.id and is_at_hand(store, output.digest, place):
            found[target.id] = partial(_bytes_of, store, output.digest, place)
    return found


def _bytes_of(store: Store, image: Digest, place: Path | None) -> bytes:
    return picture_of(store, image, place) or _blank()


def _blank() -> bytes:
    from PIL import Image as pillow

    from imgbuild.images import encode

    return encode(pillow.new("RGBA", (1, 1)), Format(type="png"))
