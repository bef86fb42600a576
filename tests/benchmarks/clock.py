"""Commands timed from their start to their end, with the most memory they held."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Ran(NamedTuple):
    """One command. seconds: of wall time; peak: bytes of memory it held at most, without its children's."""

    seconds: float
    peak: int
    output: str


def run(words: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Ran:
    """Run a command to its end. Raises RuntimeError with what it said where it fails."""
    with tempfile.TemporaryFile("w+") as told:  # not a pipe: nobody reads while the clock runs
        began = time.perf_counter()
        process = subprocess.Popen(words, cwd=folder, env=environ, stdout=told, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        told.seek(0)
        output = told.read()
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} exited with {process.returncode}:\n{output}")
    return Ran(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024), output)
