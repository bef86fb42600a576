"""The run state of one target: one enum, one function that moves it, and what the attempt has come to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from imgbuild.errors import TargetError
from imgbuild.plan import Decision
from imgbuild.rules.base import Measured
from imgbuild.run.steps import Made
from imgbuild.traces import Trace
from imgbuild.types import Digest, Image, Verdict


class State(Enum):
    """Where a target stands in a run.

    WAITING for its inputs; READY to be looked at; OPENING its input files; QUEUED for its provider; MAKING: its
    request is out; FINISHING: steps and measurements; HELD until its whole group is measured; then one of
    DONE, FAILED, SKIPPED (an input failed) and LEFT (the run was stopped before).
    """

    WAITING = "waiting"
    READY = "ready"
    OPENING = "opening"
    QUEUED = "queued"
    MAKING = "making"
    FINISHING = "finishing"
    HELD = "held"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"
    LEFT = "left"


ENDED = frozenset({State.DONE, State.FAILED, State.SKIPPED, State.LEFT})

_AFTER: dict[State, frozenset[State]] = {
    State.WAITING: frozenset({State.READY, State.SKIPPED, State.LEFT}),
    State.READY: frozenset(  # READY again: what the records hold of this seed does not pass
        {
            State.READY,
            State.OPENING,
            State.QUEUED,
            State.FINISHING,
            State.HELD,
            State.DONE,
            State.FAILED,
            State.LEFT,
        }
    ),
    State.OPENING: frozenset({State.READY, State.FAILED, State.LEFT}),
    State.QUEUED: frozenset(  # WAITING once more: the pixels of an input were found damaged
        {State.MAKING, State.FINISHING, State.READY, State.WAITING, State.FAILED, State.LEFT}
    ),
    State.MAKING: frozenset(
        {
            State.FINISHING,
            State.HELD,
            State.READY,
            State.WAITING,
            State.DONE,
            State.FAILED,
            State.LEFT,
        }
    ),
    State.FINISHING: frozenset({State.HELD, State.READY, State.DONE, State.FAILED, State.LEFT}),
    State.HELD: frozenset({State.READY, State.DONE, State.FAILED, State.LEFT}),
}


class Work:
    """One target under way. Only the loop's thread changes it, and its state only through `move`."""

    __slots__ = (
        "attempt",
        "beside",
        "changed",
        "cost",
        "crossed",
        "decision",
        "environment",
        "error",
        "firm",
        "image",
        "locked",
        "made",
        "measured",
        "mends",
        "peers",
        "position",
        "reserved",
        "seconds",
        "seed",
        "sources",
        "state",
        "timed",
        "trace",
        "tries",
        "verdicts",
        "waits",
    )

    def __init__(self, decision: Decision, waits: int, *, locked: bool) -> None:
        self.decision = decision
        self.state = State.WAITING
        self.waits = waits  # inputs that have not ended yet
        self.locked = locked  # its image is the lock's: it is checked and put in place, never replaced
        self.seed, self.attempt = decision.seed, decision.attempt
        self.mends = False  # only its lost pixels are wanted: its image, outcome and line stay as they are
        self.firm = False  # it has come to rest in this run: in its group it counts as locked
        self.crossed = (
            False  # one of its attempts was turned down for what others of its group looked like then
        )
        self.peers: Digest = ""  # the images that its group was judged by in the end
        self.beside: list[Verdict] = []  # what the rules over its group said of it then
        self.tries = 1
        self.position = decision.position  # in the chain of the model and its fallbacks
        self.trace: Trace | None = None
        self.sources: dict[str, Digest] = {}  # blobs of the targets it is made from
        self.image: Image | None = None
        self.environment: Mapping[str, str] | None = None  # of the process that made it
        self.made: Made | None = None
        self.measured: Mapping[int, Measured] = {}  # what is known of its image before it is finished
        self.verdicts: list[Verdict] = []
        self.changed = False  # whether its output had to be written
        self.error: TargetError | None = None
        self.reserved = self.timed = 0.0  # US dollars set aside: for a bill, and for the provider's time
        self.cost = self.seconds = 0.0

    @property
    def id(self) -> str:
        return self.decision.target.id


def move(work: Work, to: State) -> None:
    """Move a target to another state. A move that the states don't allow is a bug."""
    if to not in _AFTER.get(work.state, frozenset()):
        raise AssertionError(f"{work.id} can't go from {work.state.value} to {to.value}")
    work.state = to
