"""What a terminal can show beside text: it is asked, and waited for as long as one far away may take."""

from __future__ import annotations

import os
import re
import select
import sys
import time
from typing import Literal, TextIO, TypeAlias

from imgbuild.report.output import emit

# Sixels; Kitty's graphics protocol; or nothing but coloured cells.
Graphics: TypeAlias = Literal["sixel", "kitty", "cells"]

PATIENCE = 2.0  # seconds

# First whether it takes a picture by Kitty's protocol (sw.kovidgoyal.net/kitty/graphics-protocol), then what it is
# (DA1): that is answered by all terminals, and in order, so nothing is waited for that does not come.
_QUESTION = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
_KITTY = re.compile(rb"\x1b_Gi=31;OK\x1b\\")
_DEVICE = re.compile(rb"\x1b\[\?([\d;]*)c")
_SIXEL = b"4"  # among the attributes of a device


def graphics_of(stream: TextIO, source: int, patience: float = PATIENCE) -> Graphics:
    """What the terminal of this stream can show. source: the file descriptor that its answers come by.

    Sixels come first: there are terminals that say they know Kitty's protocol and lack its placeholders.
    """
    if sys.platform == "win32":
        return "cells"
    answer = _ask(stream, source, patience)
    device = _DEVICE.search(answer)
    if device is not None and _SIXEL in device[1].split(b";"):
        return "sixel"
    return "kitty" if _KITTY.search(answer) else "cells"


def _ask(stream: TextIO, source: int, patience: float) -> bytes:
    """The answer, which is not shown as if it had been typed."""
    import termios
    import tty

    before = termios.tcgetattr(source)
    tty.setcbreak(source, termios.TCSANOW)
    try:
        emit(stream, _QUESTION)
        return _answer(source, time.monotonic() + patience)
    finally:
        termios.tcsetattr(source, termios.TCSANOW, before)


def _answer(source: int, end: float) -> bytes:
    answer = b""
    while not _DEVICE.search(answer):
        left = end - time.monotonic()
        some = os.read(source, 1024) if left > 0 and select.select([source], [], [], left)[0] else b""
        if not some:
            break
        answer += some
    return answer
