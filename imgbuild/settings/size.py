"""Sizes of files in words: "10 GB"."""

from __future__ import annotations

import re

from imgbuild.errors import UsageError

SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([kKMGT]?)(i?)B?")


def parse_size(text: str) -> int:
    """Bytes of a size such as "10 GB" or "512 MiB". Raises UsageError."""
    match = SIZE.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"'{text}' is not a size", hint="write it like 500 MB, 10 GB or 2 TiB")
    number, unit, binary = match.groups()
    power = " KMGT".index(unit.upper()) if unit else 0
    return int(float(number) * (1024 if binary else 1000) ** power)
