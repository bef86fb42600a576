"""The size of the published file, in bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from imgbuild.images import Picture
from imgbuild.rules.band import check_bounds, in_words, within
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Finding

# SI prefixes are powers of 1000, IEC ones powers of 1024 (IEC 80000-13).
_UNITS = {
    "": 1,
    "b": 1,
    "kb": 1000,
    "mb": 1000**2,
    "gb": 1000**3,
    "kib": 1024,
    "mib": 1024**2,
    "gib": 1024**3,
}


class FileSize(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds the file's size between `min` and `max`: bytes, or text such as "200 kB" or "1.5 MiB"."""

    name: ClassVar[str] = "file_size"
    example: ClassVar[str] = "{max: 400kB}"

    min: int | str | None = None
    max: int | str | None = None

    def __post_init__(self) -> None:
        least, most = self._bounds()
        if least is None and most is None:
            raise ValueError("file_size has nothing to check: give min, max or both")
        check_bounds(least, most, "min", "max")

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        return {"bytes": len(picture.data)}

    def judge(self, measured: Measured) -> Finding:
        size = measured["bytes"]
        least, most = self._bounds()
        return Finding(ok=within(size, least, most), figure=size, unit="bytes", limit=in_words(least, most))

    def _bounds(self) -> tuple[int | None, int | None]:
        return (
            None if self.min is None else in_bytes(self.min),
            None if self.max is None else in_bytes(self.max),
        )


def in_bytes(size: int | str) -> int:
    """The size in bytes, a fraction of one cut off. Raises ValueError for text that is no size."""
    if isinstance(size, int):
        return size
    parts = re.fullmatch(r"(\d{1,15})(?:\.(\d{1,9}))?\s*([A-Za-z]*)", size.strip())
    factor = _UNITS.get(parts[3].lower()) if parts else None
    if parts is None or factor is None:
        raise ValueError(f"'{size}' is no file size: write bytes, or a number with kB, MB, KiB or MiB")
    decimals = parts[2] or ""
    whole: int = int(parts[1] + decimals) * factor // 10 ** len(decimals)
    return whole
