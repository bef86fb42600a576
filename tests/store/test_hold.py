"""One process at a time holds the project, and a dead one holds nothing."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import msgspec
import pytest

from imgbuild.errors import Busy, Exit, Interrupted
from imgbuild.store.hold import Holder, hold

HOLDER = """
    import sys, time
    from pathlib import Path
    from imgbuild.store.hold import hold
    with hold(Path(sys.argv[1]), wait=True, waiting=print, argv=["/usr/bin/imgbuild", "build", "my specs/"]):
        print("held", flush=True)
        sys.stdin.readline()
"""


def start_holder(path: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", textwrap.dedent(HOLDER), str(path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def end(holder: subprocess.Popen[str], with_signal: signal.Signals | None = None) -> None:
    if with_signal is not None:
        holder.send_signal(with_signal)
    holder.communicate()


def hold_briefly(path: Path) -> None:
    with hold(path, wait=False, waiting=print):
        pass


def test_it_is_free_again_after_use_and_after_an_error(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "lock"
    hold_briefly(path)
    with pytest.raises(ZeroDivisionError), hold(path, wait=False, waiting=print):
        raise ZeroDivisionError
    hold_briefly(path)


def test_a_second_build_is_told_who_holds_it(tmp_path: Path) -> None:
    holder = start_holder(tmp_path / "lock")
    with pytest.raises(Busy) as caught:
        hold_briefly(tmp_path / "lock")
    end(holder)
    assert caught.value.exit_code == Exit.BUSY
    text = re.sub(r"since \d\d:\d\d", "since 12:03", str(caught.value))
    assert text == (
        f"error: another build holds this project: pid {holder.pid}, `imgbuild build 'my specs/'`, since 12:03\n"
        "hint: wait until it is done; without --no-wait this happens by itself"
    )


def test_a_holder_of_another_day_is_dated(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", wait=False, waiting=print):
        (tmp_path / "lock").write_bytes(msgspec.json.encode(Holder(5, "imgbuild watch", 0.0)))
        with pytest.raises(Busy, match=r"pid 5, `imgbuild watch`, since 19(70|69)-\d\d-\d\d \d\d:\d\d\n"):
            hold_briefly(tmp_path / "lock")


def test_a_holder_that_has_not_signed_yet_is_not_named(tmp_path: Path) -> None:
    with hold(tmp_path / "lock", wait=False, waiting=print):
        (tmp_path / "lock").write_bytes(b'{"pid": 5, "com')
        with pytest.raises(Busy) as caught:
            hold_briefly(tmp_path / "lock")
    assert caught.value.message == "another build holds this project"


def test_a_killed_holder_leaves_nothing_to_clear(tmp_path: Path) -> None:
    for _ in range(3):
        end(start_holder(tmp_path / "lock"), signal.SIGKILL)
        hold_briefly(tmp_path / "lock")


def test_waiting_is_said_once_and_ends_when_the_holder_does(tmp_path: Path) -> None:
    holder = start_holder(tmp_path / "lock")
    said: list[str] = []
    timer = threading.Timer(0.2, end, [holder, signal.SIGKILL])
    timer.start()
    with hold(tmp_path / "lock", wait=True, waiting=said.append, argv=["imgbuild", "plan"]):
        ended = holder.wait(timeout=60)
        signed = msgspec.json.decode((tmp_path / "lock").read_bytes(), type=Holder)
    timer.join()
    assert len(said) == 1
    assert said[0].startswith(f"another build holds this project: pid {holder.pid}, `imgbuild build")
    assert ended == -signal.SIGKILL
    assert (signed.pid, signed.command) == (os.getpid(), "imgbuild plan")


def test_a_stop_ends_the_waiting(tmp_path: Path) -> None:
    holder, stop = start_holder(tmp_path / "lock"), threading.Event()
    with (
        pytest.raises(Interrupted) as caught,
        hold(tmp_path / "lock", wait=True, waiting=lambda _: stop.set(), stop=stop),
    ):
        pass
    end(holder)
    assert str(caught.value) == "error: interrupted while another build was waited for"
    assert caught.value.exit_code == Exit.INTERRUPTED
