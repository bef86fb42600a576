"""The plain report, whole."""

import io

from imgbuild.report.events import (
    Draw,
    Event,
    Failure,
    Finished,
    Load,
    Moved,
    NearBudget,
    Note,
    Started,
    TargetMoved,
)
from imgbuild.report.plain import PlainReporter

LONG = "catalog/thumbnails[sku=A1,color=red]@sdxl#0"


def moved(name: str, state: Moved, seconds: float = 0.0, why: str = "") -> TargetMoved:
    return TargetMoved(id=name, state=state, output="a.png", seconds=seconds, why=why)


BUILD: list[Event] = [
    Note(text="settings found"),
    Note(text="a pin is old", level="warning"),
    Started(targets=250, fresh=240, restore=1, run=9),
    moved(LONG, "running", why="new"),
    moved("a/b#0", "restored", why="output was missing"),
    moved(LONG, "retry", 0.2, why="rate limit"),
    moved(LONG, "done", 0.84, why="new"),
    moved("a/c#0", "failed", 65, why="no file\x1b[2J"),
    Failure(id="a/c#0", output="c.png", where="specs/a.yaml:7:3", cause="no file", hint="add it"),
    Finished(built=1, generated=1, restored=1, fresh=240, failed=1, seconds=66, cost=0.0004),
]

END = """\
1 failed: no file
  a/c#0  specs/a.yaml:7:3
  hint: add it

built 1, restored 1, 240 up to date, 1 failed in 1 m 06 s, $0.0004
"""


def told(events: list[Event], width: int | None = None, *, quiet: bool = False, verbose: bool = False) -> str:
    stream = io.StringIO()
    reporter = PlainReporter(stream, width=width, quiet=quiet, verbose=verbose)
    for event in events:
        reporter.event(event)
    reporter.close()
    return stream.getvalue()


def test_a_pipe() -> None:
    assert told(BUILD) == (
        "note: settings found\n"
        "warning: a pin is old\n"
        "[ 1/10] restored a/b#0\n"
        "[ 2/10] done     catalog/thumbnails[sku=A1,color=red]@sdxl#0  0.8 s\n"
        "[ 3/10] failed   a/c#0  1 m 05 s  (no file\\x1b[2J)\n"
        "\n" + END
    )


def test_a_narrow_terminal_cuts_ids_in_the_middle() -> None:
    line = "[ 2/10] done     catalog…@sdxl#0  0.8 s"
    assert line in told(BUILD, 39).splitlines()
    assert len(line) == 39


def test_verbose_tells_everything_uncut() -> None:
    assert told(BUILD, 40, verbose=True).splitlines()[2:7] == [
        "[ 0/10] running  catalog/thumbnails[sku=A1,color=red]@sdxl#0  (new)",
        "[ 1/10] restored a/b#0  (output was missing)",
        "[ 1/10] retry    catalog/thumbnails[sku=A1,color=red]@sdxl#0  0.2 s  (rate limit)",
        "[ 2/10] done     catalog/thumbnails[sku=A1,color=red]@sdxl#0  0.8 s  (new)",
        "[ 3/10] failed   a/c#0  1 m 05 s  (no file\\x1b[2J)",
    ]


def test_quiet_tells_what_went_wrong() -> None:
    assert told(BUILD, quiet=True) == "warning: a pin is old\n" + END
    assert told([Finished(built=1, generated=1)], quiet=True) == ""


def test_up_to_date() -> None:
    events: list[Event] = [
        Started(targets=250, fresh=250, restore=0, run=0),
        Finished(fresh=250, seconds=0.1),
    ]
    assert told(events) == "up to date (250 targets)\n"
    assert told(events[1:]) == "up to date (250 targets)\n"


def test_how_a_device_was_used_is_told_before_the_last_line() -> None:
    end = Finished(built=2, generated=2, seconds=4, busy=0.93, memory=2_100_000_000)
    assert told([end]) == "device busy 93 %, peak 2.1 GB\nbuilt 2 in 4.0 s\n"
    assert told([end], quiet=True) == ""


def test_what_it_costs_is_told_first() -> None:
    start = Started(targets=3, fresh=0, restore=0, run=3, cost=0.75)
    assert told([start]) == "this build costs about $0.75\n"
    assert told([start], quiet=True) == ""


def test_a_budget_that_comes_to_its_end_is_a_warning() -> None:
    near = NearBudget(of="build", limit=1.0, spent=0.8, left=0.2)
    line = "warning: $0.80 of this build's budget of $1.00 is spent, and $0.20 is left\n"
    assert told([near]) == told([near], quiet=True) == line


def test_a_slow_load_is_told_when_it_is_over() -> None:
    work: list[Event] = [
        Load(model="sdxl"),
        Load(model="sdxl", seconds=20),
        Load(model="sdxl", seconds=42, ended=True),
        Draw(model="sdxl", batch=1, images=1, step=3, steps=4, rate=1.5, seconds=2),
        Load(model="tiny", seconds=2, ended=True),
    ]
    assert told(work) == "loaded sdxl in 42 s\n"
    assert told(work, quiet=True) == ""
    assert told(work, verbose=True) == "loading sdxl\nloaded sdxl in 42 s\nloaded tiny in 2.0 s\n"


def test_a_second_build_starts_from_nothing() -> None:
    again: list[Event] = [Started(targets=1, fresh=0, restore=0, run=1), moved("a/b#0", "done", 1)]
    assert told([*BUILD, *again, Finished(built=1, generated=1, seconds=1)]).endswith(
        "$0.0004\n[1/1] done     a/b#0  1.0 s\nbuilt 1 in 1.0 s\n"
    )


def test_more_targets_than_were_planned_keep_the_counter_sane() -> None:
    assert told([moved("a/b#0", "done")]) == "[1/1] done     a/b#0\n"
