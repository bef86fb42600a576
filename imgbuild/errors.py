"""The exceptions that are expected, and the exit codes they end in. An error has a place and a hint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from enum import IntEnum

from imgbuild.columns import columns
from imgbuild.types import Where


class Exit(IntEnum):
    """What the process ends with."""

    DONE = 0
    TARGET_FAILED = 1
    USAGE = 2
    RULE_FAILED = 3
    PENDING = 4
    LOCK_WOULD_CHANGE = 5
    BUSY = 6
    BUG = 70
    INTERRUPTED = 130


class ImgbuildError(Exception):
    """Something the user can mend: one sentence, where it stands if it stands somewhere, one hint."""

    exit_code = Exit.USAGE

    def __init__(self, message: str, *, where: Where | None = None, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def lines(self) -> list[str]:
        """The error as printed: `file:line:column: sentence`, the source line, a caret, the hint."""
        head = f"error: {self.message}" if self.where is None else f"{place(self.where)}: {self.message}"
        lines = [head]
        if self.where is not None and self.where.text:
            lines += excerpt(self.where)
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return lines


class SpecError(ImgbuildError):
    """A fault of a spec, a table or the settings: nothing runs."""


class Misdeclared(SpecError):
    """A fault that a provider found in the declaration of a model.

    path: the way to it in the declaration. word: what in the text there it is about. key: it is about the key's name.
    """

    def __init__(
        self,
        message: str,
        path: Sequence[str | int] = (),
        *,
        word: str = "",
        key: bool = False,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.path, self.word, self.key = tuple(path), word, key


class UsageError(ImgbuildError):
    """A fault of the command line."""


class Untrusted(ImgbuildError):
    """A declaration wants something that could harm the reader, who has not consented to it: nothing runs."""


class LockWouldChange(ImgbuildError):
    """`--locked` was given and the lock is not up to date."""

    exit_code = Exit.LOCK_WOULD_CHANGE


class Busy(ImgbuildError):
    """Another process holds the project."""

    exit_code = Exit.BUSY


class Interrupted(ImgbuildError):
    """It was broken off before anything was begun."""

    exit_code = Exit.INTERRUPTED


class TargetError(ImgbuildError):
    """One target can't be made; the others go on."""

    exit_code = Exit.TARGET_FAILED


class Refused(TargetError):
    """The provider will not make this image (moderation, a flagged result). A fallback may."""


class ProviderFailed(TargetError):
    """The provider can't make this image: bad request, model gone, broken answer. A fallback may."""


class Transient(TargetError):
    """The provider can't now, and has certainly not taken the request: rate limit, no connection. It is sent again.

    retry_after: in seconds, if the provider says.
    """

    def __init__(self, message: str, *, retry_after: float | None = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class Throttled(Transient):
    """A call was one too many for now: whoever asks the same provider goes slower."""


class Unavailable(TargetError):
    """The provider makes nothing for this account: its key is not taken, or its credit is used up. No fallback may."""


class Unanswered(TargetError):
    """The request may have been taken, and paid for, but its answer is lost: time-out, connection cut, server error.

    It is not sent again by itself.
    """


class Gone(Unanswered):
    """The provider knows a request no more that it took: what was paid for can't be had."""


class BadImage(TargetError):
    """Bytes that are no image, a broken one, or one too large to open safely."""


class Drift(TargetError):
    """What the pins make now is not the picture that the lock names."""


class Errors(ImgbuildError):
    """Several errors at once, in the order of their places; each is shown whole."""

    def __init__(self, errors: Sequence[ImgbuildError]) -> None:
        super().__init__(errors[0].message, where=errors[0].where, hint=errors[0].hint)
        self.errors = list(errors)

    def lines(self) -> list[str]:
        return [line for error in self.errors for line in error.lines()]


def raise_all(errors: Sequence[ImgbuildError]) -> None:
    """Raise the one error, or all of them as one; return if there is none."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise Errors(errors)


def place(where: Where) -> str:
    return f"{where.file}:{where.line}:{where.column}"


def excerpt(where: Where) -> list[str]:
    """The source line with its number, and a caret under the place, as wide as it is on a terminal."""
    text = where.text.replace("\t", " ")
    start = where.column - 1
    before, shown = text[:start].ljust(start), text[start : start + where.length]
    caret = " " * columns(before) + "^" * max(1, columns(shown))
    return [f"{where.line:>5} | {text}", f"{'':>5} | {caret}"]


# What is looked for among the rules, and stands elsewhere: a rule that draws would draw for a changed rule.
_NO_RULES = {
    "reproduces": "no rule makes an image again; `imgbuild verify` does, and compares it with the lock",
}


def did_you_mean(word: str, known: Iterable[str], what: str) -> str:
    """A hint for an unknown name: the nearest known one, and those there are (at most ten)."""
    names = sorted(known)
    if what.startswith("rules") and word in _NO_RULES:
        return _NO_RULES[word]
    if not names:
        return f"there are no {what} here"
    shown = ", ".join(names[:10]) + (", …" if len(names) > 10 else "")
    near = get_close_matches(word, names, n=1)
    listed = f"{what[0].upper()}{what[1:]} here: {shown}"
    return f"did you mean '{near[0]}'? {listed}" if near else listed
