"""A process beside this one serves each link in a thread, and is gone when nobody holds its leash any more."""

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import pytest

from imgbuild.run.worker import Worker


def adding(number):
    """Serves by adding a number; "meet" waits for as many threads as links."""
    meeting = threading.Barrier(2)

    def serve(link):
        while True:
            asked = link.recv()
            if asked == "meet":
                meeting.wait()
                link.send(threading.get_ident())
            elif asked == "break":
                raise ValueError
            elif asked == "sleep":
                link.send("asleep")
                time.sleep(600)
            else:
                link.send(asked + number)

    return serve


@pytest.fixture
def worker():
    made = Worker(adding, 5, links=2)
    yield made
    made.end(at_work=False)


def process():
    (found,) = multiprocessing.active_children()
    return found


def test_each_link_is_served_by_a_thread_of_its_own(worker):
    for link in worker.links:
        link.send("meet")
    assert len({link.recv() for link in worker.links}) == 2
    for link in worker.links:
        link.send(37)
        assert link.recv() == 42


def test_a_link_that_nobody_serves_any_more_is_closed(worker):
    first, second = worker.links
    first.send("break")
    with pytest.raises(EOFError):
        first.recv()
    second.send(1)
    assert second.recv() == 6


def test_it_ends_when_it_is_let_go(worker):
    there = process()
    worker.links[0].send(1)
    assert worker.links[0].recv() == 6
    worker.end(at_work=False)
    assert there.exitcode == 0


def test_one_that_is_at_work_is_not_waited_for(worker):
    there = process()
    worker.links[0].send("sleep")
    assert worker.links[0].recv() == "asleep"
    worker.end(at_work=True)
    assert there.exitcode == 128 + signal.SIGTERM


def test_it_ends_with_the_process_that_began_it_whatever_it_is_at(tmp_path):
    """As after `kill -9`."""
    (tmp_path / "begin.py").write_text(
        textwrap.dedent("""
            import multiprocessing, time
            from imgbuild.run.worker import Worker
            from tests.run.test_worker import adding

            if __name__ == "__main__":
                worker = Worker(adding, 5)
                worker.links[0].send("sleep")
                worker.links[0].recv()
                print(multiprocessing.active_children()[0].pid, flush=True)
                time.sleep(600)
            """)
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    words = [sys.executable, str(tmp_path / "begin.py")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environ) as parent:
        pid = int(parent.stdout.readline())
        parent.kill()
    end = time.monotonic() + 60
    while is_running(pid) and time.monotonic() < end:
        time.sleep(0.01)
    assert not is_running(pid)


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
