"""What well-known licences of models say of commercial use, as their texts stood in November 2026. No legal advice.

Names are those that hubs show, in lower case; `*` stands for anything. What is not here is not known.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Literal, NamedTuple

AS_OF = "2026-11"


class License(NamedTuple):
    """commercial: whether it allows that. note: under which condition, or of what it is said."""

    commercial: Literal["yes", "conditional", "no"]
    note: str = ""


_REVENUE = "free below a yearly revenue of a million US dollars; above it, a licence must be bought"
_RAIL = "but for the uses that it lists"

# The first that fits counts.
TABLE: dict[str, License] = {
    "stabilityai-ai-community": License("conditional", _REVENUE),
    "stability-ai-community-license": License("conditional", _REVENUE),
    "flux-1-dev-non-commercial-license": License(
        "no", "of the model; its maker sells a licence that allows it"
    ),
    "*non-commercial*": License("no"),
    "*noncommercial*": License("no"),
    "*-nc": License("no"),
    "*-nc-*": License("no"),
    "apache-2.0": License("yes"),
    "bsd-2-clause": License("yes"),
    "bsd-3-clause": License("yes"),
    "cc-by-4.0": License("yes", "where the maker is named"),
    "cc-by-sa-4.0": License("yes", "where the maker is named, and adaptations are shared alike"),
    "cc0-1.0": License("yes"),
    "commercial": License("yes", "as the spec says of terms that have no name"),
    "creativeml-openrail-m": License("yes", _RAIL),
    "mit": License("yes"),
    "openrail++": License("yes", _RAIL),
    "unlicense": License("yes"),
}


def license_of(name: str) -> License | None:
    """What is known of the licence of that name, whichever its case; None where nothing is."""
    wanted = name.strip().casefold()
    return next((known for pattern, known in TABLE.items() if fnmatchcase(wanted, pattern)), None)
