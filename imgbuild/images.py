"""Pictures as bytes and as pixels: safe decoding, deterministic encoding, the digest of pixels.

Every decode goes through `decode`, which reads the header first and refuses what is too large to open, so
that a decompression bomb costs nothing.
"""

from __future__ import annotations

import hashlib
import io
import warnings
from base64 import urlsafe_b64encode
from functools import cached_property
from typing import TYPE_CHECKING, Any

from PIL import Image as pillow
from PIL import UnidentifiedImageError

from imgbuild.errors import BadImage
from imgbuild.types import Digest, Format

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as PILImage

MAX_PIXELS = 256 * 1024 * 1024  # 16384 × 16384: a larger picture is refused from its header
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "BMP")
SUFFIXES = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".avif": "avif",
    ".tif": "tiff",
    ".tiff": "tiff",
}
EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp", "avif": "avif", "tiff": "tif"}


def decode(data: bytes, name: str = "image") -> PILImage:
    """The picture in these bytes, its pixels loaded. `name` says in errors which one it is.

    Raises BadImage for no image, a truncated one, or more than MAX_PIXELS.
    """
    picture = open_header(data, name)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            picture.load()
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        raise BadImage(
            f"{name} is damaged: {error}", hint="replace the file; its pixels can't be read"
        ) from error
    return picture


def open_header(data: bytes, name: str = "image") -> PILImage:
    """The picture with only its header read: size, mode and format are known, pixels are not."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's bomb warning; the bound below is ours
            picture = pillow.open(io.BytesIO(data), formats=FORMATS)
    except pillow.DecompressionBombError as error:
        raise _too_large(name) from error
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
        raise BadImage(
            f"{name} is not an image that can be read", hint=f"known types: {', '.join(FORMATS)}"
        ) from error
    if picture.width * picture.height > MAX_PIXELS:
        raise _too_large(name)
    return picture


def _too_large(name: str) -> BadImage:
    return BadImage(f"{name} has more than {MAX_PIXELS} pixels", hint="scale it down before it is used")


def encode(picture: PILImage, format: Format) -> bytes:
    """The picture as a file of that format, without metadata: equal pixels and options give equal bytes."""
    out = io.BytesIO()
    _fitting(picture, format).save(out, **_options(format))
    return out.getvalue()


def _options(format: Format) -> dict[str, Any]:
    if format.type == "png":
        return {
            "format": "PNG",
            "compress_level": 6 if format.compress_level is None else format.compress_level,
        }
    if format.type == "jpeg":
        return {
            "format": "JPEG",
            "quality": 90 if format.quality is None else format.quality,
            "subsampling": 0,
        }
    if format.type == "webp":
        quality = 90 if format.quality is None else format.quality
        return {
            "format": "WEBP",
            "quality": quality,
            "lossless": bool(format.lossless),
            "method": 4,
            "exact": True,
        }
    if format.type == "avif":
        return {
            "format": "AVIF",
            "quality": 80 if format.quality is None else format.quality,
            "max_threads": 1,
        }
    return {"format": "TIFF", "compression": "tiff_adobe_deflate"}


def _fitting(picture: PILImage, format: Format) -> PILImage:
    """The picture in a mode that the format holds; JPEG has no alpha, so it is laid on white."""
    if format.type == "jpeg" and has_alpha(picture):
        ground = pillow.new("RGBA", picture.size, "white")
        ground.alpha_composite(picture.convert("RGBA"))
        return ground.convert("RGB")
    if picture.mode in ("RGB", "RGBA", "L"):
        return picture
    if picture.mode == "LA" and format.type in ("png", "tiff"):
        return picture
    return picture.convert("RGBA" if has_alpha(picture) else "RGB")


def has_alpha(picture: PILImage) -> bool:
    return picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info


def is_lossless(format: Format) -> bool:
    """Whether decoding the file gives the encoded pixels back."""
    return format.type in ("png", "tiff") or (format.type == "webp" and bool(format.lossless))


def pixel_digest(picture: PILImage) -> Digest:
    """SHA-256 over mode, width, height and the raw pixels: equal pictures in any container are equal."""
    hasher = hashlib.sha256(f"pixels/1 {picture.mode} {picture.width} {picture.height}\n".encode())
    hasher.update(picture.tobytes())
    return urlsafe_b64encode(hasher.digest())[:43].decode("ascii")


class Picture:
    """One published image for the rules: bytes, and the pixels that decoding them gives, decoded once.

    pixels: given where encoding was lossless, so that nothing is decoded again.
    """

    def __init__(self, data: bytes, pixels: PILImage | None = None, name: str = "image") -> None:
        self.data = data
        self.name = name
        self._pixels = pixels

    @cached_property
    def pixels(self) -> PILImage:
        """The decoded picture, in the file's own mode. Raises BadImage."""
        return self._pixels if self._pixels is not None else decode(self.data, self.name)

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """Height × width × 3, uint8; transparent pictures are laid on white."""
        import numpy as np

        picture = self.pixels
        if has_alpha(picture):
            ground = pillow.new("RGBA", picture.size, "white")
            ground.alpha_composite(picture.convert("RGBA"))
            picture = ground
        return np.asarray(picture.convert("RGB"))

    @cached_property
    def gray(self) -> NDArray[np.float32]:
        """Height × width, float32 in 0…255: ITU-R BT.601 luma of `rgb`."""
        import numpy as np

        weights = np.array([0.299, 0.587, 0.114], dtype=np.float32)
        luma: NDArray[np.float32] = self.rgb.astype(np.float32) @ weights
        return luma

    @cached_property
    def format(self) -> str:
        """The file type by its bytes: "png", "jpeg", …"""
        return (open_header(self.data, self.name).format or "").lower()
