"""What a program says of a picture: any check that can be written.

The program is given the path of the picture and prints one JSON object: {"ok": true}, and if it likes "figure", "unit"
and "limit", which are shown. An exit code other than 0 is a failure of the program, not of the picture.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar, Self

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from imgbuild.errors import TargetError
from imgbuild.images import Picture
from imgbuild.programs import check_words, own_files, placed_words, said_by
from imgbuild.rules.base import Measured, Rule
from imgbuild.types import Concern, Finding, Value


class Said(Struct):
    """What the program prints; more than that is not looked at."""

    ok: bool
    figure: Value = None
    unit: str = ""
    limit: str = ""


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
        said = said_by(self.run, picture.data, f".{picture.format}", files, self.timeout)
        try:
            return msgspec.to_builtins(msgspec.json.decode(said, type=Said))  # type: ignore[no-any-return]
        except msgspec.DecodeError as error:
            raise TargetError(
                f"{self.run[0]} printed no verdict: {error}",
                hint='it has to print {"ok": true} or {"ok": false}',
            ) from error

    def judge(self, measured: Measured) -> Finding:
        return Finding(
            ok=measured["ok"],
            figure=measured["figure"],
            unit=measured["unit"],
            limit=measured["limit"] or f"as {' '.join(self.run)} says",
        )

    def files(self) -> Sequence[str]:
        return own_files([*self.run, *self.uses])

    def placed(self, locate: Callable[[str], str]) -> Self:
        return replace(self, run=placed_words(self.run, locate), uses=placed_words(self.uses, locate))

    def concerns(self) -> Sequence[Concern]:
        # Quoted, since words that are split otherwise are another program.
        wants = f"runs a program on each image: {shlex.join(self.run)}"
        return (Concern(wants=wants, files=tuple(self.files())),)
