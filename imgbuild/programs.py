"""Programs that a spec names, run on one picture: bounded in time and in what they may say, and told nothing else.

A program runs in a folder of its own, where the project's files that it was declared with lie at their paths; its
environment has what programs need to start, and none of the user's keys. Nothing here asks whether it may run: see
trust.py.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from imgbuild.errors import TargetError

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


def check_words(words: Sequence[str], uses: Sequence[str], timeout: float) -> None:
    """Raises ValueError for a command that can't be meant."""
    if not words or not words[0]:
        raise ValueError("run must name a program: [python3, ./check.py]")
    for path in uses:
        if not is_own(path):
            raise ValueError(f"uses must name files that begin with './' or '../', not '{path}'")
    if not 0 < timeout <= 3600:
        raise ValueError(f"timeout must be above 0 and at most 3600 seconds, not {timeout}")


def said_by(
    words: Sequence[str], image: bytes, suffix: str, files: Mapping[str, bytes], timeout: float
) -> bytes:
    """What a program prints of a picture. image: goes to a file whose path stands for {image}, or comes last.

    Raises TargetError where it can't be started, fails, or takes longer than `timeout` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="imgbuild-program-") as folder:
        return _run(words, image, suffix, files, timeout, Path(folder))


def made_by(words: Sequence[str], image: bytes, files: Mapping[str, bytes], timeout: float) -> bytes:
    """What a program writes to the path that stands for {output}, of a PNG at {image}. Raises TargetError."""
    with tempfile.TemporaryDirectory(prefix="imgbuild-program-") as folder:
        output = Path(folder) / "output.png"
        _run(
            [word.replace(OUTPUT, str(output)) for word in words], image, ".png", files, timeout, Path(folder)
        )
        try:
            return output.read_bytes()
        except OSError as error:
            raise TargetError(
                f"{words[0]} wrote no picture", hint=f"it has to write one to the path that is its {OUTPUT}"
            ) from error


def _run(
    words: Sequence[str], image: bytes, suffix: str, files: Mapping[str, bytes], timeout: float, folder: Path
) -> bytes:
    path = folder / f"image{suffix}"
    path.write_bytes(image)
    for name, data in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        place.chmod(0o700)
    given = [word.replace(IMAGE, str(path)) for word in words]
    command = given if any(IMAGE in word for word in words) else [*given, str(path)]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complaints:
        code = _wait(command, folder, timeout, said, complaints)
        if code != 0:
            told = _read(complaints).decode("utf-8", "replace").strip().rpartition("\n")[2]
            raise TargetError(
                f"{words[0]} ended with exit code {code}{f': {told}' if told else ''}",
                hint="run it by hand on a picture",
            )
        return _read(said)


def _wait(
    command: Sequence[str], folder: Path, timeout: float, said: IO[bytes], complaints: IO[bytes]
) -> int:
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
            f"{command[0]} can't be run: {error.strerror}", hint="is it installed, and executable?"
        ) from error
    try:
        return process.wait(timeout)
    except subprocess.TimeoutExpired as error:
        raise TargetError(
            f"{command[0]} took more than {timeout:g} s", hint="make it faster, or raise its 'timeout'"
        ) from error
    finally:
        _end(process)


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
