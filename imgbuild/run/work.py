"""The run state of one target: one enum, one function that moves it, and what the attempt has come to."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from imgbuild.adjustments import adjusting, ask_at, difference
from imgbuild.errors import TargetError
from imgbuild.expand.seeds import attempt_seed
from imgbuild.keys import Way
from imgbuild.plan import Decision
from imgbuild.rules.base import Measured
from imgbuild.run.steps import Made
from imgbuild.traces import Trace
from imgbuild.types import Ask, Digest, Image, Tried, Value, Verdict


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
        "adjusted",
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
        "resumed",
        "seconds",
        "seed",
        "sources",
        "state",
        "timed",
        "trace",
        "tried",
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
        self.tries = decision.tries
        self.tried: list[Tried] = []  # the attempts before this one that rules turned down
        self.position, self.adjusted = (
            decision.way
        )  # how the model is asked: which of the chain, and after what
        self.trace: Trace | None = None
        self.sources: dict[str, Digest] = {}  # blobs of the targets it is made from
        self.image: Image | None = None
        self.environment: Mapping[str, str] | None = None  # of the process that made it
        self.made: Made | None = None
        self.measured: Mapping[int, Measured] = {}  # what is known of its image before it is finished
        self.verdicts: list[Verdict] = []
        self.changed = False  # whether its output had to be written
        self.error: TargetError | None = None
        self.resumed = False  # an earlier build sent its request, and counted it as spent
        self.reserved = self.timed = 0.0  # US dollars set aside: for a bill, and for the provider's time
        self.cost = self.seconds = 0.0

    @property
    def id(self) -> str:
        return self.decision.target.id

    @property
    def way(self) -> Way:
        return Way(self.position, self.adjusted)

    @property
    def ask(self) -> Ask:
        """What its model is asked for now."""
        return ask_at(self.decision.target, *self.way)

    @property
    def asked(self) -> dict[str, Value]:
        """What its model is asked for otherwise than declared, by its name."""
        if not self.adjusted:
            return {}
        return difference(self.decision.target.asks[self.position], self.ask)

    def as_tried(self) -> Tried:
        """This attempt, as it is remembered."""
        broken = tuple([item for item in self.verdicts if item.status == "fail"])
        return Tried(
            attempt=self.attempt,
            seed=self.seed,
            adjusted=self.adjusted,
            asked=self.asked,
            verdicts=broken,
        )

    def turn_down(self) -> None:
        """Keep in mind what became of this attempt, and go on with the next, as the broken rules adjust it.

        What had been adjusted for the first, a locked image or one asked for as that was, belongs to another search.
        """
        self.tried.append(self.as_tried())
        before = () if self.tries == 1 else self.adjusted
        target = self.decision.target
        self.adjusted = before + adjusting(target.recipe, self.verdicts)
        self.attempt += 1
        self.tries += 1
        self.seed = attempt_seed(target.seed, self.attempt)


def move(work: Work, to: State) -> None:
    """Move a target to another state. A move that the states don't allow is a bug."""
    if to not in _AFTER.get(work.state, frozenset()):
        raise AssertionError(f"{work.id} can't go from {work.state.value} to {to.value}")
    work.state = to
