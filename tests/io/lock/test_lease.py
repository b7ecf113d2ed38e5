"""The lease: at most one run may commit, whatever the store and the clock do, and a dead owner is followed."""

import json
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from smart_trader.errors import ConfigurationError, LeaseLost, LockHeld, SourceUnavailable
from smart_trader.io.lock.lease import Created
from tests.io.lock.contenders import TIMING, Contender, Store

FAULTS = ("late", "answer lost", "repeated", "unavailable")
RUNS = 3


class Contention:
    """Three runs at a time, in an order that `chance` decides, with its faults, late requests, pauses and kills."""

    def __init__(self, chance: Random) -> None:
        self.chance, self.store = chance, Store()
        self.owner: Contender | None = None
        self.takeovers = self.commits = self.started = 0
        self.contenders = [self._new() for _ in range(RUNS)]

    def _new(self) -> Contender:
        self.started += 1
        return Contender(f"run-{self.started}", self.store)

    def go_on(self) -> None:
        """A contender goes some steps; the others stand still meanwhile."""
        chance, which = self.chance, self.chance.randrange(RUNS)
        if self.contenders[which].is_done or chance.random() < 0.01:
            self.contenders[which].kill()
            self.contenders[which] = self._new()
        contender, seconds = self.contenders[which], chance.choice((0, 0, 0, 1, 5))
        for _ in range(chance.choice((1, 1, 2, 4, 8, 16))):
            if contender.is_done:
                break
            fault = chance.choice(FAULTS) if chance.random() < 0.1 else ""
            self._step(contender, fault, chance.choices(("commit", "renew", "release"), (10, 5, 1))[0])
            self.store.now += seconds
            self.check()

    def pass_time(self) -> None:
        self.store.now += self.chance.choice((0.5, 5, 14, 28, 31, 59, 61))
        self.check()
        if self.store.late and self.chance.random() < 0.5:
            self.store.arrive(*self.store.late.pop(self.chance.randrange(len(self.store.late))))

    def _step(self, contender: Contender, fault: str, wanted: str) -> None:
        owned, checked = contender.owns, contender.checked
        self.store.fault = fault
        contender.step(wanted)
        if contender.owns and not owned:
            # Who stood still before it knew that it was the owner may have been followed already.
            if self.owner is None or contender.lease._number > self.owner.lease._number:
                self.owner = contender
            self.takeovers += contender.lease.taken_over is not None
        self.commits += checked is None and contender.checked is not None

    def check(self) -> None:
        """A commit under way that takes no longer than half the expiry is the owner's."""
        for contender in self.contenders:
            if contender.checked is not None and self.store.now - contender.checked <= TIMING.confirmed_seconds:
                assert self.owner is contender

    def end(self) -> None:
        for contender in self.contenders:
            contender.kill()


@given(st.integers(0, 2**32))
def test_no_two_runs_commit(seed: int) -> None:
    contention = Contention(Random(seed))
    try:
        for _ in range(100):
            contention.go_on()
            if contention.chance.random() < 0.3:
                contention.pass_time()
    finally:
        contention.end()
    event(f"{min(contention.takeovers, 9)} takeovers")
    event(f"{min(contention.commits // 5 * 5, 20)} commits or more")


def passing(store: Store, *, then: Callable[[], None] = lambda: None) -> Store:
    """A store on which a wait takes 5 seconds; `then` happens during each of them."""

    def wait(seconds: float) -> None:
        assert seconds == 5
        store.now += seconds
        then()

    store.wait = wait  # type: ignore[method-assign]  # a clock of its own
    return store


def owner_of(store: Store) -> dict[str, object]:
    return dict(json.loads(store.records[max(store.records)]))


def test_a_released_lease_is_taken_at_once_and_is_not_a_takeover() -> None:
    store = Store()
    for name in ("first", "second"):
        lease = store.lease(name)
        lease.take()
        assert lease.taken_over is None
        lease.check()
        lease.release()
        assert owner_of(store)["run"] == name
    assert store.now == 1000


def test_a_dead_owner_is_followed_after_the_expiry_without_being_asked_to_wait() -> None:
    store = passing(Store())
    store.lease("dead").take()
    lease = store.lease("next")
    lease.take()
    assert store.now == 1000 + TIMING.expire_seconds
    assert lease.taken_over == 2


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"released": false}'])
def test_a_record_that_says_nothing_counts_as_somebody_s(content: bytes) -> None:
    store = passing(Store())
    store.records[7] = content
    lease = store.lease("next")
    lease.take()
    assert (store.now, lease.taken_over) == (1000 + TIMING.expire_seconds, 8)


@pytest.mark.parametrize(("wait_seconds", "took"), [(0, 20), (42, 45)])
def test_a_living_owner_is_named_after_its_next_record(wait_seconds: float, took: float) -> None:
    store = Store()
    owner = store.lease("busy")
    owner.take()
    passing(store, then=lambda: owner.renew() if owner.due_seconds == 0 else None)
    store.now += 1
    with pytest.raises(LockHeld, match=r"run busy\. Nothing was started") as refused:
        store.lease("next").take(wait_seconds)
    assert refused.value.exit_status == 75
    assert store.now - 1001 <= took
    owner.check()


def test_waiting_ends_when_the_owner_ends() -> None:
    store = Store()
    owner = store.lease("busy")
    owner.take()
    passing(store, then=lambda: owner.release() if store.now > 1100 else owner.renew())
    lease = store.lease("next")
    lease.take(3600)
    assert store.now == 1105
    assert lease.taken_over is None


def test_two_records_are_kept() -> None:
    store = Store()
    lease = store.lease("one")
    lease.take()
    for _ in range(5):
        lease.renew()
    assert sorted(store.records) == [5, 6]


def one_late(store: Store) -> Callable[[int, bytes], Created]:
    def create(number: int, content: bytes) -> Created:
        store.late = [(number, content)]
        return Created.UNKNOWN

    return create


def test_the_owner_is_confirmed_from_its_first_request_on_not_from_an_answer() -> None:
    store = Store()
    lease = store.lease("one")
    lease.take()
    store.now += 10
    create, store.create = store.create, one_late(store)  # type: ignore[method-assign]  # a fault is in its place
    with pytest.raises(SourceUnavailable):
        lease.renew()
    store.create = create  # type: ignore[method-assign]  # as it was
    store.arrive(*store.late.pop())
    store.now += 31
    lease.renew()
    assert not lease.is_confirmed
    with pytest.raises(LeaseLost, match="the store confirmed it last 31 s ago"):
        lease.check()
    lease.renew()
    lease.check()


def test_who_was_followed_commits_nothing_and_takes_nothing_back() -> None:
    store = passing(Store())
    former, lease = store.lease("former"), store.lease("next")
    former.take()
    lease.take()
    with pytest.raises(LeaseLost, match="another run has taken it over"):
        former.check()
    for _ in range(4):
        lease.renew()
    assert 2 not in store.records, "so the former owner can create that number"
    with pytest.raises(LeaseLost):
        former.renew()
    former.release()
    lease.check()
    assert owner_of(store)["run"] == "next"


def test_a_store_that_overlooks_the_condition_is_refused() -> None:
    store = Store(overlooks=True)
    with pytest.raises(ConfigurationError, match="replaced an object") as refused:
        store.lease("one").take()
    assert refused.value.exit_status == 78


def test_a_store_that_does_not_answer_ends_the_wait() -> None:
    store = Store()
    store.create = lambda number, content: Created.UNKNOWN  # type: ignore[method-assign]  # a fault is in its place
    with pytest.raises(SourceUnavailable, match="could not be written in 2 attempts"):
        store.lease("one").take()
    assert not store.records


def test_a_record_whose_answer_was_lost_is_one_s_own() -> None:
    store = Store()
    lease = store.lease("one")
    lease.take()
    for fault in ("answer lost", "repeated"):
        store.fault = fault
        lease.renew()
        lease.check()


def test_a_renewal_that_arrives_late_does_not_undo_the_release() -> None:
    store = Store()
    lease = store.lease("one")
    lease.take()
    store.create, create = lambda number, content: Created.UNKNOWN, store.create  # type: ignore[method-assign]  # a fault is in its place
    with pytest.raises(SourceUnavailable):
        lease.renew()
    store.records[2] = store.records[1]
    store.create = create  # type: ignore[method-assign]  # as it was
    lease.release()
    assert owner_of(store)["released"] is True
