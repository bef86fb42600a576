"""Programs that specs name: what they are told, what they may do, and how they fail."""

import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from imgbuild import programs
from imgbuild.errors import TargetError
from imgbuild.files import MAX_INPUT
from imgbuild.programs import SAID, WRITTEN, Program, Programs, own_files, placed_words

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


# --- what it may write --------------------------------------------------------------------------------


def made(text, **more):
    return Program(words=[*PYTHON, text, "{image}", "{output}"], **more).make(b"picture")


def test_it_writes_what_a_picture_that_goes_in_may_have():
    assert WRITTEN == MAX_INPUT
    assert made("import sys; open(sys.argv[2], 'wb').write(b'x' * 1000)") == b"x" * 1000


@pytest.mark.parametrize(
    ("text", "did"),
    [
        ("f = open(sys.argv[2], 'wb'); write(f)", "wrote more than 4"),
        ("f = open('beside', 'wb'); write(f)", "wrote more than 4"),
        ("write(sys.stdout.buffer)", "printed more than 1"),
        ("write(sys.stderr.buffer)", "printed more than 1"),
    ],
)
@pytest.mark.parametrize("end", ["", "for ever"])
def test_it_fills_no_disk(monkeypatch, text, did, end):
    """Also one that has ended before anybody looked."""
    monkeypatch.setattr(programs, "WRITTEN", 4 << 20)
    monkeypatch.setattr(programs, "PRINTED", 1 << 20)
    write = "def write(file):\n"
    write += (
        " while True: time.sleep(0.001); file.write(b'x' * 65536)\n"
        if end
        else " file.write(b'x' * (5 << 20))\n"
    )
    began = time.monotonic()
    assert fault(lambda: made(f"import sys, time\n{write}{text}", timeout=60.0)) == (
        f"error: {sys.executable} {did} MB\nhint: run it by hand on a picture"
    )
    assert time.monotonic() - began < 30


def test_what_was_given_to_it_does_not_count(monkeypatch):
    monkeypatch.setattr(programs, "WRITTEN", 1000)
    write = "import sys; open(sys.argv[2], 'wb').write(b'x' * 900)"
    assert made(write, files={"specs/large.bin": b"y" * 5000}) == b"x" * 900


@pytest.mark.parametrize("make", ["os.symlink('/dev/zero', sys.argv[2])", "os.mkfifo(sys.argv[2])"])
def test_what_has_no_end_is_no_picture(make):
    assert fault(lambda: made(f"import os, sys; {make}")) == (
        f"error: {sys.executable} wrote no picture\nhint: it has to write one to the path that is its {{output}}"
    )


# --- how it ends --------------------------------------------------------------------------------------


def is_gone(pid):
    """Whether a process ends within some seconds."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_all_programs_of_a_command_are_ended_at_once_with_their_folders(tmp_path):
    text = f"import os, sys, time; open(os.path.join({str(tmp_path)!r}, str(os.getpid())), 'w').write(os.getcwd()); time.sleep(60)"
    ours, began = Programs(), time.monotonic()
    with ThreadPoolExecutor(3, initializer=ours.adopt) as pool:
        calls = [pool.submit(lambda: fault(lambda: said(text, timeout=60))) for _ in range(3)]
        while len(list(tmp_path.iterdir())) < 3 or not all(path.read_text() for path in tmp_path.iterdir()):
            assert time.monotonic() - began < 30
            time.sleep(0.01)
        ours.end()
        for path in tmp_path.iterdir():
            assert not Path(path.read_text()).exists()
            assert is_gone(int(path.name))
        assert {call.result() for call in calls} == {
            f"error: {sys.executable} ended with exit code -9\nhint: run it by hand on a picture"
        }
        assert (
            "exit code -9" in pool.submit(lambda: fault(lambda: said("import time; time.sleep(60)"))).result()
        )
    assert time.monotonic() - began < 40


def test_those_of_another_command_go_on(tmp_path):
    ours, others, done = Programs(), Programs(), threading.Event()
    with ThreadPoolExecutor(1, initializer=others.adopt) as pool:
        call = pool.submit(lambda: (done.set(), said("import time; time.sleep(0.5); print('done')"))[1])
        done.wait()
        ours.end()
        assert call.result() == b"done\n"


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
    assert is_gone(int(pid.read_text()))


def test_what_it_leaves_running_ends_with_it():
    began = time.monotonic()
    leave = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); print('done')"
    assert said(leave) == b"done\n"
    assert time.monotonic() - began < 30


def test_its_own_files_are_those_that_begin_with_a_dot():
    words = placed_words(["python3", "./a.py", "../b.txt", "c.py", "{image}"], lambda path: f"x/{path[-4:]}")
    assert words == ["python3", "./x/a.py", "./x/.txt", "c.py", "{image}"]
    assert own_files(["./a.py", "b", "./a.py", "./c"]) == ("a.py", "c")
