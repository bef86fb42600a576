"""Errors on a terminal."""

import io

import pytest

from imgbuild.errors import Errors, ImgbuildError, SpecError
from imgbuild.report.errors import print_error
from imgbuild.types import Where

WHERE = Where(file="specs/catalog.yaml", line=24, column=14, length=4, text="    models: [sdlx]")
PLACED = SpecError("unknown model 'sdlx'", where=WHERE, hint="did you mean 'sdxl'? Models here: hero, sdxl")
BARE = ImgbuildError("no specs here", hint="run imgbuild init")


def printed(error: ImgbuildError, *, color: bool) -> str:
    stream = io.StringIO()
    print_error(error, stream, color)
    return stream.getvalue()


@pytest.mark.parametrize("error", [PLACED, BARE, ImgbuildError("no hint"), Errors([PLACED, BARE])])
def test_without_colour_it_is_the_text_of_the_error(error: ImgbuildError) -> None:
    assert printed(error, color=False) == f"{error}\n"


def test_place_bold_caret_red_hint_dim() -> None:
    assert printed(PLACED, color=True) == (
        "\x1b[1mspecs/catalog.yaml:24:14:\x1b[0m unknown model 'sdlx'\n"
        "   24 |     models: [sdlx]\n"
        "      |              \x1b[1;31m^^^^\x1b[0m\n"
        "\x1b[2mhint: did you mean 'sdxl'? Models here: hero, sdxl\x1b[0m\n"
    )


def test_an_error_without_place() -> None:
    assert printed(BARE, color=True) == (
        "\x1b[1;31merror:\x1b[0m no specs here\n\x1b[2mhint: run imgbuild init\x1b[0m\n"
    )


def test_each_of_several_is_coloured_whole() -> None:
    assert printed(Errors([PLACED, BARE]), color=True) == printed(PLACED, color=True) + printed(
        BARE, color=True
    )


def test_a_spec_cannot_steer_the_terminal() -> None:
    where = Where(file="a.yaml", line=1, column=1, text="x: \x1b[2J")
    assert printed(SpecError("bad\x07 value\nsecond line", where=where), color=False) == (
        "a.yaml:1:1: bad\\x07 value\nsecond line\n    1 | x: \\x1b[2J\n      | ^\n"
    )
