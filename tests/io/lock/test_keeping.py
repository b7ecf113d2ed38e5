"""A lease is renewed while its run works, and ends the run in time where it cannot be."""

import time
from collections.abc import Callable
from dataclasses import replace
from threading import Event

import pytest

from smart_trader.errors import LeaseLost
from smart_trader.io.lock import lease as protocol
from smart_trader.io.lock.keeping import Loss, kept
from smart_trader.io.lock.lease import Created
from tests.io.lock.contenders import TIMING, Store

QUICK = replace(TIMING, renew_seconds=0.05, expire_seconds=4.0)


class End:
    """Notes that a run was ended, and why."""

    def __init__(self) -> None:
        self.loss: Loss | None = None
        self._ended = Event()

    def __call__(self, loss: Loss) -> None:
        self.loss = loss
        self._ended.set()

    def is_near(self) -> bool:
        return self._ended.wait(20)


def lease_on(store: Store, clock: Callable[[], float] = time.monotonic) -> protocol.Lease:
    lease = protocol.Lease(store, {"run": "one"}, QUICK, clock=clock, wait=time.sleep)
    lease.take()
    return lease


def test_it_is_renewed_and_released() -> None:
    store, end = Store(), End()
    lease = lease_on(store)
    with kept(lease, end_run=end):
        deadline = time.monotonic() + 20
        while max(store.records) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        lease.check()
    assert end.loss is None
    assert b'"released": true' in store.records[max(store.records)]


@pytest.mark.parametrize("hangs", [False, True])
def test_a_store_that_does_not_answer_ends_the_run_before_another_may_take_over(hangs: bool) -> None:
    store, end, gone = Store(), End(), Event()
    lease = lease_on(store)

    def create(number: int, content: bytes) -> Created:
        if hangs:
            gone.wait(20)
        return Created.UNKNOWN

    store.create = create  # type: ignore[method-assign]  # a fault is in its place
    began = time.monotonic()
    with kept(lease, end_run=end):
        assert end.is_near()
        assert end.loss is Loss.SILENCE
        assert QUICK.confirmed_seconds <= time.monotonic() - began + 0.1
        gone.set()
        with pytest.raises(LeaseLost):
            lease.check()


def test_a_lease_that_was_taken_over_ends_the_run_at_once() -> None:
    store, end = Store(), End()
    lease = lease_on(store)
    store.records[1000] = b"{}"
    with kept(lease, end_run=end):
        assert end.is_near()
    assert end.loss is Loss.TAKEN
    assert max(store.records) == 1000, "and nothing is said of its end"


def test_who_stood_still_counts_as_followed_by_another_run() -> None:
    store, end, asleep = Store(), End(), 0.0
    lease = lease_on(store, lambda: time.monotonic() + asleep)
    store.create = lambda _number, _content: Created.UNKNOWN  # type: ignore[method-assign]  # a fault is in its place
    with kept(lease, end_run=end):
        asleep = QUICK.expire_seconds
        assert end.is_near()
    assert end.loss is Loss.TAKEN
