"""Target ids: `catalog/thumbnails[sku=A1,color=red]@sdxl#0`. Labels make them, never positions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from urllib.parse import quote

# What has a meaning in an id, `%` itself, and white space and control characters.
_ESCAPED = re.compile(r"[\[\],=@#%/\s\x00-\x1f\x7f-\x9f]")


def escape(label: str) -> str:
    """The label with each character that has a meaning in ids percent-encoded as UTF-8."""
    return _ESCAPED.sub(lambda found: quote(found[0], safe=""), label)


def tag_of(name: str, label: str) -> str:
    """One variable of a cell as ids write it: `sku=A1`."""
    return f"{escape(name)}={escape(label)}"


def target_id(spec: str, asset: str, tags: Sequence[str], alias: str, index: int) -> str:
    """The id of a target. alias: empty for pictures that exist already."""
    cell = f"[{','.join(tags)}]" if tags else ""
    model = f"@{escape(alias)}" if alias else ""
    return f"{spec}/{escape(asset)}{cell}{model}#{index}"
