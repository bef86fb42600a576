"""What the last build saw, and how it ended: enough to know, by stat alone, that there is nothing to do.

This module is all that a build without work runs, so it imports only what starting Python has loaded already, and
little else. The file is a row of sections, each its length and its bytes, behind a checksum: the command, the sources
with their stamps, the outputs' stamps folder by folder, and what to say. Nothing in it is ever run or unpickled, since
a project, its store included, may come from a stranger. Anything unexpected means "look properly".
"""

from __future__ import annotations

import os
import sys
import zlib
from array import array
from itertools import chain
from operator import attrgetter

TYPE_CHECKING = False  # collections.abc and typing would take longer to load than all else here
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    Numbers: TypeAlias = tuple[int, int, int]  # mtime_ns, ctime_ns, size
    Part: TypeAlias = tuple[str, str, bytes]

FORMAT = b"imgbuild snapshot 3\n"
NAME = "snapshot"
NO_FILE = "-"  # in place of a digest
VARIABLES = tuple(
    f"IMGBUILD_{name}" for name in ("CACHE", "JOBS", "OUTPUT", "PROFILE", "STORE")
)  # no secrets
SHARE = 2_000  # outputs of one part; one process more pays from two parts each
PROCESSES = 4  # that look at outputs, at most: beyond, the file system is what they wait for

_ABSENT = (-1, -1, -1)
_HEAD = 10  # sections before those of the parts
_numbers = attrgetter("st_mtime_ns", "st_ctime_ns", "st_size")


class Snapshot:
    """What one build saw.

    command: all that must be the same beside the files, as `identity` gives it. sources: path from the root → stamp
    from before it was read, None where there was nothing. young: SHA-256 in hexadecimal of the sources too young for
    their stamp to be trusted. parts: the outputs below the folder `output`; total: how many. text, code: what the same
    command says, and its exit code. outline: what the sources declared, for a build that only looks at what changed.
    """

    __slots__ = ("code", "command", "outline", "output", "parts", "root", "sources", "text", "total", "young")

    def __init__(
        self,
        *,
        command: bytes,
        root: str,
        sources: Mapping[str, Numbers | None],
        young: Mapping[str, str],
        output: str,
        parts: Sequence[Part],
        total: int,
        text: str,
        code: int,
        outline: bytes = b"",
    ) -> None:
        self.command, self.root, self.sources, self.young = command, root, sources, young
        self.output, self.parts, self.total = output, parts, total
        self.text, self.code, self.outline = text, code, outline


def recall(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> tuple[str, int] | None:
    """What to print and the exit code, where this very command would find nothing changed; else None."""
    try:
        path = _find(arguments, environ, folder)
        seen = read(path) if path else None
        if seen is None or seen.command != identity(arguments, environ, folder):
            return None
        if any(True for _ in changed(seen)) or not outputs_stand(seen):
            return None
        return (seen.text, seen.code) if is_plain(seen.text) else None
    except (OSError, ValueError):
        return None


def read(path: str) -> Snapshot | None:
    """The snapshot at `path`; None where it is damaged, or of another version. Raises OSError, ValueError."""
    with open(path, "rb") as file:  # noqa: PTH123 - pathlib is a heavy import here
        data = file.read()
    start = len(FORMAT) + 4
    rest = memoryview(data)[start:]
    if not data.startswith(FORMAT) or zlib.crc32(rest) != int.from_bytes(data[start - 4 : start], "big"):
        return None
    return _snapshot(list(_sections(data, start)))


def write(path: str, seen: Snapshot) -> None:
    """Leave a snapshot at `path`, at once or not at all. Raises OSError."""
    data = b"".join(len(part).to_bytes(8, "big") + part for part in _bytes(seen))
    folder, _, name = path.rpartition("/")
    temporary = f"{folder}/.imgbuild-{os.getpid()}-{name}"  # as the store sweeps away what a crash leaves
    with open(temporary, "wb") as file:  # noqa: PTH123
        file.write(FORMAT + zlib.crc32(data).to_bytes(4, "big") + data)
    os.replace(temporary, path)  # noqa: PTH105


def file_name(profile: str) -> str:
    return f"{NAME}.{profile}" if profile else NAME


def identity(arguments: Sequence[str], environ: Mapping[str, str], folder: str) -> bytes:
    """All that must be the same beside the files: the tool, the command, where it is given, its environment."""
    from imgbuild import __version__

    own = [(name, environ.get(name)) for name in VARIABLES]
    places = (environ.get("HOME", ""), environ.get("XDG_CONFIG_HOME", ""))
    return ascii((__version__, sys.version, list(arguments), own, places, folder)).encode()


def changed(seen: Snapshot) -> Iterator[str]:
    """The sources that are not as they were."""
    for name, stamp in seen.sources.items():
        path = f"{seen.root}/{name}" if name[:1] != "/" else name
        if _stamp(path) != stamp or (name in seen.young and digest(path) != seen.young[name]):
            yield name


def outputs_stand(seen: Snapshot) -> bool:
    """Whether all outputs are as they were; several processes share the work where there is much of it."""
    output, parts, count = f"{seen.root}/{seen.output}", seen.parts, _lookers(seen)
    children = [_fork(output, parts[place::count]) for place in range(1, count)]
    return _all_stand(_are_as_seen(output, parts[::count]), children)


def look_beside(seen: Snapshot) -> Callable[[], bool]:
    """The same, begun now in other processes where that pays; to be called once, for what they found."""
    count = _lookers(seen)
    if count == 1:
        return lambda: outputs_stand(seen)
    output, parts = f"{seen.root}/{seen.output}", seen.parts
    children = [_fork(output, parts[place::count]) for place in range(count)]
    return lambda: _all_stand(True, children)


def _lookers(seen: Snapshot) -> int:
    """How many processes look at the outputs."""
    most = min(PROCESSES, os.cpu_count() or 1, seen.total // (2 * SHARE))
    return most if most > 1 and _may_fork() else 1


def _all_stand(same: bool, children: Iterable[int]) -> bool:
    ended = [os.waitpid(child, 0)[1] for child in children]
    return same and not any(ended)


def parts_of(outputs: Mapping[str, Numbers]) -> list[Part]:
    """Outputs of one folder, at most SHARE: the folder, the names joined by NUL, their stamps packed."""
    folders: dict[str, list[str]] = {}
    for path in outputs:
        folder, _, name = path.rpartition("/")
        folders.setdefault(folder, []).append(name)
    parts = []
    for folder, names in folders.items():
        for start in range(0, len(names), SHARE):
            part = names[start : start + SHARE]
            stamps = [outputs[f"{folder}/{name}" if folder else name] for name in part]
            parts.append((folder, "\0".join(part), _packed(stamps)))
    return parts


def with_outputs(parts: Sequence[Part], moved: Mapping[str, Numbers]) -> list[Part]:
    """The parts with other stamps for some outputs. Raises KeyError for one that is in none of them."""
    left = dict(moved)
    folders = {path.rpartition("/")[0] for path in left}
    made = [_moved(part, left) if part[0] in folders else part for part in parts]
    if left:
        raise KeyError(next(iter(left)))
    return made


def _moved(part: Part, left: dict[str, Numbers]) -> Part:
    """A part with its own stamps taken out of those that are left."""
    folder, joined, packed = part
    names, stamps = joined.split("\0"), array("q", packed)
    for place, name in enumerate(names):
        stamp = left.pop(f"{folder}/{name}" if folder else name, None)
        if stamp is not None:
            stamps[3 * place : 3 * place + 3] = array("q", stamp)
    return folder, joined, stamps.tobytes()


def is_plain(text: str) -> bool:
    """Whether it can be printed without telling a terminal what to do."""
    return all(line.isprintable() for line in text.split("\n"))


# --- the file -----------------------------------------------------------------------------------------------


def _bytes(seen: Snapshot) -> Iterator[bytes]:
    """The sections of the file."""
    yield seen.command
    yield os.fsencode(seen.root)
    yield _joined(seen.sources)
    yield _packed(_ABSENT if stamp is None else stamp for stamp in seen.sources.values())
    yield _joined(seen.young)
    yield _joined(seen.young.values())
    yield os.fsencode(seen.output)
    yield b"%d %d" % (seen.total, seen.code)
    yield os.fsencode(seen.text)
    yield seen.outline
    for folder, joined, stamps in seen.parts:
        yield os.fsencode(folder)
        yield os.fsencode(joined)
        yield stamps


def _sections(data: bytes, at: int) -> Iterator[bytes]:
    """Raises ValueError where the sections do not fill the file."""
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at : at + 8], "big")
        if end > len(data):
            raise ValueError("a section is cut short")
        yield data[at + 8 : end]
        at = end


def _snapshot(found: Sequence[bytes]) -> Snapshot:
    """Raises ValueError for sections that are not those of a snapshot."""
    command, root, names, stamps, young, digests, output, counts, text, outline = found[:_HEAD]
    total, code = counts.split()
    parts = [
        (os.fsdecode(folder), os.fsdecode(joined), packed)
        for folder, joined, packed in zip(
            found[_HEAD::3], found[_HEAD + 1 :: 3], found[_HEAD + 2 :: 3], strict=True
        )
    ]
    return Snapshot(
        command=command,
        root=os.fsdecode(root),
        sources=dict(zip(_split(names), _stamps(stamps), strict=True)),
        young=dict(zip(_split(young), _split(digests), strict=True)),
        output=os.fsdecode(output),
        parts=parts,
        total=int(total),
        text=os.fsdecode(text),
        code=int(code) & 0xFF,
        outline=outline,
    )


def _joined(names: Iterable[str]) -> bytes:
    return os.fsencode("\0".join(names))


def _split(joined: bytes) -> list[str]:
    return os.fsdecode(joined).split("\0") if joined else []


def _packed(stamps: Iterable[Numbers]) -> bytes:
    return array("q", chain.from_iterable(stamps)).tobytes()


def _stamps(packed: bytes) -> Iterator[Numbers | None]:
    numbers = iter(array("q", packed))
    return (None if stamp == _ABSENT else stamp for stamp in zip(numbers, numbers, numbers, strict=True))


# --- where it is, and what is there now ---------------------------------------------------------------------


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


def _stamp(path: str) -> Numbers | None:
    try:
        stat = os.stat(path)  # noqa: PTH116
    except (FileNotFoundError, NotADirectoryError):
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size


def digest(path: str) -> str:
    """SHA-256 in hexadecimal; NO_FILE for a folder, or a pipe, which would be waited for."""
    import hashlib

    if not os.path.isfile(path):  # noqa: PTH113
        return NO_FILE
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:  # it went a moment ago
        return NO_FILE


def _may_fork() -> bool:
    """Whether this process has no other threads, whose locks a child would inherit in whatever state they are."""
    if not hasattr(os, "fork"):
        return False
    try:
        return len(os.listdir("/proc/self/task")) == 1  # noqa: PTH208 - pathlib is a heavy import here
    except OSError:
        threading = sys.modules.get("threading")
        return threading is None or threading.active_count() == 1


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
