"""Which reporter is chosen, and what that loads."""

import io
import subprocess
import sys
from pathlib import Path

import pytest

from imgbuild.report import reporter_for


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("flags", "environ", "terminal", "name"),
    [
        ({}, {}, True, "FancyReporter"),
        ({"verbose": True}, {"CI": "false"}, True, "FancyReporter"),
        ({}, {}, False, "PlainReporter"),
        ({}, {"FORCE_COLOR": "1"}, False, "PlainReporter"),
        ({}, {"TERM": "dumb"}, True, "PlainReporter"),
        ({}, {"CI": "true"}, True, "PlainReporter"),
        ({"plain": True}, {}, True, "PlainReporter"),
        ({"quiet": True}, {}, True, "PlainReporter"),
        ({"json": True, "plain": True}, {}, True, "JsonReporter"),
    ],
)
def test_choice(flags: dict[str, bool], environ: dict[str, str], terminal: bool, name: str) -> None:
    asked = {"json": False, "plain": False, "quiet": False, "verbose": False} | flags
    stream = Terminal() if terminal else io.StringIO()
    assert type(reporter_for(**asked, stream=stream, environ=environ)).__name__ == name


NOTHING_TO_DO = """
import sys
from imgbuild.report import reporter_for
from imgbuild.report.events import Finished, Note, Started
sys.stdout.isatty = lambda: True
for json, plain in ((True, False), (False, True), (False, False)):
    reporter = reporter_for(
        json=json, plain=plain, quiet=False, verbose=False, stream=sys.stdout, environ={"COLUMNS": "80"}
    )
    reporter.event(Started(targets=2, fresh=2, restore=0, run=0))
    reporter.event(Finished(fresh=2))
    reporter.close()
heavy = {"rich", "click", "yaml", "jinja2", "PIL", "numpy"} & set(sys.modules)
print(sorted(heavy))
"""


def test_a_build_with_nothing_to_do_never_loads_rich() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NOTHING_TO_DO],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.splitlines()[2:] == ["up to date (2 targets)", "up to date (2 targets)", "[]"]
