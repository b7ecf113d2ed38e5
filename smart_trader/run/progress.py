"""How far a long fetch has come: one line drawn over itself on a terminal, else a log line now and then."""

import os
import sys
import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TextIO

import structlog

from smart_trader.foreign import printable

_SECONDS_BETWEEN_DRAWINGS = 0.2
_SECONDS_BETWEEN_LINES = 30.0

log = structlog.get_logger(__name__)


class Progress:
    """Counts `unit` (such as "wallets") up to `total`. Safe to use from several threads; starts none of its own.

    with Progress(len(due), "wallets") as progress:
        ...
        progress.advance(calls=usage.calls, wait_seconds=usage.wait_seconds)
    """

    def __init__(
        self,
        total: int,
        unit: str,
        *,
        stream: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total, self._unit = total, printable(unit)
        self._stream, self._clock = stream or sys.stderr, clock
        self._is_terminal = self._stream.isatty()
        self._pause = _SECONDS_BETWEEN_DRAWINGS if self._is_terminal else _SECONDS_BETWEEN_LINES
        self._started = self._last_shown = clock()
        self._done = self._calls = 0
        self._wait_seconds = 0.0
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Draw the last state on a terminal. Elsewhere the end of the job has a log line of its own."""
        with self._lock:
            if self._is_terminal and self._done:
                self._draw()
                self._stream.write("\n")
                self._stream.flush()

    def advance(self, done: int = 1, *, calls: int, wait_seconds: float) -> None:
        """`done` more are finished; `calls`, and `wait_seconds` for the rate limit, are totals of the run so far."""
        with self._lock:
            self._done += done
            self._calls, self._wait_seconds = (
                max(self._calls, calls),
                max(self._wait_seconds, wait_seconds),
            )
            if self._clock() - self._last_shown >= self._pause:
                self._last_shown = self._clock()
                self._draw() if self._is_terminal else self._log()

    def _seconds_left(self) -> float | None:
        """The time left at the pace so far; None before the first is done."""
        if not self._done:
            return None
        return (self._clock() - self._started) / self._done * max(self._total - self._done, 0)

    def _draw(self) -> None:
        left = self._seconds_left()
        parts = [
            f"{self._done:,} of {self._total:,} {self._unit}",
            f"{self._calls:,} calls",
        ]
        if self._wait_seconds >= 1:
            parts.append(f"waited {duration(self._wait_seconds)} for the rate limit")
        if left is not None and self._done < self._total:
            parts.append(f"{duration(left)} left")
        # A line that wraps could not be drawn over.
        self._stream.write("\r\x1b[K" + "  ".join(parts)[: _width(self._stream) - 1])
        self._stream.flush()

    def _log(self) -> None:
        left = self._seconds_left()
        log.info(
            "progress",
            unit=self._unit,
            done=self._done,
            total=self._total,
            calls=self._calls,
            wait_seconds=round(self._wait_seconds),
            seconds_left=None if left is None else round(left),
        )


def duration(seconds: float) -> str:
    """A time such as `4.2s`, `3m 20s` or `2h 5m`."""
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m {rest}s" if minutes < 60 else f"{minutes // 60}h {minutes % 60}m"


def _width(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80
    except OSError:
        return 80
