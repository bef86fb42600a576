"""What the last build saw, and how it ended: enough to know, by stat alone, that there is nothing to do.

This module is all that a build without work runs, so it imports only what starting Python has loaded already,
and what is built in. The file holds a checksum and marshalled data: the command, the sources with their stamps,
the outputs' stamps folder by folder, and what to say. Anything unexpected means "look properly".
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib
from itertools import chain
from operator import attrgetter

TYPE_CHECKING = False  # collections.abc and typing would take longer to load than all else here
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    Part = tuple[str, str, bytes]

FORMAT = 2
NAME = "snapshot"
VARIABLES = tuple(
    f"IMGBUILD_{name}" for name in ("CACHE", "JOBS", "OUTPUT", "PROFILE", "STORE")
)  # no secrets
SHARE = 2_000  # outputs of one part; one process more pays from two parts each
PROCESSES = 4  # that look at outputs, at most: beyond, the file system is what they wait for

_numbers = attrgetter("st_mtime_ns", "st_ctime_ns", "st_size")


def recall(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> tuple[str, int] | None:
    """What to print and the exit code, where this very command would find nothing changed; else None."""
    try:
        path = _find(arguments, environ, folder)
        seen = _read(path, arguments, environ, folder) if path else None
        if seen is None or not _is_unchanged(seen):
            return None
        return str(seen["text"]), int(seen["code"])  # type: ignore[call-overload]
    except (OSError, ValueError, TypeError, KeyError, EOFError):
        return None


def write(
    path: str,
    *,
    arguments: Sequence[str],
    environ: Mapping[str, str],
    folder: str,
    root: str,
    sources: Mapping[str, tuple[int, int, int] | None],
    young: Mapping[str, str],
    output: str,
    outputs: Mapping[str, tuple[int, int, int]],
    text: str,
    code: int,
) -> None:
    """Leave a snapshot at `path`.

    sources: path from the root → (mtime_ns, ctime_ns, size) from before it was read, None where there was
    nothing. young: SHA-256 of the sources too young for their stamp to be trusted. outputs: the same by path
    below the folder `output`. Raises OSError.
    """
    content = {
        "for": _identity(arguments, environ, folder),
        "root": root,
        "sources": [(name, None if stamp is None else tuple(stamp)) for name, stamp in sources.items()],
        "young": dict(young),
        "output": output,
        "parts": list(_parts(outputs)),
        "total": len(outputs),
        "text": text,
        "code": int(code),  # marshal knows no enums
    }
    data = marshal.dumps(content)
    folder_of, _, name = path.rpartition("/")
    temporary = f"{folder_of}/.imgbuild-{os.getpid()}-{name}"  # as the store sweeps away what a crash leaves
    with open(temporary, "wb") as file:  # noqa: PTH123 - pathlib is a heavy import here
        file.write(zlib.crc32(data).to_bytes(4, "big") + data)
    os.replace(temporary, path)  # noqa: PTH105


def file_name(profile: str) -> str:
    return f"{NAME}.{profile}" if profile else NAME


def _identity(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> tuple[object, ...]:
    """All that must be the same beside the files: the tool, the command, where it is given, its environment."""
    from imgbuild import __version__

    own = [(name, environ.get(name)) for name in VARIABLES]
    places = (environ.get("HOME", ""), environ.get("XDG_CONFIG_HOME", ""))
    return FORMAT, __version__, sys.version, list(arguments), own, places, folder


def _find(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> str:
    """The snapshot of the project that `folder` is in; "" where there is none."""
    name = file_name(_profile(arguments) or environ.get("IMGBUILD_PROFILE", ""))
    named = environ.get("IMGBUILD_STORE", "")
    while True:
        path = f"{folder}/{named or _store(folder)}/{name}"
        if os.path.isfile(path):  # noqa: PTH113 - a pipe would be waited for
            return path
        above = folder.rpartition("/")[0]
        if above == folder or not above:
            return ""
        folder = above


def _store(folder: str) -> str:
    """The store of a project at `folder`: as its settings name it, if on a line of its own, or the usual one."""
    path = f"{folder}/imgbuild.yaml"
    if not os.path.isfile(path):  # noqa: PTH113 - a pipe would be waited for
        return ".imgbuild"
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123
            for line in file:
                if line.startswith("store:"):
                    return line[len("store:") :].partition(" #")[0].strip(" \n'\"")
    except (OSError, ValueError):
        pass
    return ".imgbuild"


def _profile(arguments: Sequence[str]) -> str:
    for place, word in enumerate(arguments):
        if word == "--profile" and place + 1 < len(arguments):
            return arguments[place + 1]
        if word.startswith("--profile="):
            return word[len("--profile=") :]
    return ""


def _read(
    path: str, arguments: Sequence[str], environ: Mapping[str, str], folder: str
) -> dict[str, object] | None:
    with open(path, "rb") as file:  # noqa: PTH123
        data = file.read()
    if zlib.crc32(memoryview(data)[4:]) != int.from_bytes(data[:4], "big"):
        return None
    seen = marshal.loads(memoryview(data)[4:])
    same = isinstance(seen, dict) and seen.get("for") == _identity(arguments, environ, folder)
    return seen if same else None


def _is_unchanged(seen: dict[str, object]) -> bool:
    root = seen["root"]
    for name, stamp in seen["sources"]:  # type: ignore[attr-defined]
        if _stamp(f"{root}/{name}" if name[:1] != "/" else name) != stamp:
            return False
    for name, digest in seen["young"].items():  # type: ignore[attr-defined]
        if _digest(f"{root}/{name}" if name[:1] != "/" else name) != digest:
            return False
    return _outputs_are(f"{root}/{seen['output']}", seen["parts"], seen["total"])  # type: ignore[arg-type]


def _stamp(path: str) -> tuple[int, int, int] | None:
    try:
        stat = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


def _digest(path: str) -> str:
    import hashlib

    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parts(outputs: Mapping[str, tuple[int, int, int]]) -> Iterator[Part]:
    """Outputs of one folder, at most SHARE: the folder, the names joined by NUL, their stamps packed."""
    folders: dict[str, list[str]] = {}
    for path in outputs:
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    for folder, names in folders.items():
        for start in range(0, len(names), SHARE):
            part = names[start : start + SHARE]
            stamps = [outputs[f"{folder}/{name}" if folder else name] for name in part]
            yield folder, "\0".join(part), _packed(stamps)


def _packed(stamps: Iterable[tuple[int, int, int]]) -> bytes:
    """The stamps' numbers as bytes. Version 2 of the format has no references: equal numbers give equal bytes."""
    return marshal.dumps(list(chain.from_iterable(stamps)), 2)


def _outputs_are(output: str, parts: Sequence[Part], total: int) -> bool:
    """Whether all outputs are as they were; several processes share the work where there is much of it."""
    most = min(PROCESSES, os.cpu_count() or 1, total // (2 * SHARE)) if hasattr(os, "fork") else 1
    count = max(1, most)
    children = [_fork(output, parts[place::count]) for place in range(1, count)]
    same = _are_as_seen(output, parts[::count])
    ended = [os.waitpid(child, 0)[1] for child in children]
    return same and not any(ended)


def _fork(output: str, parts: Sequence[Part]) -> int:
    """A process that looks at these outputs, and whose exit status is 0 where all are as they were."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if _are_as_seen(output, parts) else 1
        finally:
            os._exit(code)
    return child


def _are_as_seen(output: str, parts: Iterable[Part]) -> bool:
    """Whether the files have these stamps. Names are looked up from within their folder: half the time of paths."""
    here = os.getcwd()  # noqa: PTH109
    try:
        for folder, joined, stamps in parts:
            os.chdir(f"{output}/{folder}")
            if _packed(map(_numbers, map(os.stat, joined.split("\0")))) != stamps:
                return False
    except OSError:
        return False
    finally:
        os.chdir(here)
    return True
