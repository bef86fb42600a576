"""From verdicts to what happens next: accept, try the next seed, or fail. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from imgbuild.foreign import foreign
from imgbuild.report.text import alike
from imgbuild.rules.base import GroupRule, Measured, Rule, verdict
from imgbuild.types import Finding, Status, Verdict


class Next(StrEnum):
    """What becomes of an attempt."""

    ACCEPT = "accept"
    RETRY = "retry"
    FAIL = "fail"


def judge(rules: Sequence[Rule], measured: Mapping[int, Measured]) -> list[Verdict]:
    """The verdicts of the rules that look at one image. measured: by the rule's place in `rules`. Raises Broke."""
    verdicts = []
    for place, rule in enumerate(rules):
        if not rule.group:
            with foreign(f"rule '{rule.name}'"):
                verdicts.append(verdict(rule, rule.judge(measured[place])))
    return verdicts


class Member(NamedTuple):
    """One image that is judged beside others.

    circles: for each of its rules that does so, the place in `rules`, and the name of those it judges together.
    measured: by the place, too.
    """

    id: str
    rules: Sequence[Rule]
    circles: Sequence[tuple[int, tuple[str, ...]]]
    measured: Mapping[int, Measured]


def judge_group(
    rules: Sequence[Rule], members: Sequence[tuple[str, Mapping[int, Measured]]]
) -> dict[str, list[Verdict]]:
    """The verdicts of the rules that look at several images, by member; all members have these rules, and come ranked.

    Raises Broke.
    """
    return judge_circles([beside(rules, *member) for member in members])


def beside(rules: Sequence[Rule], name: str, measured: Mapping[int, Measured]) -> Member:
    """An image that is judged beside all others that have the same rules."""
    circles = [(place, (str(place),)) for place, rule in enumerate(rules) if rule.group]
    return Member(name, rules, circles, measured)


def judge_circles(members: Sequence[Member]) -> dict[str, list[Verdict]]:
    """The same where members have rules of their own: those of one circle judge together. Raises Broke."""
    circles: dict[tuple[str, ...], dict[str, tuple[Rule, Measured]]] = {}
    for member in members:
        for place, circle in member.circles:
            judged = circles.setdefault(circle, {})
            judged.setdefault(member.id, (member.rules[place], member.measured[place]))
    findings = {circle: _findings(judged) for circle, judged in circles.items()}
    return {
        member.id: [
            verdict(member.rules[place], findings[circle][member.id]) for place, circle in member.circles
        ]
        for member in members
    }


def _findings(judged: Mapping[str, tuple[Rule, Measured]]) -> Mapping[str, Finding]:
    rule = next(iter(judged.values()))[0]  # all of a circle judge alike
    with foreign(f"rule '{rule.name}'"):
        assert isinstance(rule, GroupRule)
        found = rule.judge_group([(name, measured) for name, (_, measured) in judged.items()])
        return {name: found[name] for name in judged}


def rank(members: Sequence[str], locked: Sequence[str]) -> list[str]:
    """Who is blamed in a clash: locked members come first, then each by its id; the later one is blamed."""
    firm = set(locked)
    return sorted(members, key=lambda name: (name not in firm, name))


def decide(verdicts: Sequence[Verdict], tries: int, attempts: int) -> Next:
    """What becomes of an image after `tries` attempts of at most `attempts`."""
    broken = [item for item in verdicts if item.status == "fail"]
    if not broken:
        return Next.ACCEPT
    if all(item.on_fail == "reroll" for item in broken) and tries < attempts:
        return Next.RETRY
    return Next.FAIL


def status_of(verdicts: Sequence[Verdict]) -> Status:
    """The worst of the verdicts."""
    order: tuple[Status, ...] = ("fail", "review", "warn")
    return next((status for status in order if any(item.status == status for item in verdicts)), "pass")


def tell(verdicts: Sequence[Verdict]) -> str:
    """The broken rules in words: `sharpness 42.1 (at least 100)`."""
    return "; ".join(_told(item) for item in verdicts if item.status != "pass")


def _told(item: Verdict) -> str:
    clash = _clash(item)
    figure = f"{item.rule} {_figure(item)}"
    return f"{figure} ({item.limit}{clash})" if item.limit or clash else figure


def tell_apart(verdicts: Sequence[Verdict]) -> tuple[str, str]:
    """The same in two: the rules with their limits, which many images may break, and the figures of this one."""
    broken = [item for item in verdicts if item.status != "pass"]
    rules = (f"{item.rule}{f' ({item.limit})' if item.limit else ''}" for item in broken)
    return "; ".join(rules), "; ".join(f"{_figure(item)}{_clash(item)}" for item in broken)


def _figure(item: Verdict) -> str:
    return f"{item.figure}{f' {item.unit}' if item.unit else ''}"


def _clash(item: Verdict) -> str:
    return f", {alike(item.others)}" if item.others else ""
