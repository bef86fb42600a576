"""Whether a file is bit for bit as it was left: its size and hash, in a small file beside it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import xxhash

from imgbuild.store import temporary


def put_on(path: Path) -> None:
    """Seal the file as it is now. Raises OSError."""
    text = _text_of(path)
    staged = temporary.write_new(str(path.parent), lambda file: temporary.write_all(file, text))
    temporary.move(staged, str(_beside(path)))


def is_whole(path: Path) -> bool:
    """Whether the file is sealed and as it was then."""
    try:
        return _beside(path).read_bytes() == _text_of(path)
    except OSError:
        return False


def take_off(path: Path) -> None:
    """The file is about to change."""
    with suppress(FileNotFoundError):
        _beside(path).unlink()


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.seal")


def _text_of(path: Path) -> bytes:
    hashed, size, room = xxhash.xxh3_128(), 0, memoryview(bytearray(1 << 20))
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(room):
            hashed.update(room[:count])
            size += count
    return f"{size} {hashed.hexdigest()}\n".encode()
