"""The live report: in a console of a known width, and through a real terminal."""

from __future__ import annotations

import fcntl
import io
import os
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from rich.console import Console

from imgbuild.report.events import Draw, Failure, Finished, Load, NearBudget, Note, Started, TargetMoved
from imgbuild.report.fancy import FancyReporter

HIDE, SHOW = "\x1b[?25l", "\x1b[?25h"
ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
LONG = "catalog/thumbnails[sku=A1,color=red]@sdxl#0"
FAILURE = Failure(
    id=LONG, output="a.webp", where="specs/catalog.yaml:24:3", cause="no image [bold]", hint="add the file"
)


class Scene:
    """A fancy reporter over a console in memory, with a clock that a test moves."""

    def __init__(self, width: int, *, verbose: bool = False, environ: dict[str, str] | None = None) -> None:
        self.now = 100.0
        self.stream = io.StringIO()
        self.console = Console(
            file=self.stream,
            force_terminal=True,
            width=width,
            height=24,
            color_system="standard",
            markup=False,
            highlight=False,
            _environ=environ or {},
        )
        self.reporter = FancyReporter(
            self.stream, environ={}, clock=lambda: self.now, verbose=verbose, console=self.console
        )

    def text(self) -> str:
        return ESCAPE.sub("", self.stream.getvalue())


def test_counters_come_from_events_and_the_clock() -> None:
    scene = Scene(80)
    scene.reporter.event(Started(targets=10, fresh=2, restore=0, run=8, cost=0.5))
    scene.reporter.event(TargetMoved(id="a/b#0", state="running", output="b.png"))
    scene.reporter.event(TargetMoved(id="a/b#1", state="running", output="c.png"))
    scene.now += 2
    scene.reporter.event(TargetMoved(id="a/b#0", state="done", output="b.png", cost=0.25))
    look = scene.reporter.look()
    scene.reporter.close()
    assert (look.total, look.finished, look.rate, look.cost, look.estimate) == (8, 1, 0.5, 0.25, 0.5)
    assert look.running == (("a/b#1", 2.0),)


def test_what_a_model_is_at_is_shown_until_it_ends() -> None:
    scene = Scene(80)
    load, draw = Load(model="sdxl"), Draw(model="sdxl", batch=1, images=2, step=1, steps=4)
    scene.reporter.event(Started(targets=1, fresh=0, restore=0, run=1))
    scene.reporter.event(load)
    scene.now += 2
    assert scene.reporter.look().underway == ((load, 2.0),)
    scene.reporter.event(Load(model="sdxl", seconds=2, ended=True))
    assert scene.reporter.look().underway == ()
    scene.reporter.event(draw)
    assert scene.reporter.look().underway == ((draw, 0.0),)
    beside = Load(model="sdxl", device="cuda:1")
    scene.reporter.event(beside)
    assert scene.reporter.look().underway == ((draw, 0.0), (beside, 0.0))
    scene.reporter.event(Finished(built=1, generated=1))
    assert scene.reporter.look().underway == ()


def test_failures_and_notes_are_printed_above_and_the_cursor_comes_back() -> None:
    scene = Scene(60)
    scene.reporter.event(Started(targets=9, fresh=0, restore=0, run=9))
    scene.reporter.event(Note(text="a pin is old", level="warning"))
    scene.reporter.event(NearBudget(of="build", limit=1.0, spent=0.8, left=0.2))
    for _ in range(5):
        scene.reporter.event(FAILURE)
    scene.reporter.close()
    scene.reporter.close()
    assert scene.text().count("failed  catalog") == 3
    assert "warning: a pin is old\n" in scene.text()
    assert "warning: $0.80 of this build's budget of $1.00 is" in scene.text()
    assert scene.stream.getvalue().count(HIDE) == 1
    assert scene.stream.getvalue().endswith(SHOW)


def test_a_narrow_end_is_stacked() -> None:
    scene = Scene(40)
    scene.reporter.event(FAILURE)
    scene.reporter.event(Finished(built=3, generated=3, failed=1, seconds=2, busy=0.5))
    assert scene.text() == (
        "\n"
        "1 failed: no image [bold]\n"
        f"  {LONG}\n"
        "    specs/catalog.yaml:24:3\n"
        "  hint: add the file\n"
        "\n"
        "device busy 50 %\n"
        "built 3, 1 failed in 2.0 s\n"
    )


def test_a_wide_end_is_a_table() -> None:
    scene = Scene(120)
    for _ in range(4):
        scene.reporter.event(FAILURE)
    scene.reporter.event(Finished(failed=4, seconds=2))
    lines = [line.rstrip() for line in scene.text().splitlines()]
    assert lines == [
        "",
        f"          {'target':43}  place                    cause",
        "",
        f"4 failed  {LONG}  specs/catalog.yaml:24:3  no image [bold]",
        f"          {LONG}  specs/catalog.yaml:24:3  hint: add the file",
        f"          {LONG}  specs/catalog.yaml:24:3",
        "          and 1 more",
        "",
        "4 failed in 2.0 s",
    ]


def test_a_wide_end_shows_figures_where_there_are_any() -> None:
    scene = Scene(140)
    rule = {"kind": "rule", "rule": "sharpness (at least 100)", "where": "specs/a.yaml:3:1", "output": ""}
    for number, figure in enumerate(("43.1", "7 px")):
        cause = f"sharpness {figure} (at least 100)"
        scene.reporter.event(Failure(id=f"a/b#{number}", cause=cause, figure=figure, **rule))  # type: ignore[arg-type]
    scene.reporter.event(FAILURE)
    scene.reporter.event(Finished(failed=3, seconds=2))
    lines = [line.rstrip() for line in scene.text().splitlines()]
    assert lines == [
        "",
        f"                {'target':43}  figure  place                    cause",
        "",
        f"1 failed        {LONG}          specs/catalog.yaml:24:3  no image [bold]",
        f"{'':60}                                  hint: add the file",
        "",
        f"2 broke a rule  {'a/b#0':43}  43.1    specs/a.yaml:3:1         sharpness (at least 100)",
        f"                {'a/b#1':43}  7 px    specs/a.yaml:3:1",
        "",
        "3 failed in 2.0 s",
    ]


def test_no_color_leaves_no_colour() -> None:
    scene = Scene(120, environ={"NO_COLOR": "1"})
    scene.reporter.event(FAILURE)
    scene.reporter.event(Finished(failed=1, seconds=2))
    assert not re.search(r"\x1b\[[0-9;]*3[0-7]m", scene.stream.getvalue())
    coloured = Scene(120)
    coloured.reporter.event(FAILURE)
    coloured.reporter.event(Finished(failed=1, seconds=2))
    assert re.search(r"\x1b\[[0-9;]*31m", coloured.stream.getvalue())


def test_verbose_prints_each_target_and_watch_builds_again() -> None:
    scene = Scene(80, verbose=True)
    for number in range(2):
        scene.reporter.event(Started(targets=1, fresh=0, restore=0, run=1))
        scene.reporter.event(
            TargetMoved(id=f"a/b#{number}", state="done", output="b.png", seconds=1, why="new")
        )
        scene.reporter.event(Finished(built=1, generated=1, seconds=1))
    text = scene.text()
    assert [text.count(f"done     a/b#{number}  1.0 s  (new)") for number in range(2)] == [1, 1]
    assert text.count("built 1 in 1.0 s\n") == 2
    assert scene.stream.getvalue().count(HIDE) == 2


def test_a_narrowed_terminal_has_its_wrapped_frame_wiped() -> None:
    from imgbuild.report.display import Display

    scene = Scene(80)
    scene.reporter.event(Started(targets=4, fresh=0, restore=0, run=0))
    scene.reporter.event(TargetMoved(id=LONG, state="running", output="b.png"))
    display = Display(scene.console, scene.reporter.look, list)
    display.start()
    display.tick()
    scene.stream.truncate(0)
    scene.console.width = 40
    display.tick()
    wiped = "\x1b[2K\x1b[1A\x1b[2K\x1b[1A"  # the bar of 64 columns and the name of 52 take a line more each
    assert wiped in scene.stream.getvalue()
    display.stop()


def test_an_event_costs_under_20_microseconds() -> None:
    scene = Scene(80)
    scene.reporter.event(Started(targets=10_000, fresh=0, restore=0, run=10_000))
    events = [
        TargetMoved(id=f"a/b#{number // 2}", state="done" if number % 2 else "running", output="b.png")
        for number in range(10_000)
    ]
    before = time.thread_time()
    for event in events:
        scene.reporter.event(event)
    spent = time.thread_time() - before
    scene.reporter.close()
    assert spent / len(events) < 20e-6


BUILD = """
import os, sys, time
from contextlib import closing
from imgbuild.report import reporter_for
from imgbuild.report.events import Failure, Finished, Started, TargetMoved
name = "catalog/thumbnails[sku=A1,color=red]@sdxl#0"
with closing(reporter_for(
    json=False, plain=False, quiet=False, verbose=False, stream=sys.stdout, environ=os.environ
)) as reporter:
    reporter.event(Started(targets=8, fresh=0, restore=0, run=8))
    reporter.event(TargetMoved(id=name, state="running", output="a.webp"))
    reporter.event(TargetMoved(id="a/b#0", state="done", output="b.png"))
    reporter.event(Failure(id=name, output="a.webp", where="specs/catalog.yaml:24:3", cause="no image"))
    time.sleep(float(sys.argv[1]))
    reporter.event(Finished(built=1, generated=1, failed=1, seconds=2))
"""


class Screen:
    """A program on a real terminal of that many columns."""

    def __init__(self, width: int, seconds: float) -> None:
        ours, theirs = os.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
        self._ours = ours
        self._shown = b""
        self.program = subprocess.Popen(
            [sys.executable, "-c", BUILD, str(seconds)],
            stdin=theirs,
            stdout=theirs,
            stderr=subprocess.PIPE,
            env={"PATH": os.environ["PATH"], "TERM": "xterm-256color"},
            cwd=Path(__file__).parents[2],
        )
        os.close(theirs)

    def until(self, text: str = "") -> str:
        """What was shown until the text came (or until the program ended)."""
        end = time.monotonic() + 20
        while not text or text not in self._shown.decode(errors="replace"):
            ready, _, _ = select.select([self._ours], [], [], max(0, end - time.monotonic()))
            assert ready, self._shown
            try:
                data = os.read(self._ours, 65536)
            except OSError:  # how Linux says that the other side has gone
                break
            if not data:
                break
            self._shown += data
        return self._shown.decode()

    def end(self) -> int:
        assert self.program.stderr is not None
        with self.program.stderr:
            self.program.stderr.read()
        os.close(self._ours)
        return self.program.wait()


def shown_lines(width: int) -> list[str]:
    """What a whole build shows on a real terminal, without colours; every frame's lines in turn."""
    screen = Screen(width, 0.3)
    shown = screen.until()
    assert screen.end() == 0
    assert shown.rindex(SHOW) > shown.rindex(HIDE)
    return [line.rstrip() for line in re.split(r"[\r\n]+", ESCAPE.sub("", shown))]


def test_a_real_terminal() -> None:
    lines = shown_lines(120)
    assert "━" * 7 + "─" * 53 + " 1/8" in lines
    assert any(line.startswith(f"  {LONG}  ") for line in lines)
    assert f"1 failed  {LONG}  specs/catalog.yaml:24:3  no image" in lines
    assert lines[-2:] == ["built 1, 1 failed in 2.0 s", ""]


def test_a_narrow_real_terminal() -> None:
    lines = shown_lines(40)
    assert "━" * 4 + "─" * 32 + " 1/8" in lines
    assert any(line.startswith("  catalog/thumbna…lor=red]@sdxl#0  ") for line in lines)
    assert lines[-5:] == [
        "1 failed: no image",
        f"  {LONG}",
        "    specs/catalog.yaml:24:3",
        "built 1, 1 failed in 2.0 s",
        "",
    ]


def test_an_interrupt_gives_the_cursor_back() -> None:
    screen = Screen(80, 30)
    screen.until(" 1/8")
    screen.program.send_signal(signal.SIGINT)
    shown = screen.until()
    assert screen.end() in (1, 130, -signal.SIGINT)
    assert HIDE in shown
    assert shown.rindex(SHOW) > shown.rindex(HIDE)
    assert "built" not in shown
