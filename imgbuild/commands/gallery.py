"""`imgbuild gallery`: the page over what is built, on this machine alone, until Ctrl-C."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from msgspec import Struct
from msgspec.structs import replace

from imgbuild.commands.interrupt import interruptible
from imgbuild.commands.lock import run_reseed
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit, ImgbuildError, UsageError
from imgbuild.extras import need
from imgbuild.report.events import Event
from imgbuild.report.text import plural
from imgbuild.reviews.person import person
from imgbuild.run.results import Built
from imgbuild.store.store import Store
from imgbuild.survey import Survey
from imgbuild.types import Target

if TYPE_CHECKING:
    from imgbuild.gallery.gallery import Gallery
    from imgbuild.gallery.guard import Door
    from imgbuild.gallery.source import Source


class View(Struct, frozen=True, kw_only=True):
    """What the command line gives to `gallery`; the names are those of its options. port: 0 for a free one."""

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    port: int = 0
    read_only: bool = False
    open: bool = False


def run_gallery(session: Session, view: View) -> int:
    """Serve the page until Ctrl-C. Raises SpecError, UsageError."""
    with interruptible() as stop, opened(session, view) as (gallery, door):
        gallery.refresh()
        if session.json:
            session.give({"event": "gallery", "url": door.address})
        else:
            session.say(f"the gallery is at {door.address}")
            session.say("Ctrl-C ends it")
        if view.open:
            show(session, door)
        gallery.follow(stop)
    return Exit.DONE


def run_export(session: Session, view: View, folder: str) -> int:
    """Write the page as plain files. Raises SpecError, UsageError."""
    from imgbuild.gallery.export import write_site
    from imgbuild.gallery.gallery import Gallery

    _, settings = session.settings()
    gallery = Gallery(settings, source_of(session, view), can_review=False)
    try:
        look = gallery.refresh().look
        assert look is not None, "a look has just been made"
        done = write_site(look, gallery.pictures, gallery.thumbs, session.folder / folder)
    finally:
        gallery.close()
    if done.left_out:
        session.warn(_left_out(done.left_out))
    if session.json:
        session.give({"event": "exported", "folder": folder, "images": done.images})
    else:
        session.say(f"{plural(done.images, 'image')} in {folder}; open {Path(folder) / 'index.html'}")
    return Exit.DONE


def _left_out(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
    return f"{plural(len(names), 'image')} left out, which `imgbuild build` brings back: {shown}"


@contextmanager
def opened(session: Session, view: View) -> Iterator[tuple[Gallery, Door]]:
    """A gallery that is served while the context lasts; what it shows comes with its first look.

    Raises UsageError where a library is missing, or the port taken.
    """
    for module in ("fastapi", "uvicorn"):
        need(module, module, "the gallery", "serve", UsageError)
    from imgbuild.gallery.gallery import Gallery
    from imgbuild.gallery.server import serving

    _, settings = session.settings()
    gallery = Gallery(settings, source_of(session, view), can_review=not view.read_only)
    with serving(gallery, view.port) as door:
        yield gallery, door


@contextmanager
def beside_watch(session: Session, view: View) -> Iterator[OnPage]:
    """A gallery that hears of the builds of a watch in this process, and looks for decisions by itself."""
    with opened(session, view) as (gallery, door):
        gallery.try_refresh()
        session.say(f"the gallery is at {door.address}")
        show(session, door)
        stop = threading.Event()
        following = threading.Thread(target=gallery.follow, args=(stop,), kwargs={"alone": False})
        following.start()
        try:
            yield OnPage(gallery)
        finally:
            stop.set()
            following.join()


class OnPage:
    """Passes on to the page what a watch tells."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def event(self, event: Event) -> None:
        self._gallery.feed.tell(event)

    def built(self, built: Built) -> None:
        self._gallery.patch(built.project)

    def complain(self, error: ImgbuildError) -> None:
        self._gallery.complain(error)


def show(session: Session, door: Door) -> None:
    """Open the browser, where somebody sits at a terminal."""
    import webbrowser

    if is_terminal(session.stdout):
        webbrowser.open(door.address)


def is_terminal(stream: TextIO) -> bool:
    return stream.isatty()


def source_of(session: Session, view: View) -> Source:
    """How the gallery looks at the project: as `ls` does. Nobody is waited for but by what moves seeds."""
    from imgbuild.gallery.source import Source

    def choose(found: Survey, store: Store) -> list[Target]:
        selection = selection_of(found.project, session, view.paths, view.select)
        return session.choose(found, store, selection)

    quiet = replace(session, stdout=io.StringIO(), json=False)
    return Source(
        load=lambda: session.project(view.paths),
        reading=session.reading,
        survey=session.survey,
        choose=choose,
        person=lambda: person(session.root, session.environ),
        reseed=lambda ids: run_reseed(quiet, ids),
    )
