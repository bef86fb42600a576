"""Any pictures held against rules: found in folders, measured in threads where that is not known, judged together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Self

from msgspec import Struct

from imgbuild.digest import digest_bytes
from imgbuild.errors import BadImage, TargetError
from imgbuild.files import MAX_INPUT
from imgbuild.keys import rule_reference
from imgbuild.ledger import Ledger
from imgbuild.programs import Programs
from imgbuild.rules.base import Measured, Rule
from imgbuild.run.accept import beside, judge, judge_group
from imgbuild.run.steps import digest_read, measure
from imgbuild.store.records import Corrupt, Measurement
from imgbuild.types import Digest, Verdict
from imgbuild.verdicts.clusters import Cluster, clusters_of
from imgbuild.verdicts.row import Row, row_of
from imgbuild.weights.networks import Networks

# What is taken for a picture in a folder; a file that is named itself is taken whatever its name is.
SUFFIXES = frozenset(
    {".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".tiff", ".gif", ".bmp", ".ico", ".heic"}
)


class Held(Struct, frozen=True, kw_only=True, dict=True):
    """What pictures are held against. references: bytes of the files that the rules name; networks: what they name."""

    rules: tuple[Rule, ...]
    references: Mapping[str, bytes]
    networks: Networks | None = None

    def keys(self, image: Digest) -> list[Measurement]:
        """What measurements of an image are kept under, by the rules' places."""
        return [
            Measurement(image, rule.name, rule.version, by)
            for rule, by in zip(self.rules, self._by, strict=True)
        ]

    @cached_property
    def _by(self) -> list[Digest]:
        return [rule_reference(rule, self._digest) for rule in self.rules]

    def _digest(self, name: str) -> Digest:
        return digest_read(name, self.references, self.networks)


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
    pictures: Mapping[str, Path], held: Held, ledger: Ledger, jobs: int, stop: threading.Event, day: int
) -> Iterator[Row | Cluster]:
    """What the rules say of each picture, by the names given; none is kept open. Ends early once `stop` is set.

    Then come the clusters of those that are alike. ledger: knows what was measured before, on whatever has the same
    bytes, and is told what was measured now, and of which day its measurements are used (since the epoch).
    """
    looks = _looks(pictures, held, ledger, jobs, stop)
    known: dict[str, dict[int, Measured]] = {}
    verdicts: dict[str, list[Verdict]] = {}
    for look in _finished(looks, held, jobs, stop):
        ledger.put_measured(look.learnt(held))
        if stop.is_set():
            continue
        try:
            if look.error is not None:
                raise look.error
            verdicts[look.name] = judge(held.rules, look.measured)
            known[look.name] = look.measured
        except TargetError as error:
            yield Row(status="error", id=look.name, output=look.name, limit=error.message)
    with suppress(Corrupt):
        ledger.note_used([look.image for look in looks if look.measured], day)
    if stop.is_set():
        return
    yield from _together(held, known, verdicts)


def _together(
    held: Held, known: Mapping[str, dict[int, Measured]], verdicts: Mapping[str, list[Verdict]]
) -> Iterator[Row | Cluster]:
    """The verdicts on each picture, those of rules on all of them among these; and who is alike."""
    together = judge_group(held.rules, sorted(known.items()))
    for name, found in verdicts.items():
        for verdict in [*found, *together[name]]:
            yield row_of(verdict, name, name)
    members = [beside(held.rules, *member) for member in sorted(known.items())]
    yield from clusters_of(members, {name: name for name in known})


def _looks(
    pictures: Mapping[str, Path], held: Held, ledger: Ledger, jobs: int, stop: threading.Event
) -> list[_Look]:
    """Every picture with what is known of it already. The ledger is asked once, in this thread alone."""
    with ThreadPoolExecutor(jobs) as pool:
        named = [_Look(name, path) for name, path in pictures.items()]
        looks = list(pool.map(lambda look: look.identify(stop), named))
    keys = [key for look in looks if look.image for key in held.keys(look.image)]
    found: Mapping[Measurement, Measured] = {}
    with suppress(Corrupt):  # what can't be read is measured again
        found = ledger.measured(keys)
    for look in looks:
        look.recall(held, found)
    return looks


def _finished(looks: Sequence[_Look], held: Held, jobs: int, stop: threading.Event) -> Iterator[_Look]:
    """Each picture once it is measured, in order. Whoever does not wait for all ends the programs that are at work."""
    programs = Programs()
    with ThreadPoolExecutor(jobs, initializer=programs.adopt) as pool:
        try:
            yield from pool.map(lambda look: look.finish(held, stop), looks)
        except (KeyboardInterrupt, GeneratorExit):
            stop.set()
            programs.end()
            raise


class _Look:
    """One picture, being looked at. image: digest of its bytes. fresh: places of the rules that were measured now."""

    def __init__(self, name: str, path: Path) -> None:
        self.name, self.path, self.image = name, path, ""
        self.measured: dict[int, Measured] = {}
        self.fresh: Sequence[int] = ()
        self.error: TargetError | None = None

    def identify(self, stop: threading.Event) -> Self:
        if not stop.is_set():
            with self._noting():
                self.image = digest_bytes(_bytes_of(self.path))
        return self

    def recall(self, held: Held, found: Mapping[Measurement, Measured]) -> None:
        keys = enumerate(held.keys(self.image))
        self.measured = {place: found[key] for place, key in keys if key in found}

    def finish(self, held: Held, stop: threading.Event) -> Self:
        """Measure what is not known, on the bytes that are there now."""
        if self.error is None and len(self.measured) < len(held.rules) and not stop.is_set():
            with self._noting():
                self._measure(_bytes_of(self.path), held)
        return self

    def _measure(self, data: bytes, held: Held) -> None:
        image = digest_bytes(data)
        if image != self.image:  # it was written to meanwhile
            self.image, self.measured = image, {}
        missing = {place: rule for place, rule in enumerate(held.rules) if place not in self.measured}
        self.measured |= measure(data, missing, held.references, name="it", networks=held.networks)
        self.fresh = tuple(missing)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except TargetError as error:
            self.error = error

    def learnt(self, held: Held) -> list[tuple[Measurement, Measured]]:
        """What to keep of it."""
        keys = held.keys(self.image)
        return [(keys[place], self.measured[place]) for place in self.fresh]


def _bytes_of(path: Path) -> bytes:
    """Raises BadImage where the file can't be read, or is larger than any input may be."""
    try:
        if path.stat().st_size > MAX_INPUT:
            raise BadImage(f"it is larger than {MAX_INPUT} bytes")
        return path.read_bytes()
    except OSError as error:
        raise BadImage(f"it can't be read: {error.strerror}") from error
