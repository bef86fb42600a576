"""Plain scalars of YAML 1.2's core schema: what becomes null, true, a number, and what stays text.

Stricter than the core schema in one point: a number with leading zeros (`012`, `00123`) stays text, since it is
an article number or a date and never a quantity.
"""

from __future__ import annotations

import math
import re

from imgbuild.types import Scalar

_WORDS: dict[str, Scalar] = {
    "": None,
    "~": None,
    **dict.fromkeys(("null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_STARTS = frozenset("+-.0123456789")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_BASED = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_ENDLESS = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DIGITS = 400  # more than any finite float or 64-bit integer needs
LOWEST, HIGHEST = -(2**63), 2**64 - 1  # what JSON codecs agree on


def resolve(text: str) -> Scalar:
    """The value of a plain scalar. Raises ValueError for a number that is infinite, or beyond 64 bits."""
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _STARTS:
        return text
    if _INTEGER.fullmatch(text):
        return _bounded(text, 10)
    if _FLOAT.fullmatch(text):
        return _finite(text)
    if _BASED.fullmatch(text):
        return _bounded(text, 0)
    if _ENDLESS.fullmatch(text):
        raise ValueError(text)
    return text


def _bounded(text: str, base: int) -> int:
    if len(text) > _DIGITS:
        raise ValueError(text)
    number = int(text, base)
    if not LOWEST <= number <= HIGHEST:
        raise ValueError(text)
    return number


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number
