"""Every help is whole, and every fault of the command line is told as one: a sentence, a way out, exit 2."""

from __future__ import annotations

import io
from contextlib import redirect_stderr, redirect_stdout

import click
import pytest

from imgbuild import __version__
from imgbuild.cli import main, run

VERBS = sorted(main.commands)


def told(*arguments: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(list(arguments))
    return int(code), out.getvalue(), err.getvalue()


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("verb", VERBS)
def test_every_help_ends_with_two_examples_of_that_verb(verb: str, flag: str) -> None:
    code, out, err = told(verb, flag)
    examples = out.partition("\nExamples:\n")[2].splitlines()
    assert (code, err, len(examples)) == (0, "", 2)
    assert all(line.startswith("  ") and f"imgbuild {verb}" in line for line in examples)


def test_examples_are_never_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert "  imgbuild build --select 'catalog/*,color=red' --sample 50\n" in told("build", "-h")[1]


def test_the_help_lists_every_verb_in_one_whole_sentence() -> None:
    code, out, err = told("--help")
    assert (code, err) == (0, "")
    assert out.endswith("\nExamples:\n  imgbuild init\n  imgbuild build specs/\n")
    listed = out.partition("Commands:\n")[2].partition("\n\nExamples")[0].splitlines()
    assert [line.split()[0] for line in listed] == VERBS
    assert [line for line in listed if not line.endswith(".") or line.endswith("...")] == []


def test_the_help_of_gc() -> None:
    assert (
        told("gc", "-h")[1]
        == """\
Usage: imgbuild gc [OPTIONS]

  Free space in the store; what locks and specs need stays.

  So does what was paid for, and what can't be made again.

Options:
  --max-size SIZE    Shrink the store to this, oldest first.
  --older-than DAYS  Only what was written before that.  [x>=0]
  --all              All that is not needed, whatever its age.
  -n, --dry-run      Only say what would go.
  -v, --verbose      Say more, and cut nothing.
  -q, --quiet        Say only what went wrong.
  --plain            No live display.
  --json             Machine-readable output, one object a line.
  --profile NAME     Build under this profile of imgbuild.yaml.
  -h, --help         Show this message and exit.

Examples:
  imgbuild gc --max-size '10 GB'
  imgbuild gc --older-than 30 --dry-run
"""
    )


def test_without_arguments_the_help_is_the_answer_and_no_success() -> None:
    code, out, err = told()
    assert (code, out) == (2, "")
    assert err == told("--help")[1]


def test_the_version() -> None:
    assert told("--version") == (0, f"imgbuild {__version__}\n", "")


MISUSED = {
    ("nope",): "error: no such command 'nope'\nhint: `imgbuild --help` shows what there is\n",
    ("biuld",): (
        "error: no such command 'biuld'\nhint: did you mean 'build'? `imgbuild --help` shows what there is\n"
    ),
    ("build", "--shart", "1/2"): (
        "error: no such option '--shart'\n"
        "hint: did you mean '--shard'? `imgbuild build --help` shows what there is\n"
    ),
    ("gc", "--older-than", "x"): (
        "error: invalid value for '--older-than': 'x' is not a valid float range\n"
        "hint: `imgbuild gc --help` shows what there is\n"
    ),
    ("gc", "now"): (
        "error: got unexpected extra argument (now)\nhint: `imgbuild gc --help` shows what there is\n"
    ),
    ("why",): ("error: missing argument 'TARGETS...'\nhint: `imgbuild why --help` shows what there is\n"),
    ("-q",): "error: missing command\nhint: `imgbuild --help` shows what there is\n",
    ("-C", "/nowhere/at/all", "ls"): (
        "error: invalid value for '-C' / '--directory': Directory '/nowhere/at/all' does not exist\n"
        "hint: `imgbuild --help` shows what there is\n"
    ),
}


@pytest.mark.parametrize("arguments", MISUSED, ids=" ".join)
def test_a_fault_of_the_command_line(arguments: tuple[str, ...]) -> None:
    assert told(*arguments) == (2, "", MISUSED[arguments])


def test_no_verb_is_a_bare_click_command() -> None:
    assert all(type(command) is not click.Command for command in main.commands.values())
