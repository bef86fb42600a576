"""`imgbuild stats`: how attempts at images went, by model; what was refused; what is left of the month's budget."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from msgspec import Struct

from imgbuild.commands.session import Session, selection_of
from imgbuild.commands.since import moment_of
from imgbuild.errors import Exit, ImgbuildError
from imgbuild.pace import Pace
from imgbuild.report.text import duration, money, plural, printable
from imgbuild.run.budget import spent_this_month
from imgbuild.settings import Settings
from imgbuild.store.history import Attempt, History, Refusal
from imgbuild.store.log import Log
from imgbuild.store.store import open_store
from imgbuild.tally import HoursCost, Name, Tally, by_model, in_all, last_said

T = TypeVar("T", Attempt, Refusal)

HEADERS = [
    "model",
    "provider",
    "source",
    "attempts",
    "accepted",
    "success",
    "turned down",
    "refused",
    "failed",
    "time/image",
    "cost/image",
]


class Asked(Struct, frozen=True, kw_only=True):
    """What the command line asks for. since: a date, and perhaps a time; in UTC, where it names no zone."""

    paths: tuple[str, ...] = ()
    select: tuple[str, ...] = ()
    since: str = ""

    @property
    def chooses(self) -> bool:
        return bool(self.paths or self.select)

    def none(self, what: str) -> str:
        """That there is nothing to tell: `nothing was made here yet`."""
        when = f"since {self.since}" if self.since else "yet"
        return f"nothing was {what} {'of these' if self.chooses else 'here'} {when}"


def run_stats(session: Session, asked: Asked) -> int:
    """Print the figures. It needs sound specs only where targets are chosen. Raises SpecError, UsageError."""
    _, settings = session.settings()
    with open_store(settings.root / settings.store, write=False) as store:
        attempts = last_said(_kept(session, settings, asked, store.history.attempts))
        pace = Pace(settings.cost, store.records)
        if session.json:
            _give(session, attempts, pace.cost)
        elif attempts:
            _tell(session, attempts, pace.cost)
        else:
            session.say(asked.none("made"))
        if settings.budget.month is not None:
            _tell_budget(session, settings.budget.month, spent_this_month(store.journal, pace))
    return Exit.DONE


def _kept(session: Session, settings: Settings, asked: Asked, log: Log[T]) -> list[T]:
    """Those of the active profile that are asked for. What is damaged is told."""
    since, targets = moment_of(asked.since), _targets(session, asked)
    try:
        entries, damaged = log.read()
    except OSError as error:
        raise ImgbuildError(
            f"{log.path} can't be read: {error.strerror}", hint="remove it; only statistics are lost with it"
        ) from error
    if damaged:
        were = "was" if damaged == 1 else "were"
        session.warn(f"{log.path}: {plural(damaged, 'damaged line')} {were} skipped")
    return [
        entry
        for entry in entries
        if entry.profile == settings.profile_name
        and entry.at >= since
        and (targets is None or entry.target in targets)
    ]


def _targets(session: Session, asked: Asked) -> frozenset[str] | None:
    """Ids of those that are chosen; None: all that there ever were."""
    if not asked.chooses:
        return None
    project = session.project(asked.paths)
    with session.reading(project) as store:
        found = session.survey(project, store)
        selection = selection_of(project, session, asked.paths, asked.select)
        return frozenset(target.id for target in session.choose(found, store, selection))


def _tell(session: Session, attempts: Sequence[Attempt], hours: HoursCost) -> None:
    tallies = by_model(attempts, hours)
    rows = [_cells(name, item) for name, item in tallies.items()]
    if len(rows) > 1:
        rows.append(_cells(Name("in all", "", ""), in_all(attempts, hours)))
    session.table(HEADERS, rows, frozenset(range(3, len(HEADERS))))
    _tell_counts(session, "turned down by", {name: item.rules for name, item in tallies.items()})
    _tell_counts(session, "failed", {name: item.failed for name, item in tallies.items()})
    session.say("")
    session.say(f"{plural(len(attempts), 'attempt')}, the first on {_day(attempts[0].at)} (UTC)")


def _cells(name: Name, item: Tally) -> list[str]:
    seconds, cost = item.of_image(item.seconds), item.of_image(item.cost)
    return [
        *name,
        f"{item.attempts:,}",
        f"{item.accepted:,}",
        f"{item.success:.0%}".replace("%", " %"),
        f"{item.turned_down:,}",
        f"{item.refused:,}",
        f"{item.failed.total():,}",
        "" if seconds is None else duration(seconds),
        "" if cost is None else money(cost),
    ]


def _tell_counts(session: Session, head: str, counts: Mapping[Name, Counter[str]]) -> None:
    """A table of what each model's attempts came to, the most frequent first; nothing where there is nothing."""
    rows = [
        [what, name.model, f"{count:,}"]
        for name, counter in counts.items()
        for what, count in sorted(counter.items(), key=lambda item: (-item[1], item[0]))
    ]
    if rows:
        session.say("")
        session.table([head, "model", "attempts"], rows, frozenset({2}))


def _give(session: Session, attempts: Sequence[Attempt], hours: HoursCost) -> None:
    for name, item in by_model(attempts, hours).items():
        seconds, cost = item.of_image(item.seconds), item.of_image(item.cost)
        session.give(
            {
                "event": "stats",
                **name._asdict(),
                "attempts": item.attempts,
                "accepted": item.accepted,
                "success": round(item.success, 4),
                "turned_down": item.turned_down,
                "rules": dict(item.rules),
                "refused": item.refused,
                "failed": dict(item.failed),
                "seconds": round(item.seconds, 4),
                "cost": item.cost,
                "seconds_per_image": seconds if seconds is None else round(seconds, 4),
                "cost_per_image": cost,
            }
        )


def _tell_budget(session: Session, limit: float, spent: float) -> None:
    """What the project may still spend; vendors may allow less."""
    left = max(0.0, limit - spent)
    if session.json:
        session.give({"event": "budget", "month": limit, "spent": spent, "left": left})
    else:
        session.say(f"{money(left)} of the {money(limit)} for this month is left")


def run_refusals(session: Session, asked: Asked) -> int:
    """Print what was refused, oldest first. Raises as `run_stats` does."""
    _, settings = session.settings()
    history = History(settings.root / settings.store)
    refusals = _kept(session, settings, asked, history.refusals)
    tell: Callable[[Session, Refusal], None] = _give_refusal if session.json else _tell_refusal
    for refusal in refusals:
        tell(session, refusal)
    if not (refusals or session.json):
        session.say(asked.none("refused"))
    return Exit.DONE


def _give_refusal(session: Session, refusal: Refusal) -> None:
    known = {name: getattr(refusal, name) for name in Refusal.__struct_fields__}
    session.give({"event": "refusal", **known, "at": _moment_of(refusal.at)})


def _tell_refusal(session: Session, refusal: Refusal) -> None:
    source = f" {refusal.source}" if refusal.source else ""
    session.say(
        printable(f"{_moment_of(refusal.at)}  {refusal.target}  {refusal.model} ({refusal.provider}{source})")
    )
    lines = {
        "asset": f"{refusal.asset}, {refusal.where}",
        "prompt": refusal.prompt,
        "negative": refusal.negative,
        "said": refusal.said,
        "then": f"{refusal.fallback} took over" if refusal.fallback else "",
    }
    for name, text in lines.items():
        if text:
            session.say(f"  {name + ':':<10}{printable(text)}")


def _moment_of(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _day(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
