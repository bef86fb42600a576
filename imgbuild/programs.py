"""Programs that a spec names, run on one picture: bounded in time and in what they may say, and told nothing else.

A program runs in a folder of its own, where the project's files that it was declared with lie at their paths; its
environment has what programs need to start, and none of the user's keys. Nothing here asks whether it may run: see
trust.py.
"""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from msgspec import Struct

from imgbuild.errors import TargetError
from imgbuild.types import Concern

IMAGE, OUTPUT = "{image}", "{output}"  # stand for paths among a program's arguments
SAID = 64 * 1024  # bytes that are read of what a program says
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
        with tempfile.TemporaryDirectory(prefix="imgbuild-program-") as folder:
            return self._run(self.words, Path(folder), image, suffix)

    def make(self, image: bytes) -> bytes:
        """What it writes to the path that stands for {output}, of a PNG at {image}. Raises TargetError."""
        with tempfile.TemporaryDirectory(prefix="imgbuild-program-") as folder:
            output = Path(folder) / "output.png"
            words = [word.replace(OUTPUT, str(output)) for word in self.words]
            self._run(words, Path(folder), image, ".png")
            try:
                return output.read_bytes()
            except OSError as error:
                raise TargetError(
                    f"{self.title} wrote no picture",
                    hint=f"it has to write one to the path that is its {OUTPUT}",
                ) from error

    @property
    def title(self) -> str:
        return self.name or self.words[0]

    def _run(self, words: Sequence[str], folder: Path, image: bytes, suffix: str) -> bytes:
        path = folder / f"image{suffix}"
        path.write_bytes(image)
        _lay_out(self.files, folder)
        given = [word.replace(IMAGE, str(path)) for word in words]
        command = given if any(IMAGE in word for word in words) else [*given, str(path)]
        with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complaints:
            code = self._wait(command, folder, said, complaints)
            if code != 0:
                told = _read(complaints).decode("utf-8", "replace").strip().rpartition("\n")[2]
                raise TargetError(
                    f"{self.title} ended with exit code {code}{f': {told}' if told else ''}",
                    hint="run it by hand on a picture",
                )
            return _read(said)

    def _wait(self, command: Sequence[str], folder: Path, said: IO[bytes], complaints: IO[bytes]) -> int:
        environ = {name: os.environ[name] for name in KEPT if name in os.environ}
        try:
            process = subprocess.Popen(
                command,
                cwd=folder,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=complaints,
                start_new_session=True,  # so that what it starts ends with it
            )
        except OSError as error:
            raise TargetError(
                f"{self.title} can't be run: {error.strerror}", hint="is it installed, and executable?"
            ) from error
        try:
            return process.wait(self.timeout)
        except subprocess.TimeoutExpired as error:
            raise TargetError(
                f"{self.title} took more than {self.timeout:g} s",
                hint="make it faster, or raise its 'timeout'",
            ) from error
        finally:
            _end(process)


def _lay_out(files: Mapping[str, bytes], folder: Path) -> None:
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o700)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _read(file: IO[bytes]) -> bytes:
    file.seek(0)
    return file.read(SAID)
