"""One writing run at a time per warehouse in a store, which has no lock: the protocol, over any store of records.

The lease is a log. Its records are numbered, and are only ever created if absent. The newest record names the owner;
the owner goes on creating the next one, so a record that stays the newest for `expire_seconds` is that of an owner that
is gone. Only durations of one clock are compared, so clocks of machines need not agree.
"""

import json
import math
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from smart_trader.errors import ConfigurationError, LeaseLost, LockHeld, SourceUnavailable
from smart_trader.foreign import json_object, name_in

_OWNER = ("job", "run", "host", "since")
"""The facts about its run in a record, for other runs that find the lease held."""
_NONCE, _RELEASED = "nonce", "released"
_KEPT = 2
"""Newest records that are not deleted: the newest one, and the one that says who had the lease before."""
_LOOKS = 12
"""How often a record is looked at before it counts as that of a dead owner."""


class Created(Enum):
    """What is known of a record after a request to create it."""

    YES = auto()
    REFUSED = auto()
    """There was a record of that number, perhaps by this very request, whose first answer was lost."""
    UNKNOWN = auto()
    """There was no usable answer."""


class Records(Protocol):
    """Numbered records in a store. Every method raises SmartTraderError if the store cannot be used at all."""

    def create(self, number: int, content: bytes) -> Created:
        """Create a record, unless there is one of that number."""

    def read(self, number: int) -> bytes | None:
        """The content of a record, empty while it is being written; None if there is none."""

    def numbers(self) -> set[int]:
        """The numbers of all records that were complete before the call, and were not deleted."""

    def delete(self, number: int) -> None:
        """Delete a record, if it is there."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds between two records of an owner, seconds until it counts as gone, and tries of one request."""

    renew_seconds: float
    expire_seconds: float
    attempts: int

    @property
    def confirmed_seconds(self) -> float:
        """How long a record entitles its owner to commit. A commit then has as long again to reach the store."""
        return self.expire_seconds / 2


class Lease:
    """The lease of one run. `clock` gives seconds that also pass while the machine sleeps; `wait` may raise.

    All methods may be called from several threads.
    """

    def __init__(
        self,
        records: Records,
        owner: Mapping[str, str],
        timing: Timing,
        *,
        clock: Callable[[], float],
        wait: Callable[[float], None],
    ) -> None:
        self._records, self.timing, self._clock, self._wait = records, timing, clock, wait
        self._owner = dict(owner) | {_NONCE: secrets.token_hex(16)}
        self._lock = threading.RLock()
        self._number = 0
        """The newest record of this run."""
        self._sent = (0, 0.0)
        """The number that was asked for last, and when it was first asked for."""
        self._confirmed = -math.inf
        """When the request for the newest record was sent first: no other run has seen it any earlier."""
        self.taken_over: int | None = None
        """The number of the first record, if the owner before has not released the lease."""

    def take(self, wait_seconds: float = 0.0) -> None:
        """Become the owner. Raises LockHeld if another run is, and still is after `wait_seconds`."""
        started = self._clock()
        watched, since, is_alive = -1, started, False
        while True:
            newest = self._newest()
            now = self._clock()
            if newest != watched:
                is_alive, watched, since = watched >= 0, newest, now
            record = self._read(newest)
            is_free = newest == 0 or bool(record.get(_RELEASED))
            is_dead = now - since >= self.timing.expire_seconds
            if is_free or is_dead:
                if self._claim(newest + 1):
                    self.taken_over = None if is_free else self._number
                    return
            elif is_alive and now - started >= wait_seconds:
                raise LockHeld(
                    f"Another run works on this warehouse: {_described(record)}. Nothing was started; run again when it"
                    " has ended, or wait for it with --wait-lock SECONDS."
                )
            else:
                self._wait(self.timing.expire_seconds / _LOOKS)

    def renew(self) -> None:
        """Create the next record. Raises LeaseLost if another run has taken over, SourceUnavailable if the store does
        not answer."""
        with self._lock:
            if not self._advance(is_released=False):
                raise self._lost("another run has taken it over")
            for number in self._records.numbers():
                if number <= self._number - _KEPT:
                    self._records.delete(number)

    def check(self) -> None:
        """Raises LeaseLost unless no other run can have taken over, and none can for half the expiry from now."""
        with self._lock:
            if self._newest() > self._number:
                raise self._lost("another run has taken it over")
            if not self.is_confirmed:
                raise self._lost(f"the store confirmed it last {self._clock() - self._confirmed:.0f} s ago")

    @property
    def is_confirmed(self) -> bool:
        """Whether the newest record is young enough to commit. Asks nobody, and waits for nobody."""
        return self._clock() - self._confirmed < self.timing.confirmed_seconds

    @property
    def is_lost(self) -> bool:
        """Whether another run has taken over, or this run has found that its newest record is too old."""
        return self._confirmed == -math.inf

    def now(self) -> float:
        """Seconds of the clock of the lease."""
        return self._clock()

    @property
    def due_seconds(self) -> float:
        """Seconds until the next record is due."""
        return max(0.0, self._confirmed + self.timing.renew_seconds - self._clock())

    def release(self) -> None:
        """Say that the run has ended, so that the next one need not wait. Nothing is said of a lease that was lost."""
        with self._lock:
            self._advance(is_released=True)

    def _claim(self, number: int) -> bool:
        """Whether this run has become the owner by its first record, of that number."""
        self._number = number - 1
        if not self._advance(is_released=False):
            return False
        self._prove_condition()
        return True

    def _advance(self, *, is_released: bool) -> bool:
        """Create the record after the newest one of this run. False if another run is the owner."""
        content = json.dumps(self._owner | {_RELEASED: is_released}, sort_keys=True).encode()
        number = self._number + 1
        for _ in range(self.timing.attempts):
            if self._sent[0] != number:
                self._sent = number, self._clock()
            if self._records.create(number, content) is not Created.YES:
                found = self._records.read(number)
                if found is None:
                    continue
                if json_object(found).get(_NONCE) != self._owner[_NONCE]:
                    return False
                if found != content:  # an earlier request, given up by now, has arrived after all
                    number += 1
                    continue
            # Records that were deleted can be created again: such a record is not the newest one.
            if self._newest() > number:
                return False
            self._number, self._confirmed = number, self._sent[1]
            return True
        raise SourceUnavailable(
            f"Record {number} of the lease could not be written in {self.timing.attempts} attempts."
        )

    def _prove_condition(self) -> None:
        """Raises ConfigurationError if the store creates a record that is there: it would keep no two runs apart."""
        content = self._records.read(self._number) or b""
        for _ in range(self.timing.attempts):
            match self._records.create(self._number, content):
                case Created.REFUSED:
                    return
                case Created.YES:
                    raise ConfigurationError(
                        "The store replaced an object that was to be created only if absent (If-None-Match: *), so"
                        " nothing there would keep two runs apart. Nothing was started; use a store that heeds it."
                    )
        raise SourceUnavailable("The store did not answer whether it creates what is there already.")

    def _lost(self, why: str) -> LeaseLost:
        self._confirmed = -math.inf
        return LeaseLost(f"The lease of the warehouse is lost: {why}. What was committed stays; run again to go on.")

    def _newest(self) -> int:
        return max(self._records.numbers(), default=0)

    def _read(self, number: int) -> dict[str, Any]:
        """The record; empty where there is none or it cannot be understood, so that it counts as not released."""
        return json_object(self._records.read(number) or b"") if number else {}


def _described(record: dict[str, Any]) -> str:
    facts = [f"{name} {value}" for name in _OWNER if (value := name_in(record, name))]
    return ", ".join(facts) or "it has not said yet who it is"
