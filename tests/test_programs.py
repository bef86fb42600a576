"""Programs that specs name: what they are told, what they may do, and how they fail."""

import os
import sys
import time

import pytest

from imgbuild.errors import TargetError
from imgbuild.programs import SAID, Program, own_files, placed_words

PYTHON = [sys.executable, "-c"]


def said(text, *more, image=b"picture", files=None, timeout=30.0):
    return Program(words=[*PYTHON, text, *more], files=files or {}, timeout=timeout).say(image, ".png")


def test_it_is_given_the_picture_by_its_path():
    read = "import sys; print(open(sys.argv[1], 'rb').read(), sys.argv[1].endswith('.png'), len(sys.argv))"
    assert said(read) == b"b'picture' True 2\n"
    assert said(read, "{image}") == b"b'picture' True 2\n"
    assert said("import sys; print(sys.argv[1:])", "--in={image}", "x").endswith(b"image.png', 'x']\n")


def test_it_sees_its_files_and_no_others():
    walk = "import os; print(sorted(os.path.join(f, n) for f, _, ns in os.walk('.') for n in ns))"
    assert said(walk, files={"specs/a.py": b"1"}) == b"['./image.png', './specs/a.py']\n"
    assert (
        said(
            "print(open('specs/a.py').read(), __import__('os').access('specs/a.py', 1))",
            files={"specs/a.py": b"1"},
        )
        == b"1 True\n"
    )


def test_it_does_not_see_the_user_s_keys(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    told = said("import os; print(sorted(os.environ))").decode()
    assert "PATH" in told
    assert "KEY" not in told


def test_it_is_read_so_far_and_no_farther():
    assert len(said(f"print('x' * {4 * SAID})")) == SAID


def test_it_hears_nothing():
    assert said("import sys; print(sys.stdin.read())") == b"\n"


def fault(call):
    with pytest.raises(TargetError) as caught:
        call()
    return str(caught.value)


def test_what_goes_wrong():
    assert fault(lambda: said("import sys; sys.exit('no such model')")) == (
        f"error: {sys.executable} ended with exit code 1: no such model\nhint: run it by hand on a picture"
    )
    assert fault(lambda: Program(words=["no-such-program"]).say(b"", ".png")) == (
        "error: no-such-program can't be run: No such file or directory\nhint: is it installed, and executable?"
    )
    assert fault(lambda: Program(words=[*PYTHON, "", "{image}", "{output}"]).make(b"")) == (
        f"error: {sys.executable} wrote no picture\nhint: it has to write one to the path that is its {{output}}"
    )


def test_it_ends_in_time_with_all_that_it_began(tmp_path):
    pid = tmp_path / "pid"
    child = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
    )
    began = time.monotonic()
    assert fault(lambda: said(parent, timeout=2)) == (
        f"error: {sys.executable} took more than 2 s\nhint: make it faster, or raise its 'timeout'"
    )
    assert time.monotonic() - began < 30
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(int(pid.read_text()), 0)
        except ProcessLookupError:
            break
        time.sleep(0.05)
    else:
        raise AssertionError("what it began still runs")


def test_what_it_leaves_running_ends_with_it():
    began = time.monotonic()
    leave = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print('done')"
    assert said(leave) == b"done\n"
    assert time.monotonic() - began < 30


def test_its_own_files_are_those_that_begin_with_a_dot():
    words = placed_words(["python3", "./a.py", "../b.txt", "c.py", "{image}"], lambda path: f"x/{path[-4:]}")
    assert words == ["python3", "./x/a.py", "./x/.txt", "c.py", "{image}"]
    assert own_files(["./a.py", "b", "./a.py", "./c"]) == ("a.py", "c")
