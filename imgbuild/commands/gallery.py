"""`imgbuild gallery`: the page over what is built, on this machine alone, until Ctrl-C."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from imgbuild.commands.interrupt import interruptible
from imgbuild.commands.session import Session, selection_of
from imgbuild.errors import Exit, UsageError
from imgbuild.extras import need

if TYPE_CHECKING:
    from imgbuild.gallery.gallery import Gallery
    from imgbuild.gallery.guard import Door
    from imgbuild.gallery.look import Look


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
    gallery = Gallery(settings, _looking(session, view), can_review=not view.read_only)
    with serving(gallery, view.port) as door:
        yield gallery, door


def show(session: Session, door: Door) -> None:
    """Open the browser, where somebody sits at a terminal."""
    import webbrowser

    if session.stdout.isatty():
        webbrowser.open(door.address)


def _looking(session: Session, view: View) -> Callable[[Look | None], Look]:
    """How the gallery looks at the project: as `ls` does. Nobody is waited for."""
    from imgbuild.gallery.look import look_at

    def look(before: Look | None) -> Look:
        project = session.project(view.paths)
        with session.reading(project) as store:
            found = session.survey(project, store)
            selection = selection_of(project, session, view.paths, view.select)
            return look_at(found, store, session.choose(found, store, selection), before)

    return look
