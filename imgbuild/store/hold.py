"""One writer at a time: a lock that the kernel holds for a process, and drops when the process ends."""

from __future__ import annotations

import os
import shlex
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from imgbuild.errors import Busy, ImgbuildError, Interrupted

# Not through a link: what it leads to would be written over.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
_EVERY = 0.02  # seconds between looks while waiting
_ROOM = 4096  # bytes read of what the holder says of itself; on Windows the lock lies behind them


class Holder(msgspec.Struct, frozen=True):
    """Who holds the project. since: seconds since the epoch."""

    pid: int
    command: str
    since: float


@contextmanager
def hold(
    path: Path,
    *,
    wait: bool,
    waiting: Callable[[str], None],
    stop: threading.Event | None = None,
    argv: Sequence[str] | None = None,
) -> Iterator[None]:
    """Hold the lock file at `path` (made if need be, never removed: that would let two in).

    wait: wait for another holder, telling `waiting` once for each of them; else raise Busy.
    stop: ends the waiting, by Interrupted, once it is set.
    argv: the command this process says it runs; its own where None.
    """
    descriptor = _open(path)
    try:
        _take(descriptor, waiting if wait else _refuse, stop or threading.Event())
        _sign(descriptor, sys.argv if argv is None else argv)
        yield
    finally:
        os.close(descriptor)  # which also gives the lock back


def _open(path: Path) -> int:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, _FLAGS, 0o666)
    except OSError as error:
        raise ImgbuildError(
            f"{path} can't be opened: {error.strerror}",
            hint="it must be a file in a folder that can be written; to keep the store elsewhere, set IMGBUILD_STORE",
        ) from error


def _take(descriptor: int, waiting: Callable[[str], None], stop: threading.Event) -> None:
    told = None
    while not _try_lock(descriptor):
        holder = describe(descriptor)
        if holder != told:
            waiting(holder)
            told = holder
        if stop.wait(_EVERY):
            raise Interrupted("interrupted while another build was waited for")


def _refuse(holder: str) -> None:
    raise Busy(holder, hint="wait until it is done; without --no-wait this happens by itself")


def _sign(descriptor: int, argv: Sequence[str]) -> None:
    command = shlex.join([Path(argv[0]).name, *argv[1:]])[:500] if argv else ""
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, msgspec.json.encode(Holder(os.getpid(), command, time.time())))


def describe(descriptor: int) -> str:
    """Who holds the lock, as far as the file says."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    try:
        holder = msgspec.json.decode(os.read(descriptor, _ROOM), type=Holder)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "another build holds this project"
    since = _clock_time(holder.since)
    return f"another build holds this project: pid {holder.pid}, `{holder.command}`, since {since}"


def _clock_time(since: float) -> str:
    moment = time.localtime(since)
    today = time.localtime()[:3] == moment[:3]
    return time.strftime("%H:%M" if today else "%Y-%m-%d %H:%M", moment)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(descriptor, _ROOM, os.SEEK_SET)
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if isinstance(error, BlockingIOError | PermissionError):
            return False
        raise
    return True
