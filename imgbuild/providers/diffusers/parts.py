"""What a model is made of, its pipeline and what is beside it (a VAE, LoRAs, …): found, weighed and pinned.

Files of the project are weighed whenever somebody asks; what lies elsewhere is resolved once, and a pin's `takes`
keep what it came to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild.digest import digest_file, digest_of
from imgbuild.errors import TargetError
from imgbuild.files import Files
from imgbuild.providers.diffusers.looks import Look
from imgbuild.providers.diffusers.part import Part
from imgbuild.providers.diffusers.settings import Setup
from imgbuild.providers.diffusers.source import BOX, box_path
from imgbuild.providers.in_project import InProject
from imgbuild.typed import convert
from imgbuild.types import Digest, Value
from imgbuild.weights import hub
from imgbuild.weights.bundles import (
    DOMAIN,
    INDEX,
    SAFE,
    Bundle,
    components,
    file_bundle,
    model_bundle,
    pipeline_bundle,
    read_index,
    weigh,
)
from imgbuild.weights.source import is_folder

KINDS = {
    "vae": "VAE",
    "lora": "LoRA",
    "controlnet": "ControlNet",
    "depth": "model for depth estimation",
    "pose": "model for pose estimation",
    "people": "model for object detection",
    "segmentation": "model for semantic segmentation",
    "colors": "file of colours",
    "ip_adapter": "IP-Adapter",
    "image_encoder": "image encoder",
    "refiner": "pipeline",
}
FILES = frozenset({"lora", "ip_adapter", "colors"})  # parts that are one file; the others are folders


class Found(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a part that is no file of the project came to. commit, file: of a repository."""

    weights: Digest
    commit: str = ""
    file: str = ""


class ProjectWeights(InProject):
    """What a pipeline is made of, among the project's files."""

    def pipeline(self, folder: str, bundle: Bundle) -> Digest | None:
        """Digest of the pipeline in a folder, given from the root."""
        if self.files.stamp(f"{folder}/{INDEX}") is None:
            return None
        index = read_index(self.files.read(f"{folder}/{INDEX}"), f"{folder}/{INDEX}")
        inside = [f"{part}/{name}" for part in components(index) for name in self.names(folder, part)]
        return self.over(folder, [*self.names(folder), *inside], bundle)

    def unsafe(self, folder: str) -> list[str]:
        """Where a program could hide in the pipeline of a folder: paths from the root.

        Not only pickles and code: configurations and the model card name classes, files and models that are loaded.
        """
        own = self.names(folder)
        index: dict[str, Any] = {}
        with suppress(TargetError):  # a folder that is no pipeline's is not loaded either
            index = read_index(self.files.read(f"{folder}/{INDEX}"), INDEX) if INDEX in own else {}
        parts = [part for part in components(index) if part.isidentifier()]  # as all names of parts are
        inner = [f"{part}/{name}" for part in parts for name in self.names(folder, part)]
        return [f"{folder}/{name}" for name in (*own, *inner) if not name.endswith(SAFE)]

    def part(self, kind: str, path: str, variant: str) -> Digest | None:
        """Digest of the file or the folder of a part, given from the root."""
        if kind in FILES:
            return self.digest(path)
        bundle = _bundle(kind, "", variant)
        if bundle.anchor == INDEX:
            return self.pipeline(path, bundle)
        names = self.names(path)
        return self.over(path, names, bundle) if bundle.anchor in names else None


def beside(setup: Setup, files: Files, takes: Mapping[str, Value]) -> dict[str, Value] | None:
    """The digests of all that is beside the pipeline, with how it is used; None where a file of it is not here."""
    known = {part.name: _weight(kind, part, setup.variant, files, takes) for kind, part in setup.parts}
    if None in known.values():
        return None
    refiner = setup.refiner
    return {
        "vae": known[setup.vae.name] if setup.vae else "",
        "lora": [[known[lora.part.name], float(lora.scale)] for lora in setup.lora],
        "controlnet": [[known[one.part.name], _look(one.preprocess, known)] for one in setup.controlnet],
        "ip_adapter": [
            [known[one.part.name], known[one.encoder.name], _real(one.scale)] for one in setup.ip_adapter
        ],
        "refiner": [known[refiner.part.name], refiner.at] if refiner else [],
    }


def missing(setup: Setup, files: Files, takes: Mapping[str, Value]) -> list[str]:
    """The parts that should be among the project's files and are not, each in words."""
    return [
        f"{KINDS[kind]} at {part.source}"
        for kind, part in setup.parts
        if _weight(kind, part, setup.variant, files, takes) is None
    ]


def _real(scale: Value) -> Value:
    return scale if isinstance(scale, Mapping) else float(scale)


def _look(look: Look | None, known: Mapping[str, Value]) -> Value:
    """A look, with the digests of its parts in their places."""
    if look is None:
        return None
    fields = {name: getattr(look, name) for name in look.__struct_fields__}
    return {name: known[value.name] if isinstance(value, Part) else value for name, value in fields.items()}


def _weight(kind: str, part: Part, variant: str, files: Files, takes: Mapping[str, Value]) -> Digest | None:
    if is_folder(part.source):
        return ProjectWeights(files).part(kind, part.source.removeprefix("./"), variant)
    found = _found(part, takes)
    # A part that was not there when the model was pinned: the pin does not hold, and never equals this.
    return found.weights if found else digest_of(DOMAIN, {"unresolved": part.name})


def _found(part: Part, takes: Mapping[str, Value]) -> Found | None:
    known = takes.get("parts", {}).get(part.name)
    return convert(known, Found) if known else None


def resolved(setup: Setup, takes: Mapping[str, Value], *, offline: bool) -> dict[str, Value]:
    """What the parts come to that are no files of the project, by name. takes: of a pin, whose answers are kept.

    Raises TargetError.
    """
    found: dict[str, Value] = {}
    for kind, part in setup.parts:
        if not is_folder(part.source):
            told = _found(part, takes) or _resolve(kind, part, setup.variant, offline)
            found[part.name] = msgspec.to_builtins(told)
    return found


def _resolve(kind: str, part: Part, variant: str, offline: bool) -> Found:
    if part.source in BOX:
        return Found(weights=_weigh_box(kind, part, variant))
    if offline:
        raise TargetError(f"pinning '{part.source}' needs the network", hint="build without --offline")
    if kind in FILES:
        known = hub.resolve(part.source, part.revision, file_bundle(part.file) if part.file else None)
        return Found(weights=known.weights, commit=known.commit, file=known.anchor)
    known = hub.resolve(part.source, part.revision, _bundle(kind, part.subfolder, variant))
    return Found(weights=known.weights, commit=known.commit)


def _bundle(kind: str, subfolder: str, variant: str) -> Bundle:
    """What is taken of the folder of a part."""
    return pipeline_bundle(variant) if kind == "refiner" else model_bundle(subfolder)


def _weigh_box(kind: str, part: Part, variant: str) -> Digest:
    path = box_path(part.source)
    if path.is_dir() is (kind in FILES):
        raise TargetError(f"'{part.source}' can't be used as '{kind}'", hint="leave it out, or name another")
    return digest_file(path) if kind in FILES else weigh(path, _bundle(kind, "", variant))


class Places(Struct, frozen=True, kw_only=True):
    """Where the weights beside a pipeline are on this machine: folders, and those of FILES, by the part's name."""

    paths: Mapping[str, Path]

    def of(self, part: Part) -> Path:
        return self.paths[part.name]


def places(
    setup: Setup,
    root: Path,
    takes: Mapping[str, Value],
    *,
    offline: bool,
    tell: Callable[[str, int, int], None],
) -> Places:
    """Find all parts, and fetch those of the hub that are not here. Raises TargetError where one is not as pinned.

    tell: takes a repository, and how many of its bytes are here of how many; from any thread.
    """

    def place(kind: str, part: Part) -> Path:
        if is_folder(part.source):
            return root / part.source
        found = _found(part, takes)
        assert found is not None  # the pin was checked before
        if part.source in BOX:
            check_box(part.source, found.weights, lambda: _weigh_box(kind, part, setup.variant))
            return box_path(part.source)
        is_file = kind in FILES
        bundle = file_bundle(found.file) if is_file else _bundle(kind, part.subfolder, setup.variant)
        told = partial(tell, part.source)
        folder = hub.fetch(part.source, found.commit, bundle, found.weights, offline=offline, tell=told)
        return folder / (found.file if is_file else part.subfolder)

    return Places(paths={part.name: place(kind, part) for kind, part in setup.parts})


def check_box(source: str, pinned: Digest, now: Callable[[], Digest]) -> None:
    """Raise TargetError where what ships with this imgbuild is not what a pin was taken from."""
    if now() != pinned:
        raise TargetError(
            f"the model '{source}' of this imgbuild is not the one that is locked",
            hint="install the imgbuild that it was locked with, or move the pin by `imgbuild lock --upgrade`",
        )
