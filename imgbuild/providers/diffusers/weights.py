"""Which files of a model are loaded, and the digest over them: equal files are one model, wherever they lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild.digest import digest_file, digest_of
from imgbuild.errors import TargetError
from imgbuild.providers.diffusers.source import INDEX
from imgbuild.types import Digest, Value

SAFE = ".safetensors"
TEXTS = (".json", ".jinja", ".model", ".txt")  # configurations and vocabularies
CONFIG = "config.json"
DOMAIN = "weights/1"

_SHARD = re.compile(r"-\d+-of-\d+$")

Read = Callable[[str], bytes]  # the content of a file, by its name


class Bundle(Struct, frozen=True, kw_only=True):
    """What is taken of a folder or a repository.

    anchor: a file that is certainly among it. choose: of all names, those that are loaded; raises TargetError.
    digest: over it all, from the digests of the chosen files by name.
    """

    anchor: str
    choose: Callable[[Iterable[str], Read], list[str]]
    digest: Callable[[Mapping[str, Digest]], Digest]


def pipeline_bundle(variant: str) -> Bundle:
    """A whole pipeline. variant: of its weights ("": the plain ones; "fp16")."""
    return Bundle(
        anchor=INDEX,
        choose=lambda names, read: loaded(names, read_index(read(INDEX), INDEX), variant),
        digest=digest_over,
    )


def model_bundle(subfolder: str) -> Bundle:
    """One model, such as a VAE, with its configuration. subfolder: "" where it is not inside of another folder."""
    inside = f"{subfolder}/" if subfolder else ""

    def choose(names: Iterable[str], read: Read) -> list[str]:
        here = [name for name in names if name.startswith(inside) and "/" not in name[len(inside) :]]
        return sorted(
            name for name in here if name.endswith(".json") or (name.endswith(SAFE) and not _variant(name))
        )

    return Bundle(
        anchor=inside + CONFIG,
        choose=choose,
        digest=lambda digests: digest_over({name[len(inside) :]: digests[name] for name in digests}),
    )


def file_bundle(file: str) -> Bundle:
    """One file of weights, such as a LoRA; its digest is that of its bytes."""

    def choose(names: Iterable[str], read: Read) -> list[str]:
        return [name for name in names if name == file]

    return Bundle(anchor=file, choose=choose, digest=lambda digests: digests[file])


def weigh(folder: Path, bundle: Bundle, digest: Callable[[Path], Digest] = digest_file) -> Digest:
    """The digest of a bundle in a folder that is outside of the project. Raises TargetError, OSError."""
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    chosen = bundle.choose(names, lambda name: (folder / name).read_bytes())
    if bundle.anchor not in chosen:
        raise TargetError(f"{folder.name} has no {bundle.anchor}")
    return bundle.digest({name: digest(folder / name) for name in chosen})


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


def with_parts(pipeline: Digest, parts: Mapping[str, Value]) -> Digest:
    """The digest of a pipeline with what is beside it, by its kind; its own where that is nothing."""
    given = {kind: value for kind, value in parts.items() if value}
    return digest_of(DOMAIN, {"pipeline": pipeline, **given}) if given else pipeline
