"""`imgbuild cost --spent`: what was spent, as the journal has it, by day, asset, model or build."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

from msgspec import Struct
from msgspec.structs import asdict

from imgbuild.commands.session import Session
from imgbuild.commands.since import moment_of
from imgbuild.errors import Exit, UsageError, did_you_mean
from imgbuild.report.text import money, plural
from imgbuild.store.journal import Entry, Journal, cost_of

NOT_NOTED = "(not noted)"  # by earlier versions
HEADERS = {"day": "day (UTC)", "asset": "asset", "model": "model", "build": "build"}

Fields = Mapping[str, str]


class Spent(Struct, frozen=True, kw_only=True):
    """So many requests, the images that came of them, those whose end is not known, and US dollars."""

    requests: int
    images: int
    unknown: int
    cost: float


def run_spent(session: Session, by: Sequence[str] = (), since: str = "") -> int:
    """Print what was spent; by day, as budgets count it. It needs no sound spec. Raises UsageError.

    since: a date, and perhaps a time; in UTC, where it names no zone.
    """
    _check(by)
    groups, start = by or ["day"], moment_of(since)
    _, settings = session.settings()
    journal = Journal(settings.root / settings.store / "journal", write=False)
    entries = [entry for entry in journal.entries() if entry.begun >= start]
    for note in journal.notes:
        session.say(f"warning: {note}")
    found = _grouped(entries, groups)
    if session.json:
        for fields, spent in found:
            session.give({"event": "spent", **fields, **asdict(spent)})
    elif found:
        _tell(session, groups, found, _spent(entries))
    else:
        when, ever = (f" since {since}", "") if since else ("", "ever ")
        session.say(f"nothing was spent{when}: no paid request was {ever}sent from here")
    return Exit.DONE


def _check(by: Sequence[str]) -> None:
    for name in by:
        if name not in HEADERS:
            raise UsageError(f"'{name}' is nothing to group by", hint=did_you_mean(name, HEADERS, "groups"))


def _grouped(entries: Iterable[Entry], groups: Sequence[str]) -> list[tuple[Fields, Spent]]:
    found: dict[tuple[str, ...], tuple[Fields, list[Entry]]] = {}
    for entry in entries:
        fields = {name: value for group in groups for name, value in _FIELDS[group](entry).items()}
        found.setdefault(tuple(fields.values()), (fields, []))[1].append(entry)
    return [(fields, _spent(members)) for _, (fields, members) in sorted(found.items())]


def _spent(entries: Sequence[Entry]) -> Spent:
    return Spent(
        requests=len(entries),
        images=sum(entry.blob is not None for entry in entries),
        unknown=sum(entry.state == "in flight" for entry in entries),
        cost=sum(map(cost_of, entries)),
    )


def _model(entry: Entry) -> Fields:
    return {"model": entry.purpose.model, "provider": entry.provider, "source": entry.purpose.source}


_FIELDS: Mapping[str, Callable[[Entry], Fields]] = {
    "day": lambda entry: {"day": datetime.fromtimestamp(entry.begun, UTC).date().isoformat()},
    "asset": lambda entry: {"asset": entry.purpose.asset},
    "model": _model,
    "build": lambda entry: {"build": entry.purpose.build},
}


def _tell(
    session: Session, groups: Sequence[str], found: Iterable[tuple[Fields, Spent]], whole: Spent
) -> None:
    rows = [[*(_label(group, fields) for group in groups), *_figures(spent)] for fields, spent in found]
    rows.append(["in all", *[""] * (len(groups) - 1), *_figures(whole)])
    headers = [*(HEADERS[group] for group in groups), "requests", "images", "unknown", "spent"]
    session.table(headers, rows, frozenset(range(len(groups), len(headers))))
    if whole.unknown:
        session.say(f"{plural(whole.unknown, 'request')} of unknown fate counted at the estimate")


def _label(group: str, fields: Fields) -> str:
    """What a row is of. Two specs may have models of one name: the vendor's name of it tells them apart."""
    name = fields[group] or NOT_NOTED
    if group != "model":
        return name
    vendor = "/".join(part for part in (fields["provider"], fields["source"]) if part)
    return f"{name} ({vendor})"


def _figures(spent: Spent) -> list[str]:
    return [f"{spent.requests:,}", f"{spent.images:,}", f"{spent.unknown:,}", money(spent.cost)]
