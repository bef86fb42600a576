"""The table of failures: those with an equal cause together, as stacked lines for pipes and narrow terminals.

Images that break the same rule have one cause, its limit; each has its own figure beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from msgspec import Struct

from imgbuild.columns import columns
from imgbuild.report.events import Failure
from imgbuild.report.text import natural, plural, printable

WORDS = {"failed": "failed", "rule": "broke a rule", "review": "to review", "skipped": "skipped"}

# How many targets of one cause, and how many causes, are shown where not all are asked for.
TARGETS = 3
CAUSES = 20

_KINDS = list(WORDS)


class Group(Struct, frozen=True, kw_only=True):
    """The failures of one kind with the same cause and hint, by id. `shown`: those to print."""

    members: tuple[Failure, ...]
    shown: tuple[Failure, ...]

    def head(self) -> str:
        return f"{len(self.members):,} {WORDS[self.members[0].kind]}"

    def cause(self) -> str:
        return "\n".join(printable(line) for line in cause_of(self.members[0]).splitlines())

    def hint(self) -> str:
        """`hint: …`, or nothing."""
        hint = self.members[0].hint
        return f"hint: {printable(hint)}" if hint else ""

    def more(self) -> str:
        """`and 9 more`, or nothing."""
        left = len(self.members) - len(self.shown)
        return f"and {left:,} more" if left else ""


def cause_of(failure: Failure) -> str:
    """What it shares with others: the rules it breaks, without its own figures, or the whole cause."""
    return failure.rule or failure.cause


def group_failures(failures: Iterable[Failure], *, everything: bool = False) -> list[Group]:
    """Groups of equal kind, cause and hint: real failures first, the largest group first among its kind."""
    found: dict[tuple[str, str, str], list[Failure]] = {}
    for failure in failures:
        found.setdefault((failure.kind, cause_of(failure), failure.hint), []).append(failure)
    ranked = sorted(found.items(), key=lambda item: (_KINDS.index(item[0][0]), -len(item[1]), item[0]))
    return [_group(members, everything) for _, members in ranked]


def _group(members: list[Failure], everything: bool) -> Group:
    ranked = tuple(sorted(members, key=lambda failure: natural(failure.id)))
    return Group(members=ranked, shown=ranked if everything else ranked[:TARGETS])


def cut_groups(groups: Sequence[Group], *, everything: bool = False) -> tuple[Sequence[Group], str]:
    """The groups to print, and a line that says how many are not."""
    if everything or len(groups) <= CAUSES:
        return groups, ""
    rest = groups[CAUSES:]
    targets = plural(sum(len(group.members) for group in rest), "target")
    return groups[
        :CAUSES
    ], f"and {plural(len(rest), 'more cause', 'more causes')} ({targets}); --verbose shows all"


def failure_lines(failures: Iterable[Failure], width: int | None, *, everything: bool = False) -> list[str]:
    """The table as text, a blank line after each group; sentences are wrapped to `width` columns (None: not).

    Ids are never cut here: whoever mends a target has to know which one.
    """
    groups, rest = cut_groups(group_failures(failures, everything=everything), everything=everything)
    lines: list[str] = []
    for group in groups:
        lines += [*_group_lines(group, width), ""]
    return [*lines, rest, ""] if rest else lines


def _group_lines(group: Group, width: int | None) -> list[str]:
    first, *others = f"{group.head()}: {group.cause()}".split("\n")
    sentences = [line for line in (group.more(), group.hint()) if line]
    return [
        *_wrap(first, width),
        *(f"  {line}" for line in others),
        *(f"  {line}" for line in target_lines(group, width)),
        *(line for sentence in sentences for line in _wrap(f"  {sentence}", width)),
    ]


def _wrap(text: str, width: int | None) -> list[str]:
    if width is None or columns(text) <= width:
        return [text]
    return wrap(text, width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def target_lines(group: Group, width: int | None) -> list[str]:
    """Ids with their figures and places beside them, or below them where a line is too short for all."""
    rows = [[printable(text) for text in (item.id, item.figure, item.where)] for item in group.shown]
    widths = [max(columns(row[at]) for row in rows) for at in range(3)]
    if width is not None and sum(widths) + 2 * sum(map(bool, widths)) > width:
        return [line for name, *rest in rows for line in (name, *(f"  {text}" for text in rest if text))]
    return [_spread(row, widths) for row in rows]


def _spread(row: Sequence[str], widths: Sequence[int]) -> str:
    """The texts as columns of these widths; one that is empty in every row is left out."""
    cells = (text + " " * (width - columns(text)) for text, width in zip(row, widths, strict=True) if width)
    return "  ".join(cells).rstrip()
