"""`imgbuild manifest`: for each image that is locked, all that made it. The audit trail, as JSON or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from imgbuild import __version__
from imgbuild.adjustments import ask_at
from imgbuild.commands.session import Session, selection_of
from imgbuild.digest import to_hex
from imgbuild.errors import Exit
from imgbuild.keys import Way, bound_at, format_fields, operation_fields
from imgbuild.pins import digests_of
from imgbuild.reviews import Decision, ReviewBook
from imgbuild.store.store import Store
from imgbuild.survey import Survey, reviews_of, states_of
from imgbuild.types import Line, Record, Target, Value, Verdict


class Entry(Struct, frozen=True, kw_only=True):
    """One image. sha256: of its file; files: its renditions; pixels: digest of what it shows.

    via: the fallback that made it; adjusted: the rules that adjusted what it was asked for with, in order.
    What made it is told by the record of its generation; `known` is false where this store has none, and what the spec
    says now stands there. process and format are those of the spec now.
    sources: files and targets that it was made from. rights, model_rights: as the asset and the model state them now.
    review: open, approved or rejected; decisions: all that people said of it. won: where it is published, too, since it
    was picked over others; empty where it was not.
    cost: US dollars. created: UTC.
    """

    id: str
    output: str
    state: str
    spec: str
    variables: dict[str, str]
    sha256: str
    files: list[dict[str, str]]
    pixels: str
    known: bool
    prompt: str
    negative: str
    width: int
    height: int
    params: dict[str, Value]
    provider: str
    model: str
    source: str
    revision: str
    weights: str
    license: str
    rights: str
    model_rights: str
    seed: int
    attempt: int
    via: str
    adjusted: list[str]
    grade: str
    sources: list[str]
    process: list[dict[str, Value]]
    format: dict[str, Value]
    verdicts: tuple[Verdict, ...]
    review: str
    decisions: tuple[Decision, ...]
    won: str
    cost: float
    seconds: float
    created: str
    environment: dict[str, str]


def run_manifest(session: Session, paths: Sequence[str], select: Sequence[str], kind: str) -> int:
    """Print the manifest of the chosen targets that are locked. kind: "json" or "csv". Raises SpecError."""
    project = session.project(paths)
    with session.reading(project) as store:
        found = session.survey(project, store)
        chosen = session.choose(found, store, selection_of(project, session, paths, select))
        entries = _entries(found, store, chosen)
    if kind == "csv":
        session.say(_csv(entries).rstrip("\n"))
    else:
        whole = {"imgbuild": __version__, "images": entries}
        session.say(msgspec.json.format(msgspec.json.encode(whole), indent=2).decode())
    return Exit.DONE


def _entries(found: Survey, store: Store, chosen: Sequence[Target]) -> list[Entry]:
    made = {
        record.blob: record
        for record in store.records.all_records().values()
        if record.step in ("generate", "import", "sheet")
    }
    outcomes = store.records.outcomes(found.project.settings.profile_name)
    states, book = states_of(found, store), reviews_of(found.project)
    entries = []
    for target in chosen:
        line = found.plan.decisions[target.id].line
        if line is not None and line.image:
            outcome = outcomes.get(target.id)
            verdicts = outcome.verdicts if outcome is not None and target.recipe.rules else ()
            entries.append(_entry(found, target, line, states[target.id], made.get(line.raw), verdicts, book))
    return entries


def _entry(
    found: Survey,
    target: Target,
    line: Line,
    state: str,
    record: Record | None,
    verdicts: tuple[Verdict, ...],
    book: ReviewBook,
) -> Entry:
    where, digest = target.recipe.where, digests_of(found.project.files, found.pins)
    upstream = {item.target: found.plan.sealed.get(item.target, "") for item in target.inputs if item.target}
    way = found.intents.way_of(target, upstream, line)
    standing = book.of(target.id, line.pixels)
    return Entry(
        id=target.id,
        output=f"{found.project.settings.output}/{target.output}",
        state=state,
        spec=f"{where.file}:{where.line}",
        variables=dict(target.cell),
        sha256=to_hex(line.image),
        files=_files(found, target, line),
        pixels=line.pixels,
        known=record is not None,
        **_asked(target, way, record),
        **_model(found, target, way.position, record),
        rights=target.recipe.rights,
        seed=line.seed,
        attempt=line.attempt,
        via=line.via,
        adjusted=list(line.adjusted),
        grade=line.grade.value,
        sources=[item.target or item.file for item in target.inputs],
        process=[operation_fields(operation, digest) for operation in target.recipe.process],
        format=format_fields(target.recipe.format),
        verdicts=verdicts,
        review=standing.state,
        decisions=standing.said,
        won=_won(found, target, line),
        cost=record.cost if record else 0.0,
        seconds=record.seconds if record else 0.0,
        created=datetime.fromtimestamp(record.created, UTC).isoformat() if record and record.created else "",
        environment=dict(record.environment) if record else {},
    )


def _won(found: Survey, target: Target, line: Line) -> str:
    """Where the winner is published, as long as it has the picture that was picked."""
    if target.won is None or target.won.pixels != line.pixels:
        return ""
    return f"{found.project.settings.output}/{target.won.output}"


def _files(found: Survey, target: Target, line: Line) -> list[dict[str, str]]:
    """The renditions and texts, as far as the lock has them."""
    folder = found.project.settings.output
    named = zip(target.recipe.file_names, target.files, strict=True)
    known = [(name, path, line.files[name]) for name, path in named if name in line.files]
    return [
        {"name": name, "output": f"{folder}/{path}", "sha256": to_hex(digest)} for name, path, digest in known
    ]


def _asked(target: Target, way: Way, record: Record | None) -> dict[str, Any]:
    """What the model was asked for; nothing of pictures that existed already."""
    names = ("prompt", "negative", "width", "height", "params")
    if not target.asks:
        return dict(zip(names, ("", "", 0, 0, {}), strict=True))
    ask = ask_at(target, *way)
    told: Mapping[str, Any] = record.manifest if record else {}
    return {name: told.get(name, getattr(ask, name)) for name in names}


def _model(found: Survey, target: Target, position: int, record: Record | None) -> dict[str, Any]:
    names = ("provider", "source", "revision", "weights")
    if target.recipe.model is None:
        return {**dict.fromkeys(names, ""), "model": "", "license": "", "model_rights": ""}
    bound = bound_at(target, position)
    pin = found.pins.known.get((bound.home, bound.alias))
    told: Mapping[str, Any] = record.manifest.get("model", {}) if record else {}
    known = {name: str(told.get(name, getattr(pin, name, ""))) for name in names}
    model = bound.model
    return {**known, "model": bound.alias, "license": model.license, "model_rights": model.rights}


def _csv(entries: Sequence[Entry]) -> str:
    """A row for each image, with a head; what has parts is JSON within its cell."""
    text = io.StringIO()
    names = Entry.__struct_fields__
    table = csv.writer(text, lineterminator="\n")
    table.writerow(names)
    for entry in entries:
        table.writerow([_cell(getattr(entry, name)) for name in names])
    return text.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()
