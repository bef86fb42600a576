"""Words that a prompt must not hold: whole words, in any case, with any white space between them."""

from __future__ import annotations

import re
from collections.abc import Iterable


class Words:
    """A set of words and phrases, as one pattern."""

    def __init__(self, terms: Iterable[str]) -> None:
        patterns = [r"\s+".join(map(re.escape, term.split())) for term in terms if term.strip()]
        self._pattern = (
            re.compile(rf"(?<!\w)(?:{'|'.join(patterns)})(?!\w)", re.IGNORECASE) if patterns else None
        )

    def __bool__(self) -> bool:
        return self._pattern is not None

    def find(self, text: str) -> str:
        """The first of the words as it stands in the text; empty where there is none."""
        found = self._pattern.search(text) if self._pattern else None
        return found[0] if found else ""
