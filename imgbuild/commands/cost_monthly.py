"""`imgbuild cost --monthly`: what a month of so many images costs, in the mix of the targets that there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from imgbuild.commands.cost_compare import (
    faults_of,
    model_of,
    notes_of,
    told_cannot,
    told_more,
    told_sum,
)
from imgbuild.commands.session import Session
from imgbuild.compare import Compared
from imgbuild.costs import Sum, total
from imgbuild.report.text import money, percent

HEADERS = ["asset", "model", "share", "images", "an image", "a month"]


class Month:
    """So many images, in a mix. whole: what all of the mix costs once. budget: of a month, in US dollars."""

    def __init__(self, images: int, whole: Sum, budget: float | None) -> None:
        self.images, self.whole, self.budget = images, whole, budget

    def of(self, once: Sum, images: int | None = None) -> Sum:
        """What comes of a part of the mix. images: how many that is, where it has been settled."""
        times = self.images / self.whole.images
        count = round(once.images * times) if images is None else images
        few = min(count, max(1, round(once.unknown * times))) if once.unknown else 0
        return Sum(count, once.cost * times, count if once.unknown == once.images else few)

    def share(self, month: Sum) -> float | None:
        """The part of the budget that a month takes, as far as its cost is known; None where there is neither."""
        return month.cost / self.budget if self.budget and month.unknown < month.images else None

    def told_share(self, month: Sum) -> str:
        share = self.share(month)
        if share is None:
            return "unknown" if self.budget and month.images else "-"
        return f"{'at least ' if month.unknown else ''}{percent(share)}"


def tell_month(session: Session, mix: Mapping[tuple[str, str], Sum], month: Month) -> None:
    """By asset and model. mix: what all targets cost once."""
    counts = spread([item.images for item in mix.values()], month.images)
    months = [month.of(item, count) for item, count in zip(mix.values(), counts, strict=True)]
    whole = total(months)
    shares = [item.images / month.whole.images for item in mix.values()]
    if session.json:
        for (asset, model), share, own in zip(mix, shares, months, strict=True):
            session.give({"event": "month", "asset": asset, "model": model, "share": share, "month": own})
        session.give({"event": "month_total", "month": whole, **_budget_fields(month, whole)})
        return
    rows = [
        [*name, percent(share), f"{own.images:,}", _each(item), own.told()]
        for (name, item), share, own in zip(mix.items(), shares, months, strict=True)
    ]
    if len(rows) > 1:
        rows.append(["total", "", percent(1), f"{whole.images:,}", _each(month.whole), whole.told()])
    session.table(HEADERS, rows, frozenset({2, 3, 4, 5}))
    if month.budget is not None:
        told = f"that is {month.told_share(whole)} of it" if month.budget else "nothing may be spent"
        session.say(f"the month's budget is {money(month.budget)}: {told}")


def tell_months(session: Session, month: Month, compared: Sequence[Compared]) -> None:
    """As declared, and on each of the other models."""
    declared = month.of(month.whole, month.images)
    if session.json:
        session.give({"event": "month_total", "month": declared, **_budget_fields(month, declared)})
        for item in compared:
            session.give(_fields(month, item))
        return
    headers, width = ["model", "images", "a month", "difference", "can't take"], 4
    rows = [["as declared", f"{declared.images:,}", declared.told(), "", ""]]
    rows += [_cells(month, item) for item in compared]
    if month.budget is not None:
        headers.insert(width, f"of {money(month.budget)}")
        for row, own in zip(rows, [declared, *(month.of(item.costs.anew) for item in compared)], strict=True):
            row.insert(width, month.told_share(own))
        width += 1
    session.table(headers, rows, frozenset(range(1, width + 1)))
    for note in notes_of(compared):
        session.say(note)


def _cells(month: Month, item: Compared) -> list[str]:
    own = month.of(item.costs.anew)
    return [
        item.name,
        f"{own.images:,}",
        told_sum(own),
        told_more(month.of(item.more.anew)),
        told_cannot(item),
    ]


def _fields(month: Month, item: Compared) -> dict[str, object]:
    own = month.of(item.costs.anew)
    return {
        "event": "month_compared",
        **model_of(item),
        "month": own,
        "difference": month.of(item.more.anew),
        **_budget_fields(month, own),
        **faults_of(item),
    }


def _budget_fields(month: Month, own: Sum) -> dict[str, object]:
    return {"budget": month.budget, "of_budget": month.share(own)}


def _each(once: Sum) -> str:
    """What an image costs on average, as far as it is known."""
    known = once.images - once.unknown
    return money(once.cost / known) if known else "unknown"


def spread(counts: Sequence[int], images: int) -> list[int]:
    """So many images, shared out by these counts: whole ones, that come to all of them."""
    whole = sum(counts)
    shares = [count * images // whole for count in counts]
    rest = sorted(range(len(counts)), key=lambda at: (-(counts[at] * images % whole), at))
    for at in rest[: images - sum(shares)]:
        shares[at] += 1
    return shares
