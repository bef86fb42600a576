"""Repositories of the Hugging Face hub: a revision resolved to a commit, its files weighed and fetched.

HF_HOME, HF_TOKEN and HF_ENDPOINT are heeded by the hub's own client, which is all that talks to it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from imgbuild.digest import digest_file, from_hex
from imgbuild.errors import TargetError
from imgbuild.providers.diffusers.source import INDEX
from imgbuild.providers.diffusers.weights import digest_over, folder_digest, loaded, read_index
from imgbuild.types import Digest


class Resolved(Struct, frozen=True, kw_only=True):
    """A repository at one commit. folder: where its configurations are by now; weights: digest of what is loaded."""

    commit: str
    folder: Path
    weights: Digest


def resolve(source: str, revision: str, variant: str) -> Resolved:
    """What a revision ("": the main branch) is now. Fetches the small files only. Raises TargetError."""
    from huggingface_hub import HfApi, hf_hub_download

    with _explained(source, revision):
        _be_quiet()
        info = HfApi().model_info(source, revision=revision or None, files_metadata=True)
        commit = str(info.sha)
        known = {item.rfilename: _sha256(item) for item in info.siblings or []}
        if INDEX not in known:
            raise TargetError(
                f"'{source}' is no pipeline of diffusers: it has no {INDEX}",
                hint="name a repository of that kind",
            )
        index = read_index(Path(hf_hub_download(source, INDEX, revision=commit)).read_bytes(), INDEX)
        names = loaded(known, index, variant)
        folder = _fetched(source, commit, [name for name in names if not known[name]])
    digests = {name: known[name] or digest_file(folder / name) for name in names}
    return Resolved(commit=commit, folder=folder, weights=digest_over(digests))


def _sha256(item: Any) -> Digest:
    """The digest that the hub knows of a large file; "" for a small one."""
    lfs = item.lfs
    found = lfs.get("sha256") if isinstance(lfs, Mapping) else getattr(lfs, "sha256", None)
    return from_hex(found) if found else ""


def fetch(source: str, commit: str, variant: str, weights: Digest, *, offline: bool) -> Path:
    """The folder with all files of a commit that are loaded. Raises TargetError, also where they are others."""
    from huggingface_hub import snapshot_download

    with _explained(source, commit):
        _be_quiet()
        patterns = [INDEX, "*/*.json", "*/*.jinja", "*/*.model", "*/*.txt", *_safe(variant)]
        folder = Path(
            snapshot_download(source, revision=commit, allow_patterns=patterns, local_files_only=offline)
        )
        found = folder_digest(folder, variant)
    if found != weights:
        raise TargetError(
            f"the files of '{source}' at {commit[:12]} are not those that were pinned",
            hint=f"remove {folder} and build again; if it stays so, `imgbuild lock --upgrade` pins them anew",
        )
    return folder


def _safe(variant: str) -> list[str]:
    return ["*/*.safetensors"] if not variant else [f"*/*.{variant}*.safetensors", "*/*.safetensors"]


def _fetched(source: str, commit: str, names: list[str]) -> Path:
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(source, revision=commit, allow_patterns=names))


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
    except errors.GatedRepoError as error:
        raise TargetError(
            f"'{source}' is gated: its owners want you to agree to their terms first",
            hint="agree on its page of the hub, and set HF_TOKEN to a token of yours",
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise TargetError(
            f"the hub has no model '{source}', or it is private",
            hint="see how it is spelled, or set HF_TOKEN; a folder of the project begins with './'",
        ) from error
    except errors.RevisionNotFoundError as error:
        raise TargetError(
            f"'{source}' has no revision '{revision}'", hint="see its page of the hub"
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise TargetError(
            f"'{source}' is not in the hub's cache, and it can't be fetched",
            hint="build without --offline, with a network",
        ) from error
    except errors.HfHubHTTPError as error:
        raise _answered(source, error) from error
    except (ConnectionError, OSError) as error:
        raise TargetError(
            f"the hub can't be reached for '{source}': {error or type(error).__name__}",
            hint="is there a network, and is HF_ENDPOINT right?",
        ) from error


def _answered(source: str, error: Any) -> TargetError:
    status = error.response.status_code if error.response is not None else 0
    wait = error.response.headers.get("Retry-After", "") if error.response is not None else ""
    if status == 429:
        later = f"in {wait} s" if wait else "later"
        return TargetError(
            f"the hub asks to wait before it tells of '{source}'",
            hint=f"build again {later}; a token in HF_TOKEN raises the limit",
        )
    if status in (401, 403):
        return TargetError(
            f"the hub does not let you have '{source}'", hint="set HF_TOKEN to a token that may read it"
        )
    return TargetError(f"the hub answered {status or 'nothing'} for '{source}'", hint="build again later")
