"""What a terminal with colour is told: lines above the live display, the table of failures, the summary."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from imgbuild.report.events import Failure, Finished, Note, TargetMoved
from imgbuild.report.failures import WORDS, Group, cut_groups, failure_lines, group_failures
from imgbuild.report.plain import note_line
from imgbuild.report.summary import device_line, has_trouble, summary
from imgbuild.report.text import duration, printable

_CAUSE = (
    24  # columns that causes need beyond their longest word for a table to read better than stacked lines
)
_STYLES = {"failed": "bold red", "rule": "bold red", "review": "yellow", "skipped": "dim", "done": "green"}


def said(event: Failure | Note | TargetMoved) -> Text:
    """One event as a line above the live display."""
    match event:
        case Failure():
            first = event.cause.partition("\n")[0]
            kind = (WORDS[event.kind], _STYLES[event.kind])
            return Text.assemble(kind, "  ", f"{printable(event.id)}: {printable(first)}")
        case Note():
            return Text(note_line(event), "yellow" if event.level == "warning" else "dim")
        case TargetMoved():
            time = f"  {duration(event.seconds)}" if event.seconds else ""
            why = f"  ({printable(event.why)})" if event.why else ""
            word = f"{event.state:<8}"
            return Text.assemble((word, _STYLES.get(event.state, "")), " ", printable(event.id), time, why)


def print_end(
    console: Console, failures: Sequence[Failure], finished: Finished, *, everything: bool = False
) -> None:
    """The table of failures, as wide as the terminal allows, how a device was used, and the summary."""
    if failures:
        groups, rest = cut_groups(group_failures(failures, everything=everything), everything=everything)
        table = _table(groups)
        console.print()
        if Measurement.get(console, console.options, table).minimum + _CAUSE <= console.width:
            console.print(table, *([rest] if rest else []), "", sep="\n")
        else:
            _print_stacked(console, failures, everything)
    if used := device_line(finished):
        console.print(Text(used, "dim"))
    console.print(Text(summary(finished), _summary_style(finished)))


def _print_stacked(console: Console, failures: Sequence[Failure], everything: bool) -> None:
    for line in failure_lines(failures, console.width, everything=everything):
        console.print(Text(line, "dim" if line.startswith("  hint: ") else ""), soft_wrap=True)


def _table(groups: Sequence[Group]) -> Table:
    table = Table(box=None, padding=(0, 2, 1, 0), pad_edge=False, header_style="dim")
    figures = any(failure.figure for group in groups for failure in group.shown)
    for header in ("", "target", *(["figure"] if figures else []), "place"):
        table.add_column(header, no_wrap=True)
    table.add_column("cause", overflow="fold")
    for group in groups:
        head, targets, *rest = _row(group)
        table.add_row(head, targets, *([_column(group, "figure")] if figures else []), *rest)
    return table


def _column(group: Group, field: str) -> Text:
    return Text("\n".join(printable(getattr(failure, field)) for failure in group.shown))


def _row(group: Group) -> tuple[Text, Text, Text, Text]:
    """Targets and places are one line each, so that they stay beside each other."""
    more = f"\n{group.more()}" if group.more() else ""
    hint = f"\n{group.hint()}" if group.hint() else ""
    return (
        Text(group.head(), _STYLES[group.members[0].kind]),
        Text.assemble(_column(group, "id"), (more, "dim")),
        _column(group, "where"),
        Text.assemble(group.cause(), (hint, "dim")),
    )


def _summary_style(finished: Finished) -> str:
    if finished.failed or finished.skipped:
        return "bold red"
    return "bold yellow" if has_trouble(finished) else "bold green"
