"""Small pictures of images: each made once, by a few threads, and kept in the store, which may lose them any time."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from imgbuild.gallery.facts import NAME, Fact, Facts, keep_facts
from imgbuild.store import temporary

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

FOLDER = "thumbs"  # of the store
SIDES = (64, 256, 512)  # pixels
WORKERS = 2
_QUALITY = 80  # of WebP
_NAME = re.compile(r"[0-9a-f]{64}-\d+\.webp")


class Thumbs:
    """read: the bytes of an image by its SHA-256 in hexadecimal; raises KeyError. store: its folder."""

    def __init__(self, store: Path, read: Callable[[str], bytes]) -> None:
        self.folder, self._store, self._read = store / FOLDER, store, read
        self.facts = Facts(self.folder)
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="thumbs")
        self._underway: dict[tuple[str, int], Future[bytes]] = {}
        self._looking = Lock()

    def ask(self, image: str, side: int) -> Future[bytes]:
        """A WebP file of the image, no longer than `side` on any side. Fails with KeyError, BadImage."""
        key = image, side
        with self._looking:
            known = self._underway.get(key)
            if known is not None:
                return known
            future = self._underway[key] = self._pool.submit(self.get, image, side)
        future.add_done_callback(lambda _: self._underway.pop(key, None))
        return future

    def get(self, image: str, side: int) -> bytes:
        """The same, made here and now if need be."""
        place = self.folder / image[:2] / f"{image}-{side}.webp"
        known = _kept(place) if image in self.facts else None
        if known is not None:
            return known
        data, fact = make(self._read(image), image, side)
        if self._store.is_dir() and not any(map(Path.is_symlink, (self.folder, place.parent))):
            with suppress(OSError):
                _keep(self.folder, place, data)
                self.facts.note(fact)
        return data

    def close(self) -> None:
        self._pool.shutdown(cancel_futures=True)


def make(data: bytes, image: str, side: int) -> tuple[bytes, Fact]:
    """The small picture of an image's bytes, and what was seen of it. Raises BadImage."""
    from imgbuild.images import decode, normal

    picture = normal(decode(data, image[:8]))
    fact = Fact(image=image, width=picture.width, height=picture.height, color=mean_color(picture))
    small = _fitted(picture, side)
    out = io.BytesIO()
    small.convert("RGBA" if "A" in small.mode else "RGB").save(out, "WEBP", quality=_QUALITY, method=2)
    return out.getvalue(), fact


def _fitted(picture: PILImage, side: int) -> PILImage:
    """Never enlarged, and without what its file said besides the pixels."""
    from PIL import Image as pillow

    small = picture.copy()
    small.info = {}
    small.thumbnail((side, side), pillow.Resampling.LANCZOS, reducing_gap=2.0)
    return small


def mean_color(picture: PILImage) -> str:
    """`#rrggbb`, on white where it is transparent."""
    from PIL import Image as pillow

    from imgbuild.images import flat

    small = picture.resize((8, 8), pillow.Resampling.BOX, reducing_gap=2.0)
    mean = flat(small).convert("RGB").resize((1, 1), pillow.Resampling.BOX)
    return "#" + mean.tobytes().hex()


def _kept(place: Path) -> bytes | None:
    """A file's bytes, if they may be what we wrote: a store that came with a project can hold anything."""
    try:
        data = b"" if place.is_symlink() else place.read_bytes()
    except OSError:
        return None
    return data if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def _keep(folder: Path, place: Path, data: bytes) -> None:
    staged = temporary.write_new(str(folder / "tmp"), lambda file: temporary.write_all(file, data))
    temporary.move(staged, str(place))


def sweep(store: Path, has: Callable[[str], bool]) -> int:
    """Remove those of images that are gone, and what dead processes left half-made; how many. has: by SHA-256."""
    folder = store / FOLDER
    if folder.is_symlink() or not folder.is_dir():
        return 0
    for half_made in (folder, folder / "tmp"):
        temporary.sweep(str(half_made))
    found = [place for place in folder.glob("[0-9a-f][0-9a-f]/*.webp") if _is_ours(place)]
    there = {image for image in {place.name[:64] for place in found} if has(image)}
    gone = [place for place in found if place.name[:64] not in there]
    for place in gone:
        place.unlink(missing_ok=True)
    with suppress(OSError):
        keep_facts(folder / NAME, there)
    return len(gone)


def _is_ours(place: Path) -> bool:
    return _NAME.fullmatch(place.name) is not None and not place.parent.is_symlink()
