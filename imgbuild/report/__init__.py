"""What a build says as it goes: one protocol, and the choice among plain, fancy and JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol, TextIO

from imgbuild.report.events import Event

_NO = ("", "0", "false")


class Reporter(Protocol):
    """Takes events as they come, from one thread; use it as `with closing(reporter_for(…)) as reporter`.

    A reporter never breaks a build: where the reader of its stream has gone, it goes quiet.
    """

    def event(self, event: Event) -> None:
        """Tell one event; cheap, and never waits for a terminal to be drawn."""

    def close(self) -> None:
        """Put the terminal back as it was. May be called more than once, and without an end of the build."""


def reporter_for(
    *, json: bool, plain: bool, quiet: bool, verbose: bool, stream: TextIO, environ: Mapping[str, str]
) -> Reporter:
    """The reporter that these flags, this stream and this environment call for; only fancy ones load rich.

    quiet: say only what went wrong. verbose: say also what starts, what is tried again, and why; cut nothing.
    """
    if json:
        from imgbuild.report.json import JsonReporter

        return JsonReporter(stream)
    if plain or quiet or not is_lively(stream, environ):
        from imgbuild.report.output import width_of
        from imgbuild.report.plain import PlainReporter

        return PlainReporter(stream, width=width_of(stream, environ), quiet=quiet, verbose=verbose)
    from imgbuild.report.fancy import FancyReporter

    return FancyReporter(stream, environ=environ, verbose=verbose)


def is_lively(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream is a terminal that can redraw, with a person before it and not a CI log."""
    if environ.get("TERM", "") == "dumb" or environ.get("CI", "").lower() not in _NO:
        return False
    return stream.isatty()
