"""Seeds: from asset, cell and index, never from prompt or model. All are below 2**31, which every provider takes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import msgspec

from imgbuild.errors import SpecError, did_you_mean
from imgbuild.expand.cell import Cell
from imgbuild.spec.declared import Declared
from imgbuild.templates.values import label_of, plain
from imgbuild.types import Asset, Seeds

SEEDS_END = 2**31

_encode = msgspec.json.Encoder().encode


def derive_seed(asset: str, labels: Sequence[tuple[str, str]], index: int) -> int:
    """The seed of attempt 0 for a cell's labels, in any order, and the position among the cell's seeds."""
    return _number(["seed/1", asset, sorted(labels), index])


def attempt_seed(seed: int, attempt: int) -> int:
    """The seed of a later attempt; attempt 0 is the seed itself."""
    return seed if attempt == 0 else _number(["attempt/1", seed, attempt])


def _number(fields: list[object]) -> int:
    return int.from_bytes(hashlib.sha256(_encode(fields)).digest()[:4]) >> 1


class Seeding:
    """The seeds of an asset's cells: listed, the same for each cell, or `count` derived ones."""

    def __init__(
        self, asset: str, *, count: int = 1, listed: Sequence[int] = (), per: Sequence[str] | None = None
    ) -> None:
        self.asset = asset
        self.count = len(listed) or count
        self._listed = listed
        self._per = per

    def of(self, cell: Cell) -> Sequence[int]:
        """The seeds of one cell, in the order of their index."""
        if self._listed:
            return self._listed
        labels = cell.pairs if self._per is None else self._labels(cell, self._per)
        return [derive_seed(self.asset, labels, index) for index in range(self.count)]

    def _labels(self, cell: Cell, names: Sequence[str]) -> list[tuple[str, str]]:
        known = dict(cell.pairs)
        return [(name, known.get(name) or _label(cell.bindings.get(name))) for name in names]


def _label(value: Any) -> str:
    """What tells the value of a variable that is not in ids from others."""
    if isinstance(value, dict | list):
        return getattr(value, "label", "") or _encode(plain(value)).decode()
    return label_of(value)


def seeding(name: str, declared: Declared[Asset], known: frozenset[str]) -> Seeding:
    """The seeds that the asset declares. known: the variables of its cells. Raises SpecError."""
    seeds = declared.value.seeds
    if isinstance(seeds, list):
        _check_listed(declared, seeds)
        return Seeding(name, listed=seeds)
    if not isinstance(seeds, Seeds):
        return Seeding(name, count=seeds)
    if seeds.base is not None:
        return Seeding(name, listed=_counted(declared, seeds.base, seeds))
    for position, variable in enumerate(seeds.per or ()):
        if variable not in known:
            raise SpecError(
                f"unknown variable '{variable}'",
                where=declared.where("seeds", "per", position),
                hint=did_you_mean(variable, known, "variables"),
            )
    return Seeding(name, count=seeds.count, per=seeds.per)


def _counted(declared: Declared[Asset], base: int, seeds: Seeds) -> range:
    if seeds.per is not None:
        raise SpecError(
            "'per' is for derived seeds, and these are counted from 'base'",
            where=declared.where("seeds", "per", key=True),
            hint="leave out 'per' or 'base'",
        )
    if base < 0 or base + seeds.count > SEEDS_END:
        raise SpecError(
            f"seeds from {base} on leave the range 0 to {SEEDS_END - 1}",
            where=declared.where("seeds", "base"),
            hint="choose a smaller base",
        )
    return range(base, base + seeds.count)


def _check_listed(declared: Declared[Asset], seeds: Sequence[int]) -> None:
    for position, seed in enumerate(seeds):
        if seed in seeds[:position]:
            raise SpecError(
                f"seed {seed} is listed twice",
                where=declared.where("seeds", position),
                hint="each seed of a list makes one image; leave one out",
            )
        if not 0 <= seed < SEEDS_END:
            raise SpecError(
                f"seed {seed} is not in the range 0 to {SEEDS_END - 1}",
                where=declared.where("seeds", position),
                hint="write a smaller, positive number",
            )
