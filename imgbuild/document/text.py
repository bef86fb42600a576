"""Bytes of a file to text: UTF-8 with or without BOM, and no control characters."""

from __future__ import annotations

import re
from unicodedata import is_normalized, normalize

from imgbuild.document.places import Lines
from imgbuild.errors import SpecError
from imgbuild.types import Where

CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def decode(data: bytes, file: str) -> str:
    """The file's text, without BOM. Raises SpecError with the place of what can't be text."""
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - data.rfind(b"\n", 0, error.start)
        where = Where(file=file, line=line, column=column)
        raise SpecError("the file is not UTF-8 text", where=where, hint="save it as UTF-8") from None
    control = CONTROL.search(text)
    if control is not None:
        found = Lines(file, text).at(control.start())
        where = Where(
            file=file, line=found.line, column=found.column
        )  # the line itself would reach a terminal
        message = f"the control character U+{ord(control.group()):04X} can't stand in text"
        raise SpecError(message, where=where, hint="remove it")
    return text


def nfc(text: str) -> str:
    """The text in Unicode's composed form, so that equal words are equal however they were typed."""
    return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)
