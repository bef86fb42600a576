"""What a program says of a picture: any check that can be written.

The program is given the path of the picture and prints one JSON object: {"ok": true}, and if it likes "figure", "unit"
and "limit", which are shown. An exit code other than 0 is a failure of the program, not of the picture.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self

from msgspec.structs import replace

from imgbuild.images import Picture
from imgbuild.programs import Program, check_words, own_files, placed_words, program_concern
from imgbuild.rules.base import Measured, Rule
from imgbuild.rules.said import finding_of, verdict_said
from imgbuild.types import Concern, Finding, Value


class Command(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Holds where the program says so. `run` is the command, word by word; no shell reads it.

    A word that begins with './' or '../' is a file of the project, relative to the spec, and so are those that it
    `uses`; an edit of them checks anew. {image} stands for the picture's path, which else comes last. The program runs
    in a folder with these files alone, without your environment, for at most `timeout` seconds. It needs your consent:
    see `imgbuild trust`.
    """

    name: ClassVar[str] = "command"
    example: ClassVar[str] = "{run: [python3, ./checks/logo.py]}"

    run: list[str]
    uses: list[str] = []
    timeout: float = 60.0

    def __post_init__(self) -> None:
        check_words(self.run, self.uses, self.timeout)

    def measured_by(self) -> Mapping[str, Value]:
        return {"run": self.run}

    def measure(self, picture: Picture, files: Mapping[str, bytes]) -> Measured:
        program = Program(words=self.run, files=files, timeout=self.timeout)
        return verdict_said(program.say(picture.data, f".{picture.format}"), program.title)

    def judge(self, measured: Measured) -> Finding:
        return finding_of(measured, f"as {shlex.join(self.run)} says")

    def files(self) -> Sequence[str]:
        return own_files([*self.run, *self.uses])

    def placed(self, locate: Callable[[str], str]) -> Self:
        return replace(self, run=placed_words(self.run, locate), uses=placed_words(self.uses, locate))

    def concerns(self) -> Sequence[Concern]:
        return (program_concern(self.run, self.files()),)
