"""The one place where exceptions become messages and exit codes: expected, interrupted, a bug."""

from __future__ import annotations

import os
import platform
import sys
import tempfile
import traceback
from collections.abc import Callable, Sequence

import click

from imgbuild import __version__
from imgbuild.errors import Exit, ImgbuildError
from imgbuild.report.errors import print_error
from imgbuild.report.output import emit, soften, wants_color


def guarded(call: Callable[[], int], arguments: Sequence[str]) -> int:
    """What `call` returns, or the exit code of what it raised, after saying so on stderr."""
    soften(sys.stdout)
    soften(sys.stderr)
    try:
        return call()
    except ImgbuildError as error:
        print_error(error, sys.stderr, wants_color(sys.stderr, os.environ))
        return error.exit_code
    except click.exceptions.Exit as ended:
        return ended.exit_code
    except click.Abort:
        return Exit.INTERRUPTED
    except click.ClickException as error:
        error.show(sys.stderr)
        return Exit.USAGE
    except KeyboardInterrupt:
        emit(sys.stderr, "interrupted\n")
        return Exit.INTERRUPTED
    except Exception as error:
        emit(sys.stderr, _report(error, arguments))
        return Exit.BUG


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
