"""A whole `imgbuild watch`, in a process group of its own."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time

import pytest


class Watch:
    """`imgbuild watch`, and the lines that it says."""

    def __init__(self, project, *arguments, env=None):
        self.process = subprocess.Popen(
            [sys.executable, "-m", "imgbuild", "watch", "--plain", *arguments],
            cwd=project.root,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self.said = []
        self.lines = queue.Queue()
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        for line in self.process.stdout:
            self.said.append(line.rstrip("\n"))
            self.lines.put(self.said[-1])

    def until(self, *words):
        """The lines up to one that begins with any of the words."""
        found, end = [], time.monotonic() + 30
        while not found or not found[-1].startswith(words):
            try:
                found.append(self.lines.get(timeout=max(0.01, end - time.monotonic())))
            except queue.Empty:
                pytest.fail(f"no line begins with {words}: {found}")
        return found

    def interrupt(self):
        """Ctrl-C, as a terminal sends it."""
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self):
        """Ctrl-C; the exit code. Whether anything is left of the group is told by an error if so."""
        self.interrupt()
        return self.ended()

    def ended(self):
        """The exit code, once it has ended with all that it started."""
        code = self.process.wait(timeout=20)
        self.reader.join(timeout=20)
        assert self.is_gone(), "a process is left"
        return code

    def is_gone(self):
        """Whether the whole group is; what Python itself has beside it sees a moment later that it is alone."""
        end = time.monotonic() + 5
        while time.monotonic() < end:
            try:
                os.killpg(self.process.pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.01)
        return False

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.reader.join(timeout=20)
        self.process.stdout.close()
