"""A clock on which waits take no time but are remembered."""

import threading
from datetime import UTC, datetime, timedelta

from smart_trader.errors import Interrupted


class SteppingClock:
    def __init__(self) -> None:
        self.waits: list[float] = []
        self.stopped = False
        self._start = datetime(2026, 1, 5, 9, tzinfo=UTC)
        self._passed = 0.0
        self._lock = threading.Lock()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        return self._passed

    def wait(self, seconds: float) -> None:
        if self.stopped:
            raise Interrupted("stopped")
        with self._lock:
            self._passed += seconds
            if seconds:
                self.waits.append(seconds)
