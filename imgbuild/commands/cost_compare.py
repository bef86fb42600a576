"""`imgbuild cost --compare`: what the same images would cost on other models, and which of them these can't make."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from imgbuild.commands.session import Session
from imgbuild.compare import Compared, Costs
from imgbuild.costs import Sum
from imgbuild.report.text import plural

HEADERS = ["model", "now", "difference", "from nothing", "difference", "can't take"]
NOTE = "a difference is to what the same targets cost as declared: what a model can't take is in neither"
ROUNDING = 1e-9  # US dollars: sums of floats that are equal but for this are equal


def tell_comparison(session: Session, declared: Costs, compared: Sequence[Compared]) -> None:
    """One row a model, or one object. declared: what all of it costs as it stands."""
    if session.json:
        session.give({"event": "declared", "now": declared.now, "from_nothing": declared.anew})
        for item in compared:
            session.give(_fields(item))
        return
    rows = [["as declared", declared.now.told(), "", declared.anew.told(), "", ""]]
    rows += [_cells(item) for item in compared]
    session.table(HEADERS, rows, frozenset({1, 2, 3, 4, 5}))
    for note in notes_of(compared):
        session.say(note)


def _cells(item: Compared) -> list[str]:
    pairs = zip(item.costs, item.more, strict=True)
    figures = [cell for costs, more in pairs for cell in (told_sum(costs), told_more(more))]
    return [item.name, *figures, told_cannot(item)]


def told_sum(costs: Sum) -> str:
    return costs.told() if costs.images else "-"


def told_more(more: Sum) -> str:
    """`+$1.20`, `-$0.40`, `$0.00`, `unknown`, or `+$1.20 + 3 unknown`."""
    if more.unknown == more.images:
        return told_sum(more)
    is_none = abs(more.cost) < ROUNDING
    sign = "" if is_none else "+" if more.cost > 0 else "-"
    return f"{sign}{replace(more, cost=0.0 if is_none else abs(more.cost)).told()}"


def told_cannot(item: Compared) -> str:
    return f"{item.cannot:,} of {item.cannot + item.costs.anew.images:,}" if item.cannot else "0"


def notes_of(compared: Sequence[Compared]) -> list[str]:
    """What the figures don't say of themselves."""
    notes = [NOTE]
    for item in compared:
        if item.cannot:
            notes.append(f"{item.name} can't take {item.first}: {item.reason}")
        if item.resized:
            notes.append(f"{item.name} makes {plural(item.resized, 'image')} in another size than now")
    return notes


def _fields(item: Compared) -> dict[str, object]:
    return {
        "event": "compared",
        **model_of(item),
        "now": item.costs.now,
        "from_nothing": item.costs.anew,
        "difference": {"now": item.more.now, "from_nothing": item.more.anew},
        **faults_of(item),
    }


def model_of(item: Compared) -> dict[str, object]:
    return {"model": item.name, "provider": item.model.provider, "source": item.model.source}


def faults_of(item: Compared) -> dict[str, object]:
    return {
        "cannot": item.cannot,
        "first": item.first,
        "reason": item.reason,
        "resized": item.resized,
    }
