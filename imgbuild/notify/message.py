"""What is told of a build that ended: in one sentence, and field by field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from msgspec import Struct, to_builtins

from imgbuild.errors import Exit
from imgbuild.report.events import Failure, Finished
from imgbuild.report.summary import is_up_to_date, summary
from imgbuild.report.text import money
from imgbuild.run.budget import NEAR, TooDear
from imgbuild.run.results import Built
from imgbuild.templates.template import compile_template
from imgbuild.types import Value, Where

FIRST = 10  # failures, and refusals, that are told one by one

_COUNTS = (
    "built",
    "generated",
    "restored",
    "fresh",
    "failed",
    "review",
    "skipped",
    "removed",
    "seconds",
    "cost",
)

Find: TypeAlias = Callable[[tuple[str | int, ...]], Where]  # the way to a value of the template → its place


class Month(Struct, frozen=True, kw_only=True):
    """US dollars: what may be spent in this calendar month, and what was."""

    limit: float
    spent: float


class Failed(Struct, frozen=True, kw_only=True):
    """A target that could not be made, or broke a rule."""

    target: str
    cause: str
    hint: str


class RefusedTo(Struct, frozen=True, kw_only=True):
    """A request that a provider refused. said: what it said. fallback: the model that took over, if one did."""

    target: str
    model: str
    said: str
    fallback: str


class Message(Struct, frozen=True, kw_only=True):
    """text: all of it in a sentence, as Slack and its like show it. project: the folder's name.

    happened: of what `on` of the settings can name. built to removed: targets, as `--json` counts them.
    failures: the first of those that are news. cost: US dollars. month: where it has a budget.
    """

    text: str
    project: str
    profile: str
    exit_code: int
    happened: list[str]
    built: int = 0
    generated: int = 0
    restored: int = 0
    fresh: int = 0
    failed: int = 0
    review: int = 0
    skipped: int = 0
    removed: int = 0
    refused: int = 0
    seconds: float = 0.0
    cost: float = 0.0
    failures: list[Failed] = []
    refusals: list[RefusedTo] = []
    month: Month | None = None


def of_build(project: str, profile: str, built: Built, month: Month | None) -> Message:
    """What to tell of a build that came to its end."""
    ended = built.finished
    counts = {name: getattr(ended, name) for name in _COUNTS}
    return Message(
        text=f"{_named(project, profile)}: {'; '.join([summary(ended), *_beside(built, month)])}",
        project=project,
        profile=profile,
        exit_code=ended.exit_code,
        happened=_happened(built, month),
        **counts,
        refused=len(built.refusals),
        failures=[
            Failed(target=item.id, cause=item.cause, hint=item.hint) for item in _new_failures(built)[:FIRST]
        ],
        refusals=[
            RefusedTo(target=item.target, model=item.model, said=item.said, fallback=item.fallback)
            for item in built.refusals[:FIRST]
        ],
        month=month,
    )


def _new_failures(built: Built) -> list[Failure]:
    return [item for item in built.news if item.kind in ("failed", "rule")]


def of_stop(project: str, profile: str, error: TooDear) -> Message:
    """What to tell of a build that its budget did not let begin."""
    return Message(
        text=f"{_named(project, profile)}: {error.message}",
        project=project,
        profile=profile,
        exit_code=error.exit_code,
        happened=["budget"],
    )


def _named(project: str, profile: str) -> str:
    """The project's name, as no mark of Slack's: what reads as one would call people."""
    name = f"{project} ({profile})" if profile else project
    return name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _beside(built: Built, month: Month | None) -> list[str]:
    told = []
    if built.refusals:
        told.append(f"{len(built.refusals):,} refused")
    if built.stopped:
        told.append("stopped for its budget")
    if _is_nearly_spent(built.finished, month) and month is not None:
        told.append(f"{money(month.spent)} of the {money(month.limit)} for this month are spent")
    return told


def _happened(built: Built, month: Month | None) -> list[str]:
    """An end that brings nothing new is told of nobody."""
    ended = built.finished
    said = {
        "failed": bool(_new_failures(built)),
        "refused": bool(built.refusals),
        "budget": built.stopped or _is_nearly_spent(ended, month),
        "done": ended.exit_code == Exit.DONE and not is_up_to_date(ended),
    }
    return [what for what, is_so in said.items() if is_so]


def _is_nearly_spent(ended: Finished, month: Month | None) -> bool:
    """Told by those builds alone that spend something."""
    return month is not None and ended.cost > 0 and month.spent >= NEAR * month.limit


def body(message: Message, template: Mapping[str, Value], find: Find) -> Any:
    """What is sent: all fields, or the template, filled with them. Raises SpecError."""
    fields = to_builtins(message)
    return _filled(template, fields, find, ()) if template else fields


def _filled(value: Value, fields: Mapping[str, Any], find: Find, path: tuple[str | int, ...]) -> Value:
    if isinstance(value, str):
        return compile_template(value, find(path)).render(fields)
    if isinstance(value, Mapping):
        return {name: _filled(item, fields, find, (*path, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [_filled(item, fields, find, (*path, at)) for at, item in enumerate(value)]
    return value
