"""The streams that text leaves by."""

import io
import os
import subprocess
import sys
from pathlib import Path

from imgbuild.report.output import abandon, emit, soften, wants_color, width_of


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_width_is_asked_only_of_terminals() -> None:
    assert width_of(io.StringIO(), {"COLUMNS": "40"}) is None
    assert width_of(Terminal(), {"COLUMNS": "40"}) == 40
    assert width_of(Terminal(), {"COLUMNS": "0"}) is None
    assert width_of(Terminal(), {}) is None


def test_color_follows_the_environment() -> None:
    assert wants_color(Terminal(), {})
    assert not wants_color(io.StringIO(), {})
    assert not wants_color(Terminal(), {"TERM": "dumb"})
    assert not wants_color(Terminal(), {"NO_COLOR": "1", "FORCE_COLOR": "1"})
    assert wants_color(Terminal(), {"NO_COLOR": ""})
    assert wants_color(io.StringIO(), {"FORCE_COLOR": "1"})


def test_soften_shows_what_the_encoding_lacks() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", write_through=True)
    soften(stream)
    emit(stream, "cut … here")
    assert raw.getvalue() == b"cut \\u2026 here"
    soften(io.StringIO())


def test_emit_goes_on_when_the_reader_has_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as stream:
        emit(stream, "one\n")
        emit(stream, "two\n")


def test_abandon_takes_streams_without_a_descriptor() -> None:
    stream = io.StringIO()
    abandon(stream)
    assert stream.getvalue() == ""


BUILD = """
import sys
from imgbuild.report import reporter_for
from imgbuild.report.events import Finished, TargetMoved
reporter = reporter_for(
    json={json}, plain=True, quiet=False, verbose=False, stream=sys.stdout, environ=dict()
)
for number in range(20_000):
    reporter.event(TargetMoved(id=f"a/b#{{number}}", state="done", output="b.png"))
reporter.event(Finished(built=20_000, generated=20_000))
sys.exit(7)
"""


def test_a_build_whose_reader_has_gone_ends_as_it_would_have() -> None:
    for json in (False, True):
        build = subprocess.Popen(
            [sys.executable, "-c", BUILD.format(json=json)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert build.stdout is not None
        assert build.stderr is not None
        with build.stdout, build.stderr:
            assert build.stdout.readline()
            build.stdout.close()
            assert build.stderr.read() == b""
        assert build.wait() == 7
