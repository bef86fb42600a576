"""Repositories of the Hugging Face hub: a revision resolved to a commit, its files weighed and fetched.

HF_HOME, HF_TOKEN and HF_ENDPOINT are heeded by the hub's own client, which is all that talks to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from imgbuild.digest import digest_file, from_hex
from imgbuild.errors import TargetError
from imgbuild.types import Digest
from imgbuild.weights.bar import Bytes, Tell, bar_of, unheard
from imgbuild.weights.bundles import INDEX, SAFE, Bundle, file_bundle, weigh


class Resolved(Struct, frozen=True, kw_only=True):
    """A repository at one commit. folder: where its configurations are by now; weights: digest of what is loaded.

    anchor: of the bundle that was taken.
    """

    commit: str
    folder: Path
    weights: Digest
    anchor: str


def resolve(source: str, revision: str, bundle: Bundle | None) -> Resolved:
    """What a revision ("": the main branch) is now. Fetches the small files only. Raises TargetError.

    bundle: None for the one file of weights that there is.
    """
    with _explained(source, revision):
        commit, known, _ = _listed(source, revision)
        bundle = bundle or file_bundle(_only_weights(source, known))
        names = _chosen(source, commit, known, bundle)
        folder = _snapshot(source, commit, [name for name in names if not known[name]])
    digests = {name: known[name] or digest_file(folder / name) for name in names}
    weights = bundle.digest(digests)
    return Resolved(commit=commit, folder=folder, weights=weights, anchor=bundle.anchor)


def _only_weights(source: str, known: Iterable[str]) -> str:
    """The name of the one file of weights. Raises TargetError where there is none, or several."""
    names = sorted(name for name in known if name.endswith(SAFE))
    if len(names) != 1:
        told = f"has {len(names)} files of weights" if names else "has no weights in safetensors"
        raise TargetError(
            f"'{source}' {told}",
            hint=f"name one by 'file': {', '.join(names)}" if names else "name another repository",
        )
    return names[0]


def fetch(
    source: str, commit: str, bundle: Bundle, weights: Digest, *, offline: bool, tell: Tell = unheard
) -> Path:
    """The folder with all files of a commit that are loaded: those of the cache, or fetched where one is missing.

    tell: takes how many bytes of the missing files are here, and how many they have, from any thread.
    Raises TargetError, also where the files are not those with this digest.
    """
    folder = _cached(source, commit, bundle.anchor)
    if folder is not None and _weigh(folder, bundle) == weights:
        return folder
    if offline:
        raise TargetError(
            f"'{source}' is not whole in the hub's cache, and can't be fetched offline",
            hint="build without --offline",
        )
    with _explained(source, commit):
        _, known, sizes = _listed(source, commit)
        names = _chosen(source, commit, known, bundle)
        missing = sum(sizes[name] for name in names if not _is_cached(source, commit, name))
        folder = _snapshot(source, commit, names, bar_of(Bytes(missing, tell)))
    if _weigh(folder, bundle) != weights:
        raise TargetError(
            f"the files of '{source}' at {commit[:12]} are not those that were pinned",
            hint=f"remove {folder} and build again; if it stays so, `imgbuild lock --upgrade` pins them anew",
        )
    return folder


def _listed(source: str, revision: str) -> tuple[str, dict[str, Digest], dict[str, int]]:
    """The commit; its files with the digest that the hub knows of large ones, "" for small ones; and their bytes."""
    from huggingface_hub import HfApi

    info = HfApi().model_info(source, revision=revision or None, files_metadata=True)
    files = info.siblings or []
    digests = {item.rfilename: _sha256(item.lfs) for item in files}
    return str(info.sha), digests, {item.rfilename: item.size or 0 for item in files}


def _sha256(lfs: Any) -> Digest:
    found = lfs.get("sha256") if isinstance(lfs, Mapping) else getattr(lfs, "sha256", None)
    return from_hex(found) if found else ""


def _chosen(source: str, commit: str, known: Mapping[str, Digest], bundle: Bundle) -> list[str]:
    """The names of those files that are loaded."""
    from huggingface_hub import hf_hub_download

    if bundle.anchor not in known:
        kind = "no pipeline of diffusers" if bundle.anchor == INDEX else "not what it is named for"
        raise TargetError(
            f"'{source}' is {kind}: it has no {bundle.anchor}",
            hint="name a repository of that kind" if bundle.anchor == INDEX else "see its page of the hub",
        )
    _be_quiet()

    def read(name: str) -> bytes:
        return Path(hf_hub_download(source, name, revision=commit)).read_bytes()

    return bundle.choose(known, read)


def _snapshot(source: str, commit: str, names: list[str], bar: Any = None) -> Path:
    from huggingface_hub import snapshot_download

    if not names:
        return Path()
    _be_quiet()
    return Path(snapshot_download(source, revision=commit, allow_patterns=names, tqdm_class=bar))


def _cached(source: str, commit: str, anchor: str) -> Path | None:
    """What the cache has of a commit, which may be less than all; nobody is asked."""
    from huggingface_hub import try_to_load_from_cache

    found = try_to_load_from_cache(source, anchor, revision=commit)
    return Path(found.removesuffix(anchor)) if isinstance(found, str) else None


def _is_cached(source: str, commit: str, name: str) -> bool:
    from huggingface_hub import try_to_load_from_cache

    return isinstance(try_to_load_from_cache(source, name, revision=commit), str)


def _weigh(folder: Path, bundle: Bundle) -> Digest:
    """The digest of what is there; "" where something does not read."""
    try:
        return weigh(folder, bundle)
    except (OSError, TargetError):
        return ""


def _be_quiet() -> None:
    from huggingface_hub.utils import disable_progress_bars, logging

    disable_progress_bars()
    logging.set_verbosity_error()


@contextmanager
def _explained(source: str, revision: str) -> Iterator[None]:
    """Say in plain words why the hub did not give what was asked for."""
    from huggingface_hub import errors

    try:
        yield
    except (errors.HTTPError, OSError, errors.EntryNotFoundError) as error:
        message, hint = _told(source, revision, error)
        raise TargetError(message, hint=hint) from error


def _told(source: str, revision: str, error: Exception) -> tuple[str, str]:
    from huggingface_hub import errors

    if isinstance(error, errors.GatedRepoError):
        return (
            f"'{source}' is gated: its owners want you to agree to their terms first",
            "agree on its page of the hub, and set HF_TOKEN to a token of yours",
        )
    if isinstance(error, errors.RepositoryNotFoundError):
        return (
            f"the hub has no model '{source}', or it is private",
            "see how it is spelled, or set HF_TOKEN; a folder of the project begins with './'",
        )
    if isinstance(error, errors.RevisionNotFoundError):
        return f"'{source}' has no revision '{revision or 'main'}'", "see its page of the hub"
    if isinstance(error, errors.HfHubHTTPError) and error.response is not None:
        return _answered(source, error.response)
    return (
        f"the hub can't be reached for '{source}': {error or type(error).__name__}",
        "is there a network, and is HF_ENDPOINT right?",
    )


def _answered(source: str, response: Any) -> tuple[str, str]:
    wait = response.headers.get("Retry-After", "")
    if response.status_code == 429:
        later = f"in {wait} s" if wait else "later"
        return (
            f"the hub asks to wait before it tells of '{source}'",
            f"build again {later}; a token in HF_TOKEN raises the limit",
        )
    if response.status_code in (401, 403):
        return f"the hub does not let you have '{source}'", "set HF_TOKEN to a token that may read it"
    return f"the hub answered {response.status_code} for '{source}'", "build again later"
