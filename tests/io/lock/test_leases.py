"""The leases of one run: what it has for its whole life, and what it borrows for a commit."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Barrier, Event, Thread

import pytest

from smart_trader.errors import LeaseLost, LockHeld, StorageError
from smart_trader.io.lock.lease import Lease
from smart_trader.io.lock.leases import Leases
from smart_trader.job_table import Lock
from tests.io.lock.contenders import TIMING, Store


@dataclass
class Owned:
    lease: Lease
    failure: Exception | None

    def check(self) -> None:
        self.lease.check()

    def verify(self) -> None:
        if self.failure:
            raise self.failure


@dataclass
class Warehouse:
    """The records of each lease, as all runs see them."""

    stores: dict[Lock, Store] = field(default_factory=lambda: {lock: Store() for lock in Lock})
    taken: list[Lock] = field(default_factory=list)
    leases: list[Lease] = field(default_factory=list)
    failure: Exception | None = None
    """Of looking whether commits were written over."""

    def run(self, name: str, *, wait_seconds: float = 30) -> Leases:
        @contextlib.contextmanager
        def opened(lock: Lock) -> Iterator[Owned]:
            store = self.stores[lock]
            lease = Lease(store, {"run": name}, TIMING, clock=time.monotonic, wait=lambda _seconds: time.sleep(0.001))
            lease.take(wait_seconds)
            self.taken.append(lock)
            self.leases.append(lease)
            try:
                yield Owned(lease, self.failure)
            finally:
                lease.release()

        return Leases(opened)

    def is_free(self, lock: Lock) -> bool:
        records = self.stores[lock].records
        return not records or b'"released": true' in records[max(records)]


@pytest.mark.parametrize("locks", [(Lock.SERIES, Lock.WAREHOUSE), (Lock.WAREHOUSE, Lock.SERIES)], ids=["back", "forth"])
def test_what_a_run_needs_is_taken_in_one_order_and_given_back(locks: Sequence[Lock]) -> None:
    warehouse = Warehouse()
    with warehouse.run("restore").holding(locks):
        assert warehouse.taken == [Lock.WAREHOUSE, Lock.SERIES]
        assert [warehouse.is_free(lock) for lock in Lock] == [False, False, True]
    assert all(map(warehouse.is_free, Lock))


def test_a_lease_is_borrowed_for_a_commit_and_given_back() -> None:
    warehouse = Warehouse()
    leases = warehouse.run("pipeline")
    with leases.holding([Lock.WAREHOUSE]):
        with leases.committing(Lock.WAREHOUSE):
            assert warehouse.taken == [Lock.WAREHOUSE]
        for _ in range(2):
            with leases.committing(Lock.RUNS), leases.committing(Lock.RUNS):
                assert not warehouse.is_free(Lock.RUNS)
            assert warehouse.is_free(Lock.RUNS)
        with pytest.raises(ZeroDivisionError), leases.committing(Lock.RUNS):
            raise ZeroDivisionError
        assert warehouse.is_free(Lock.RUNS)
    assert warehouse.taken == [Lock.WAREHOUSE, Lock.RUNS, Lock.RUNS, Lock.RUNS]


def test_commits_of_one_run_at_once_share_what_is_borrowed() -> None:
    warehouse, together = Warehouse(), Barrier(4, timeout=20)
    leases = warehouse.run("init")

    def create() -> None:
        with leases.committing(Lock.SERIES):
            together.wait()

    with leases.holding([Lock.WAREHOUSE]), ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(create) for _ in range(4)]:
            done.result()
        assert warehouse.taken == [Lock.WAREHOUSE, Lock.SERIES]
        assert warehouse.is_free(Lock.SERIES)


def test_of_two_runs_at_once_one_commits_at_a_time() -> None:
    warehouse, inside, most = Warehouse(), list[str](), list[int]()

    def work(name: str, own: Lock) -> None:
        leases = warehouse.run(name)
        with leases.holding([own]):
            for _ in range(20):
                with leases.committing(Lock.RUNS):
                    inside.append(name)
                    most.append(len(inside))
                    time.sleep(0.001)
                    inside.remove(name)

    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(work, "pipeline", Lock.WAREHOUSE), pool.submit(work, "ingestion", Lock.SERIES)]
        for run in runs:
            run.result()
    assert most == [1] * 40


def test_what_another_run_has_for_long_is_not_borrowed() -> None:
    warehouse, is_over = Warehouse(), Event()
    maintain = warehouse.run("maintain", wait_seconds=0.05)

    def renew(lease: Lease) -> None:
        while not is_over.wait(0.01):
            lease.renew()

    with warehouse.run("ingestion").holding([Lock.SERIES]), maintain.holding([Lock.WAREHOUSE]):
        renewing = Thread(target=renew, args=[warehouse.leases[0]])
        renewing.start()
        try:
            with pytest.raises(LockHeld, match="run ingestion"), maintain.committing(Lock.SERIES):
                raise AssertionError("nothing may be committed")
            with maintain.committing(Lock.WAREHOUSE):
                pass
        finally:
            is_over.set()
            renewing.join()


def test_who_has_lost_a_lease_commits_to_no_table() -> None:
    warehouse = Warehouse()
    leases = warehouse.run("former")
    with leases.holding([Lock.WAREHOUSE]):
        warehouse.stores[Lock.WAREHOUSE].records[1000] = b"{}"
        for lock in Lock:
            with pytest.raises(LeaseLost), leases.committing(lock):
                raise AssertionError("nothing may be committed")
    assert warehouse.taken == [Lock.WAREHOUSE]


def test_a_commit_under_a_borrowed_lease_that_was_written_over_is_said_at_once() -> None:
    warehouse = Warehouse(failure=StorageError("written over"))
    leases = warehouse.run("next")
    with leases.holding([Lock.WAREHOUSE]):
        with pytest.raises(StorageError, match="written over"), leases.committing(Lock.RUNS):
            pass
        assert warehouse.is_free(Lock.RUNS)
        with pytest.raises(StorageError, match="written over"):
            leases.verify()
