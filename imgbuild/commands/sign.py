"""`imgbuild sign`: copies of the published images with content credentials, for giving out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from imgbuild.commands.session import Session, selection_of
from imgbuild.credentials.signer import Signer
from imgbuild.errors import Exit, UsageError
from imgbuild.publish import Outputs
from imgbuild.settings import Settings
from imgbuild.signing.copies import Copies, Signed
from imgbuild.signing.published import Published
from imgbuild.survey import states_of

KEY, CERTIFICATE = "IMGBUILD_C2PA_KEY", "IMGBUILD_C2PA_CERTIFICATE"
LARGEST = 1 << 20  # bytes of a file that holds a key or certificates
_BAD = ("stale", "failed")


def run_sign(
    session: Session,
    paths: Sequence[str],
    select: Sequence[str],
    *,
    to: str = "",
    timestamp: str = "",
    force: bool = False,
) -> int:
    """Sign the chosen targets; 1 where one could not be, 3 where rules hold one back. Raises UsageError, SpecError."""
    project = session.project(paths)
    settings = project.settings
    folder = project.files.locate(session.inside(to) if to else _folder(settings))
    check_folder(folder, settings)
    signer = Signer(_chain(session, settings), _pem(session, KEY, "private key"), timestamp)
    with session.held(project) as store:
        found = session.survey(project, store)
        selection = selection_of(project, session, paths, select)
        chosen = {target.id for target in session.choose(found, store, selection)}
        published = Published(found, store, states_of(found, store))
        outputs = Outputs(settings.root / folder)
        copies = Copies(published, signer, outputs, settings.profile_name, force=force)
        results = list(copies.sign(chosen))
        removed = copies.tidy() if selection.is_all() else []
    _tell(session, results, folder, len(removed))
    if any(item.state in _BAD for item in results):
        return Exit.TARGET_FAILED
    return Exit.RULE_FAILED if any(item.state == "held" for item in results) else Exit.DONE


def _folder(settings: Settings) -> str:
    """Where copies go: each profile's below that of the default build, as with outputs."""
    return f"{settings.credentials.output}/{settings.profile_name}".rstrip("/")


def _chain(session: Session, settings: Settings) -> bytes:
    """The certificates: of the environment, else those that the project names."""
    if session.keys().get(CERTIFICATE):
        return _pem(session, CERTIFICATE, "certificate")
    if not settings.credentials.certificate:
        raise UsageError(
            "no certificate is named to sign with",
            hint=f"set 'credentials.certificate' in imgbuild.yaml, or {CERTIFICATE}",
        )
    return _read(settings.root / settings.credentials.certificate, "the certificate")


def _pem(session: Session, variable: str, what: str) -> bytes:
    """What a variable holds, or the file that it names."""
    text = session.keys().get(variable, "")
    if not text:
        raise UsageError(f"there is no {what} to sign with", hint=f"set {variable} to it, or to its file")
    if text.lstrip().startswith("-----BEGIN"):
        return text.encode()
    return _read(session.folder / Path(text).expanduser(), f"the {what} of {variable}")


def _read(path: Path, what: str) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST)
    except OSError as error:
        raise UsageError(f"{what} can't be read: {error.strerror}", hint="name a PEM file") from error


def check_folder(folder: str, settings: Settings) -> None:
    """Raise UsageError where signed copies would mix with other files."""
    inside = Path(folder)
    for other in (Path(settings.output), Path(settings.store)):
        mixed = inside == other or other in inside.parents or inside in other.parents
        if mixed or inside == Path() or ".git" in inside.parts:
            raise UsageError(
                f"'{folder}' can't take signed copies", hint="name a folder of its own, such as 'signed'"
            )


def _tell(session: Session, results: Sequence[Signed], folder: str, removed: int) -> None:
    if session.json:
        for item in results:
            session.give(item)
        return
    shown = [item for item in results if session.verbose or item.state in (*_BAD, "held")]
    if shown:
        session.table(["state", "file", "why"], [[item.state, item.path, item.detail] for item in shown])
    session.say(f"{folder}/: {_summary(Counter(item.state for item in results), removed)}")


def _summary(count: Mapping[str, int], removed: int) -> str:
    words = {
        "signed": "signed",
        "copied": "copied, as they hold no credentials",
        "same": "as before",
        "held": "held back",
        "stale": "not up to date",
        "failed": "failed",
    }
    told = [f"{count[state]:,} {what}" for state, what in words.items() if count.get(state)]
    told += [f"{removed:,} removed"] if removed else []
    return ", ".join(told) or "nothing to sign"
