"""The files of a target as they are published, and their bytes."""

from __future__ import annotations

from typing import NamedTuple

from imgbuild.credentials.claim import MIMES
from imgbuild.digest import digest_bytes
from imgbuild.errors import TargetError
from imgbuild.keys import placed_at
from imgbuild.plan import Action
from imgbuild.store.store import Store
from imgbuild.survey import Survey
from imgbuild.types import Digest, Line, Recipe, Rendered, Target


class File(NamedTuple):
    """A published file. made: what declares its format; None for a text."""

    path: str
    digest: Digest
    made: Recipe | Rendered | None

    @property
    def mime(self) -> str:
        """Empty where it can hold no credentials."""
        return MIMES.get(self.made.format.type, "") if self.made is not None else ""


class Published:
    """What is published now, by the plan and the lock. states: by target id, as selections know them."""

    def __init__(self, found: Survey, store: Store, states: dict[str, str]) -> None:
        self.found, self.store, self.states = found, store, states
        self.targets = found.project.graph.targets

    def line(self, name: str) -> Line:
        line = self.found.plan.decisions[name].line
        assert line is not None
        return line

    def files(self, target: Target) -> list[File]:
        """The image, its renditions, its texts; and the image once more, where it won over others."""
        line, recipe = self.line(target.id), target.recipe
        kinds = [recipe, *recipe.renditions, *[None for _ in recipe.texts], recipe]
        published = placed_at(target, line.image, line.files, line.pixels)
        return [File(path, digest, made) for (path, digest), made in zip(published, kinds, strict=False)]

    def stale(self, target: Target) -> str:
        """Why it is not what is declared, where it isn't."""
        decision = self.found.plan.decisions[target.id]
        return "" if decision.action in (Action.FRESH, Action.RESTORE) else decision.why

    def held(self, target: Target) -> str:
        """Why it is not to be given out, though it is there."""
        reasons = {"fail": "it fails a rule", "review": "it waits for review"}
        return reasons.get(self.states[target.id], "")

    def read(self, file: File) -> bytes:
        """Its bytes, from the store or from the output folder. Raises TargetError."""
        try:
            return self.store.blobs.read(file.digest)
        except KeyError:
            pass
        try:
            data = (self.found.outputs.folder / file.path).read_bytes()
        except OSError:
            data = b""
        if digest_bytes(data) not in {file.digest, *self.found.equals.get(file.digest, ())}:
            raise TargetError("its bytes are neither at their place nor in the store", hint="build it again")
        return data
