"""The gallery as it stands: the last look at the project, its catalogue as bytes, its pictures; one look at a time."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from msgspec import Struct

from imgbuild.errors import ImgbuildError
from imgbuild.files import Stamp, stamp_of
from imgbuild.gallery.catalogue import Can, Catalogue, catalogue, changed, encode, images_of
from imgbuild.gallery.feed import Feed, told_event
from imgbuild.gallery.look import Look
from imgbuild.gallery.pictures import Pictures
from imgbuild.gallery.thumbs import FOLDER, Thumbs
from imgbuild.settings import Settings
from imgbuild.store.blobs import Blobs
from imgbuild.store.recover import NAME as RECORDS
from imgbuild.watch import watched

MOST = 500  # targets that are sent as they are; of more, the page fetches the whole catalogue
LEVEL = 1  # of gzip: what is sent goes no further than this machine
Looking = Callable[[Look | None], Look]


class Shown(Struct, frozen=True, kw_only=True, eq=False):
    """What the page is given: the catalogue, also as JSON, plain and packed, and its tag.

    look: what it is made from. facts: of how many images something was known.
    """

    look: Look | None
    facts: int
    whole: Catalogue
    data: bytes
    packed: bytes
    tag: str


class Gallery:
    """looking: looks at the project, given the look before; raises ImgbuildError. can_review: decisions are taken."""

    def __init__(self, settings: Settings, looking: Looking, *, can_review: bool = True) -> None:
        self.settings, self.can_review = settings, can_review
        self.feed = Feed()
        store, cache = settings.root / settings.store, settings.cache
        second = settings.root / cache / "blobs" if cache else None
        blobs = Blobs(store / "blobs", second, share=False)
        self.pictures = Pictures(blobs, settings.root / settings.output)
        self.thumbs = Thumbs(store, self.pictures.read)
        self._looking, self._one = looking, threading.Lock()
        self.shown = _shown(None, _empty(settings, can_review))
        self.error = ""
        self._records: Stamp | None = None

    @property
    def store(self) -> Path:
        return self.settings.root / self.settings.store

    def refresh(self) -> Shown:
        """Look again, and tell the page what is new. Raises ImgbuildError; the page keeps what it has."""
        with self._one:
            self._records = stamp_of(self.store / RECORDS)
            return self._show(self._looking(self.shown.look))

    def try_refresh(self) -> None:
        """The same, where nobody is there to tell of an error but the page."""
        try:
            self.refresh()
        except ImgbuildError as error:
            self._complain(error)
        else:
            self.error = ""

    def _complain(self, error: ImgbuildError) -> None:
        text = str(error)
        if text != self.error:
            self.error = text
            self.feed.send("note", {"text": text, "level": "error"})

    def _show(self, look: Look) -> Shown:
        before = self.shown
        self.pictures.known = {**images_of(look)}
        self.pictures.equals = look.found.equals
        self.pictures.outputs = look.found.project.outputs.folder
        self.shown = after = self._made(look)
        self._tell(before, after)
        return after

    def _made(self, look: Look) -> Shown:
        count = len(self.thumbs.facts)
        return _shown(look, catalogue(look, self.thumbs.facts, can_review=self.can_review), count)

    def _tell(self, before: Shown, after: Shown) -> None:
        news = changed(before.whole, after.whole)
        if news is None or len(news) > MOST:
            self.feed.send("catalogue", {"etag": after.tag})
        elif news:
            self.feed.send("changed", {"etag": after.tag, "targets": news})

    def follow(self, stop: threading.Event) -> None:
        """Look again whenever something that was looked at changes, until `stop` is set. Errors go to the page."""
        store = self.settings.store
        ignored = (self.settings.output, f"{store}/blobs", f"{store}/{FOLDER}")
        for burst in watched(self.settings.root, ignored, stop):
            if self._is_stale([path for _, path in burst]):
                self.try_refresh()

    def _is_stale(self, paths: Sequence[str]) -> bool:
        look = self.shown.look
        if stamp_of(self.store / RECORDS) != self._records:
            return True
        return bool(paths) if look is None else any(look.seen.is_news(path) for path in paths)

    def current(self) -> Shown:
        """What is shown, with what was found out of images since."""
        shown = self.shown
        if shown.look is None or shown.facts == len(self.thumbs.facts):
            return shown
        with self._one:
            if self.shown.look is not None:
                self.shown = self._made(self.shown.look)
            return self.shown

    def first(self) -> bytes:
        """What a reader of the feed is told at first: where things stand."""
        told = told_event("catalogue", {"etag": self.shown.tag})
        return told + told_event("note", {"text": self.error, "level": "error"}) if self.error else told

    def close(self) -> None:
        self.feed.close()
        self.thumbs.close()


def _shown(look: Look | None, whole: Catalogue, facts: int = 0) -> Shown:
    data, tag = encode(whole)
    packed = gzip.compress(data, LEVEL, mtime=0)
    return Shown(look=look, facts=facts, whole=whole, data=data, packed=packed, tag=tag)


def _empty(settings: Settings, can_review: bool) -> Catalogue:
    return Catalogue(
        project=settings.root.name,
        root="",
        profile=settings.profile_name,
        can=Can(review=can_review),
        checklist=(),
        variables=(),
        assets=(),
        prompts=(),
        targets=(),
    )


def message(error: ImgbuildError) -> bytes:
    """An error as the page shows it."""
    return msgspec.json.encode({"error": error.message, "hint": error.hint})
