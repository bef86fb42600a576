"""What the last build saw, and how it ended: enough to know, by stat alone, that there is nothing to do.

This module is all that a build without work runs, so it imports only what starting Python has loaded already.
The file holds a checksum and marshalled data: the command, the sources with their stamps, the outputs' stamps
folder by folder, and what to say. Anything unexpected means "look properly".
"""

import marshal
import os
import sys
import zlib
from array import array
from collections.abc import Iterable, Mapping, Sequence

FORMAT = 1
NAME = "snapshot"
PARALLEL = 20_000  # outputs from which a second process takes half of the stats


def recall(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> "tuple[str, int] | None":
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
    sources: Mapping[str, "tuple[int, int, int] | None"],
    young: Mapping[str, str],
    output: str,
    outputs: Mapping[str, "tuple[int, int, int]"],
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
        "folders": _folders(outputs),
        "text": text,
        "code": int(code),  # marshal knows no enums
    }
    data = marshal.dumps(content)
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as file:  # noqa: PTH123 - pathlib is a heavy import here
        file.write(zlib.crc32(data).to_bytes(4, "big") + data)
    os.replace(temporary, path)  # noqa: PTH105


def file_name(profile: str) -> str:
    return f"{NAME}.{profile}" if profile else NAME


def _identity(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> tuple[object, ...]:
    """All that must be the same beside the files: the tool, the command, where it is given, its environment."""
    from imgbuild import __version__

    own = sorted((name, value) for name, value in environ.items() if name.startswith("IMGBUILD_"))
    places = (environ.get("HOME", ""), environ.get("XDG_CONFIG_HOME", ""))
    return FORMAT, __version__, sys.version, list(arguments), own, places, folder


def _find(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> str:
    """The snapshot of the project that `folder` is in; "" where there is none."""
    name = file_name(_profile(arguments) or environ.get("IMGBUILD_PROFILE", ""))
    store = environ.get("IMGBUILD_STORE", ".imgbuild")
    while True:
        path = f"{folder}/{store}/{name}"
        if os.path.exists(path):  # noqa: PTH110
            return path
        above = folder.rpartition("/")[0]
        if above == folder or not above:
            return ""
        folder = above


def _profile(arguments: Sequence[str]) -> str:
    for place, word in enumerate(arguments):
        if word == "--profile" and place + 1 < len(arguments):
            return arguments[place + 1]
        if word.startswith("--profile="):
            return word[len("--profile=") :]
    return ""


def _read(
    path: str, arguments: Sequence[str], environ: Mapping[str, str], folder: str
) -> "dict[str, object] | None":
    with open(path, "rb") as file:  # noqa: PTH123
        data = file.read()
    if zlib.crc32(memoryview(data)[4:]) != int.from_bytes(data[:4], "big"):
        return None
    seen = marshal.loads(memoryview(data)[4:])
    same = isinstance(seen, dict) and seen.get("for") == _identity(arguments, environ, folder)
    return seen if same else None


def _is_unchanged(seen: "dict[str, object]") -> bool:
    root = seen["root"]
    for name, stamp in seen["sources"]:  # type: ignore[attr-defined]
        if _stamp(f"{root}/{name}" if name[:1] != "/" else name) != stamp:
            return False
    for name, digest in seen["young"].items():  # type: ignore[attr-defined]
        if _digest(f"{root}/{name}" if name[:1] != "/" else name) != digest:
            return False
    return _outputs_are(f"{root}/{seen['output']}", seen["folders"])  # type: ignore[arg-type]


def _stamp(path: str) -> "tuple[int, int, int] | None":
    try:
        stat = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


def _digest(path: str) -> str:
    import hashlib

    with open(path, "rb") as file:  # noqa: PTH123
        return hashlib.file_digest(file, "sha256").hexdigest()


def _folders(outputs: Mapping[str, "tuple[int, int, int]"]) -> list[tuple[str, str, bytes]]:
    """Outputs by folder: their names joined by NUL, and their stamps as 64-bit numbers in the same order."""
    folders: dict[str, list[str]] = {}
    for path in outputs:
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    return [
        (
            folder,
            "\0".join(names),
            array(
                "q", [number for name in names for number in outputs[f"{folder}/{name}" if folder else name]]
            ).tobytes(),
        )
        for folder, names in folders.items()
    ]


def _outputs_are(output: str, folders: Sequence[tuple[str, str, bytes]]) -> bool:
    """Whether every output is as it was; two processes share the work where there is much of it."""
    total = sum(len(stamps) for _, _, stamps in folders) // 24
    if total < PARALLEL or not hasattr(os, "fork") or (os.cpu_count() or 1) < 2:
        return _are_as_seen(output, folders)
    first, second = _halves(folders, total)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if _are_as_seen(output, second) else 1
        finally:
            os._exit(code)
    same = _are_as_seen(output, first)
    return os.waitpid(child, 0)[1] == 0 and same


def _halves(
    folders: Sequence[tuple[str, str, bytes]], total: int
) -> tuple[list[tuple[str, str, bytes]], list[tuple[str, str, bytes]]]:
    """The folders in two lists of about as many files; a folder is cut where it must be."""
    first: list[tuple[str, str, bytes]] = []
    second: list[tuple[str, str, bytes]] = []
    room = total // 2
    for folder, joined, stamps in folders:
        count = len(stamps) // 24
        if count <= room:
            first.append((folder, joined, stamps))
        elif room:
            names = joined.split("\0")
            first.append((folder, "\0".join(names[:room]), stamps[: room * 24]))
            second.append((folder, "\0".join(names[room:]), stamps[room * 24 :]))
        else:
            second.append((folder, joined, stamps))
        room = max(0, room - count)
    return first, second


def _are_as_seen(output: str, folders: Iterable[tuple[str, str, bytes]]) -> bool:
    """Whether the files have these stamps. Names are looked up from within their folder: half the time of paths."""
    here = os.getcwd()  # noqa: PTH109
    try:
        for folder, joined, stamps in folders:
            os.chdir(f"{output}/{folder}")
            stats = list(map(os.stat, joined.split("\0")))
            numbers = [n for s in stats for n in (s.st_mtime_ns, s.st_ctime_ns, s.st_size)]
            if array("q", numbers).tobytes() != stamps:
                return False
    except OSError:
        return False
    finally:
        os.chdir(here)
    return True
