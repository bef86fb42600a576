"""A contact sheet that a command writes when it is asked to: pictures with their names below them, in one PNG."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from imgbuild.commands.session import Session
from imgbuild.digest import digest_bytes
from imgbuild.errors import UsageError
from imgbuild.store.store import Store
from imgbuild.types import Digest, Format, Sheet

if TYPE_CHECKING:
    from imgbuild.sheets.drawing import Piece

GAP, MARGIN = 8, 16  # pixels
CELLS = (256, 128, 64, 32)  # pixels a side: the largest with which the sheet stays within MOST
MOST = 1 << 26  # pixels, a quarter of a GB while it is drawn


def check_name(session: Session, name: str) -> Path:
    """Where a sheet of that name goes, from where the command was given. Raises UsageError for what is no PNG."""
    if not name.lower().endswith(".png"):
        raise UsageError(f"'{name}' is no name of a PNG file", hint="a contact sheet is one: sheet.png")
    return session.folder / name


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


def piece_of(name: str, store: Store, image: Digest, place: Path | None = None) -> Piece:
    """The picture under its name; blank where its bytes are nowhere, which the name then says."""
    from imgbuild.sheets.drawing import Piece

    if picture_of(store, image, place) is None:
        return Piece(f"{name}: {'not in the store' if image else 'none'}", _blank)
    return Piece(name, lambda: picture_of(store, image, place) or _blank())


def _blank() -> bytes:
    from PIL import Image as pillow

    from imgbuild.images import encode

    return encode(pillow.new("RGBA", (1, 1)), Format(type="png"))
