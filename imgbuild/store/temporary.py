"""Files under a temporary name: made whole, then moved to their own name, or swept away after a crash.

A name tells the process that made it, so that what a dead process left can be told from work in progress.
"""

# A Path object would cost more than the call it makes:
# ruff: noqa: PTH103, PTH105, PTH108, PTH120, PTH208

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Callable
from contextlib import suppress

_PREFIX = ".imgbuild-"
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


def write_new(folder: str, write: Callable[[int], object], *, durable: bool = False) -> str:
    """A new file in `folder` (made if need be), filled by `write(descriptor)`; its path. Raises OSError.

    durable: the bytes are on the disk when this returns.
    """
    path = f"{folder}/{_PREFIX}{os.getpid()}-{secrets.token_hex(8)}"
    descriptor = _open(path, folder)
    try:
        try:
            write(descriptor)
            if durable:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except BaseException:
        discard(path)
        raise
    return path


def write_all(descriptor: int, data: bytes) -> None:
    """All of the bytes: one call may write only some of them."""
    written = os.write(descriptor, data)
    while written < len(data):
        written += os.write(descriptor, memoryview(data)[written:])


def move(path: str, to: str) -> None:
    """Give the temporary file its own name, in place of what is there; the folder is made if need be.

    Raises OSError; the temporary file is gone then.
    """
    try:
        try:
            os.replace(path, to)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(to), exist_ok=True)
            os.replace(path, to)
    except BaseException:
        discard(path)
        raise


def discard(path: str) -> None:
    with suppress(OSError):
        os.unlink(path)


def sweep(folder: str) -> int:
    """Remove what dead processes left in the folder (not below it); how many there were."""
    try:
        names = os.listdir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return 0
    left = [name for name in names if name.startswith(_PREFIX) and not _is_alive(name)]
    for name in left:
        discard(f"{folder}/{name}")
    return len(left)


def sync_folder(folder: str) -> None:
    """Put the folder's names on the disk. Windows has no such call, and needs none."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _open(path: str, folder: str) -> int:
    try:
        return os.open(path, _FLAGS, 0o666)
    except FileNotFoundError:
        os.makedirs(folder, exist_ok=True)
        return os.open(path, _FLAGS, 0o666)


def _is_alive(name: str) -> bool:
    pid = name.removeprefix(_PREFIX).partition("-")[0]
    if not pid.isdigit():
        return False
    if sys.platform == "win32":
        return False  # there a file that is in use can't be removed anyway
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
