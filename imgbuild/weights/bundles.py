"""Which files of a model are loaded, and the digest over them: equal files are one model, wherever they lie."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild.digest import digest_file, digest_of
from imgbuild.errors import TargetError
from imgbuild.types import Digest, Value

INDEX = "model_index.json"
SAFE = ".safetensors"
PICKLED = ".bin"  # what `from_pretrained` would read else
CODE = ".py"
TEXTS = (".json", ".jinja", ".model", ".txt")  # configurations and vocabularies
CONFIG = "config.json"
BODIES = ("transformer", "transformer_2", "unet")  # what pipelines call the model that takes the noise out

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


def pipeline_bundle(variant: str, *, pickles: bool = False, code: bool = False) -> Bundle:
    """A whole pipeline. variant: of its weights ("": the plain ones; "fp16").

    pickles: also those parts that have no other weights. code: also the Python files that are beside the weights.
    """

    def choose(names: Iterable[str], read: Read) -> list[str]:
        names, index = list(names), read_index(read(INDEX), INDEX)
        own = code_of(index, names)
        if own and not code:
            raise TargetError(
                f"{own[0]} is code of the model's own, which is not run",
                hint="give the model 'trust_remote_code: true', if you trust whoever wrote it",
            )
        chosen = loaded(names, index, variant, pickles=pickles)
        _check_shards(chosen, read)
        return sorted({*chosen, *(modules(names, index) if code else ())})

    return Bundle(anchor=INDEX, choose=choose, digest=digest_over)


def model_bundle(subfolder: str) -> Bundle:
    """One model, such as a VAE, with its configuration. subfolder: "" where it is not inside of another folder."""
    inside = f"{subfolder}/" if subfolder else ""

    def choose(names: Iterable[str], read: Read) -> list[str]:
        here = [name for name in names if name.startswith(inside) and "/" not in name[len(inside) :]]
        chosen = sorted(
            name for name in here if name.endswith(".json") or (name.endswith(SAFE) and not _variant(name))
        )
        _check_shards(chosen, read)
        return chosen

    return Bundle(
        anchor=inside + CONFIG,
        choose=choose,
        digest=lambda digests: digest_over({name[len(inside) :]: digests[name] for name in digests}),
    )


def network_bundle(*, pickles: bool = False) -> Bundle:
    """One network as transformers keeps it: its configurations and vocabularies, and its plain weights.

    pickles: also weights that are only pickled.
    """

    def choose(names: Iterable[str], read: Read) -> list[str]:
        here = [name for name in names if "/" not in name and not _variant(name)]
        weights = [name for name in here if name.endswith(SAFE)]
        if not weights:
            weights = [name for name in here if name.startswith("pytorch_model") and name.endswith(PICKLED)]
            check_pickles(weights, allowed=pickles)
        if not weights:
            raise TargetError(f"there are no weights beside {CONFIG}", hint="put them there, in safetensors")
        chosen = sorted({*weights, *(name for name in names if "/" not in name and name.endswith(TEXTS))})
        _check_shards(chosen, read)
        return chosen

    return Bundle(anchor=CONFIG, choose=choose, digest=digest_over)


def check_pickles(names: Sequence[str], *, allowed: bool) -> None:
    """Raise TargetError where there are pickles among the weights, and those are not to be read."""
    if names and not allowed:
        raise TargetError(
            f"{names[0]} is pickled, and could run a program when it is read",
            hint="give the model 'allow_pickle: true', if you trust whoever made it, or save it in safetensors",
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
        if isinstance(index, dict) and _is_class(index.get("_class_name")) and _stays(index):
            return index
    except msgspec.DecodeError:
        pass
    raise TargetError(f"{name} names no pipeline", hint="is it as `save_pretrained` of diffusers writes it?")


def _is_class(name: Any) -> bool:
    """Whether it is a class of diffusers, or one of the pipeline's own: [module, class]."""
    own = isinstance(name, list) and len(name) == 2 and all(isinstance(word, str) for word in name)
    return own or isinstance(name, str)


def _stays(index: Mapping[str, Any]) -> bool:
    """Whether no module that it names is in another folder."""
    first = [str(value[0]) for value in index.values() if isinstance(value, list) and value]
    return not any("/" in module or "\\" in module for module in first)


def components(index: Mapping[str, Any]) -> list[str]:
    """The folders that a pipeline's parts are in."""
    parts = {name: value for name, value in index.items() if isinstance(value, list) and len(value) == 2}
    return [name for name, (library, _) in parts.items() if library is not None and name != "_class_name"]


def code_of(index: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """The files that hold a class which the index names: the pipeline's own, and those of its parts."""
    known, name = set(names), index["_class_name"]
    own = [] if isinstance(name, str) else [f"{name[0]}{CODE}"]
    parts = [f"{part}/{index[part][0]}{CODE}" for part in components(index)]
    return [*own, *(file for file in parts if file in known)]


def modules(names: Iterable[str], index: Mapping[str, Any]) -> list[str]:
    """All Python files that code beside the weights can import: those of the pipeline, and of its parts."""
    folders = {"", *components(index)}
    return [name for name in names if name.endswith(CODE) and name.rpartition("/")[0] in folders]


def loaded(
    names: Iterable[str], index: Mapping[str, Any], variant: str, *, pickles: bool = False
) -> list[str]:
    """Those of a folder's files that are loaded for this variant (""; "fp16"), in order.

    Raises TargetError where a part has no weights but pickles, and those are not to be read.
    """
    parts = components(index)
    files = [name for name in names if name.partition("/")[0] in parts and name.count("/") == 1]
    chosen = {INDEX, *(name for name in files if name.endswith(TEXTS))}
    for part in parts:
        weights = _weights_of(part, files, variant, pickles=pickles)
        wanted = variant if variant and variant in map(_variant, weights) else ""
        chosen.update(name for name in weights if _variant(name) == wanted)
    return sorted(chosen)


def _weights_of(part: str, files: Iterable[str], variant: str, *, pickles: bool) -> list[str]:
    """The weights that a part is read from, of every variant; as `from_pretrained` chooses. Raises TargetError."""
    inside = [name for name in files if name.startswith(f"{part}/")]
    safe = [name for name in inside if name.endswith(SAFE)]
    pickled = [name for name in inside if name.endswith(PICKLED)]
    if not safe:
        check_pickles(pickled, allowed=pickles)
    only_pickled = not safe or (variant in map(_variant, pickled) and variant not in map(_variant, safe))
    return pickled if pickles and only_pickled else safe


def _check_shards(names: Iterable[str], read: Read) -> None:
    """Raise TargetError where an index of shards names anything but weights of its kind, beside it.

    The libraries read what it names: a file of another kind would be unpickled, and one elsewhere is in no digest.
    """
    for name in names:
        kind = next((kind for kind in (SAFE, PICKLED) if f"{kind}.index." in name), "")
        if kind and not all(_is_shard(shard, kind) for shard in _shards(read(name))):
            raise TargetError(
                f"{name} names other files than weights beside it",
                hint="is it as `save_pretrained` of diffusers writes it?",
            )


def _shards(data: bytes) -> list[Any]:
    try:
        return list(msgspec.json.decode(data)["weight_map"].values())
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return [None]


def _is_shard(name: Any, kind: str) -> bool:
    return isinstance(name, str) and name.endswith(kind) and "/" not in name and "\\" not in name


def _variant(name: str) -> str:
    """Of "unet/diffusion_pytorch_model.fp16-00001-of-00002.safetensors": "fp16"."""
    stem = name.rpartition("/")[2].removesuffix(SAFE).removesuffix(PICKLED)
    return _SHARD.sub("", stem).partition(".")[2]


def digest_over(digests: Mapping[str, Digest]) -> Digest:
    """The digest of a pipeline, from those of its files by name."""
    return digest_of(DOMAIN, {"files": dict(digests)})


def with_parts(pipeline: Digest, parts: Mapping[str, Value]) -> Digest:
    """The digest of a pipeline with what is beside it, by its kind; its own where that is nothing."""
    given = {kind: value for kind, value in parts.items() if value}
    return digest_of(DOMAIN, {"pipeline": pipeline, **given}) if given else pipeline
