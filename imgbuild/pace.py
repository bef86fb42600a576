"""How long images of local models take, by those that were made; and what that costs where an hour has a price."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from msgspec import Struct

from imgbuild.digest import canonical, digest_of
from imgbuild.keys import pin_fields
from imgbuild.settings import Cost
from imgbuild.store.records import Records
from imgbuild.types import Ask, Digest, Pin, Record, Value

LATEST = 64  # images of a kind that an estimate is made from: the machine may have been another one before
HOUR = 3600.0


class _Kind(Struct, frozen=True):
    """Images that take equally long, as far as can be told. size: pixels times steps of one of them."""

    model: Digest
    shape: Digest
    size: float


class Pace:
    """Costs by the hour of providers that send no bill, beside which they cost nothing.

    cost: by provider. records: of earlier builds; they are read when the first price is asked for.
    """

    def __init__(self, cost: Mapping[str, Cost], records: Records) -> None:
        self._per_second = {name: item.per_hour / HOUR for name, item in cost.items() if item.per_hour}
        self._records = records
        self._is_read = False
        self._alike: dict[Digest, deque[float]] = {}  # by shape: seconds of an image
        self._near: dict[Digest, deque[float]] = {}  # by model: seconds of a pixel and step
        self._spent: list[tuple[float, float]] = []  # when, and US dollars

    def has_price(self, provider: str) -> bool:
        return provider in self._per_second

    def cost(self, provider: str, seconds: float) -> float:
        """US dollars for so many seconds of its work."""
        return self._per_second.get(provider, 0.0) * seconds

    def price(self, ask: Ask, pin: Pin) -> float | None:
        """Estimated US dollars for one image; None where nothing was made by its model yet.

        Images of equal size and parameters tell, or else what the model takes for a pixel and a step.
        """
        if not self.has_price(pin.provider):
            return 0.0
        self._read()
        kind = _kind_of(ask, pin)
        if alike := self._alike.get(kind.shape):
            return self.cost(pin.provider, _median(alike))
        near = self._near.get(kind.model)
        return self.cost(pin.provider, _median(near) * kind.size) if near else None

    def note(self, ask: Ask, pin: Pin, seconds: float) -> None:
        """An image took so long: the next ones are estimated by it, too."""
        if self.has_price(pin.provider) and seconds:
            self._read()
            self._add(_kind_of(ask, pin), seconds)

    def spent(self, since: float) -> float:
        """US dollars for what the records hold since then (seconds since the epoch)."""
        if not self._per_second:
            return 0.0
        self._read()
        return sum(cost for created, cost in self._spent if created >= since)

    def _read(self) -> None:
        if self._is_read:
            return
        self._is_read = True
        for record in sorted(self._records.all_records().values(), key=lambda record: record.created):
            provider = _provider_of(record)
            if self.has_price(provider) and record.seconds:
                made = record.manifest
                self._add(_kind(made["model"], made["width"], made["height"], made["params"]), record.seconds)
                self._spent.append((record.created, self.cost(provider, record.seconds)))

    def _add(self, kind: _Kind, seconds: float) -> None:
        self._alike.setdefault(kind.shape, deque(maxlen=LATEST)).append(seconds)
        self._near.setdefault(kind.model, deque(maxlen=LATEST)).append(seconds / kind.size)


def _provider_of(record: Record) -> str:
    """Who made the image; "" where the record is of something else."""
    if record.step != "generate":
        return ""
    return str(record.manifest.get("model", {}).get("provider", ""))


def _kind_of(ask: Ask, pin: Pin) -> _Kind:
    return _kind(pin_fields(pin), ask.width, ask.height, canonical(ask.params))


def _kind(model: Mapping[str, Value], width: int, height: int, params: Mapping[str, Value]) -> _Kind:
    steps = params.get("steps") or 1
    return _Kind(
        digest_of("pace", dict(model)),
        digest_of("pace", {"model": model, "width": width, "height": height, "params": params}),
        width * height * steps,
    )


def _median(seconds: deque[float]) -> float:
    return sorted(seconds)[len(seconds) // 2]
