"""The contract of a process operation: pixels in, pixels out, the same for the same input on every machine.

An operation is a frozen struct: its fields are its parameters in the spec, and all of them are in the step's key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Self

from msgspec import Struct

from imgbuild.types import Concern, Edge, Pick
from imgbuild.weights.networks import Networks, named_models

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

_UPSTREAM, _WINNER = "asset://", "pick://"


def upstream_name(edge: Edge | Pick) -> str:
    """What an operation knows the picture of another target by, whichever that is. No path from the root is like it."""
    chosen = {"match": edge.match and ",".join(edge.match), "model": edge.model, "index": edge.index}
    known = "&".join(f"{key}={value}" for key, value in chosen.items() if value not in (None, ""))
    asset = f"{_WINNER}{edge.pick}" if isinstance(edge, Pick) else f"{_UPSTREAM}{edge.asset}"
    return f"{asset}{'?' if known else ''}{known}"


def is_upstream(name: str) -> bool:
    return name.startswith((_UPSTREAM, _WINNER))


class Operation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One finishing step.

    name: as specs write it. example: of its parameters, as specs write them; empty where the name alone will do.
    version: a change of the pixels it gives moves it. model_fields: its parameters that name a declared model, whose
    weights it works with. keeps_size: whether what it gives is as large as what it was given, and nothing in it moves.
    added: parameters that came later than the rest, also within others; they are None where they are left out, and then
    in no key.
    """

    name: ClassVar[str]
    example: ClassVar[str] = ""
    version: ClassVar[int] = 1
    model_fields: ClassVar[tuple[str, ...]] = ()
    keeps_size: ClassVar[bool] = False
    added: ClassVar[tuple[str, ...]] = ()

    def apply(self, picture: PILImage) -> PILImage:
        """A new picture (or the same, unchanged). Modes come as RGB, RGBA, L or LA. Raises TargetError."""
        raise NotImplementedError

    def apply_with(self, picture: PILImage, files: Mapping[str, bytes]) -> PILImage:
        """The same, for an operation that reads files: `files` has the bytes of `self.files()`."""
        return self.apply(picture)

    def apply_by(self, picture: PILImage, files: Mapping[str, bytes], networks: Networks) -> PILImage:
        """The same, for an operation that names models: `networks` has those of `self.models()`."""
        return self.apply_with(picture, files)

    def files(self) -> Sequence[str]:
        """Paths of files that the operation reads; what is in them is in the step's key."""
        return ()

    def edges(self) -> Sequence[tuple[tuple[str | int, ...], Edge | Pick]]:
        """Targets of other assets that it takes in, or winners among them, each with its place among the parameters.

        `files` has their `upstream_name`; the bytes are of their pixels.
        """
        return ()

    def models(self) -> Sequence[str]:
        """Names of the models that it needs: aliases, as specs write them, or as `name_of` makes them."""
        return named_models(self)

    def placed(self, locate: Callable[[str], str]) -> Self:
        """This operation with its paths, which a spec writes relative to itself, from the project's root."""
        return self

    def mixes_in(self) -> bool:
        """Whether other pictures become part of this one, which its metadata then says."""
        return False

    def concerns(self) -> Sequence[Concern]:
        """What in it could harm the reader of a spec, who has to consent to it before it is used."""
        return ()
