"""Pictures in a terminal: by Kitty's graphics protocol or as Sixels where it knows them, else as half cells."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from imgbuild.commands.session import Session
from imgbuild.extras import need
from imgbuild.report import is_lively
from imgbuild.report.output import wants_color
from imgbuild.report.terminal import Graphics, graphics_of

if TYPE_CHECKING:
    from rich.console import Console

ROWS, COLUMNS = 12, 40  # cells that a picture takes at most


class Terminal:
    """A terminal that was asked what it can show. image: a renderable of rich, from a picture, its width and height."""

    def __init__(self, console: Console, image: Callable[..., Any]) -> None:
        self._console, self._image = console, image

    def draw(self, data: bytes, name: str) -> None:
        """Show a picture, on white where it is transparent; the cursor stands below it. Raises BadImage."""
        from imgbuild.images import Picture

        image = self._image(Picture(data, name=name).flat, "auto", "auto")
        self._console.print(image, width=min(COLUMNS, self._console.width), height=ROWS)


def terminal_for(session: Session) -> Terminal | None:
    """The terminal that a person looks at; None in a pipe, and where nothing but plain text is wanted.

    Raises TargetError where the library is missing that draws.
    """
    if session.json or session.plain or not _takes_pictures(session):
        return None
    need("textual_image", "textual-image", "'ls --pictures'", "terminal")
    assert sys.__stdin__ is not None
    graphics = graphics_of(session.stdout, sys.__stdin__.fileno())
    from rich.console import Console

    # Kitty finds a picture by a colour of its cells, which must not be rounded to one of 256.
    colors: Any = "truecolor" if graphics == "kitty" else "auto"
    console = Console(file=session.stdout, force_terminal=True, color_system=colors, _environ=session.environ)
    return Terminal(console, _image_for(graphics))


def _takes_pictures(session: Session) -> bool:
    """Whether it can redraw and has colours, and can be asked: its answers come by the standard input."""
    can_ask = sys.__stdin__ is not None and sys.__stdin__.isatty()
    return (
        can_ask
        and is_lively(session.stdout, session.environ)
        and wants_color(session.stdout, session.environ)
    )


def _image_for(graphics: Graphics) -> Callable[..., Any]:
    """The library's own, which asks the terminal as it is imported, and gives up after a tenth of a second.

    It does not ask where there is no standard output.
    """
    import logging

    logging.getLogger("textual_image").addHandler(logging.NullHandler())  # it tells of cells of unknown size
    there = sys.__stdout__
    vars(sys)["__stdout__"] = None
    try:
        from textual_image.renderable import HalfcellImage, SixelImage, TGPImage
    finally:
        vars(sys)["__stdout__"] = there
    return {"sixel": SixelImage, "kitty": TGPImage, "cells": HalfcellImage}[graphics]
