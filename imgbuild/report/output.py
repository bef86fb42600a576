"""The streams that text leaves by: how wide, whether coloured, and what to do when the reader has gone.

The entry point calls `soften` on both standard streams, and ends a command whose reader closed the pipe
(`imgbuild ls | head`) without a traceback:

    try:
        code = run()
        sys.stdout.flush()
    except BrokenPipeError:
        abandon(sys.stdout)
        code = PIPE_CLOSED

Reporters write through `emit`, so that a build goes on to its end, and to its lock, when nobody reads it any more.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

# What a shell shows for a program that was ended by SIGPIPE.
PIPE_CLOSED = 141


def emit(stream: TextIO, text: str) -> None:
    """Write the text and flush; if nobody reads the stream any more, drop this and all that follows."""
    try:
        stream.write(text)
        stream.flush()
    except BrokenPipeError:
        abandon(stream)


def abandon(stream: TextIO) -> None:
    """Let what is still buffered for a closed pipe go nowhere, or the interpreter complains when it exits."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, stream.fileno())
        finally:
            os.close(nowhere)


def soften(stream: TextIO) -> None:
    """Show characters that the stream's encoding lacks as escapes instead of failing."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors="backslashreplace")


def width_of(stream: TextIO, environ: Mapping[str, str]) -> int | None:
    """Columns of the terminal; None for a pipe or a file, where nothing is cut."""
    if not stream.isatty():
        return None
    if environ.get("COLUMNS", "").isdecimal():
        return int(environ["COLUMNS"]) or None
    with suppress(OSError, ValueError):
        return os.get_terminal_size(stream.fileno()).columns or None
    return None


def wants_color(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether to colour: NO_COLOR says no, FORCE_COLOR yes, else a terminal that is not dumb."""
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR"):
        return True
    return environ.get("TERM", "") != "dumb" and stream.isatty()
