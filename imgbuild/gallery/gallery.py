"""The gallery as it stands: the last look at the project, its catalogue as bytes, its pictures; one look at a time."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import PurePosixPath

from msgspec.structs import replace

from imgbuild.errors import ImgbuildError
from imgbuild.files import Stamp, stamp_of
from imgbuild.gallery.catalogue import Can, Catalogue, catalogue, changed, encode, images_of, patched
from imgbuild.gallery.detail import detail_json, target_of
from imgbuild.gallery.feed import Feed, told_event
from imgbuild.gallery.history import History, Since
from imgbuild.gallery.look import Look, decided_anew, look_at
from imgbuild.gallery.pictures import Pictures
from imgbuild.gallery.posted import Posted, take
from imgbuild.gallery.rivals import is_settling
from imgbuild.gallery.source import Source
from imgbuild.gallery.thumbs import FOLDER, Thumbs
from imgbuild.project import Project
from imgbuild.settings import Settings
from imgbuild.spec.find import SUFFIXES
from imgbuild.store.blobs import Blobs
from imgbuild.store.recover import NAME as RECORDS
from imgbuild.watch import below, watched

MOST = 500  # targets that are sent as they are; of more, the page fetches the whole catalogue


class Shown:
    """What the page is given: the catalogue, also as JSON, and its tag.

    look: what it is made from; None before the first one. facts: of how many images something was known.
    narrow: by handle, later looks at a part of the project.
    """

    def __init__(
        self, look: Look | None, whole: Catalogue, facts: int = 0, narrow: Mapping[str, Look] | None = None
    ) -> None:
        self.look, self.whole, self.facts, self.narrow = look, whole, facts, narrow or {}

    @cached_property
    def _encoded(self) -> tuple[bytes, str]:
        return encode(self.whole)

    @property
    def data(self) -> bytes:
        return self._encoded[0]

    @property
    def tag(self) -> str:
        return self._encoded[1]

    def look_of(self, short: str) -> Look | None:
        """The last look at the target of that handle."""
        return self.narrow.get(short, self.look)


class Gallery:
    """settings: of now; where the store lies does not change while it is open. can_review: decisions are taken."""

    def __init__(self, settings: Settings, source: Source, *, can_review: bool = True) -> None:
        self.settings, self.source, self.can_review = settings, source, can_review
        self.feed, self.history = Feed(), History()
        store, cache = settings.root / settings.store, settings.cache
        second = settings.root / cache / "blobs" if cache else None
        self.pictures = Pictures(Blobs(store / "blobs", second, share=False), settings.root / settings.output)
        self.thumbs = Thumbs(store, self.pictures.read)
        self.shown = Shown(None, _empty(settings, can_review))
        self.error = ""
        self._one, self._records = threading.RLock(), _stamp(settings)

    # --- looking -----------------------------------------------------------------------------------------

    def refresh(self) -> Shown:
        """Look again, and tell the page what is new. Raises ImgbuildError; the page keeps what it has."""
        with self._one:
            self._records = _stamp(self.settings)
            project = self.source.load()
            with self.source.reading(project) as store:
                found = self.source.survey(project, store)
                look = look_at(found, store, self.source.choose(found, store), self.shown.look)
            return self._show(look)

    def try_refresh(self) -> None:
        """The same, where nobody is there to tell of an error but the page."""
        try:
            self.refresh()
        except ImgbuildError as error:
            self.complain(error)

    def complain(self, error: ImgbuildError) -> None:
        """Show an error on the page, until the next look that finds none."""
        text = str(error)
        if text != self.error:
            self.error = text
            self.feed.send("note", {"text": text, "level": "error"})

    def patch(self, project: Project) -> None:
        """After a build in this process of a project that may be a part of the whole: look at that part alone."""
        with self._one:
            look = self.shown.look
            if project.is_whole or look is None:
                self.try_refresh()
                return
            records, written = _stamp(self.settings), _written(project)
            try:
                with self.source.reading(project) as store:
                    found = self.source.survey(project, store)
                    part = look_at(found, store, list(found.project.graph.targets.values()), look)
            except (ImgbuildError, ValueError):  # the latter where a lock can't be read in part
                self.try_refresh()
            else:
                self._records = records
                self._patch(look, replace(part, stamps={**part.stamps, **written}))

    def _patch(self, look: Look, part: Look) -> None:
        cards = catalogue(part, self.thumbs.facts, can_review=self.can_review)
        whole = patched(self.shown.whole, cards)
        if whole is None:
            self.try_refresh()
            return
        self._know(part, more=True)
        narrow = {**self.shown.narrow, **{card.handle: part for card in cards.targets}}
        stamped = replace(look, stamps={**look.stamps, **part.stamps})
        self._put(Shown(stamped, whole, self.shown.facts, narrow))

    def _show(self, look: Look) -> Shown:
        self.settings = look.found.project.settings
        self._know(look)
        self._put(self._made(look))
        return self.shown

    def _know(self, look: Look, *, more: bool = False) -> None:
        """These images may be asked for. more: beside those that are known."""
        known = self.pictures.known if more else {}
        self.pictures.known = {**known, **images_of(look)}
        self.pictures.equals = look.found.equals
        self.pictures.outputs = look.found.project.outputs.folder

    def _made(self, look: Look) -> Shown:
        count = len(self.thumbs.facts)
        return Shown(look, catalogue(look, self.thumbs.facts, can_review=self.can_review), count)

    def _put(self, after: Shown) -> None:
        before, self.shown = self.shown, after
        was_broken, self.error = bool(self.error), ""
        news = changed(before.whole, after.whole)
        if news is None or len(news) > MOST or (was_broken and not news):
            self.feed.send("catalogue", {"etag": after.tag})
        elif news:
            self.feed.send("changed", {"etag": after.tag, "targets": news})

    def current(self) -> Shown:
        """What is shown, with what was found out of images since."""
        shown = self.shown
        if shown.look is None or shown.facts == len(self.thumbs.facts) or shown.narrow:
            return shown
        with self._one:
            if self.shown.look is not None:
                self.shown = self._made(self.shown.look)
            return self.shown

    # --- following -----------------------------------------------------------------------------------------

    def follow(self, stop: threading.Event, *, alone: bool = True) -> None:
        """Look again whenever something that was looked at changes, until `stop` is set. Errors go to the page.

        alone: False where a watch in this process builds, and says so: then only decisions are looked for.
        """
        store = self.settings.store
        folders = (self.settings.output, f"{store}/blobs", f"{store}/{FOLDER}", ".git")
        ignored = below(self.settings.root, folders)
        for burst in watched(self.settings.root, lambda: ignored, stop):
            self.notice([path for _, path in burst], alone=alone)

    def notice(self, paths: Iterable[str], *, alone: bool = True) -> None:
        """Look again if any of these paths, which may have changed, is not as it was seen."""
        with self._one:
            look = self.shown.look
            inside = [os.path.relpath(path, self.settings.root).replace(os.sep, "/") for path in paths]
            news = [path for path in inside if look is None or _is_news(look, path)]
            decided = [path for path in news if path.endswith(".reviews")]
            if decided and len(decided) == len(news) and look is not None:
                self._decided(look)
            elif alone and (news or _stamp(self.settings) != self._records):
                self.try_refresh()

    def _decided(self, look: Look) -> None:
        """Show what is decided now, where nothing else has changed: where pictures compete, what is made may have."""
        if self.shown.narrow or look.competing:
            self.try_refresh()
            return
        with self.source.reading(look.found.project) as store:
            self._show(decided_anew(look, store))

    # --- asking --------------------------------------------------------------------------------------------

    def detail(self, short: str) -> bytes | None:
        """All of the target of that handle, as JSON; None where none that is shown has it."""
        look = self.shown.look_of(short)
        target = target_of(look, short) if look is not None else None
        if look is None or target is None:
            return None
        before = self.history.before(self.shown.look or look, target)
        self._remember_past()
        return detail_json(look, short, before)

    def since(self, revision: str) -> Since | None:
        """What differs from a revision; None before the first look. Raises ImgbuildError."""
        if self.shown.look is None:
            return None
        look = self.refresh().look if self.shown.narrow else self.shown.look
        assert look is not None
        found = self.history.since(look, revision)
        self._remember_past()
        return found

    def _remember_past(self) -> None:
        self.pictures.past = self.history.images()

    def decide(self, posted: Posted) -> int:
        """Keep a decision; on how many pictures. Raises ImgbuildError, as `take` does."""
        with self._one:
            look = self._look_for(posted.handles)
            targets = take(look, posted, self.source.person())
            settles = is_settling(look, posted.decision, targets)
            if not settles:
                with self.source.reading(look.found.project) as store:
                    part = replace(decided_anew(look, store), chosen=targets)
                self._patch(self.shown.look or look, part)
        if posted.reseed:
            self.source.reseed([target.id for target in targets])
        if posted.reseed or settles:
            self.refresh()
        return len(targets)

    def _look_for(self, handles: Iterable[str]) -> Look:
        """A look at the targets of these handles that is as things are now."""
        looks = [look for short in handles if (look := self.shown.look_of(short)) is not None]
        is_one = bool(looks) and all(look is looks[0] for look in looks)
        if is_one and self.shown.look is not None and self.shown.look.is_current():
            return looks[0]
        found = self.refresh().look
        assert found is not None
        return found

    def first(self) -> bytes:
        """What a reader of the feed is told at first: where things stand."""
        told = told_event("catalogue", {"etag": self.shown.tag})
        return told + told_event("note", {"text": self.error, "level": "error"}) if self.error else told

    def close(self) -> None:
        self.feed.close()
        self.thumbs.close()


def _stamp(settings: Settings) -> Stamp | None:
    """Of the records: a build that changes no lock may still change how a target ended."""
    return stamp_of(settings.root / settings.store / RECORDS)


def _written(project: Project) -> dict[str, Stamp | None]:
    """Stamps of the files that a build writes itself: what it has seen of them is from before."""
    files = project.files
    return {path: stamp_of(files.root / path) for path in files.seen if path.endswith((".lock", ".reviews"))}


def _is_news(look: Look, path: str) -> bool:
    """Whether a path, from the root, is not as it was read, or may be a new spec or new decisions."""
    if path in look.stamps:
        return look.has_changed(path)
    folders = map(str, PurePosixPath(path).parents)
    return path.endswith((*SUFFIXES, ".reviews")) and any(folder in look.stamps for folder in folders)


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
