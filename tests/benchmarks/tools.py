"""The programs that are measured, and how each is called."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path


def imgbuild() -> list[str]:
    """The console script of this environment, as users call it; else the module."""
    script = Path(sys.executable).with_name("imgbuild")
    return [str(script)] if script.exists() else [sys.executable, "-m", "imgbuild"]


def peer(name: str) -> list[str] | None:
    """Another tool, beside this interpreter or on the path; None where it is not installed."""
    found = shutil.which(name, path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}")
    return [found] if found else None


def environment(home: Path) -> Mapping[str, str]:
    """The environment without this user's settings.

    Bytecode is kept beside the sources, as that of every installed package is: compiling them is nobody's work.
    """
    ours = ("IMGBUILD_", "PYTHONDONTWRITEBYTECODE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return {**kept, "HOME": str(home), "XDG_CONFIG_HOME": str(home / ".config"), "NO_COLOR": "1"}
