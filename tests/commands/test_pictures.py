"""`ls --pictures`: images in terminals that know a protocol for them, half cells in others, and else the plain table."""

import fcntl
import os
import re
import struct
import subprocess
import sys
import termios
from select import select

import pytest

from imgbuild.select import handle

SPEC = """\
models: {sketch: {provider: placeholder}}
assets:
  lamps: {prompt: "a {{ color }} lamp", matrix: {color: [red, blue]}, models: [sketch], size: 64x32}
  pens: {prompt: a pen, models: [sketch], size: 16x16}
"""
RED, BLUE = (f"shop/lamps[color={color}]@sketch#0" for color in ("red", "blue"))
PEN = "shop/pens@sketch#0"

QUESTION = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
ENVIRONMENT = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}


@pytest.fixture
def shop(bench):
    """A project in which all but the pen is built."""
    shop = bench({"specs/shop.yaml": SPEC})
    assert shop.tell("build", "-q", "-s", "lamps").code == 0
    return shop


def look(shop, *words, sixel=False, kitty=False, stdin=None, **environ):
    """What a terminal of 80 × 24 cells, of 10 × 20 pixels each, gets to show; it answers what it knows when asked."""
    ours, theirs = os.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 800, 480))
    kept = {
        name: value for name, value in os.environ.items() if name not in ("CI", "NO_COLOR", "FORCE_COLOR")
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "imgbuild", *words],
        cwd=shop.root,
        env={**kept, **ENVIRONMENT, **environ},
        stdin=theirs if stdin is None else stdin,
        stdout=theirs,
        stderr=subprocess.PIPE,
    )
    os.close(theirs)
    with process:
        shown = _answer(ours, sixel, kitty)
        said = process.stderr.read().decode()
    os.close(ours)
    assert (process.returncode, said) == (0, "")
    return shown.replace("\r\n", "\n")


def _answer(ours, sixel, kitty):
    shown, asked = b"", False
    while select([ours], [], [], 60)[0]:
        try:
            some = os.read(ours, 1 << 16)
        except OSError:  # the other end is closed
            break
        if not some:
            break
        shown += some
        if QUESTION.encode() in shown and not asked:
            asked = True
            known = b"\x1b_Gi=31;OK\x1b\\" if kitty else b""
            os.write(ours, known + (b"\x1b[?62;4;22c" if sixel else b"\x1b[?62;22c"))
    return shown.decode()


def caption(id, output, state="fresh"):
    return f"{handle(id)}  {state}  {id}  {output}\n"


CAPTIONS = [
    caption(RED, "lamps/red_0.png"),
    caption(BLUE, "lamps/blue_0.png"),
    caption(PEN, "pens/0.png", "run"),
]


def parts(shown):
    """What stands before each caption, below the one question."""
    assert shown.startswith(QUESTION)
    shown = shown.removeprefix(QUESTION)
    found = []
    for line in CAPTIONS:
        before, at, shown = shown.partition(line)
        assert at, f"{line!r} is not in {shown!r}"
        found.append(before)
    assert shown == ""
    return found


def test_as_sixels(shop):
    red, blue, pen = parts(look(shop, "ls", "--pictures", sixel=True))
    for picture in (red, blue):
        assert picture.startswith(f"{' ' * 40}\n" * 10 + "\x1b7")
        assert picture.count('\x1bP0;0;0q"1;1;400;200#') == picture.count("\x1bP") == 1
        assert picture.endswith("\x1b\\\x1b8")
    assert red.partition("\x1bP")[2] != blue.partition("\x1bP")[2]
    assert pen == ""


def test_by_the_protocol_of_kitty(shop):
    """Also where nothing says how many colours there are, as over ssh: the picture is found by its cells' colour."""
    for environ in ({}, {"TERM": "xterm-kitty", "COLORTERM": ""}):
        red, blue, pen = parts(look(shop, "ls", "--pictures", kitty=True, **environ))
        for picture in (red, blue):
            assert picture.startswith("\x1b_Gi=")
            *sent, placed, cells = picture.split("\x1b\\")
            number = int(re.match(r"\x1b_Gi=(\d+),m=[01],f=100,q=2;iVBORw0KGgo", sent[0])[1])
            assert placed == f"\x1b_Ga=p,i={number},c=40,r=10,U=1,q=2"
            color = ";".join(str(number >> by & 255) for by in (16, 8, 0))
            assert cells.count(f"\x1b[38;2;{color}m\U0010eeee") == 10
            assert cells.count("\U0010eeee") == 400
        assert pen == ""


def test_as_half_cells(shop):
    red, blue, pen = parts(look(shop, "ls", "--pictures"))
    for picture in (red, blue):
        assert picture.count("▀") == 400
        assert re.search(r"\x1b\[38;2;\d+;\d+;\d+;48;2;\d+;\d+;\d+m▀", picture)
        assert "\x1bP" not in picture
    assert pen == ""


def test_a_high_picture_is_no_higher_than_twelve_lines(shop):
    shop.edit("specs/shop.yaml", ("64x32", "64x320"))
    shop.tell("build", "-q", "-s", "lamps")
    red, _, _ = parts(look(shop, "ls", "--pictures"))
    assert red.count("▀\x1b[0m\n") == 12


def table(shop):
    return shop.tell("ls").out


@pytest.mark.parametrize(
    ("words", "environ"),
    [
        ((), {"TERM": "dumb"}),
        ((), {"NO_COLOR": "1"}),
        ((), {"CI": "true"}),
        (("--plain",), {}),
    ],
    ids=["dumb", "no-color", "ci", "plain"],
)
def test_a_plain_table_where_pictures_are_not_wanted(shop, words, environ):
    """And the terminal is asked nothing."""
    assert look(shop, "ls", "--pictures", *words, sixel=True, kitty=True, **environ) == table(shop)


def test_a_plain_table_where_the_terminal_cannot_answer(shop):
    assert look(shop, "ls", "--pictures", sixel=True, stdin=subprocess.DEVNULL) == table(shop)


def test_a_plain_table_by_default_and_in_a_pipe(shop):
    assert look(shop, "ls", sixel=True) == table(shop)
    assert shop.call("ls", "--pictures") == (0, table(shop), "")


def test_json_has_no_pictures(shop):
    assert look(shop, "ls", "--pictures", "--json", sixel=True) == shop.tell("ls", "--json").out


def test_only_chosen_ones(shop):
    shown = look(shop, "ls", "--pictures", "-s", "color=blue", sixel=True)
    assert shown.count("\x1bP") == 1
    assert shown.endswith(CAPTIONS[1])
    assert CAPTIONS[0] not in shown


def test_without_the_library(shop, monkeypatch, capsys):
    from imgbuild.commands import pictures

    monkeypatch.setattr(pictures, "_takes_pictures", lambda session: True)
    monkeypatch.setattr("imgbuild.extras.find_spec", lambda name: None)
    assert shop.tell("ls", "--pictures") == (
        1,
        "",
        "error: 'ls --pictures' needs textual-image, which is not installed\n"
        "hint: install it with `pip install 'imgbuild[terminal]'`\n",
    )
