"""One course of training: its steps, its learning rate, its checkpoints, and how it is stopped and told the time left.

The chance of a step depends on the seed and the step only, so a course that was stopped goes on as if it had not
been. A file `minutes-left` in its folder sets the end anew (`echo 10 > .training/unet/minutes-left`), while it runs or
before it is started again, even after its end. Most of the accuracy comes from the falling rate at the end, so a course
must never simply be cut off.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

WARM_UP = 40
"""Steps until the full learning rate."""

SAVE_SECONDS = 150.0
"""Time between checkpoints."""

FLOOR = 0.01
"""The last learning rate, as a part of the full one."""


class Course:
    """Steps of training with everything in `parts` (name → has state_dict) kept in `folder`/checkpoint.pt."""

    def __init__(self, folder: Path, steps: int, parts: dict[str, Any], *, seed: int, decay: float) -> None:
        self.folder, self.total, self.parts, self.seed = folder, steps, parts, seed
        self.decay = decay
        self.step, self.seconds = 0, 0.0
        self.pace: float | None = None
        self.stopped = False
        folder.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self.resume()

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint.pt"

    @property
    def progress(self) -> float:
        """The part of the course that is done, 0 to 1."""
        return self.step / self.total

    @property
    def scale(self) -> float:
        """The learning rate now, as a part of the full one: warm-up, level, and linear fall over the last `decay`."""
        fall = (self.total - self.step) / (self.total * self.decay)
        return max(FLOOR, min(1.0, (self.step + 1) / WARM_UP, fall))

    def steps(self) -> Iterator[int]:
        """The steps still to do. After each, saves where it is time; after a signal to end, saves and stops."""
        handlers = {sign: signal.signal(sign, self.stop) for sign in (signal.SIGTERM, signal.SIGINT)}
        saved = time.monotonic()
        self.replan()
        while self.step < self.total and not self.stopped:
            began = time.monotonic()
            torch.manual_seed(self.seed * 1_000_003 + self.step)
            yield self.step
            self.step += 1
            self.count(time.monotonic() - began)
            self.replan()
            if time.monotonic() - saved > SAVE_SECONDS:
                self.save()
                saved = time.monotonic()
        self.save()
        for sign, handler in handlers.items():
            signal.signal(sign, handler)
        if self.stopped:
            raise SystemExit(f"stopped after step {self.step} of {self.total}; run again to go on")

    def count(self, seconds: float) -> None:
        """Note how long a step took; the pace, seconds to a step, is that of the last thirty or so."""
        self.seconds += seconds
        self.pace = seconds if self.pace is None else self.pace + (seconds - self.pace) / 30

    def stop(self, *_: object) -> None:
        self.stopped = True

    def replan(self) -> None:
        """Set the end anew where a file says how many minutes are left."""
        told = self.folder / "minutes-left"
        if not told.exists() or self.pace is None:
            return
        minutes = float(told.read_text())
        told.unlink()
        self.total = self.step + max(1, round(minutes * 60 / self.pace))
        self.tell(f"{minutes:g} minutes left: {self.total} steps in all")

    def tell(self, text: str) -> None:
        """Add a line to the folder's log and to the screen."""
        line = f"{self.step:6d} {self.seconds / 60:6.1f} min  {text}"
        with (self.folder / "log.txt").open("a") as log:
            log.write(line + "\n")
        print(line, flush=True)  # noqa: T201

    def save(self) -> None:
        state = {name: part.state_dict() for name, part in self.parts.items()}
        state["course"] = {"step": self.step, "seconds": self.seconds, "total": self.total}
        state["course"]["pace"] = self.pace
        unfinished = self.checkpoint.with_suffix(".unfinished")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def resume(self) -> None:
        state = torch.load(self.checkpoint, weights_only=True)
        for name, part in self.parts.items():
            part.load_state_dict(state[name])
        course = state["course"]
        self.step, self.seconds, self.total = course["step"], course["seconds"], course["total"]
        self.pace = course.get("pace") or self.seconds / max(1, self.step)
