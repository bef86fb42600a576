"""The settings in force: the user's file, the project's, the environment and flags, laid over each other."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from imgbuild.errors import Errors, ImgbuildError, SpecError, UsageError, did_you_mean
from imgbuild.files import Files
from imgbuild.settings.address import VARIABLE, fault_of, hidden
from imgbuild.settings.nouns import Settings, SettingsFile
from imgbuild.settings.places import setting_place
from imgbuild.settings.root import PROJECT_FILE
from imgbuild.types import Where

if TYPE_CHECKING:
    from imgbuild.document import Document

USER_FILE = "imgbuild/config.yaml"
PATH_VARIABLES = {"output": "IMGBUILD_OUTPUT", "store": "IMGBUILD_STORE", "cache": "IMGBUILD_CACHE"}


def load_settings(
    files: Files,
    *,
    environ: Mapping[str, str],
    home: Path,
    profile: str = "",
    flags: Mapping[str, object] | None = None,
) -> Settings:
    """The settings in force: flag over environment over project over user; a flag that is None was not given.

    Both settings files are stamped in `files`, present or not. Raises SpecError, UsageError.
    """
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    user = _read(files, str(_user_file(environ, home)))
    project = _read(files, PROJECT_FILE)
    layers = (
        _placed(_data(user), files, home, user),
        _contained(_data(project), files, project),
        _placed(_from_environment(environ), files, home),
        _placed(given, files, home),
    )
    documents = tuple(document for document in (user, project) if document is not None)
    settings = msgspec.structs.replace(_typed(files.root, _overlaid(layers)), documents=documents)
    _check_folders(settings, project)
    _check_links(files, settings)
    _check_notify(settings)
    name = profile or environ.get("IMGBUILD_PROFILE", "")
    return _with_profile(settings, name, keep_output="output" in given) if name else settings


def _user_file(environ: Mapping[str, str], home: Path) -> Path:
    folder = environ.get("XDG_CONFIG_HOME", "")
    return (Path(folder) if os.path.isabs(folder) else home / ".config") / USER_FILE  # noqa: PTH117 - text


def _read(files: Files, path: str) -> Document | None:
    """The checked settings file; None where there is none, and then nothing heavy is imported."""
    if files.stamp(path) is None:
        return None
    if not os.path.isabs(path):  # noqa: PTH117 - text
        files.locate(path)
    from imgbuild.document import check, parse_document
    from imgbuild.settings.schema import settings_schema

    try:
        data = files.read(path)
    except OSError as error:
        raise SpecError(f"{path} can't be read: {error.strerror}") from error
    with _hiding_addresses():
        document = parse_document(data, path, shown=hidden)
        check(document, settings_schema())
    return document


@contextmanager
def _hiding_addresses() -> Iterator[None]:
    """What errors say shows of an address but its host."""
    try:
        yield
    except ImgbuildError as error:
        for each in error.errors if isinstance(error, Errors) else [error]:
            each.message, each.hint = hidden(each.message), hidden(each.hint)
        raise


def _data(document: Document | None) -> dict[str, Any]:
    return document.data if document is not None else {}


def _from_environment(environ: Mapping[str, str]) -> dict[str, Any]:
    layer: dict[str, Any] = {key: environ[name] for key, name in PATH_VARIABLES.items() if environ.get(name)}
    jobs = environ.get("IMGBUILD_JOBS")
    if jobs:
        if not jobs.isdecimal() or int(jobs) < 1:
            raise UsageError(f"IMGBUILD_JOBS must be a whole number from 1 on, not '{jobs}'")
        layer["jobs"] = int(jobs)
    if environ.get(VARIABLE):
        layer["notify"] = {"url": environ[VARIABLE]}
    return layer


def _contained(data: dict[str, Any], files: Files, document: Document | None) -> dict[str, Any]:
    """The project's own layer: every path in it stays inside the project."""
    layer = dict(data)
    for key in ("output", "store", "cache"):
        if key in layer:
            layer[key] = files.locate(layer[key], where=_where(document, key))
    credentials = layer.get("credentials", {})
    for key in credentials:
        files.locate(credentials[key], where=_where(document, "credentials", key))
    if "specs" in layer:
        names = [layer["specs"]] if isinstance(layer["specs"], str) else layer["specs"]
        layer["specs"] = [files.locate(name, where=_where(document, "specs")) for name in names]
    for name, profile in layer.get("profiles", {}).items():
        if "output" in profile:
            files.locate(profile["output"], where=_where(document, "profiles", name, "output"))
    return layer


def _where(document: Document | None, *path: str) -> Where | None:
    return document.where(path) if document is not None else None


def _placed(
    data: Mapping[str, Any], files: Files, home: Path, document: Document | None = None
) -> dict[str, Any]:
    """A layer of the user's own: store and cache may lie anywhere, absolute or from the root or with '~'."""
    free = {key: _anywhere(files, str(data[key]), home) for key in ("store", "cache") if key in data}
    bound = {key: value for key, value in data.items() if key not in free}
    if "output" in bound:
        bound["output"] = _anywhere(files, str(bound["output"]), home)
    return _contained(bound, files, document) | free


def _anywhere(files: Files, text: str, home: Path) -> str:
    """The path from the root where it is inside the project, else absolute."""
    path = home / text[2:] if text.startswith("~/") else files.root / text
    real = os.path.normpath(path)
    inside = real == str(files.root) or real.startswith(f"{files.root}{os.sep}")
    return os.path.relpath(real, files.root) if inside else real


def _overlaid(layers: tuple[dict[str, Any], ...]) -> dict[str, Any]:
    """Later layers over earlier ones; mappings are merged key by key."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            old = merged.get(key)
            both = isinstance(old, dict) and isinstance(value, dict)
            merged[key] = _overlaid((old, value)) if both and isinstance(old, dict) else value
    return merged


def _typed(root: Path, data: dict[str, Any]) -> Settings:
    file = msgspec.convert(data, SettingsFile)
    fields = {name: getattr(file, name) for name in SettingsFile.__struct_fields__ if name != "version"}
    specs = (file.specs,) if isinstance(file.specs, str) else tuple(file.specs)
    return Settings(root=root, **(fields | {"specs": specs}))


def _check_folders(settings: Settings, project: Document | None) -> None:
    """Outputs must not mix with the store's files, git's, or the project's root."""
    written = _data(project)
    here = os.path.normpath(written.get("output", "")) == settings.output
    _check_output(settings.output, settings.store, _where(project, "output") if here else None)

    def place(name: str) -> Where | None:
        named = name in written.get("profiles", {})
        return _where(project, "profiles", name, "output") if named else None

    for name, profile in settings.profiles.items():
        if profile.output:
            _check_output(profile.output, settings.store, place(name))
    _check_own_folders(settings, place)


def _check_links(files: Files, settings: Settings) -> None:
    """Folders that nobody named, too, must not lead out of the project."""
    outputs = [profile_output(settings, name) for name in settings.profiles]
    for path in (settings.output, settings.store, *settings.specs, *outputs):
        if not os.path.isabs(path):  # noqa: PTH117 - text
            files.locate(path)


def _check_notify(settings: Settings) -> None:
    url = settings.notify.url
    fault = fault_of(url) if url else ""
    if not fault:
        return
    named = any(document.data.get("notify", {}).get("url") == url for document in settings.documents)
    if not named:
        raise UsageError(f"{VARIABLE} {fault}")
    raise SpecError(f"'url' {fault}", where=setting_place(settings, "notify", "url"))


def _check_own_folders(settings: Settings, where: Callable[[str], Where | None]) -> None:
    """Builds that publish other pictures under the same names must not share a folder."""
    owners = {settings.output: "the default build"}
    for name in settings.profiles:
        folder = profile_output(settings, name)
        owner = owners.setdefault(folder, f"profile '{name}'")
        if owner != f"profile '{name}'":
            raise SpecError(
                f"'{folder}' is already the output folder of {owner}",
                where=where(name),
                hint=f"name another one, or leave it out for '{settings.output}/{name}'",
            )


def profile_output(settings: Settings, name: str) -> str:
    """The output folder of a profile: its own, or one of its name below the default build's."""
    return os.path.normpath(settings.profiles[name].output or f"{settings.output}/{name}")


def _check_output(output: str, store_path: str, where: Where | None) -> None:
    folder, store = Path(os.path.normpath(output)), Path(store_path)
    mixed = folder == store or store in folder.parents or folder in store.parents
    if mixed or folder == Path() or ".git" in folder.parts:
        hint = "name a folder of its own, such as 'out'"
        raise SpecError(f"'{output}' can't be the output folder", where=where, hint=hint)


def _with_profile(settings: Settings, name: str, *, keep_output: bool) -> Settings:
    """The settings under that profile; its output folder is its own, unless a flag named one."""
    if name not in settings.profiles:
        hint = did_you_mean(name, settings.profiles, "profiles")
        raise UsageError(f"unknown profile '{name}'", hint=hint)
    profile = settings.profiles[name]
    output = settings.output if keep_output else profile_output(settings, name)
    return msgspec.structs.replace(settings, profile_name=name, profile=profile, output=output)
