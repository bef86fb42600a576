"""The values that templates see: their texts, their labels, and how they are told apart."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from unicodedata import is_normalized, normalize

from imgbuild.types import Value

MAX_VALUE = 20_000  # characters of one value: longer text belongs in no prompt, name or parameter

_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,15})(\.[0-9]{1,15})?([eE][+-]?[0-9]{1,2})?", re.ASCII)


class NoText(Exception):
    """A mapping or a list stands where text is needed."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class LabelledText(str):
    """Text of a labelled axis: it renders as itself and has `.label`."""

    label: str


class LabelledInt(int):
    """A whole number of a labelled axis."""

    label: str


class LabelledFlag(int):
    """A truth value of a labelled axis."""

    label: str


class LabelledFloat(float):
    """A number of a labelled axis."""

    label: str


class LabelledList(list[Any]):
    """A list of a labelled axis."""

    label: str


class Group(dict[str, Any]):
    """A mapping that templates look into by name: a table's row, or the value of a labelled axis."""

    label: str = ""


class NumericText(str):
    """Text that looks like a number, as expressions compare it: with numbers as a number.

    Beside a text that a person wrote in quotes it is equal as text, so that '7' and '7.0' differ, and ordered
    as a number if that text looks like one.
    """

    __slots__ = ()
    __hash__ = str.__hash__

    def __eq__(self, other: object) -> bool:
        number = other if isinstance(other, int | float) else None
        if isinstance(other, NumericText):
            number = float(other)
        return str.__eq__(self, other) if number is None else float(self) == number

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: Any) -> bool:
        number = number_of(other)
        return str.__lt__(self, other) if number is None else float(self) < number

    def __gt__(self, other: Any) -> bool:
        number = number_of(other)
        return str.__gt__(self, other) if number is None else float(self) > number

    def __le__(self, other: Any) -> bool:
        return not self > other

    def __ge__(self, other: Any) -> bool:
        return not self < other


def number_of(value: Any) -> int | float | None:
    """The number that a value is or looks like. Text such as 00123 is a name, not a number."""
    if isinstance(value, int | float):
        return value
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return int(value) if value.lstrip("-").isdigit() else float(value)
    return None


def comparable(value: Any) -> Any:
    """The value as expressions see it: text that looks like a number compares as one."""
    return NumericText(value) if type(value) is str and _NUMBER.fullmatch(value) else value


def label_of(value: Any) -> str:
    """The text of a scalar in ids, as YAML writes it: true, false, null; floats in their shortest form."""
    return "null" if value is None else nfc(text_of(value))


def text_of(value: Any) -> str:
    """The text of a value in a prompt or a name: true and false as YAML writes them, nothing for null.

    Raises NoText for a mapping or a list.
    """
    if isinstance(value, bool | LabelledFlag):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, dict):
        raise NoText("a mapping has no text of its own", f"name one of its keys: {', '.join(value)}")
    if isinstance(value, list | tuple):
        raise NoText("a list has no text of its own", "join its items: {{ name | join(', ') }}")
    return str(value)


def wrap(value: Value) -> Any:
    """A JSON value for templates: text in NFC, mappings as groups. Raises ValueError for text too long."""
    if isinstance(value, str):
        if len(value) > MAX_VALUE:
            raise ValueError(f"a value has {len(value)} characters, more than {MAX_VALUE}")
        return nfc(value)
    if isinstance(value, Mapping):
        return Group({nfc(key): wrap(item) for key, item in value.items()})
    return [wrap(item) for item in value] if isinstance(value, list) else value


def labelled(value: Value, label: str) -> Any:
    """The value of a labelled axis, with its `.label`. Raises ValueError for text too long."""
    wrapped = wrap(value)
    held = _LABELLED[type(wrapped)]("" if wrapped is None else wrapped)
    held.label = label
    return held


_LABELLED: dict[type, Any] = {
    str: LabelledText,
    type(None): LabelledText,
    bool: LabelledFlag,
    int: LabelledInt,
    float: LabelledFloat,
    list: LabelledList,
    Group: Group,
}


def plain(value: Any) -> Any:
    """The JSON value without what templates need besides: its label, and the types that carry it."""
    if isinstance(value, dict):
        return {name: plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, LabelledFlag):
        return bool(value)
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    return value


def identity(value: Any) -> Any:
    """A hashable stand-in: equal for values that no template can tell apart, while the values live."""
    kind = value.__class__
    if kind is str:
        return value
    return (kind, repr(value)) if kind in (bool, int, float, type(None)) else id(value)


def nfc(text: str) -> str:
    return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)
