"""The diffusers provider: what a model takes, what it is pinned to, and its pictures."""

from __future__ import annotations

import gc
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import msgspec
from msgspec.structs import replace

from imgbuild.errors import TargetError
from imgbuild.files import Files
from imgbuild.providers.base import Provider
from imgbuild.providers.diffusers import parts
from imgbuild.providers.diffusers.concerns import concerns
from imgbuild.providers.diffusers.environment import check_installed, fingerprint
from imgbuild.providers.diffusers.probe import probe
from imgbuild.providers.diffusers.settings import Setup, check_setup, setup_of
from imgbuild.providers.diffusers.source import BOX, box_path, check_source
from imgbuild.providers.diffusers.takes import Found, taken, unpinned
from imgbuild.typed import convert
from imgbuild.types import Activity, Capabilities, Concern, Digest, Image, Model, Pin, Request, Value
from imgbuild.weights import hub
from imgbuild.weights.bundles import INDEX, Bundle, pipeline_bundle, weigh, with_parts
from imgbuild.weights.source import is_folder


class Diffusers(Provider):
    """Pipelines of diffusers, from a folder, the hub or imgbuild itself. It keeps the model that it used last.

    A pin's `takes` holds what the probe found, `weights`: the digest of the pipeline alone, and `parts`: what is
    beside it and comes from elsewhere.
    """

    name: ClassVar[str] = "diffusers"
    device: ClassVar[bool] = True

    def __init__(self) -> None:
        self._kept: tuple[object, Any] | None = None
        self._environment: dict[str, str] = {}

    def capabilities(self, model: Model) -> Capabilities:
        check_source(model.source)
        check_setup(model.params)
        return unpinned(model)

    def pinned(self, model: Model, pin: Pin) -> Capabilities:
        check_source(model.source)
        check_setup(model.params)
        return taken(model, convert(pin.takes, Found)) if pin.takes else unpinned(model)

    def concerns(self, model: Model) -> Sequence[Concern]:
        asked = concerns(model)
        if not asked or not is_folder(model.source):
            return asked
        inside = tuple(parts.ProjectWeights(self._files()).unsafe(model.source.removeprefix("./")))
        return [replace(concern, files=inside) for concern in asked]

    def weights(self, model: Model, pin: Pin) -> Digest | None:
        return self._weights(model.source, setup_of(model.params), pin.takes)

    def _weights(self, source: str, setup: Setup, takes: Mapping[str, Value]) -> Digest | None:
        """The digest of all that the model is made of; None where a file of it is not here."""
        files = self._files()
        more = parts.beside(setup, files, takes)
        if is_folder(source):
            bundle = _bundle(setup)
            pipeline = parts.ProjectWeights(files).pipeline(source.removeprefix("./"), bundle)
        else:
            pipeline = takes.get("weights")
        return with_parts(pipeline, more) if pipeline and more is not None else None

    def pin(self, model: Model) -> Pin:
        return self._pin(model, "", {})

    def repin(self, model: Model, pin: Pin) -> Pin:
        return self._pin(model, pin.revision, pin.takes)

    def _pin(self, model: Model, commit: str, known: Mapping[str, Value]) -> Pin:
        """commit, known: what an older pin of the same declaration came to, which is kept."""
        check_installed()
        setup = setup_of(model.params)
        folder, pipeline, commit = self._resolved(model, setup, commit)
        looked = msgspec.json.encode(probe(folder, code=setup.trust_remote_code))
        takes = {**msgspec.json.decode(looked), "weights": pipeline}  # as a lock gives it back
        if more := parts.resolved(setup, known, offline=self.offline):
            takes["parts"] = more
        weights = self._weights(model.source, setup, takes)
        if weights is None:
            missing = parts.missing(setup, self._files(), takes)
            raise TargetError(f"there is no {' and no '.join(missing)}", hint="put it there, or leave it out")
        return replace(super().pin(model), revision=commit, weights=weights, takes=takes)

    def _resolved(self, model: Model, setup: Setup, commit: str) -> tuple[Path, Digest, str]:
        """The folder of the pipeline (of a repository, its small files), its digest, and its commit."""
        bundle = _bundle(setup)
        if is_folder(model.source):
            inside = model.source.removeprefix("./")
            digest = parts.ProjectWeights(self._files()).pipeline(inside, bundle)
            if digest is None:
                raise TargetError(
                    f"there is no pipeline in the folder {inside}",
                    hint="put one there, as `save_pretrained` of diffusers writes it",
                )
            return self._files().root / inside, digest, ""
        if model.source in BOX:
            folder = box_path(model.source)
            if not (folder / INDEX).is_file():
                raise TargetError(
                    f"'{model.source}' is no pipeline, but goes beside one",
                    hint="name it in the params of a model, as its 'lora' or 'controlnet'",
                )
            return folder, weigh(folder, bundle), ""
        if self.offline:
            raise TargetError(f"pinning '{model.source}' needs the network", hint="build without --offline")
        found = hub.resolve(model.source, commit or model.revision, bundle)
        return found.folder, found.weights, found.commit

    def generate(self, requests: Sequence[Request]) -> Sequence[Image]:
        from imgbuild.providers.diffusers.drawing import draw

        first = requests[0]

        def tell(step: int, steps: int) -> None:
            self.tell(Activity(pin=first.pin, doing="draw", done=step, total=steps))

        setup = setup_of(first.params)
        if setup.device == "auto" and self.runs_on:
            setup = replace(setup, device=self.runs_on)
        return draw(self._loaded(first.pin, setup), requests, tell)

    def _loaded(self, pin: Pin, setup: Setup) -> Any:
        """The pipeline, loaded unless it is the one that was used last; that one is let go first."""
        key = (pin, setup)
        if self._kept is None or self._kept[0] != key:
            self.tell(Activity(pin=pin, doing="load"))
            check_installed()
            from imgbuild.providers.diffusers.loading import load

            self._let_go()
            folder, places = self._folder(pin, setup), self._places(pin, setup)
            self.tell(Activity(pin=pin, doing="load"))  # again, where something was fetched
            loaded = load(folder, setup, places)
            self._check(pin, setup)
            self._kept, self._environment = (key, loaded), fingerprint(loaded.device, setup)
        return self._kept[1]

    def _places(self, pin: Pin, setup: Setup) -> parts.Places:
        tell = partial(self._fetching, pin)
        return parts.places(setup, self._files().root, pin.takes, offline=self.offline, tell=tell)

    def _folder(self, pin: Pin, setup: Setup) -> Path:
        """The folder to load from. Raises TargetError where its files are not those of the pin."""
        self._check(pin, setup)
        bundle, weights = _bundle(setup), str(pin.takes["weights"])
        if is_folder(pin.source):
            return self._files().root / pin.source
        if pin.source not in BOX:
            tell = partial(self._fetching, pin, pin.source)
            return hub.fetch(pin.source, pin.revision, bundle, weights, offline=self.offline, tell=tell)
        folder = box_path(pin.source)
        parts.check_box(pin.source, weights, lambda: weigh(folder, bundle))
        return folder

    def _fetching(self, pin: Pin, source: str, done: int, total: int) -> None:
        self.tell(Activity(pin=pin, doing="fetch", source=source, done=done, total=total))

    def _check(self, pin: Pin, setup: Setup) -> None:
        """Whether the project's files are still those of the pin, before they are loaded and after."""
        if self._weights(pin.source, setup, pin.takes) != pin.weights:
            raise TargetError(
                f"the files of the model '{pin.source}' are not those that it is pinned to",
                hint="were they edited or removed meanwhile? Build again",
            )

    def _let_go(self) -> None:
        if self._kept is not None:
            self._kept = None
            gc.collect()
            torch = sys.modules["torch"]
            if torch.cuda.is_available():
                torch.cuda.empty_cache()

    def environment(self) -> Mapping[str, str]:
        return self._environment

    def _files(self) -> Files:
        assert self.files is not None
        return self.files


def _bundle(setup: Setup) -> Bundle:
    return pipeline_bundle(setup.variant, pickles=setup.allow_pickle, code=setup.trust_remote_code)
