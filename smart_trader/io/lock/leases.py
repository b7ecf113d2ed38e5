"""The leases of one run on a warehouse in a store, which has one for each group of tables that runs write together.

A store takes every commit (a PUT without a condition), so each commit needs the lease of its table: also the few that
a run makes beside its own work, such as its record in `ops.runs`. Those leases it borrows for the commit.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack
from typing import Protocol

from smart_trader.job_table import Lock


class Owned(Protocol):
    """A lease that the run has."""

    def check(self) -> None:
        """Raises LeaseLost if another run may have it."""

    def verify(self) -> None:
        """Raises StorageError if a commit was written over by the run that had the lease before."""


class Leases:
    """`open_lease` takes a lease, and releases it afterwards. All methods may be called from several threads."""

    def __init__(self, open_lease: Callable[[Lock], AbstractContextManager[Owned]]) -> None:
        self._open = open_lease
        self._held: dict[Lock, Owned] = {}
        self._mutex = threading.Lock()
        self._borrowed: dict[Lock, tuple[Owned, ExitStack]] = {}
        self._borrowers = dict.fromkeys(Lock, 0)

    @contextlib.contextmanager
    def holding(self, locks: Sequence[Lock]) -> Iterator[None]:
        """Have these leases from now on. They are taken in the order of `Lock`."""
        with ExitStack() as stack:
            for lock in sorted(locks):
                self._held[lock] = stack.enter_context(self._open(lock))
            yield

    @contextlib.contextmanager
    def committing(self, lock: Lock) -> Iterator[None]:
        """Have the lease for what is committed inside. Raises LeaseLost if one that the run holds may be lost, LockHeld
        if another run has the one that it does not hold."""
        self.check()
        if lock in self._held:
            yield
            return
        owned = self._borrow(lock)
        try:
            owned.check()
            yield
        finally:
            self._give_back(lock)

    def check(self) -> None:
        """Raises LeaseLost unless the run still has all leases that it holds."""
        for owned in self._held.values():
            owned.check()

    def verify(self) -> None:
        """Raises StorageError if a commit under a lease that the run holds was written over by the former owner."""
        for owned in self._held.values():
            owned.verify()

    def _borrow(self, lock: Lock) -> Owned:
        with self._mutex:
            if lock not in self._borrowed:
                stack = ExitStack()
                owned = stack.enter_context(self._open(lock))
                stack.callback(owned.verify)
                self._borrowed[lock] = owned, stack
            self._borrowers[lock] += 1
            return self._borrowed[lock][0]

    def _give_back(self, lock: Lock) -> None:
        with self._mutex:
            self._borrowers[lock] -= 1
            if not self._borrowers[lock]:
                _, stack = self._borrowed.pop(lock)
                stack.close()
