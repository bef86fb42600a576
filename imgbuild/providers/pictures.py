"""Pictures that go along with a request, as the bytes of a file: their pixels and nothing else, as the key has them."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from imgbuild.images import encode
from imgbuild.types import Format

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_PNG = Format(type="png")


def png(picture: PILImage) -> bytes:
    """The bytes of a PNG file."""
    return encode(picture, _PNG)


def png_text(picture: PILImage) -> str:
    """The same in base64, for JSON."""
    return b64encode(png(picture)).decode()


def fitted(picture: PILImage, size: tuple[int, int]) -> PILImage:
    """The picture in that size, for those whose images come out as large as it is."""
    from PIL.Image import Resampling

    return picture if picture.size == size else picture.resize(size, Resampling.LANCZOS)
