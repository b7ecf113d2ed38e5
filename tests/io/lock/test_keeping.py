"""A lease is renewed while its run works, and ends the run in time where it cannot be."""

import time
from dataclasses import replace
from threading import Event

import pytest

from smart_trader.errors import LeaseLost
from smart_trader.io.lock import lease as protocol
from smart_trader.io.lock.keeping import kept
from smart_trader.io.lock.lease import Created
from tests.io.lock.contenders import TIMING, Store

QUICK = replace(TIMING, renew_seconds=0.05, expire_seconds=2.0)


def lease_on(store: Store) -> protocol.Lease:
    lease = protocol.Lease(store, {"run": "one"}, QUICK, clock=time.monotonic, wait=time.sleep)
    lease.take()
    return lease


def test_it_is_renewed_and_released() -> None:
    store, ended = Store(), Event()
    lease = lease_on(store)
    with kept(lease, end_run=ended.set):
        deadline = time.monotonic() + 20
        while max(store.records) < 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        lease.check()
    assert not ended.is_set()
    assert b'"released": true' in store.records[max(store.records)]


@pytest.mark.parametrize("hangs", [False, True])
def test_a_store_that_does_not_answer_ends_the_run_before_another_may_take_over(hangs: bool) -> None:
    store, ended, gone = Store(), Event(), Event()
    lease = lease_on(store)

    def create(number: int, content: bytes) -> Created:
        if hangs:
            gone.wait(20)
        return Created.UNKNOWN

    store.create = create  # type: ignore[method-assign]
    began = time.monotonic()
    with kept(lease, end_run=ended.set):
        assert ended.wait(20)
        assert QUICK.confirmed_seconds <= time.monotonic() - began + 0.1
        gone.set()
        with pytest.raises(LeaseLost):
            lease.check()


def test_a_lease_that_was_taken_over_ends_the_run_at_once() -> None:
    store, ended = Store(), Event()
    lease = lease_on(store)
    store.records[1000] = b"{}"
    with kept(lease, end_run=ended.set):
        assert ended.wait(20)
    assert max(store.records) == 1000, "and nothing is said of its end"
