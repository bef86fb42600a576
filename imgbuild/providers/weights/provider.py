"""The weights provider: models that make no images, pinned by a digest over their files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from msgspec.structs import replace

from imgbuild.errors import SpecError, TargetError
from imgbuild.extras import need
from imgbuild.files import Files
from imgbuild.providers.base import Provider
from imgbuild.providers.in_project import InProject
from imgbuild.types import Activity, Capabilities, Concern, Digest, Grade, Image, Model, Pin, Request, Value
from imgbuild.weights import hub
from imgbuild.weights.bundles import (
    CONFIG,
    PICKLED,
    SAFE,
    Bundle,
    check_pickles,
    file_bundle,
    network_bundle,
)
from imgbuild.weights.networks import Weights
from imgbuild.weights.source import is_folder, is_repository

FILES = (SAFE, ".onnx", PICKLED, ".pth", ".pt", ".ckpt")  # how the name of one file of weights ends
PICKLES = FILES[2:]
PARAMS: Mapping[str, Value] = {
    "file": {"type": "string", "minLength": 1, "description": "the one file of a repository to take"},
    "allow_pickle": {"type": "boolean", "description": "true, to read weights that are pickled"},
}

_HINT = "name a repository of the hub (owner/name), or a file or folder that begins with './'"


class WeightsOnly(Provider):
    """Weights for rules and operations: a folder as transformers keeps a network, or one file.

    A pin's `takes` hold what was chosen of a repository: its `file`, and whether pickles were.
    """

    name: ClassVar[str] = "weights"
    draws: ClassVar[bool] = False

    def capabilities(self, model: Model) -> Capabilities:
        if not model.source:
            raise SpecError("a model of provider 'weights' needs a 'source'", hint=_HINT)
        if not is_folder(model.source) and not is_repository(model.source):
            raise SpecError(f"'{model.source}' is no source of provider 'weights'", hint=_HINT)
        _check_model(model)
        return Capabilities(
            takes=frozenset(),
            grade=Grade.BITWISE,
            params=PARAMS,
            of_model=frozenset(PARAMS),
            unkeyed=frozenset(PARAMS),
        )

    def concerns(self, model: Model) -> Sequence[Concern]:
        if not model.params.get("allow_pickle"):
            return ()
        inside = model.source.removeprefix("./")
        at = f" at {model.revision}" if model.revision else ""
        whose = f"{inside}" if is_folder(model.source) else f"the hub's repository {model.source}{at}"
        wants = f"reads pickled weights of {whose}: whoever made them could run any program on this machine"
        files = tuple(self._unsafe(inside)) if is_folder(model.source) else ()
        return (Concern(wants=wants, place=("params", "allow_pickle"), files=files),)

    def _unsafe(self, path: str) -> Sequence[str]:
        """Where a program could hide: paths from the root."""
        if _is_file(path):
            return (path,)
        names = InProject(self._files()).names(path)
        return [f"{path}/{name}" for name in names if not name.endswith(SAFE)]

    def weights(self, model: Model, pin: Pin) -> Digest | None:
        if not is_folder(model.source):
            return None if pin.takes == _taken(model) else ""  # "": what is declared now was never looked at
        return self._weigh(model)

    def _weigh(self, model: Model) -> Digest | None:
        inside, found = model.source.removeprefix("./"), InProject(self._files())
        bundle = _bundle(model)
        if bundle.anchor != CONFIG:
            return found.digest(inside)
        names = found.names(inside)
        return found.over(inside, names, bundle) if CONFIG in names else None

    def pin(self, model: Model) -> Pin:
        return self._pin(model, "")

    def repin(self, model: Model, pin: Pin) -> Pin:
        return self._pin(model, pin.revision)

    def _pin(self, model: Model, commit: str) -> Pin:
        """commit: what an older pin of the same source came to, which is kept."""
        pin = replace(Provider.pin(self, model), takes=_taken(model))
        if is_folder(model.source):
            weights = self._weigh(model)
            if weights is None:
                raise TargetError(
                    f"there are no weights at {model.source.removeprefix('./')}",
                    hint=f"put a file there, or a folder with a {CONFIG} and weights in safetensors",
                )
            return replace(pin, weights=weights)
        if self.offline:
            raise TargetError(f"pinning '{model.source}' needs the network", hint="build without --offline")
        _check_client(model)
        resolved = hub.resolve(model.source, commit or model.revision, _bundle(model))
        return replace(pin, revision=resolved.commit, weights=resolved.weights)

    def fetched(self, model: Model, pin: Pin) -> Weights:
        pickled = bool(model.params.get("allow_pickle"))
        return Weights(source=model.source, path=self._path(model, pin), digest=pin.weights, pickled=pickled)

    def _path(self, model: Model, pin: Pin) -> Path:
        if is_folder(model.source):
            if self._weigh(model) != pin.weights:
                raise TargetError(
                    f"the files of the model '{model.source}' are not those that it is pinned to",
                    hint="were they edited or removed meanwhile? Build again",
                )
            return self._files().root / model.source
        _check_client(model)
        bundle = _bundle(model)
        tell = partial(self._fetching, pin)
        folder = hub.fetch(model.source, pin.revision, bundle, pin.weights, offline=self.offline, tell=tell)
        return folder if bundle.anchor == CONFIG else folder / bundle.anchor

    def _fetching(self, pin: Pin, done: int, total: int) -> None:
        self.tell(Activity(pin=pin, doing="fetch", source=pin.source, done=done, total=total))

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        raise TypeError("provider 'weights' makes no images")

    def _files(self) -> Files:
        assert self.files is not None
        return self.files


def _check_client(model: Model) -> None:
    need("huggingface_hub", "the client of the hub", f"'{model.source}'", "local")


def _is_file(path: str) -> bool:
    return path.endswith(FILES)


def _bundle(model: Model) -> Bundle:
    """What is taken of the source. Raises TargetError where it is pickled, and that is not allowed."""
    pickles = bool(model.params.get("allow_pickle"))
    file = str(model.params.get("file", ""))
    if is_folder(model.source) and _is_file(model.source):
        file = model.source.removeprefix("./")
    if file:
        check_pickles([file] if file.endswith(PICKLES) else [], allowed=pickles)
        return file_bundle(file)
    return network_bundle(pickles=pickles)


def _taken(model: Model) -> dict[str, Any]:
    """What is chosen of a repository, for the pin to hold only while that is."""
    return {} if is_folder(model.source) else {name: model.params[name] for name in sorted(model.params)}


def _check_model(model: Model) -> None:
    """Raise SpecError where it asks for what weights have not."""
    for name in ("size", "fallback"):
        if getattr(model, name):
            raise SpecError(
                f"a model of provider 'weights' makes no images, and has no '{name}'", hint="leave it out"
            )
    for name, value in model.params.items():
        if name not in PARAMS:
            raise SpecError(
                f"a model of provider 'weights' has no parameter '{name}'",
                hint=f"its parameters: {', '.join(sorted(PARAMS))}",
            )
        kind = bool if name == "allow_pickle" else str
        if type(value) is not kind:
            raise SpecError(
                f"'{name}' of a model of provider 'weights' must be {'true or false' if kind is bool else 'a text'}",
                hint="see its page in the README",
            )
    if is_folder(model.source) and "file" in model.params:
        raise SpecError(
            "'file' chooses in a repository of the hub", hint=f"write 'source: {model.source}/…' instead"
        )
