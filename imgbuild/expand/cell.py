"""The cell of a matrix."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from imgbuild.types import Where


class Cell(Struct, frozen=True, gc=False):
    """One combination of values. pairs: (variable, label); tags: as ids write them; where: of an `include`."""

    bindings: Mapping[str, Any]
    pairs: tuple[tuple[str, str], ...]
    tags: tuple[str, ...]
    where: Where | None = None
