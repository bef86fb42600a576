"""What a Python function of yours says of a picture.

It is given the picture as Pillow opens it, and returns whether it holds, or a mapping: {"ok": True}, and if it likes
"figure", "unit" and "limit", which are shown. It runs in a process of its own, which takes some tenths of a second.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self

from msgspec.structs import replace

from imgbuild.images import Picture
from imgbuild.programs import IMAGE, Program, check_words, is_own, own_files, placed_words
from imgbuild.rules.base import Measured, Rule
from imgbuild.rules.said import finding_of, verdict_said
from imgbuild.types import Concern, Finding, Value

# What the function prints goes to where errors go: only its verdict is read.
_RUNNER = """
import json, os, runpy, sys
from PIL import Image
path, name, image = sys.argv[1:]
sys.path.insert(0, os.path.dirname(os.path.abspath(path)))
out, sys.stdout = sys.stdout, sys.stderr
told = runpy.run_path(path)[name](Image.open(image))
out.write(json.dumps(told if isinstance(told, dict) else {"ok": bool(told)}))
"""


class Python(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where the `function` says so: a file of the project, relative to the spec, and the name of one in it.

    uses: other files that it imports, beside it. An edit of any of them checks anew. It sees these files alone, without
    your environment, for at most `timeout` seconds. It needs your consent: see `imgbuild trust`.
    """

    name: ClassVar[str] = "python"
    example: ClassVar[str] = '{function: "./checks/logo.py:holds"}'

    function: str
    uses: list[str] = []
    timeout: float = 60.0

    def __post_init__(self) -> None:
        path, _, name = self.function.rpartition(":")
        if not (is_own(path) and name.isidentifier()):
            raise ValueError(
                f"function must be a file and a name, as in './checks.py:holds', not '{self.function}'"
            )
        check_words([path], self.uses, self.timeout)

    def measured_by(self) -> Mapping[str, Value]:
        return {"function": self.function}

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        path, _, name = self.function.rpartition(":")
        words = [sys.executable, "-c", _RUNNER, path, name, IMAGE]
        program = Program(words=words, files=files, timeout=self.timeout, name=self.function)
        return verdict_said(program.say(picture.data, f".{picture.format}"), program.title)

    def judge(self, measured: Measured) -> Finding:
        return finding_of(measured, f"as {self.function} says")

    def files(self) -> Sequence[str]:
        return own_files([self.function.rpartition(":")[0], *self.uses])

    def placed(self, locate: Callable[[str], str]) -> Self:
        path, _, name = self.function.rpartition(":")
        (path,) = placed_words([path], locate)
        return replace(self, function=f"{path}:{name}", uses=placed_words(self.uses, locate))

    def concerns(self) -> Sequence[Concern]:
        return (
            Concern(
                wants=f"runs a Python function on each image: {self.function}", files=tuple(self.files())
            ),
        )
