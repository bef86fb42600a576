"""Any pictures held against rules: found in folders, read and decoded once, measured in threads, judged together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from msgspec import Struct

from imgbuild.errors import BadImage, TargetError
from imgbuild.files import MAX_INPUT
from imgbuild.rules.base import Measured, Rule
from imgbuild.run.accept import judge, judge_group
from imgbuild.run.steps import measure
from imgbuild.types import Verdict
from imgbuild.verdicts.row import Row, row_of
from imgbuild.weights.networks import Networks

# What is taken for a picture in a folder; a file that is named itself is taken whatever its name is.
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".gif", ".bmp", ".ico", ".heic"}
)


class Held(Struct, frozen=True, kw_only=True):
    """What pictures are held against. references: bytes of the files that the rules name; networks: what they name."""

    rules: tuple[Rule, ...]
    references: Mapping[str, bytes]
    networks: Networks | None = None


def pictures_in(path: Path) -> list[Path]:
    """The file itself, or all pictures below the folder, sorted; nothing hidden. Raises OSError where it is absent."""
    if not path.is_dir():
        path.stat()
        return [path]
    found = []
    for inner in sorted(path.iterdir()):
        if inner.name.startswith("."):
            continue
        if inner.is_dir() and not inner.is_symlink():
            found += pictures_in(inner)
        elif inner.suffix.lower() in SUFFIXES and inner.is_file():
            found.append(inner)
    return found


def check_pictures(
    pictures: Mapping[str, Path], held: Held, jobs: int, stop: threading.Event
) -> Iterator[Row]:
    """What the rules say of each picture, by the names given; none is kept open. Ends early once `stop` is set."""
    known: dict[str, dict[int, Measured]] = {}
    verdicts: dict[str, list[Verdict]] = {}

    def look(path: Path) -> dict[int, Measured] | TargetError:
        try:
            return {} if stop.is_set() else _measured(path, held)
        except TargetError as error:
            return error

    with ThreadPoolExecutor(jobs) as pool:
        for name, result in zip(pictures, pool.map(look, pictures.values()), strict=True):
            if stop.is_set():
                return
            try:
                if isinstance(result, TargetError):
                    raise result
                verdicts[name] = judge(held.rules, result)
                known[name] = result
            except TargetError as error:
                yield Row(status="error", id=name, output=name, limit=error.message)
    together = judge_group(held.rules, sorted(known.items()))
    for name, found in verdicts.items():
        for verdict in [*found, *together[name]]:
            yield row_of(verdict, name, name)


def _measured(path: Path, held: Held) -> dict[int, Measured]:
    rules = dict(enumerate(held.rules))
    return measure(_bytes_of(path), rules, held.references, name="it", networks=held.networks)


def _bytes_of(path: Path) -> bytes:
    """Raises BadImage where the file can't be read, or is larger than any input may be."""
    try:
        if path.stat().st_size > MAX_INPUT:
            raise BadImage(f"it is larger than {MAX_INPUT} bytes")
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"it can't be read: {error.strerror}") from error
