"""The gallery as plain files, for any host of files or opened from a disk: the same page, its data, its pictures.

Pictures are named by their digest, so that a second export writes only what is new; what is shown no more is removed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from imgbuild.errors import BadImage, UsageError
from imgbuild.gallery.catalogue import Card, Catalogue, catalogue
from imgbuild.gallery.detail import Detail, detail
from imgbuild.gallery.look import Look
from imgbuild.gallery.page import read_page
from imgbuild.gallery.pictures import Pictures
from imgbuild.gallery.thumbs import SIDES, Thumbs
from imgbuild.select import handle
from imgbuild.store import temporary

DATA = "catalogue.js"
# Where the page asks a server for its data; in an export, the data are a file.
FETCHED = b'<link rel="preload" href="api/catalogue" as="fetch" crossorigin>'
_OURS = re.compile(
    r"images/[0-9a-f]{64}\.\w+|thumbs/[0-9a-f]{64}-\d+\.webp|details/[0-9a-f]{2}\.js|page/\w+\.\w+"
)
_ENDING = re.compile(r"\.([A-Za-z0-9]{1,5})$")  # as the page reads it, in source.js


class Written(Struct, frozen=True, kw_only=True):
    """What an export holds: how many images, and the targets whose image is nowhere."""

    images: int
    left_out: Sequence[str]


def write_site(look: Look, pictures: Pictures, thumbs: Thumbs, folder: Path) -> Written:
    """Raises UsageError where the folder holds something else, or can't be written."""
    _check(folder)
    try:
        return _Site(look, pictures, thumbs, folder).write()
    except OSError as error:
        raise UsageError(
            f"{folder} can't be written: {error.strerror}", hint="is it a folder of yours?"
        ) from error


def _check(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="name a folder")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / DATA).is_file():
        raise UsageError(
            f"{folder} holds other files than a gallery's", hint="name an empty folder, or a new one"
        )


class _Site:
    """One export. names: of all files that belong to it, from the folder."""

    def __init__(self, look: Look, pictures: Pictures, thumbs: Thumbs, folder: Path) -> None:
        self.look, self.pictures, self.thumbs, self.folder = look, pictures, thumbs, folder
        self.names: set[str] = set()
        self.missing: set[str] = set()

    def write(self) -> Written:
        """The pages last: what they name is there by then."""
        whole = catalogue(self.look, {}, can_review=False)
        for card in whole.targets:
            self._write_pictures(card)
        for name, data in _details(self.look):
            self._put(name, data)
        for name, (data, _) in read_page().items():
            if name != "index.html":
                self._put(f"page/{name}", data)
        shown = self._shown()
        self._put(DATA, b"window.CATALOGUE = " + msgspec.json.encode(shown) + b";\n")
        self._put("index.html", _index())
        self._sweep()
        images = {card.image for card in shown.targets if card.image}
        left_out = [card.id for card in whole.targets if card.image in self.missing]
        return Written(images=len(images), left_out=left_out)

    def _write_pictures(self, card: Card) -> None:
        if not card.image or card.image in self.missing:
            return
        try:
            if card.image not in self.thumbs.facts:
                self.thumbs.get(card.image, SIDES[0])
            self._once(f"images/{card.image}.{_ending(card.output)}", partial(self.pictures.read, card.image))
            for side in SIDES:
                self._once(f"thumbs/{card.image}-{side}.webp", partial(self.thumbs.get, card.image, side))
        except (KeyError, BadImage):
            self.missing.add(card.image)

    def _shown(self) -> Catalogue:
        """With what was seen of the images when their small pictures were made; without images that are nowhere."""
        whole = catalogue(self.look, self.thumbs.facts, can_review=False)
        cards = (replace(card, image="") if card.image in self.missing else card for card in whole.targets)
        return replace(whole, targets=tuple(cards))

    def _once(self, name: str, read: Callable[[], bytes]) -> None:
        """A file whose name tells its bytes: written where it is not there yet."""
        if name in self.names:
            return
        if not (self.folder / name).is_file():
            self._put(name, read())
        self.names.add(name)

    def _put(self, name: str, data: bytes) -> None:
        self.names.add(name)
        place = self.folder / name
        staged = temporary.write_new(str(place.parent), lambda file: temporary.write_all(file, data))
        temporary.move(staged, str(place))

    def _sweep(self) -> None:
        """Remove what an earlier export wrote and this one did not."""
        for place in self.folder.glob("*/*"):
            name = place.relative_to(self.folder).as_posix()
            if _OURS.fullmatch(name) and name not in self.names:
                place.unlink()


def _ending(output: str) -> str:
    found = _ENDING.search(output)
    return found[1].lower() if found else "bin"


def _index() -> bytes:
    page, _ = read_page()["index.html"]
    return page.replace(FETCHED, b'<script defer src="catalogue.js"></script>')


def _details(look: Look) -> Iterator[tuple[str, bytes]]:
    """What is told of each target, in one file for all handles that begin alike."""
    parts: dict[str, dict[str, Detail]] = {}
    for target in look.chosen:
        short = handle(target.id)
        parts.setdefault(short[:2], {})[short] = _public(detail(look, target))
    for part, found in sorted(parts.items()):
        text = msgspec.json.encode(found)
        yield f"details/{part}.js", b'(window.DETAILS ??= {})["%s"] = %s;\n' % (part.encode(), text)


def _public(told: Detail) -> Detail:
    """Without the addresses of who decided: an export is handed around."""
    decisions = (replace(item, who=item.who.partition(" <")[0]) for item in told.decisions)
    return replace(told, decisions=tuple(decisions))
