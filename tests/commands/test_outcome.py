"""Whatever a command raises becomes a message and an exit code, in one place."""

from __future__ import annotations

import errno
import re
from pathlib import Path

import click
import pytest

from imgbuild.commands.outcome import guarded
from imgbuild.errors import Busy, LockWouldChange, SpecError, TargetError, UsageError


def ended(error: BaseException, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    def call() -> int:
        raise error

    code = guarded(call, ["build", "--nope"])
    captured = capsys.readouterr()
    return int(code), captured.out, captured.err


def test_what_a_command_returns_is_the_exit_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(lambda: 4, []) == 4
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("no", hint="yes"), 2, "error: no\nhint: yes\n"),
        (SpecError("no"), 2, "error: no\n"),
        (TargetError("no"), 1, "error: no\n"),
        (LockWouldChange("no"), 5, "error: no\n"),
        (Busy("no"), 6, "error: no\n"),
        (click.exceptions.Exit(3), 3, ""),
        (click.Abort(), 130, "interrupted\n"),
        (KeyboardInterrupt(), 130, "interrupted\n"),
        (
            click.ClickException("Odd thing."),
            2,
            "error: odd thing\nhint: `imgbuild --help` shows what there is\n",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "out/a.png"),
            2,
            "error: out/a.png: No space left on device\n"
            "hint: see to its owner, its permissions, and free space\n",
        ),
    ],
)
def test_what_is_expected(
    error: BaseException, code: int, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ended(error, capsys) == (code, "", text)


@pytest.mark.parametrize("error", [ValueError("odd"), FileNotFoundError(errno.ENOENT, "not there", "a")])
def test_a_bug_is_told_with_a_file_that_has_the_whole_story_and_no_keys(
    error: Exception,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    code, out, err = ended(error, capsys)
    (report,) = tmp_path.iterdir()
    assert (code, out) == (70, "")
    assert err == (
        f"error: a bug in imgbuild: {type(error).__name__}: {error}\n"
        f"hint: please report it with {report}; nothing that was built is lost\n"
    )
    text = report.read_text(encoding="utf-8")
    assert re.match(
        r"imgbuild \S+, Python 3\.\d+\.\d+, .+\narguments: \['build', '--nope'\]\n\nTraceback", text
    )
    assert "sk-secret" not in text
