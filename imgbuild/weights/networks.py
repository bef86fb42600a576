"""Networks that rules and operations look through: loaded once, kept while they are used, one at work at a time.

Beside them stand services that judge pictures elsewhere: these are asked, by several threads at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any, TypeVar, cast

from msgspec import Struct

from imgbuild.types import Digest

if TYPE_CHECKING:
    from PIL.Image import Image as PILImage

T = TypeVar("T")

MOST = 4  # networks that are kept
THREADS = 2  # of torch, as the diffusers provider has them: the same number gives the same bits

_MODEL = "models://"


class Weights(Struct, frozen=True, kw_only=True):
    """Weights on this machine. source: as declared, for errors. path: of the file or folder. digest: as pinned.

    pickled: whether the reader consented to reading pickles.
    """

    source: str
    path: Path
    digest: Digest
    pickled: bool = False


class Judge(Struct, frozen=True, kw_only=True):
    """A service that says what pictures show. source: as declared, for errors. digest: of who judges, as pinned.

    ask: gives what it thinks of a picture: label → likelihood, 0 to 1. May be called by several threads at a time.
    Raises TargetError. server: whom that asks, where it is another than the vendor's own.
    """

    source: str
    digest: Digest
    ask: Callable[[PILImage], Mapping[str, float]]
    server: str = ""


def name_of(home: str, alias: str) -> str:
    """What a rule or operation knows a model by, once its alias was looked up. No path from the root is like it."""
    return f"{_MODEL}{home}//{alias}"


def is_model(name: str) -> bool:
    return name.startswith(_MODEL)


def declared_name(name: str) -> tuple[str, str]:
    """Of a name as `name_of` gives it: the spec whose file declares the model, and the alias."""
    home, _, alias = name.removeprefix(_MODEL).rpartition("//")
    return home, alias


def named_models(step: Any) -> tuple[str, ...]:
    """The models that the `model_fields` of a rule or an operation name."""
    given = (getattr(step, name) for name in step.model_fields)
    return tuple(name for name in given if name is not None)


class Networks:
    """The networks of one run, for all its threads.

    find: the weights of a model, by its name, or the service that it is. Raises TargetError.
    """

    def __init__(self, find: Callable[[str], Weights | Judge]) -> None:
        self._find = find
        self._lock = RLock()
        self._found: dict[str, Weights | Judge] = {}
        self._kept: OrderedDict[tuple[str, Digest], Any] = OrderedDict()

    def digest(self, name: str) -> Digest:
        """What a model is pinned to."""
        return self._named(name).digest

    def weights(self, name: str) -> Weights:
        """Those of a model, which is no service."""
        found = self._named(name)
        assert isinstance(found, Weights), "a spec names a service only where it can be asked"
        return found

    def judge(self, name: str) -> Judge | None:
        """The service that a model is; None where it is weights."""
        found = self._named(name)
        return found if isinstance(found, Judge) else None

    def _named(self, name: str) -> Weights | Judge:
        with self._lock:
            if name not in self._found:
                self._found[name] = self._find(name)
            return self._found[name]

    @contextmanager
    def at_work(self, kind: str, name: str, load: Callable[[Weights], T]) -> Iterator[T]:
        """The network of a model, alone at work while within. kind: of what `load` makes of the weights."""
        with self._lock:
            weights = self.weights(name)
            key = (kind, weights.digest)
            if key not in self._kept:
                self._kept[key] = load(weights)
            self._kept.move_to_end(key)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
            yield cast(T, self._kept[key])
