"""Pictures as bytes and as pixels: safe decoding, deterministic encoding, digests and hashes of pixels.

Every decode goes through `decode`, which reads the header first and refuses what is too large to open, so
that a decompression bomb costs nothing. What it gives is upright: an EXIF orientation is applied, so that
width, height and anchors mean what a viewer shows. Of an animation, only the first frame is read.
"""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from base64 import urlsafe_b64encode
from functools import cached_property
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from PIL import ExifTags, ImageOps, PngImagePlugin, TiffImagePlugin
from PIL import Image as pillow

from imgbuild.errors import BadImage, TargetError
from imgbuild.types import Digest, Format, Size

if TYPE_CHECKING:
    from collections.abc import Sequence
    from fractions import Fraction
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image as PILImage

MAX_PIXELS = 256 * 1024 * 1024  # 16384 × 16384: a larger picture is refused from its header
MAX_SIDE = 65535  # what JPEG can hold; filters need memory for a side, however thin the picture is
FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "TIFF", "GIF", "BMP", "ICO")
NORMAL = ("RGB", "RGBA", "L", "LA")
SUFFIXES = {
    ".png": "png",
    ".jpg": "jpeg",
    ".jpeg": "jpeg",
    ".webp": "webp",
    ".avif": "avif",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".ico": "ico",
}
EXTENSIONS = {"png": "png", "jpeg": "jpg", "webp": "webp", "avif": "avif", "tiff": "tif", "ico": "ico"}
ICO_SIZES = (16, 32, 48)  # what browsers and desktops show
XMP_TAG = 700  # of TIFF, for an XMP packet
MAX_ICO = 256  # pixels a side, all that the format can say

# The bound above is ours, and stricter in its sides than Pillow's, which would warn below it. Pillow's other
# warnings are of oddities it reads past. They are silenced once, since a filter around each call is
# undone by other threads.
pillow.MAX_IMAGE_PIXELS = None
warnings.filterwarnings("ignore", module=r"PIL\.")


def decode(data: bytes, name: str = "image") -> PILImage:
    """The picture in these bytes, upright, its pixels loaded. `name` says in errors which one it is.

    Raises BadImage for no image, a truncated one, or one above MAX_PIXELS or MAX_SIDE.
    """
    picture = open_header(data, name)
    try:
        picture.load()
    except Exception as error:  # decoders of hostile bytes raise anything: struct.error, IndexError, …
        raise BadImage(
            f"{name} is damaged: {error or type(error).__name__}",
            hint="replace the file; its pixels can't be read",
        ) from error
    return _upright(picture)


def open_header(data: bytes, name: str = "image") -> PILImage:
    """The picture with only its header read: size, mode and format are known, pixels are not."""
    try:
        picture = pillow.open(io.BytesIO(data), formats=FORMATS)
    except Exception as error:  # parsers of hostile bytes raise anything: struct.error, IndexError, …
        raise BadImage(
            f"{name} is not an image that can be read", hint=f"known types: {', '.join(FORMATS)}"
        ) from error
    if not is_openable(*picture.size):
        raise BadImage(
            f"{name} is {picture.width}×{picture.height}, too large to open safely",
            hint=f"scale it down to at most {MAX_PIXELS} pixels, and {MAX_SIDE} a side",
        )
    return picture


def size_in(path: Path) -> Size | None:
    """Width and height of the picture in a file, of which only the header is read; None where there is none."""
    if not path.is_file():  # a pipe would be waited for without end
        return None
    try:
        with pillow.open(path, formats=FORMATS) as picture:
            return picture.size
    except Exception:  # as above
        return None


def is_openable(width: int, height: int) -> bool:
    """Whether a picture of this size, in pixels, is within MAX_SIDE and MAX_PIXELS."""
    return max(width, height) <= MAX_SIDE and width * height <= MAX_PIXELS


def _upright(picture: PILImage) -> PILImage:
    """The picture as its EXIF orientation says; a broken EXIF block says nothing."""
    try:
        turned = picture.getexif().get(ExifTags.Base.Orientation, 1) in range(2, 9)
        return ImageOps.exif_transpose(picture) if turned else picture
    except Exception:  # EXIF readers raise anything on hostile bytes; the pixels are good without it
        return picture


class Blocks(Struct, frozen=True, kw_only=True):
    """What a file says besides its pixels. parameters: text of that name in PNG, the description in TIFF.

    exif, xmp: the blocks as they stand in a file. segments: further ones of a JPEG, as they stand in it.
    """

    parameters: str = ""
    exif: bytes = b""
    xmp: bytes = b""
    segments: bytes = b""


def encode(picture: PILImage, format: Format, blocks: Blocks | None = None) -> bytes:
    """The picture as a file of that format: equal pixels, options and blocks give equal bytes.

    Without blocks it says nothing besides its pixels; ICO has no place for any.

    Raises TargetError where the format can't hold it (WebP above 16383 pixels a side, ICO other than square).
    """
    out = io.BytesIO()
    try:
        if format.type == "ico":
            return _icon(picture, format.sizes or ICO_SIZES)
        said = _said(format, blocks) if blocks is not None else {}
        _bare(_fitting(picture, format)).save(out, **_options(format), **said)
    except (OSError, ValueError) as error:
        raise TargetError(
            f"a picture of {picture.width}×{picture.height} can't be written as {format.type}: {error}",
            hint="resize it in `process`, or choose another `format`",
        ) from error
    return out.getvalue()


def _said(format: Format, blocks: Blocks) -> dict[str, Any]:
    """What an encoder takes to write the blocks."""
    if format.type == "tiff":
        directory = TiffImagePlugin.ImageFileDirectory_v2()
        exif = pillow.Exif()
        exif.load(blocks.exif)
        for tag, value in exif.items():
            if tag != ExifTags.IFD.Exif:  # a directory of its own, which Pillow does not write here
                directory[tag] = value.encode("latin-1") if isinstance(value, str) else value
        if blocks.parameters:
            directory[ExifTags.Base.ImageDescription] = blocks.parameters.replace("\0", " ").encode()
        directory[XMP_TAG] = blocks.xmp
        return {"tiffinfo": directory}
    if format.type != "png":
        return {"exif": blocks.exif, "xmp": blocks.xmp, "extra": blocks.segments}
    chunks = PngImagePlugin.PngInfo()
    if blocks.parameters:
        is_latin = blocks.parameters.isascii()
        (chunks.add_text if is_latin else chunks.add_itxt)("parameters", blocks.parameters)
    chunks.add_itxt("XML:com.adobe.xmp", blocks.xmp.decode())
    return {"exif": blocks.exif, "pnginfo": chunks}


def _icon(picture: PILImage, sides: Sequence[int]) -> bytes:
    """An ICO file with the picture in each of these sizes. Raises ValueError for one that is not square."""
    if picture.width != picture.height:
        raise ValueError("an icon is square")
    whole = _fitting(picture, Format(type="png"))
    colored = whole.convert("RGBA" if has_alpha(whole) else "RGB")
    frames = [colored.resize((side, side), pillow.Resampling.LANCZOS) for side in sorted(set(sides))]
    out = io.BytesIO()
    sizes = [frame.size for frame in frames]
    _bare(frames[-1]).save(out, format="ICO", sizes=sizes, append_images=frames[:-1])
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
    picture = normal(picture)
    if format.type == "jpeg":
        return flat(picture)
    if format.type in ("png", "tiff") or picture.mode in ("RGB", "RGBA"):
        return picture
    return picture.convert("RGBA" if has_alpha(picture) else "RGB")


def _bare(picture: PILImage) -> PILImage:
    """The picture without what its file said besides the pixels, which encoders would write again."""
    if not picture.info and type(picture) is pillow.Image:
        return picture
    bare = picture.copy()
    bare.info = {}
    return bare


def has_alpha(picture: PILImage) -> bool:
    return picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info


def is_lossless(format: Format) -> bool:
    """Whether decoding the file gives mode and pixels back. Lossless WebP keeps no gray, no opaque alpha."""
    return format.type in ("png", "tiff")


def normal(picture: PILImage, name: str = "image") -> PILImage:
    """The picture as RGB, RGBA, L or LA of 8 bits, in sRGB; these four come back as they are.

    Palettes are expanded, 16-bit gray is rounded to 8, CMYK and other colour spaces converted, by their embedded
    profile where there is one. Raises BadImage for 32-bit pixels, whose range no file declares.
    """
    if picture.mode in ("I", "F"):
        raise BadImage(
            f"{name} has 32-bit pixels, whose range is unknown", hint="save it with 8 or 16 bits a channel"
        )
    if picture.mode.startswith("I;16"):
        return _from_16_bit(picture)
    if "icc_profile" in picture.info and picture.mode in ("RGB", "RGBA", "CMYK"):
        picture = _in_srgb(picture)
    if picture.mode in NORMAL and "transparency" not in picture.info:
        return picture
    gray = picture.mode in ("1", "L", "La")
    return picture.convert(("LA" if gray else "RGBA") if has_alpha(picture) else ("L" if gray else "RGB"))


def _from_16_bit(picture: PILImage) -> PILImage:
    """16-bit gray as 8-bit: v / 257, to the nearest. A level declared transparent becomes alpha."""
    import numpy as np

    levels = np.asarray(picture).astype(np.uint32)
    gray = pillow.fromarray(((levels + 128) // 257).astype(np.uint8))
    if "transparency" in picture.info:
        gray.putalpha(pillow.fromarray(((levels != picture.info["transparency"]) * 255).astype(np.uint8)))
    return gray


def _in_srgb(picture: PILImage) -> PILImage:
    """The colours that the embedded profile means, as sRGB; a profile that can't be used is passed over."""
    from PIL import ImageCms

    try:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.info["icc_profile"]))
        if "sRGB" in ImageCms.getProfileDescription(profile):
            return picture
        mode = "RGBA" if picture.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(
            picture, profile, ImageCms.createProfile("sRGB"), outputMode=mode
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture
    return picture if converted is None else converted


def flat(picture: PILImage, ground: str | tuple[int, ...] = "white") -> PILImage:
    """A normal picture without alpha: as it is, or laid on a ground of that colour (then in RGB)."""
    picture = normal(picture)
    if not has_alpha(picture):
        return picture
    under = pillow.new("RGBA", picture.size, ground)
    under.alpha_composite(picture.convert("RGBA"))
    return under.convert("RGB")


def pixel_digest(picture: PILImage) -> Digest:
    """SHA-256 over mode, width, height and the raw pixels: equal pictures in any container are equal."""
    hasher = hashlib.sha256(f"pixels/1 {picture.mode} {picture.width} {picture.height}\n".encode())
    hasher.update(picture.tobytes())
    return urlsafe_b64encode(hasher.digest())[:43].decode("ascii")


def perceptual_hash(picture: PILImage) -> str:
    """The 64-bit pHash as 16 hexadecimal digits: imagehash's `phash` of what the eye sees on white.

    Without laying transparent pictures on white, all black icons on nothing would be the same.
    """
    import imagehash

    return str(imagehash.phash(flat(picture)))


def hamming(a: str, b: str) -> int:
    """In how many of 64 bits two perceptual hashes differ; unrelated pictures differ in about 32."""
    return (int(a, 16) ^ int(b, 16)).bit_count()


def ratio_of(value: str | float) -> Fraction:
    """Width over height, exactly, from "16:9", "2.39:1", "1.5" or a number.

    Raises ValueError for anything else, and outside 1:1000 … 1000:1.
    """
    from fractions import Fraction

    number = r"\d{1,6}(?:\.\d{1,20})?"
    parts = re.fullmatch(rf"({number})(?::({number}))?", str(value))
    wide, high = (Fraction(parts[1]), Fraction(parts[2] or 1)) if parts else (Fraction(0), Fraction(1))
    if not high <= wide * 1000 <= high * 1_000_000:
        raise ValueError(
            f"'{value}' is no ratio: write 'width:height' or a number, between 1:1000 and 1000:1"
        )
    return wide / high


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
    def flat(self) -> PILImage:
        """The picture as RGB; transparent pictures are laid on white. Raises BadImage."""
        opaque = flat(normal(self.pixels, self.name))
        return opaque if opaque.mode == "RGB" else opaque.convert("RGB")

    @cached_property
    def alpha(self) -> NDArray[np.uint8] | None:
        """Height × width, uint8: how opaque each pixel is; None where the picture has no alpha. Raises BadImage."""
        if not has_alpha(self.pixels):
            return None
        import numpy as np

        return np.asarray(normal(self.pixels, self.name).getchannel("A"))

    @cached_property
    def luma(self) -> PILImage:
        """The picture as L: ITU-R BT.601 luma of `flat`, rounded, in whole numbers on every machine."""
        return self.flat.convert("L")

    @cached_property
    def rgb(self) -> NDArray[np.uint8]:
        """Height × width × 3, uint8: `flat` as an array."""
        import numpy as np

        return np.asarray(self.flat)

    @cached_property
    def gray(self) -> NDArray[np.uint8]:
        """Height × width, uint8: `luma` as an array. Widen it before arithmetic that leaves 0…255."""
        import numpy as np

        return np.asarray(self.luma)

    @cached_property
    def format(self) -> str:
        """The file type by its bytes: "png", "jpeg", …"""
        found = (open_header(self.data, self.name).format or "").lower()
        return "jpeg" if found == "mpo" else found  # a camera's JPEG with a preview behind it
