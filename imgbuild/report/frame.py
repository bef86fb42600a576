"""What the live display shows at one moment: a bar, the figures, and what is running; for any width."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from rich.text import Text

from imgbuild.columns import columns
from imgbuild.report.events import Underway
from imgbuild.report.text import duration, money, printable, shorten
from imgbuild.report.underway import parts_of

RUNNING = 6  # targets named at most
UNDERWAY = 4  # models at most of which is said what they are at
_LONGEST_BAR = 60
_WIDE = 60  # columns from which units are written out
_MARGIN = 4  # lines of the terminal left for what was said above


class Look(Struct, frozen=True, kw_only=True):
    """The state of a build at one moment. rate: images a second. running: (id, seconds since its start);
    others: how many more are running. underway: what is fetched, loaded or drawn, and seconds since it was told."""

    total: int
    finished: int
    failed: int = 0
    review: int = 0
    rate: float = 0.0
    cost: float = 0.0
    estimate: float = 0.0
    running: tuple[tuple[str, float], ...] = ()
    others: int = 0
    underway: tuple[tuple[Underway, float], ...] = ()


def frame_lines(look: Look, width: int, height: int) -> list[Text]:
    """The display for a terminal of that many columns and lines; no line is wider, nor are there more."""
    room = max(0, height - _MARGIN)
    underway = look.underway[: min(UNDERWAY, room)]
    shown = look.running[: min(RUNNING, room - len(underway))]
    more = len(look.running) - len(shown) + look.others
    lines = [_bar(look, width), _line(_parts(look, width >= _WIDE), width)]
    lines += [_line(_work(event, since, width), width, "  ") for event, since in underway] + _running(
        shown, width
    )
    if more and shown:
        lines.append(Text(shorten(f"  and {more:,} more running", width), "dim"))
    return [line for line in lines if line.plain]


def _bar(look: Look, width: int) -> Text:
    total = max(look.total, look.finished, 1)
    count = f" {look.finished:,}/{total:,}"
    room = max(0, min(_LONGEST_BAR, width - len(count)))
    filled = room * look.finished // total
    return Text.assemble(("━" * filled, "green"), ("─" * (room - filled), "dim"), shorten(count, width))


def _line(parts: Sequence[tuple[str, str]], width: int, gap: str = "") -> Text:
    """Those of the parts that fit, the more important first. gap: before the first."""
    line = Text()
    for text, style in parts:
        if line.cell_len + len(gap) + columns(text) <= width:
            line.append(gap).append(text, style)
            gap = "  "
    return line


def _work(event: Underway, since: float, width: int) -> list[tuple[str, str]]:
    """What is under way, and its figures."""
    first, *others = parts_of(event, since)
    return [(shorten(first, width - 2), "cyan"), *((text, "dim") for text in others)]


def _parts(look: Look, wide: bool) -> list[tuple[str, str]]:
    left = (look.total - look.finished) / look.rate if look.rate else 0.0
    parts = (
        (look.failed, f"{look.failed:,} failed", "bold red"),
        (look.review, f"{look.review:,} to review", "yellow"),
        (left > 0, f"{duration(left)} left", ""),
        (look.cost or look.estimate, _spend(look, wide), ""),
        (look.rate, _pace(look.rate, wide), "dim"),
    )
    return [(text, style) for worth, text, style in parts if worth]


def _spend(look: Look, wide: bool) -> str:
    """What was spent, and where there is room what will be; before anything is spent, that alone."""
    if not look.cost:
        return f"about {money(look.estimate)}"
    return f"{money(look.cost)}{f' of about {money(look.estimate)}' if wide and look.estimate else ''}"


def _pace(rate: float, wide: bool) -> str:
    noun = " images" if wide else ""
    return f"{rate:.1f}{noun}/s" if rate >= 1 else f"{rate * 60:.1f}{noun}/min"


def _running(shown: Sequence[tuple[str, float]], width: int) -> list[Text]:
    times = [duration(seconds) for _, seconds in shown]
    room = width - 4 - max(map(len, times), default=0)
    names = [shorten(printable(name), room) for name, _ in shown]
    longest = max(map(columns, names), default=0)
    return [
        Text.assemble(
            "  ", name, " " * (longest - columns(name) + 2), (time.rjust(max(map(len, times))), "dim")
        )
        for name, time in zip(names, times, strict=True)
        if room > 0
    ]
