"""`imgbuild gc`: free space in the store, keeping what locks, specs and purchases need."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec
from msgspec import Struct

from imgbuild.commands.session import Session
from imgbuild.digest import from_hex
from imgbuild.errors import Exit, UsageError
from imgbuild.gallery.thumbs import sweep
from imgbuild.ledger import pixels_key
from imgbuild.lock.book import LockBook
from imgbuild.pins import digests_of
from imgbuild.project import Project, open_settings
from imgbuild.report.text import data_size, plural
from imgbuild.settings import parse_size
from imgbuild.store.gc import DAY, Collected, collect
from imgbuild.store.store import Store
from imgbuild.survey import open_book
from imgbuild.traces import known_steps
from imgbuild.types import Digest, Line, Record

Named = tuple[str, Line]  # a target's id, and a line that some lock has for it


class Bounds(Struct, frozen=True, kw_only=True):
    """What the command line gives to `gc`: a size such as "10 GB", an age in days, or all there is."""

    max_size: str = ""
    older_than: float | None = None
    everything: bool = False

    def any(self) -> bool:
        return bool(self.max_size) or self.older_than is not None or self.everything


def run_gc(session: Session, bounds: Bounds, *, dry_run: bool) -> int:
    """Remove what the bounds allow; the exit code. Raises SpecError, UsageError for a lock that can't be read."""
    project = session.project()
    limit = bounds.max_size or ("" if bounds.any() else project.settings.store_limit)
    size = parse_size(limit) if limit else None
    with session.reading(project) if dry_run else session.held(project) as store:
        before = sum(size for _, size, _ in store.blobs.all())
        if size is None and not bounds.any():
            session.say(f"the store holds {data_size(before)}, and nothing limits it")
            session.say("hint: give --max-size, --older-than or --all, or set 'store_limit' in imgbuild.yaml")
            return Exit.DONE
        keep = needed(session, project, store)
        gone = collect(
            store.blobs,
            store.records,
            keep,
            limit=size,
            older_than=None if bounds.older_than is None else bounds.older_than * DAY,
            dry_run=dry_run,
            all=bounds.everything,
        )
        if not dry_run:
            sweep(project.store, lambda image: store.blobs.has(from_hex(image)))
    _tell(session, gone, before, size, dry_run=dry_run)
    return Exit.DONE


def _tell(session: Session, gone: Collected, before: int, limit: int | None, *, dry_run: bool) -> None:
    left = before - gone.freed
    if session.json:
        event = {"event": "gc", "dry_run": dry_run, **msgspec.structs.asdict(gone), "size": left}
        session.give(event)
        return
    done = "would free" if dry_run else "freed"
    session.say(
        f"{done} {data_size(gone.freed)} ({plural(gone.removed, 'blob')}); "
        f"{data_size(left)} ({plural(gone.kept, 'blob')}) {'would stay' if dry_run else 'stay'}"
    )
    if gone.forgotten:
        measured = plural(gone.forgotten, "picture")
        session.say(f"what was measured of {measured} elsewhere {'would be' if dry_run else 'is'} forgotten")
    if limit is not None and left > limit:
        session.say(
            f"that is {data_size(left - limit)} over the limit: all of it is needed, or can't be made again"
        )


def needed(session: Session, project: Project, store: Store) -> set[Digest]:
    """Blobs that must stay: of every lock line under every profile, of the steps behind them, of purchases."""
    records = store.records.all_records()
    lines = [named for book in _books(session, project) for named in _lines(book)]
    lines += [
        (key, msgspec.convert(record.manifest, Line))
        for key, record in records.items()
        if record.step == "candidate"
    ]
    keep = {digest for _, line in lines for digest in (line.raw, line.image, *line.files.values()) if digest}
    keep.update(_pixel_blobs(lines, records))
    keep.update(_between(project, lines, records))
    keep.update(store.journal.bought().values())
    equivalents = store.records.equivalents()
    keep.update(image for image, others in equivalents.items() if not keep.isdisjoint(others))
    return keep


def _books(session: Session, project: Project) -> Iterator[LockBook]:
    """The locks under each profile. Raises UsageError for a damaged one: nobody knows what it needs."""
    for profile in ("", *project.settings.profiles):
        files, settings = open_settings(session.root, _plain(session.environ), Path.home(), profile)
        book = LockBook(files, settings, project.specs)
        damaged = next((fault for read in book.found.values() for fault in read.faults), "")
        if damaged:
            raise UsageError(
                f"a lock is damaged, so what it needs is not known: {damaged}",
                hint="`imgbuild build` mends it",
            )
        yield book


def _plain(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without a profile of its own."""
    return {name: value for name, value in environ.items() if name != "IMGBUILD_PROFILE"}


def _lines(book: LockBook) -> Iterator[Named]:
    """Every line with its target's id, those of both sides of a conflict too."""
    for spec, read in book.found.items():
        for lock in (read.lock, *(read.sides or ())):
            yield from ((f"{spec}/{id}", line) for id, line in lock.targets.items())


def _pixel_blobs(lines: Iterable[Named], records: Mapping[Digest, Record]) -> Iterator[Digest]:
    """Blobs that hold the pixels of a locked image exactly, where the published file does not."""
    for _, line in lines:
        record = records.get(pixels_key(line.pixels))
        if record is not None:
            yield record.blob


def _between(project: Project, lines: Iterable[Named], records: Mapping[Digest, Record]) -> Iterator[Digest]:
    """Pictures between the steps of what is declared now: where a step is edited, work goes on from there."""
    targets, (_, pins) = project.graph.targets, open_book(project)
    digest = digests_of(project.files, pins)
    pixels_of = {record.blob: record.pixels for record in records.values()}
    for name, line in lines:
        pixels = pixels_of.get(line.raw)
        if name in targets and pixels:
            recipe = targets[name].recipe
            steps = known_steps(recipe.process, pixels, records.get, _any_blob, digest)
            yield from (record.blob for record in steps)
            for rendition in recipe.renditions if len(steps) == len(recipe.process) else ():
                start = steps[-1].pixels if steps else pixels
                further = known_steps(rendition.process, start, records.get, _any_blob, digest)
                yield from (record.blob for record in further)


def _any_blob(digest: Digest) -> bool:
    """A blob that is gone ends no walk: what comes after it may be here, and is to stay."""
    return True
