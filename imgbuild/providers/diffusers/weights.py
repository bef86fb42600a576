"""Which files of a pipeline are loaded, and the digest over them: equal files are one model, wherever they lie."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from imgbuild.digest import digest_file, digest_of
from imgbuild.errors import TargetError
from imgbuild.files import Files
from imgbuild.providers.diffusers.settings import Lora, Setup
from imgbuild.providers.diffusers.source import INDEX
from imgbuild.types import Digest

SAFE = ".safetensors"
TEXTS = (".json", ".jinja", ".model", ".txt")  # configurations and vocabularies
DOMAIN = "weights/1"

_SHARD = re.compile(r"-\d+-of-\d+$")


def read_index(data: bytes, name: str) -> dict[str, Any]:
    """A pipeline's `model_index.json`. Raises TargetError where it is none."""
    try:
        index = msgspec.json.decode(data)
        if isinstance(index, dict) and isinstance(index.get("_class_name"), str):
            return index
    except msgspec.DecodeError:
        pass
    raise TargetError(f"{name} names no pipeline", hint="is it as `save_pretrained` of diffusers writes it?")


def components(index: Mapping[str, Any]) -> list[str]:
    """The folders that a pipeline's parts are in."""
    parts = {name: value for name, value in index.items() if isinstance(value, list) and len(value) == 2}
    return [name for name, (library, _) in parts.items() if library is not None]


def loaded(names: Iterable[str], index: Mapping[str, Any], variant: str) -> list[str]:
    """Those of a folder's files that are loaded for this variant (""; "fp16"), in order."""
    parts = components(index)
    files = [name for name in names if name.partition("/")[0] in parts and name.count("/") == 1]
    chosen = {INDEX, *(name for name in files if name.endswith(TEXTS))}
    for part in parts:
        safe = [name for name in files if name.startswith(f"{part}/") and name.endswith(SAFE)]
        wanted = variant if variant and variant in map(_variant, safe) else ""
        chosen.update(name for name in safe if _variant(name) == wanted)
    return sorted(chosen)


def _variant(name: str) -> str:
    """Of "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors": "fp16"."""
    stem = name.rpartition("/")[2].removesuffix(SAFE)
    return _SHARD.sub("", stem).partition(".")[2]


def digest_over(digests: Mapping[str, Digest]) -> Digest:
    """The digest of a pipeline, from those of its files by name."""
    return digest_of(DOMAIN, {"files": dict(digests)})


def with_parts(pipeline: Digest, vae: Digest, lora: Collection[tuple[Digest, float]]) -> Digest:
    """The digest of a pipeline with another VAE or with LoRAs; its own where it has neither."""
    if not vae and not lora:
        return pipeline
    parts = [[digest, float(scale)] for digest, scale in lora]
    return digest_of(DOMAIN, {"pipeline": pipeline, "vae": vae, "lora": parts})


class ProjectWeights:
    """Weights among the project's files. Their digests are taken anew only where their stamps changed.

    Where something is not there, None is given for the whole; TargetError is raised where it is not as it must be.
    """

    def __init__(self, files: Files) -> None:
        self.files = files

    def pipeline(self, folder: str, variant: str) -> Digest | None:
        """Digest of the pipeline in a folder, given from the root."""
        if self.files.stamp(f"{folder}/{INDEX}") is None:
            return None
        index = read_index(self.files.read(f"{folder}/{INDEX}"), f"{folder}/{INDEX}")
        names = [
            INDEX,
            *(f"{part}/{name}" for part in components(index) for name in self._names(folder, part)),
        ]
        return self._over(folder, loaded(names, index, variant))

    def parts(self, setup: Setup) -> tuple[Digest, list[tuple[Digest, float]]] | None:
        """Digests of the VAE and of each LoRA, with its scale."""
        vae = self._vae(setup.vae.removeprefix("./")) if setup.vae else ""
        lora = [(self._lora(item), item.scale) for item in setup.lora]
        known = [(digest, scale) for digest, scale in lora if digest is not None]
        return None if vae is None or len(known) < len(lora) else (vae, known)

    def _vae(self, folder: str) -> Digest | None:
        names = [name for name in self._names(folder) if name.endswith((SAFE, ".json"))]
        return self._over(folder, sorted(names)) if names else None

    def _lora(self, lora: Lora) -> Digest | None:
        return self._digest(lora.file.removeprefix("./"))

    def _names(self, *folder: str) -> list[str]:
        """The files of a folder; the folder itself is a source too, so that new files are noticed."""
        path = "/".join(folder)
        self.files.stamp(path)
        try:
            with os.scandir(self.files.root / path) as entries:
                return sorted(entry.name for entry in entries if entry.is_file())
        except (FileNotFoundError, NotADirectoryError):
            return []

    def _over(self, folder: str, names: Iterable[str]) -> Digest | None:
        digests = {name: self._digest(f"{folder}/{name}") for name in names}
        known = {name: digest for name, digest in digests.items() if digest is not None}
        return digest_over(known) if len(known) == len(digests) else None

    def _digest(self, path: str) -> Digest | None:
        return self.files.digest(self.files.locate(path), limit=sys.maxsize)


def folder_digest(folder: Path, variant: str, digest: Callable[[Path], Digest] = digest_file) -> Digest:
    """Digest of the pipeline in a folder that is outside of the project. Raises TargetError, OSError."""
    index = read_index((folder / INDEX).read_bytes(), str(folder / INDEX))
    names = [path.relative_to(folder).as_posix() for path in folder.glob("*/*") if path.is_file()]
    return digest_over({name: digest(folder / name) for name in loaded(names, index, variant)})
