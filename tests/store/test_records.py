"""The records of a lease on a real S3 server, through S3A: what it answers, and what that counts as."""

import time
from collections.abc import Callable
from threading import Barrier, Thread

import pytest

from smart_trader.errors import (
    AccessDenied,
    ConfigurationError,
    LockHeld,
    SmartTraderError,
    SourceUnavailable,
    StorageError,
)
from smart_trader.io.lock.lease import Created, Lease, Timing
from smart_trader.io.lock.records import HadoopRecords
from tests.store.server import Proxy, Server, free_port

pytestmark = pytest.mark.store

At = Callable[..., HadoopRecords]


def lease(records: HadoopRecords, run: str = "one") -> Lease:
    return Lease(records, {"run": run}, Timing(15, 60, 2), clock=time.monotonic, wait=time.sleep)


def test_a_record_is_created_once_read_listed_and_deleted(records: At) -> None:
    found = records()
    assert found.numbers() == set()
    assert found.read(1) is None
    assert found.create(1, b"first") is Created.YES
    assert found.create(1, b"second") is Created.REFUSED
    assert found.read(1) == b"first"
    assert found.create(2, b"") is Created.YES
    assert found.read(2) == b""
    assert found.numbers() == {1, 2}
    found.delete(1)
    found.delete(1)
    assert found.numbers() == {2}
    assert found.create(1, b"again") is Created.YES


def test_of_eight_at_once_one_wins_in_each_of_twenty_rounds(records: At) -> None:
    found, rounds, writers = records(), 20, 8
    barrier, results = Barrier(writers), list[tuple[int, Created]]()

    def write(writer: int) -> None:
        for number in range(1, rounds + 1):
            barrier.wait()
            results.append((number, found.create(number, str(writer).encode())))

    threads = [Thread(target=write, args=[writer]) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(number for number, created in results if created is Created.YES) == list(range(1, rounds + 1))
    assert sum(created is Created.REFUSED for _, created in results) == rounds * (writers - 1)


def test_of_eight_starts_at_once_one_becomes_the_owner_in_each_of_twenty_rounds(records: At) -> None:
    found = records()
    for _ in range(20):
        assert start_at_once(found, 8) == (1, 7)


def start_at_once(found: HadoopRecords, starts: int) -> tuple[int, int]:
    """How many of so many starts become the owner, and how many are refused while that one works."""
    timing = Timing(renew_seconds=1, expire_seconds=60, attempts=2)
    barrier, owners, refused = Barrier(starts), list[str](), list[str]()

    def start(run: str) -> None:
        contender = Lease(found, {"run": run}, timing, clock=time.monotonic, wait=lambda _: time.sleep(0.1))
        barrier.wait()
        try:
            contender.take()
        except LockHeld:
            refused.append(run)
            return
        owners.append(run)
        while len(owners) + len(refused) < starts:
            time.sleep(0.1)
            contender.renew()
        contender.release()

    threads = [Thread(target=start, args=[f"run-{number}"]) for number in range(starts)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return len(owners), len(refused)


def test_a_lost_answer_is_found_out(records: At, proxy: Proxy) -> None:
    """S3A sends the request again, which is then refused because of its own record."""
    owner = lease(records())
    owner.take()
    proxy.answers[:] = [0]
    owner.renew()
    assert not proxy.answers
    owner.check()
    proxy.answers[:] = [0, 0, 0]
    owner.renew()
    owner.check()
    owner.release()


def test_a_conflict_is_looked_at_again(records: At, proxy: Proxy) -> None:
    owner = lease(records())
    owner.take()
    proxy.answers[:] = [409]
    owner.renew()
    assert not proxy.answers
    owner.check()


def test_a_store_that_overlooks_the_condition_is_refused(records: At, proxy: Proxy) -> None:
    found = records()
    found.create = overlooking(found, proxy)  # type: ignore[method-assign]  # a fault is in its place
    with pytest.raises(ConfigurationError, match="replaced an object"):
        lease(found).take()


def overlooking(found: HadoopRecords, proxy: Proxy) -> Callable[[int, bytes], Created]:
    """The second request to create a record is answered as if it had been carried out."""
    create, asked = found.create, set[int]()

    def second(number: int, content: bytes) -> Created:
        proxy.answers[:] = [200] if number in asked else []
        asked.add(number)
        return create(number, content)

    return second


@pytest.mark.parametrize(
    ("answer", "kind", "told"),
    [
        (501, ConfigurationError, "only if it is absent"),
        (507, StorageError, "The store is full"),
        (403, AccessDenied, "The store refused the key"),
    ],
)
def test_a_store_that_cannot_be_used_is_said(
    records: At, proxy: Proxy, answer: int, kind: type[SmartTraderError], told: str
) -> None:
    proxy.answers[:] = [answer] * 3
    try:
        with pytest.raises(kind, match=told):
            records().create(1, b"x")
    finally:
        proxy.answers.clear()


def test_a_bucket_that_does_not_exist_is_named(records: At) -> None:
    with pytest.raises(ConfigurationError, match=r"no such bucket: .*s3a://nowhere/.* correct warehouse\.root"):
        records(bucket="nowhere").numbers()


def test_a_wrong_secret_is_refused(records: At) -> None:
    with pytest.raises(AccessDenied, match="The store refused the key"):
        records(secret="wrong").numbers()


@pytest.mark.long
def test_a_server_that_is_down_or_hangs_is_given_up_in_bounded_time(records: At, server: Server) -> None:
    began = time.monotonic()
    with pytest.raises(SourceUnavailable, match="The store did not answer"):
        records(f"http://127.0.0.1:{free_port()}").numbers()
    assert time.monotonic() - began < 10
    hung = records(server.url)
    with server.hanging():
        began = time.monotonic()
        with pytest.raises(SourceUnavailable, match="The store did not answer"):
            hung.numbers()
        assert hung.create(1, b"x") is Created.UNKNOWN
        assert time.monotonic() - began < 2 * 20
