"""What every command starts from: paths as they were given, tables as wide as the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from imgbuild.commands.session import Session
from imgbuild.errors import UsageError


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def session(folder: Path, **flags: bool) -> Session:
    return Session(
        arguments=(),
        folder=folder / "specs",
        root=folder,
        environ={"COLUMNS": "20"},
        stdout=Terminal(),
        stderr=io.StringIO(),
        **flags,
    )


@pytest.mark.parametrize(
    ("verbose", "line"),
    [(False, "catalog…ku=A1]    $1"), (True, "catalog/thumbnails[sku=A1]    $1")],
)
def test_a_table_is_cut_to_the_terminal_unless_asked_not_to(tmp_path: Path, verbose: bool, line: str) -> None:
    here = session(tmp_path, verbose=verbose)
    here.table(["target", "cost"], [["catalog/thumbnails[sku=A1]", "$1"]], frozenset({1}))
    assert isinstance(here.stdout, io.StringIO)
    assert here.stdout.getvalue().splitlines()[1] == line


def test_paths_are_those_of_the_folder_the_command_was_given_in(tmp_path: Path) -> None:
    assert session(tmp_path).inside("a.yaml") == "specs/a.yaml"
    assert session(tmp_path).inside("..") == "."
    with pytest.raises(UsageError) as caught:
        session(tmp_path).inside("../../x")
    assert (
        str(caught.value) == f"error: '../../x' is not in the project {tmp_path}\nhint: go there, or use -C"
    )
