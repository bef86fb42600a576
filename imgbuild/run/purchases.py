"""Requests that cost money: written down before they are sent, named as soon as they have a name, never sent twice."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from imgbuild.errors import TargetError
from imgbuild.store.journal import LOOKED_FOR, Entry, Journal, Purpose
from imgbuild.types import Digest

RESEND = "send it again with --resend"
NOBODY = f"{RESEND}; there was nobody to ask"
LATER = "build again: it is asked for by its name, and not paid for once more"


class Order(Struct, frozen=True):
    """A request that costs money. key: of its step. estimate: US dollars."""

    key: Digest
    estimate: float
    purpose: Purpose


class Purchases:
    """Those of one run. resend: whether requests whose answer was lost may be sent again. hint: where they may not."""

    def __init__(self, journal: Journal, *, resend: bool, hint: str = RESEND) -> None:
        self.journal, self._hint = journal, hint
        self._named = {entry.key: entry for entry in journal.in_flight() if _has_name(entry)}
        self._unknown = set() if resend else set(nameless(journal))

    def check(self, key: Digest) -> None:
        """Raise TargetError for a request that must not be sent: its answer was lost, and nobody can ask for it."""
        if key in self._unknown:
            raise TargetError(
                "this request was sent before and its answer was lost; it may have been paid for",
                hint=self._hint,
            )

    def is_under_way(self, key: Digest) -> bool:
        """Whether an earlier build sent it, and it only has to be asked for."""
        return key in self._named

    def note_lost(self, key: Digest) -> None:
        """An equal request of this run is not sent either, whatever was said of those of earlier ones."""
        if key not in self._named:
            self._unknown.add(key)

    def of(self, provider: str, asked: Sequence[Order]) -> Purchase:
        """The requests of one call; none, where nothing is paid for."""
        return Purchase(self, provider, asked)

    def take_up(self, key: Digest) -> Entry | None:
        return self._named.get(key)

    def put_down(self, key: Digest) -> None:
        """It has ended, well or not: nobody needs to ask for it any more."""
        self._named.pop(key, None)


class Purchase:
    """What the journal has of one call. entries: its names of the requests; ticket: the vendor's, of the only one."""

    def __init__(self, purchases: Purchases, provider: str, asked: Sequence[Order]) -> None:
        self.entries: list[str] = []
        self.ticket = ""
        self._purchases, self._journal = purchases, purchases.journal
        self._provider, self._asked = provider, asked

    @property
    def hint(self) -> str:
        return LATER if self.ticket else RESEND

    def begin(self) -> None:
        """They are about to be sent, for the first time or again. One that is under way keeps its entry."""
        if self.entries:
            return
        for order in self._asked:
            entry = self._purchases.take_up(order.key)
            if entry is not None:
                self.ticket = entry.provider_id
                self.entries.append(entry.id)
            else:
                self.entries.append(
                    self._journal.begin(order.key, self._provider, order.estimate, order.purpose)
                )

    def name(self, ticket: str) -> None:
        """The vendor has taken the request, and says how it can be asked for."""
        self.ticket = ticket
        for entry in self.entries:
            self._journal.known(entry, ticket)

    def settle(self, place: int, cost: float | None, blob: Digest | None) -> None:
        """One of them has been answered."""
        if self.entries:
            self._journal.settle(self.entries[place], cost, blob)
            self._purchases.put_down(self._asked[place].key)

    def abandon(self, reason: str) -> None:
        """They came to nothing, and cost nothing."""
        for entry in self.entries:
            self._journal.abandon(entry, reason)
        self._put_down()

    def lose(self, reason: str) -> None:
        """The vendor knows them no more: they count as spent, and nobody can ask for them."""
        for entry in self.entries:
            self._journal.lose(entry, reason)
        self.ticket = ""
        self._put_down()

    def _put_down(self) -> None:
        for order in self._asked:
            self._purchases.put_down(order.key)


def nameless(journal: Journal) -> dict[Digest, Entry]:
    """By their keys, the requests that have no known end, and that nobody can ask for."""
    in_flight = journal.in_flight()
    named = {entry.key for entry in in_flight if _has_name(entry)}
    return {entry.key: entry for entry in in_flight if entry.key not in named}


def _has_name(entry: Entry) -> bool:
    """Whether the vendor can be asked for it: it said how, and has not said since that it knows it no more."""
    return bool(entry.provider_id) and entry.reason in ("", LOOKED_FOR)
