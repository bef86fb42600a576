"""Programs that a spec names, run on one picture: bounded in time, in what they say and write, and told nothing else.

A program runs in a folder of its own, where the project's files that it was declared with lie at their paths; its
environment has what programs need to start, and none of the user's keys. Nothing here asks whether it may run: see
trust.py.

Rules and operations get plain data, and know of no run; so who runs them says so to the thread, by `Programs.adopt`.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from threading import Condition
from typing import IO

from msgspec import Struct

from imgbuild.errors import TargetError
from imgbuild.types import Concern

IMAGE, OUTPUT = "{image}", "{output}"  # stand for paths among a program's arguments
SAID = 64 * 1024  # bytes that are read of what a program says
PRINTED = 16 * 1024 * 1024  # bytes that it may print
WRITTEN = (
    512 * 1024 * 1024
)  # bytes that it may have on disk at a time: as many as a picture that goes in may have
GLANCE = 0.1  # seconds between two looks at how much that is
PATIENCE = 2.0  # seconds that programs which were ended are waited for
KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "TEMP", "TMP")


def is_own(word: str) -> bool:
    """Whether a word of a command is a file of the project, relative to the spec that has it."""
    return word.startswith(("./", "../"))


def placed_words(words: Iterable[str], locate: Callable[[str], str]) -> list[str]:
    """The words with the project's files by their paths from its root, './' before them."""
    return [f"./{locate(word)}" if is_own(word) else word for word in words]


def own_files(words: Iterable[str]) -> tuple[str, ...]:
    """The project's files among placed words, from the root."""
    return tuple(dict.fromkeys(word.removeprefix("./") for word in words if is_own(word)))


def program_concern(words: Sequence[str], files: Sequence[str]) -> Concern:
    """What a command wants. Its words are quoted: those that are split otherwise are another program."""
    return Concern(wants=f"runs a program on each image: {shlex.join(words)}", files=tuple(files))


def check_words(words: Sequence[str], uses: Sequence[str], timeout: float) -> None:
    """Raises ValueError for a command that can't be meant."""
    if not words or not words[0]:
        raise ValueError("run must name a program: [python3, ./check.py]")
    for path in uses:
        if not is_own(path):
            raise ValueError(f"uses must name files that begin with './' or '../', not '{path}'")
    if not 0 < timeout <= 3600:
        raise ValueError(f"timeout must be above 0 and at most 3600 seconds, not {timeout}")


class Programs:
    """The programs that are at work for one command, in all its threads."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._places: set[_Place] = set()
        self._over = False

    def adopt(self) -> None:
        """Programs that this thread runs are among these, from now on."""
        _OURS.set(self)

    def end(self) -> None:
        """End all of them now, and let no other begin. Waits a moment, so that their folders are gone, too."""
        with self._changed:
            self._over = True
            for place in self._places:
                place.kill()
            self._changed.wait_for(lambda: not self._places, PATIENCE)

    @contextmanager
    def place(self) -> Iterator[_Place]:
        """A place for one program, gone when it has ended."""
        with ExitStack() as stack:
            said, complaints = (stack.enter_context(tempfile.TemporaryFile()) for _ in range(2))
            place = _Place(self, said, complaints)
            stack.callback(self._forget, place)
            with self._changed:
                self._places.add(place)
            folder = tempfile.TemporaryDirectory(prefix="imgbuild-program-")
            place.folder = Path(stack.enter_context(folder))
            yield place

    def begun(self, place: _Place, process: subprocess.Popen[bytes]) -> None:
        """What runs at a place from now on."""
        with self._changed:
            place.process = process
            if self._over:
                place.kill()

    def _forget(self, place: _Place) -> None:
        with self._changed:
            self._places.discard(place)
            self._changed.notify_all()


_OURS: ContextVar[Programs | None] = ContextVar("programs", default=None)


class _Place:
    """Where one program runs. folder: its own. said, complaints: what it prints."""

    folder: Path
    process: subprocess.Popen[bytes] | None = None
    given = 0  # bytes that lie in the folder before it begins

    def __init__(self, programs: Programs, said: IO[bytes], complaints: IO[bytes]) -> None:
        self.programs, self.said, self.complaints = programs, said, complaints

    def kill(self) -> None:
        if self.process is not None:
            _kill(self.process)

    def printed(self) -> int:
        return sum(os.fstat(file.fileno()).st_size for file in (self.said, self.complaints))

    def written(self) -> int:
        """Bytes that it has in its folder, beside what was given to it."""
        found = 0
        for above, _, names in os.walk(self.folder):
            for name in names:
                with suppress(OSError):  # some come and go
                    found += (Path(above) / name).lstat().st_size
        return found - self.given


def _place() -> AbstractContextManager[_Place]:
    """A place for one program: among those that this thread works for, if it does for any."""
    return (_OURS.get() or Programs()).place()


class Program(Struct, frozen=True, kw_only=True):
    """A command, word by word, with the bytes of the project's files that it may see, by their paths from the root.

    timeout: seconds that it may take. name: what it is called in errors; empty for its first word.
    """

    words: Sequence[str]
    files: Mapping[str, bytes] = {}
    timeout: float = 60.0
    name: str = ""

    def say(self, image: bytes, suffix: str) -> bytes:
        """What it prints of a picture, which lies in a file whose path stands for {image}, or comes last.

        Raises TargetError where it can't be started, fails, or takes too long.
        """
        with _place() as place:
            return self._run(self.words, place, image, suffix)

    def make(self, image: bytes) -> bytes:
        """What it writes to the path that stands for {output}, of a PNG at {image}. Raises TargetError."""
        with _place() as place:
            output = place.folder / "output.png"
            words = [word.replace(OUTPUT, str(output)) for word in self.words]
            self._run(words, place, image, ".png")
            if output.is_symlink() or not output.is_file():  # a link may lead to what has no end
                raise TargetError(
                    f"{self.title} wrote no picture",
                    hint=f"it has to write one to the path that is its {OUTPUT}",
                )
            return output.read_bytes()

    @property
    def title(self) -> str:
        return self.name or self.words[0]

    def _run(self, words: Sequence[str], place: _Place, image: bytes, suffix: str) -> bytes:
        path = place.folder / f"image{suffix}"
        path.write_bytes(image)
        _lay_out(self.files, place.folder)
        place.given = place.written()
        given = [word.replace(IMAGE, str(path)) for word in words]
        code = self._wait(given if any(IMAGE in word for word in words) else [*given, str(path)], place)
        if code != 0:
            told = _read(place.complaints).decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise TargetError(
                f"{self.title} ended with exit code {code}{f': {told}' if told else ''}",
                hint="run it by hand on a picture",
            )
        return _read(place.said)

    def _wait(self, command: Sequence[str], place: _Place) -> int:
        """Its exit code. Raises TargetError."""
        process, end = self._start(command, place), time.monotonic() + self.timeout
        try:
            place.programs.begun(place, process)
            while True:
                code = _ended(process, min(GLANCE, end - time.monotonic()))
                self._check(place)
                if code is not None:
                    return code
                if time.monotonic() >= end:
                    raise TargetError(
                        f"{self.title} took more than {self.timeout:g} s",
                        hint="make it faster, or raise its 'timeout'",
                    )
        finally:
            _kill(process)
            process.wait()
            place.process = None

    def _start(self, command: Sequence[str], place: _Place) -> subprocess.Popen[bytes]:
        environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        try:
            return subprocess.Popen(
                command,
                cwd=place.folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=place.said,
                stderr=place.complaints,
                start_new_session=True,  # so that what it starts ends with it
            )
        except OSError as error:
            raise TargetError(
                f"{self.title} can't be run: {error.strerror}", hint="is it installed, and executable?"
            ) from error

    def _check(self, place: _Place) -> None:
        """Raise TargetError where it fills the disk."""
        for did, size, most in (
            ("printed", place.printed(), PRINTED),
            ("wrote", place.written(), WRITTEN),
        ):
            if size > most:
                raise TargetError(
                    f"{self.title} {did} more than {most // (1024 * 1024)} MB",
                    hint="run it by hand on a picture",
                )


def _lay_out(files: Mapping[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o700)


def _ended(process: subprocess.Popen[bytes], seconds: float) -> int | None:
    """The exit code, once it has ended; None where it does not within so many seconds."""
    with suppress(subprocess.TimeoutExpired):
        return process.wait(max(0.0, seconds))
    return None


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End it, with all that it began."""
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(SAID)
