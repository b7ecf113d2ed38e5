"""The clock of the machine. Its waits end when the process has to stop."""

import threading
import time
from datetime import UTC, datetime

from smart_trader.errors import Interrupted, SmartTraderError

# Elsewhere than on Linux the other clock goes on while the machine sleeps.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)


def boot_seconds() -> float:
    """Seconds of a clock that nobody sets, and that goes on while the machine sleeps."""
    return time.clock_gettime(_BOOT_CLOCK)


class SystemClock:
    def __init__(self) -> None:
        self._stopped = threading.Event()
        self._why = "Told to stop"
        self._kind: type[SmartTraderError] = Interrupted

    @property
    def is_stopped(self) -> bool:
        return self._stopped.is_set()

    @property
    def farewell(self) -> str:
        """The message of a stopped run: the reason, and what happens with its work."""
        return f"{self._why}; what was committed stays, run again to go on."

    @property
    def exit_status(self) -> int:
        """Of a stopped run."""
        return self._kind.exit_status

    def now(self) -> datetime:
        return datetime.now(UTC)

    def wait(self, seconds: float) -> None:
        """Return after `seconds`; once stopped, raise `Interrupted` at once, even for a wait of 0."""
        if self._stopped.wait(seconds):
            raise Interrupted(self.farewell)

    def stop(self, why: str = "Told to stop", kind: type[SmartTraderError] = Interrupted) -> None:
        """End every wait, now and later, in all threads, and the run with the exit status of `kind`. Safe to call from
        a signal handler."""
        if not self.is_stopped:
            self._why, self._kind = why, kind
        self._stopped.set()
