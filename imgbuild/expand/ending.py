"""Models that end soon, or have ended, by what their vendors announced: told at their places."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date

from msgspec import Struct

from imgbuild.expand.context import Notice
from imgbuild.providers.ends import End, end_of, instead_of, vendor_of
from imgbuild.report.text import plural
from imgbuild.types import Bound, Pin

Name = tuple[str, str]  # the declaring spec's name, and the alias
AHEAD = 120  # days


class Ending(Struct, frozen=True, kw_only=True):
    """A model in use that ends. is_past: its day has come and gone."""

    name: Name
    notice: Notice
    is_past: bool


def endings(bounds: Iterable[Bound], pins: Mapping[Name, Pin], today: date) -> Iterator[Ending]:
    """Those of these models that end within AHEAD days, or have ended."""
    for bound in bounds:
        name = (bound.home, bound.alias)
        end = end_of(bound.model, pins.get(name))
        if end is not None and (end.day - today).days <= AHEAD:
            notice = Notice(message=_said(bound, end, today), where=bound.where)
            yield Ending(name=name, notice=notice, is_past=end.day < today)


def _said(bound: Bound, end: End, today: date) -> str:
    name = bound.model.revision or bound.model.source
    others = " or ".join(instead_of(end))
    instead = f"; {vendor_of(bound.model.provider)} names {others} in its place" if others else ""
    return f"model '{bound.alias}' ({name}) {_when(end, today)}{instead}"


def _when(end: End, today: date) -> str:
    left = (end.day - today).days
    if left < 0:
        return f"was to end on {end.day} at the earliest" if end.earliest else f"ended on {end.day}"
    soon = f"in {plural(left, 'day')}" if left else "today"
    return f"ends on {end.day}{' at the earliest' if end.earliest else ''}, {soon}"
