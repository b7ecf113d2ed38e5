"""Runs that contend for one lease, one step at a time, over a store that may lose answers and deliver requests late."""

import threading
from collections.abc import Callable

from smart_trader.errors import SmartTraderError, SourceUnavailable
from smart_trader.io.lock.lease import Created, Lease, Timing

TIMING = Timing(renew_seconds=15, expire_seconds=60, attempts=2)


class _Killed(BaseException):
    """Ends the thread of a contender that is killed."""


class Store:
    """Records in memory. `fault` is what the next request meets; `late` are requests that are still under way."""

    def __init__(self, *, overlooks: bool = False) -> None:
        self.now = 1000.0
        self.records: dict[int, bytes] = {}
        self.late: list[tuple[int, bytes]] = []
        self.fault = ""
        self.pause: Callable[[], None] = lambda: None
        self._overlooks = overlooks

    def create(self, number: int, content: bytes) -> Created:
        fault = self._next()
        if fault == "late":
            self.late.append((number, content))
            return Created.UNKNOWN
        if fault == "unavailable":
            return Created.UNKNOWN
        is_new = self.arrive(number, content)
        if fault == "answer lost":
            return Created.UNKNOWN
        # The client repeats a request whose answer it did not get.
        return Created.YES if is_new and fault != "repeated" else Created.REFUSED

    def arrive(self, number: int, content: bytes) -> bool:
        if number in self.records and not self._overlooks:
            return False
        self.records[number] = content
        return True

    def read(self, number: int) -> bytes | None:
        self._asked()
        return self.records.get(number)

    def numbers(self) -> set[int]:
        self._asked()
        return set(self.records)

    def delete(self, number: int) -> None:
        self._asked()
        self.records.pop(number, None)

    def clock(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        """One step; how long it takes is up to the test."""
        self.pause()

    def lease(self, name: str) -> Lease:
        return Lease(self, {"run": name}, TIMING, clock=self.clock, wait=self.wait)

    def _asked(self) -> None:
        if self._next() in ("unavailable", "late", "answer lost"):
            raise SourceUnavailable("no answer")

    def _next(self) -> str:
        self.pause()
        fault, self.fault = self.fault, ""
        return fault


class Contender:
    """A run in a thread of its own that goes on only in `step`: until its next request has been answered."""

    def __init__(self, name: str, store: Store) -> None:
        self.name, self.store, self.lease = name, store, store.lease(name)
        self.checked: float | None = None
        """When the check before the commit under way succeeded."""
        self.error: SmartTraderError | None = None
        self.owns = self.is_done = self._is_killed = False
        self._wanted = ""
        self._go, self._stopped = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def step(self, wanted: str = "") -> None:
        """Let it go on; `wanted` is what an owner does next: commit, renew or release."""
        self._wanted = wanted
        self.store.pause = self._pause
        self._go.release()
        self._stopped.acquire()

    def kill(self) -> None:
        self._is_killed = True
        if not self.is_done:
            self.step()
        self._thread.join()

    def _pause(self) -> None:
        self._stopped.release()
        self._go.acquire()
        if self._is_killed:
            raise _Killed

    def _run(self) -> None:
        self._go.acquire()
        try:
            if not self._is_killed:
                self.lease.take()
                self.owns = True
                self._work()
        except SmartTraderError as error:
            self.error = error
        except _Killed:
            pass
        self.owns, self.is_done = False, True
        self._stopped.release()

    def _work(self) -> None:
        while True:
            self._pause()
            match self._wanted:
                case "commit":
                    self.lease.check()
                    self.checked = self.store.now
                    self._pause()
                    self.checked = None
                case "renew":
                    try:
                        self.lease.renew()
                    except SourceUnavailable:
                        continue  # as the thread that renews does: the next check decides
                case "release":
                    self.owns = False
                    self.lease.release()
                    return
