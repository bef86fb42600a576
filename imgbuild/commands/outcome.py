"""The one place where exceptions become messages and exit codes: expected, interrupted, a bug."""

from __future__ import annotations

import errno
import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

import click

from imgbuild import __version__
from imgbuild.errors import Exit, ImgbuildError, UsageError
from imgbuild.report.errors import print_error
from imgbuild.report.output import emit, soften, wants_color

# What a disk or its owner refuses is no bug of ours.
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


def guarded(call: Callable[[], int], arguments: Sequence[str], *, last: bool = False) -> int:
    """What `call` returns, or the exit code of what it raised, after saying so on stderr.

    last: the process ends with this, so no Ctrl-C that comes later may change how.
    """
    soften(sys.stdout)
    soften(sys.stderr)
    try:
        return _deafened(call) if last else call()
    except ImgbuildError as error:
        return _tell(error)
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except (click.Abort, KeyboardInterrupt):
        emit(sys.stderr, "interrupted\n")
        return Exit.INTERRUPTED
    except click.ClickException as error:
        return _misused(error)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in _REFUSED:
            return _tell(_refused(error))
        emit(sys.stderr, _report(error, arguments))
        return Exit.BUG


def _deafened(call: Callable[[], int]) -> int:
    """What `call` gives; from then on Ctrl-C is ignored, where somebody has listened to it."""
    try:
        return call()
    finally:
        if "signal" in sys.modules:  # loaded by who listens: nobody else is made to load it here
            import signal

            signal.signal(signal.SIGINT, signal.SIG_IGN)


def _tell(error: ImgbuildError) -> int:
    print_error(error, sys.stderr, wants_color(sys.stderr, os.environ))
    return error.exit_code


def _misused(error: click.ClickException) -> int:
    """A fault of the command line, told as any other; without any arguments the help is the answer."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        emit(sys.stderr, f"{error.format_message()}\n")
        return Exit.USAGE
    return _tell(as_usage_error(error))


def as_usage_error(error: click.ClickException) -> UsageError:
    """Click's exception in our words: a sentence that starts small, and the way out."""
    near: Sequence[str] | None = getattr(error, "possibilities", None)
    message = (error.message if near else error.format_message()).rstrip(".")
    context = getattr(error, "ctx", None)
    shown = f"`{context.command_path if context else 'imgbuild'} --help` shows what there is"
    hint = f"did you mean '{near[0]}'? {shown}" if near else shown
    return UsageError(f"{message[:1].lower()}{message[1:]}", hint=hint)


def _refused(error: OSError) -> ImgbuildError:
    what = f"{error.filename}: " if error.filename else ""
    return ImgbuildError(f"{what}{error.strerror}", hint="see to its owner, its permissions, and free space")


def _report(error: Exception, arguments: Sequence[str]) -> str:
    """What to say of a bug; the whole story goes to a file, without the environment, which may hold keys."""
    lines = [
        f"imgbuild {__version__}, Python {platform.python_version()}, {platform.platform()}",
        f"arguments: {list(arguments)}",
        "",
        *traceback.format_exception(error),
    ]
    with tempfile.NamedTemporaryFile(
        "w", prefix="imgbuild-", suffix=".txt", delete=False, encoding="utf-8"
    ) as file:
        file.write("\n".join(lines))
    return (
        f"error: a bug in imgbuild: {type(error).__name__}: {error}\n"
        f"hint: please report it with {file.name}; nothing that was built is lost\n"
    )
