"""The live display: draws frames at the foot of a terminal from its own thread, and puts the terminal back."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import Event, Thread
from typing import TextIO

from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType
from rich.text import Text

from imgbuild.report.frame import Look, frame_lines

TICK = 0.1  # seconds between frames


def open_console(stream: TextIO, environ: Mapping[str, str]) -> Console:
    """A console that takes text as it is: no markup, no emoji codes, no guessed highlights."""
    return Console(
        file=stream, force_terminal=True, markup=False, emoji=False, highlight=False, _environ=environ
    )


class Frame:
    """Draws the latest look whenever it is asked to; remembers how wide its lines came out."""

    def __init__(self, look: Callable[[], Look]) -> None:
        self._look = look
        self.columns = 0
        self.widths: list[int] = []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = frame_lines(self._look(), options.max_width, options.size.height)
        self.columns = options.max_width
        self.widths = [line.cell_len for line in lines]
        yield from lines

    def surplus(self, columns: int) -> int:
        """How many lines more the last frame takes after the terminal was narrowed to that many columns."""
        if columns >= self.columns:
            return 0
        return sum(max(0, width - 1) // columns for width in self.widths)


class Display:
    """The frame and what is printed above it. look: the state to draw. take: what was said since last asked."""

    def __init__(
        self, console: Console, look: Callable[[], Look], take: Callable[[], Sequence[Text]]
    ) -> None:
        self._console = console
        self._take = take
        self._frame = Frame(look)
        self._live = Live(
            self._frame,
            console=console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=sys.stdout.isatty(),
            redirect_stderr=sys.stderr.isatty(),
        )
        self._done = Event()
        self._thread = Thread(target=self._draw, name="display", daemon=True)

    def start(self) -> None:
        self._live.start()
        self._thread.start()

    def stop(self) -> None:
        """Print what is left to say, wipe the frame, and show the cursor, also if interrupted meanwhile."""
        try:
            self._done.set()
            self._thread.join(timeout=1)
            self.tick()
            with suppress(OSError):
                self._live.stop()
        finally:
            with suppress(OSError):
                self._console.show_cursor(True)

    def tick(self) -> None:
        """Draw one frame. A terminal that has gone stops nothing."""
        with suppress(OSError):
            self._erase(self._frame.surplus(self._console.width))
            said = self._take()
            if said:
                self._console.print(Group(*said))
            else:
                self._live.refresh()

    def _draw(self) -> None:
        while not self._done.wait(TICK):
            self.tick()

    def _erase(self, surplus: int) -> None:
        """Terminals wrap the old frame when they are narrowed; Live does not know of the lines this adds."""
        if surplus:
            wipe = (ControlType.ERASE_IN_LINE, 2)
            above = ((ControlType.CURSOR_UP, 1), wipe) * surplus
            self._console.control(Control(ControlType.CARRIAGE_RETURN, wipe, *above))
