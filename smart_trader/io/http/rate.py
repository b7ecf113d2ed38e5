"""Rate and budget that all calls to one API share. Both are safe to use from several threads."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

from smart_trader.errors import LimitReached, SourceUnavailable
from smart_trader.ports import Clock


class RateLimiter:
    """Starts calls evenly, at least 1 / `per_second` apart. APIs count in short windows, and bursts are refused."""

    def __init__(
        self,
        per_second: Decimal,
        *,
        service: str,
        clock: Clock,
        longest_pause_seconds: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._interval = float(1 / per_second)
        self._service, self._clock, self._monotonic = service, clock, monotonic
        self._longest_pause = longest_pause_seconds
        self._lock = threading.Lock()
        self._next_start = self._paused_until = monotonic()
        self._waited = 0.0

    def acquire(self) -> None:
        """Return when the next call may start.

        Raises `SourceUnavailable` if the API wants a longer pause than the policy allows, `Interrupted` on shutdown.
        """
        while (wait := self._try_to_start()) > 0:
            self._clock.wait(wait)
            with self._lock:
                self._waited += wait
        self._clock.wait(0)

    def pause(self, seconds: float) -> None:
        """Let no thread start a call for `seconds`."""
        with self._lock:
            self._paused_until = max(self._paused_until, self._monotonic() + seconds)

    @property
    def waited_seconds(self) -> float:
        return self._waited

    def _try_to_start(self) -> float:
        """Seconds until the next start; 0 if it is due, and then it is taken."""
        with self._lock:
            now = self._monotonic()
            pause = self._paused_until - now
            if pause > self._longest_pause:
                raise SourceUnavailable(self._come_back_in(pause))
            wait = max(pause, self._next_start - now)
            if wait <= 0:
                self._next_start = now + self._interval
            return wait

    def _come_back_in(self, seconds: float) -> str:
        back = self._clock.now() + timedelta(seconds=seconds)
        return (
            f"{self._service} asks not to be called before {back:%Y-%m-%d %H:%M:%S} UTC, which is longer than this run"
            f" waits ({self._longest_pause:.0f} s). What was committed stays: run again after that time."
        )


class Meter:
    """Counts calls and compute units, and refuses the call that would exceed the budget."""

    def __init__(self, *, units_limit: int | None, setting: str) -> None:
        self._limit, self._setting = units_limit, setting
        self._lock = threading.Lock()
        self.calls = 0
        self.units = 0

    def charge(self, units: int) -> None:
        """Count one call of `units` before it is made. Raises `LimitReached` if the budget does not suffice."""
        with self._lock:
            if self._limit is not None and self.units + units > self._limit:
                raise LimitReached(
                    f"The next call costs {units} compute units, but {self.units} of the {self._limit} of"
                    f" {self._setting} are spent. What is left over waits for the next run."
                )
            self.calls += 1
            self.units += units
