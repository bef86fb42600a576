"""What is said of a budget that comes to its end."""

from __future__ import annotations

from imgbuild.report.events import NearBudget, Note
from imgbuild.report.text import money


def budget_note(near: NearBudget) -> Note:
    return Note(text=_told(near), level="warning")


def _told(near: NearBudget) -> str:
    spent, left, cost = near.spent, near.left, near.estimate
    limit = money(near.limit)
    if not cost:
        whose = {"build": "this build's", "month": "the month's"}[near.of]
        return f"{money(spent)} of {whose} budget of {limit} is spent, and {money(left)} is left"
    whose = {"build": "its", "month": "the month's"}[near.of]
    told, budget = f"this build would cost about {money(cost)}", f"{whose} budget of {limit}"
    if cost > left:
        return f"{told}, and {money(left)} is left of {budget}: it would not start"
    return f"{told}: then {money(spent + cost)} of {budget} is spent, and {money(left - cost)} is left"
