"""Where keys are looked up: in the environment, and what that lacks in the file `.env` at the project's root.

The file is read only when such a key is asked for, and it counts only where git neither has it nor would take it in.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from io import StringIO
from pathlib import Path
from threading import Lock

from imgbuild.errors import Unavailable

FILE = ".env"
LARGEST = 1 << 20  # bytes


class Keyring(Mapping[str, str]):
    """What is set in `environ`, and beyond that what the file says. root: of the project. Safe to share by threads.

    To ask for a key raises Unavailable where the file can't be read, or is not kept out of git.
    """

    def __init__(self, environ: Mapping[str, str], root: Path) -> None:
        self._environ, self._root = environ, root
        self._lock = Lock()
        self._written: Mapping[str, str] | None = None
        self._is_safe = False

    def __getitem__(self, name: str) -> str:
        value = self._environ.get(name, "")
        if value.strip():
            return value
        value = self.written()[name]
        self.check(name)
        return value

    def __iter__(self) -> Iterator[str]:
        return iter({**self.written(), **self._environ})

    def __len__(self) -> int:
        return len({**self.written(), **self._environ})

    def written(self) -> Mapping[str, str]:
        """What the file says, whether or not it may be used. Raises Unavailable."""
        with self._lock:
            if self._written is None:
                self._written = _read(self._root / FILE)
            return self._written

    def check(self, name: str) -> None:
        """See that a key is safe in the file. Raises Unavailable."""
        with self._lock:
            if not self._is_safe:
                _check_git(self._root, name)
                self._is_safe = True


def is_open(path: Path) -> bool:
    """Whether others than its owner can read or write a file."""
    return sys.platform != "win32" and bool(path.stat().st_mode & 0o077)


def _read(path: Path) -> Mapping[str, str]:
    """The names that a file gives values to; none where there is no file. References in values are left alone."""
    if path.is_symlink():
        hint = "write the keys into it, or set them in the environment"
        raise Unavailable(f"{FILE} is a link, and keys are read from nowhere else", hint=hint)
    if not path.is_file():
        return {}
    import logging

    from dotenv import dotenv_values

    logger = logging.getLogger("dotenv")  # what it does not understand is passed over
    if not logger.handlers:
        logger.addHandler(logging.NullHandler())
    values = dotenv_values(stream=StringIO(_text(path)), interpolate=False)
    return {name: value for name, value in values.items() if value and value.strip()}


def _text(path: Path) -> str:
    hint = "write a line NAME=value for each key"
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise Unavailable(f"{FILE} has more than {LARGEST >> 20} MB", hint=hint)
        return data.decode("utf-8-sig")
    except OSError as error:
        raise Unavailable(f"{FILE} can't be read: {error.strerror}", hint="is it yours?") from error
    except UnicodeDecodeError as error:
        raise Unavailable(f"{FILE} is no text in UTF-8", hint=hint) from error


def _check_git(root: Path, name: str) -> None:
    """Raise Unavailable where git tracks the file, or would. Where there is no repository, or no git, all is well."""
    from imgbuild.git import ask_git

    if ask_git(root, "check-ignore", "--quiet", "--", FILE).code != 1:
        return
    if ask_git(root, "ls-files", "--error-unmatch", "--", FILE).code == 0:
        raise Unavailable(
            f"{name} is in {FILE}, which git tracks: whoever has the repository has the key",
            hint=f"have another one made, list {FILE} in .gitignore, and take it out by `git rm --cached {FILE}`",
        )
    raise Unavailable(
        f"{name} is in {FILE}, which git does not ignore: a commit could give it away",
        hint=f"list {FILE} in .gitignore",
    )
