"""What a program makes of a picture: any operation that can be written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from msgspec.structs import replace

from imgbuild.images import decode, encode, normal
from imgbuild.process.base import Operation
from imgbuild.programs import IMAGE, OUTPUT, Program, check_words, own_files, placed_words, program_concern
from imgbuild.types import Concern, Format

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage


class Command(Operation, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Gives the picture that a program writes. `run` is the command, word by word; no shell reads it.

    {image} stands for the path of the picture, a PNG, and {output} for the path that it writes one to. A word that
    begins with './' or '../' is a file of the project, relative to the spec, and so are those that it `uses`; an edit
    of them finishes anew. The program runs in a folder with these files alone, without your environment, for at most
    `timeout` seconds; the same picture has to give the same. It needs your consent: see `imgbuild trust`.
    """

    name: ClassVar[str] = "command"
    example: ClassVar[str] = '{run: [convert, "{image}", -posterize, "4", "{output}"]}'

    run: list[str]
    uses: list[str] = []
    timeout: float = 60.0

    def __post_init__(self) -> None:
        check_words(self.run, self.uses, self.timeout)
        for place in (IMAGE, OUTPUT):
            if not any(place in word for word in self.run):
                raise ValueError(f"run must have {place}, which stands for a path")

    def apply_with(self, picture: PILImage, files: Mapping[str, bytes]) -> PILImage:
        program = Program(words=self.run, files=files, timeout=self.timeout)
        made = program.make(encode(picture, Format()))
        what = f"what {program.title} wrote"
        return normal(decode(made, what), what)

    def files(self) -> Sequence[str]:
        return own_files([*self.run, *self.uses])

    def placed(self, locate: Callable[[str], str]) -> Self:
        return replace(self, run=placed_words(self.run, locate), uses=placed_words(self.uses, locate))

    def concerns(self) -> Sequence[Concern]:
        return (program_concern(self.run, self.files()),)
