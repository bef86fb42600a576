"""From verdicts to what happens next: accept, try the next seed, or fail. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

from imgbuild.foreign import foreign
from imgbuild.report.text import alike
from imgbuild.rules.base import GroupRule, Measured, Rule, verdict
from imgbuild.types import Status, Verdict


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


def judge_group(
    rules: Sequence[Rule], members: Sequence[tuple[str, Mapping[int, Measured]]]
) -> dict[str, list[Verdict]]:
    """The verdicts of the rules that look at all images of an asset, by member. `members` come ranked.

    Raises Broke.
    """
    verdicts: dict[str, list[Verdict]] = {name: [] for name, _ in members}
    for place, rule in enumerate(rules):
        if isinstance(rule, GroupRule):
            with foreign(f"rule '{rule.name}'"):
                findings = rule.judge_group([(name, measured[place]) for name, measured in members])
                for name, finding in findings.items():
                    verdicts[name].append(verdict(rule, finding))
    return verdicts


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
