"""The bytes of published images, by digests that the page was told: from the store, or from the output folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from imgbuild.digest import digest_bytes
from imgbuild.store.blobs import Blobs
from imgbuild.types import Digest

MAX_FILE = 512 * 1024 * 1024  # bytes of one image

# By the first bytes of a file. What is none of these is handed out as bytes, which no browser shows or runs.
_TYPES = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"\0\0\1\0", "image/x-icon"),
    (b"GIF8", "image/gif"),
    (b"BM", "image/bmp"),
)


class Pictures:
    """known: by SHA-256 in hexadecimal, digest and output path. past: and the digests of earlier ones.

    Each is replaced as a whole when the project has changed.
    """

    def __init__(self, blobs: Blobs, outputs: Path) -> None:
        self._blobs, self.outputs = blobs, outputs
        self.known: Mapping[str, tuple[Digest, str]] = {}
        self.past: Mapping[str, Digest] = {}
        self.equals: Mapping[Digest, set[Digest]] = {}

    def has(self, image: str) -> bool:
        """Whether the page was told of it."""
        return image in self.known or image in self.past

    def read(self, image: str) -> bytes:
        """Raises KeyError for what the page was not told of, and for bytes that are nowhere."""
        digest, path = self.known[image] if image in self.known else (self.past[image], "")
        stand_ins = self.equals.get(digest, ())
        for each in (digest, *stand_ins):
            try:
                return self._blobs.read(each)
            except (KeyError, OSError):
                continue
        return self._published(path, {digest, *stand_ins})

    def _published(self, path: str, wanted: set[Digest]) -> bytes:
        """The file's bytes, if they are those that are wanted: somebody may have edited it."""
        try:
            place = self.outputs / path
            if not place.is_file() or place.stat().st_size > MAX_FILE:
                raise KeyError(path)
            data = place.read_bytes()
        except OSError as error:
            raise KeyError(path) from error
        if digest_bytes(data) not in wanted:
            raise KeyError(path)
        return data


def type_of(data: bytes) -> str:
    """The media type of an image's bytes."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if data[4:12] in (b"ftypavif", b"ftypavis"):
        return "image/avif"
    return next((kind for start, kind in _TYPES if data.startswith(start)), "application/octet-stream")
