"""A question to whoever is at the terminal, while a command waits for the answer."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable

import click

from imgbuild.commands.session import Session
from imgbuild.errors import UsageError


def asks(session: Session) -> Callable[[str], bool] | None:
    """What puts a question, and says whether the answer was yes; None where there is nobody to ask."""
    return None if session.json or not sys.stdin.isatty() else _ask


def agreed(session: Session, question: str, *, would: str, hint: str) -> bool:
    """Whether the answer to a question was yes. Raises UsageError where there is nobody to ask.

    would: what a yes would have done, as a sentence. hint: how to say yes beforehand.
    """
    ask = asks(session)
    if ask is None:
        raise UsageError(f"{would}, and there is nobody to ask", hint=hint)
    return ask(question)


def _ask(question: str) -> bool:
    """Ctrl-C ends the program at once: nothing is under way that could end cleanly."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return click.confirm(question, err=True)
    finally:
        signal.signal(signal.SIGINT, before)
