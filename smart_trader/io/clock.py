"""The clock of the machine, with waits that end when the process is told to stop."""

import threading
from datetime import UTC, datetime

from smart_trader.errors import Interrupted


class SystemClock:
    def __init__(self) -> None:
        self._stopped = threading.Event()

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Return after `seconds`; once stopped, raise `Interrupted` at once, even for a wait of 0."""
        if self._stopped.wait(seconds):
            raise Interrupted("Told to stop: what was committed stays, run again to go on.")

    def stop(self) -> None:
        """End every wait, now and later, in all threads. Safe to call from a signal handler."""
        self._stopped.set()
