"""What is claimed of the files of a target: what was done to make them, and of which pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import PurePosixPath

from msgspec.structs import replace

from imgbuild.adjustments import ask_at
from imgbuild.credentials.claim import MIMES, Claim, Ingredient, actions_of
from imgbuild.digest import digest_bytes
from imgbuild.errors import BadImage
from imgbuild.files import Files
from imgbuild.images import decode, encode, normal, open_header
from imgbuild.keys import bound_at, generate_key, inputs_for
from imgbuild.process.base import Operation, is_upstream
from imgbuild.provenance.describe import told_by
from imgbuild.signing.published import File
from imgbuild.survey import Survey
from imgbuild.types import Digest, Format, Rendered, Target, Value

# Of a target, by its id: its image, the digest of its signed file (or of the image, where none can be), and its bytes.
Found = tuple[File, Digest, Callable[[], bytes]]
FindImage = Callable[[str], Found]


class Claims:
    """Claims of one target's files. find: the images of the targets that it is made from."""

    def __init__(self, found: Survey, target: Target, find: FindImage) -> None:
        self.found, self.target, self.find = found, target, find
        self.decision = found.plan.decisions[target.id]

    def of(self, file: File) -> Claim:
        recipe = self.target.recipe
        rendition = file.made if isinstance(file.made, Rendered) else None
        pieces = _Pieces(self.found.project.files, self.find)
        asked, model = self._asked()
        parents, given = self._parents(pieces), self._given(pieces)
        process = (*recipe.process, *(rendition.process if rendition else ()))
        placed = [(operation, self._placed(operation, pieces)) for operation in process]
        if recipe.metadata.level != "full":
            recipe = replace(recipe, metadata=replace(recipe.metadata, level="minimal"))
        return Claim(
            title=PurePosixPath(file.path).name,
            mime=file.mime,
            actions=actions_of(told_by(recipe, asked, rendition), model, parents, given, placed),
            ingredients=tuple(pieces.found),
        )

    def _asked(self) -> tuple[Mapping[str, Value], str]:
        """What a model was asked for, and its name; nothing where none drew the picture."""
        if not self.target.asks:
            return {}, ""
        bound, line = bound_at(self.target, self.decision.way.position), self.decision.line
        assert line is not None
        pin = self.found.pins.known[bound.home, bound.alias]
        roles = {
            item.role: [item.target or item.file]
            for item in inputs_for(self.target, self.decision.way.position)
        }
        ask = ask_at(self.target, *self.decision.way)
        asked = generate_key(ask, pin, line.seed, roles)[1]
        return asked, f"{pin.provider} {pin.source}".strip()

    def _parents(self, pieces: _Pieces) -> list[Ingredient]:
        """The picture that it was before, where it was one."""
        if self.target.asks or self.target.recipe.sheet is not None:
            return []
        return pieces.file(self.target.inputs[0].file, "parentOf")

    def _given(self, pieces: _Pieces) -> list[Ingredient]:
        """The pictures that the model was given."""
        given: list[Ingredient] = []
        for item in inputs_for(self.target, self.decision.way.position) if self.target.asks else ():
            given += (
                pieces.target(item.target, "inputTo") if item.target else pieces.file(item.file, "inputTo")
            )
        return given

    def _placed(self, operation: Operation, pieces: _Pieces) -> list[Ingredient]:
        """The pictures that an operation mixes in."""
        upstream = {item.role: item.target for item in self.target.inputs if item.target}
        placed: list[Ingredient] = []
        for name in operation.files() if operation.mixes_in() else ():
            placed += (
                pieces.target(upstream[name], "componentOf")
                if is_upstream(name)
                else pieces.file(name, "componentOf")
            )
        return placed


class _Pieces:
    """Ingredients of one file, numbered as they come."""

    def __init__(self, files: Files, find: FindImage) -> None:
        self.files, self.find = files, find
        self.found: list[Ingredient] = []

    def target(self, name: str, relationship: str) -> list[Ingredient]:
        file, digest, read = self.find(name)
        return self._add(PurePosixPath(file.path).name, relationship, file.mime, digest, read)

    def file(self, path: str, relationship: str) -> list[Ingredient]:
        """A file of the project; none, if it is no picture but, say, a font."""
        data = self.files.content(path)
        try:
            kind = (open_header(data, path).format or "").lower()
        except BadImage:
            return []
        if kind not in MIMES:  # of a kind that holds no credentials, so that there are none to keep
            kind, data = "png", encode(normal(decode(data, path), path), Format(type="png"))
        name = PurePosixPath(path).name
        return self._add(name, relationship, MIMES[kind], digest_bytes(data), partial(bytes, data))

    def _add(
        self, title: str, relationship: str, mime: str, digest: Digest, read: Callable[[], bytes]
    ) -> list[Ingredient]:
        label = f"picture-{len(self.found) + 1}"
        self.found.append(
            Ingredient(
                label=label, title=title, mime=mime, relationship=relationship, digest=digest, read=read
            )
        )
        return self.found[-1:]
