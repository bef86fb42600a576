"""What waits for a provider, and which of its devices goes on with what."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor

from imgbuild.run.work import Work

LOOKAHEAD = 2  # calls submitted for each thread of a provider, so that none waits for the loop
SHARED = (
    2  # full batches that wait for each device that is at a model, beyond which another one loads it, too
)


class Seat:
    """Where calls go: to one device, or to all threads of a provider that has none.

    place, device: which device, and its name; "" where it has none. room: calls at a time. out: those under way.
    model: what it went on with last, so that a device has it loaded.
    """

    def __init__(self, place: int, device: str, room: int) -> None:
        self.place, self.device, self.room = place, device, room
        self.out = 0
        self.model: Hashable = None


class Lane:
    """One provider's queue, threads and devices.

    devices: their names; none where its calls occupy no device. threads: for each of them. size: how many requests
    like this one go out together.

    What waits is kept by model and shape, and a device goes on with its model as long as any of its requests wait,
    so that each model is loaded as rarely as may be; what goes out together is of one shape, so that batches are full.
    """

    def __init__(self, threads: int, devices: Sequence[str], size: Callable[[Work], int]) -> None:
        room = threads if devices else threads * LOOKAHEAD
        self.seats = [Seat(place, name, room) for place, name in enumerate(devices or ("",))]
        self.pool = ThreadPoolExecutor(threads * len(self.seats))
        self.device = bool(devices)
        self._size = size
        self._waiting: dict[Hashable, dict[Hashable, deque[Work]]] = {}

    def add(self, work: Work, model: Hashable, shape: Hashable) -> None:
        self._waiting.setdefault(model, {}).setdefault(shape, deque()).append(work)

    def queue(self, seat: Seat) -> deque[Work]:
        """What waits for the seat's model, or for the next one that it takes; empty where nothing is for it."""
        while (model := self._next(seat)) is not None:
            shapes = self._waiting[model]
            longest = max(shapes, key=lambda shape: len(shapes[shape]))
            if shapes[longest]:
                seat.model = model
                return shapes[longest]
            del self._waiting[model]
        return deque()

    def _next(self, seat: Seat) -> Hashable:
        """Its own model, or one that no other device has, or one that too much waits for; None where there is none."""
        if seat.model in self._waiting:
            return seat.model
        held = [other.model for other in self.seats if other is not seat]
        free = next((model for model in self._waiting if model not in held), None)
        if free is not None:
            return free
        return next((model for model in self._waiting if self._is_much(model, held.count(model))), None)

    def _is_much(self, model: Hashable, devices: int) -> bool:
        """Whether more waits for a model than those devices that have it are to do alone."""
        waiting = [work for queue in self._waiting[model].values() for work in queue]
        return bool(waiting) and len(waiting) > SHARED * devices * self._size(waiting[0])
