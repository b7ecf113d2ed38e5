"""Fetching through threads: what is handed over, and what stops it. No test waits for a clock but where it says so."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import chain
from threading import Event, Lock
from time import sleep
from types import SimpleNamespace
from typing import Any

import pytest
from pyspark.sql import Row as SparkRow

from smart_trader.errors import Interrupted, QuotaExhausted, SourceRejected, SourceUnavailable
from smart_trader.io.machine.clock import SystemClock
from smart_trader.ports import Usage
from smart_trader.run.app import Report
from smart_trader.run.fetching import CutShort, Fetched, FetchLimits, Tracked, fetch_due, fetch_in_batches

PATIENCE = 10
"""Seconds after which something that must come has failed to."""


class Api:
    """Answers 10 × entity, or raises what is planned; remembers what it was asked for."""

    def __init__(self, plan: dict[int, Exception] | None = None, *, default: Exception | None = None) -> None:
        self._plan, self._default, self._lock = plan or {}, default, Lock()
        self.asked: list[int] = []

    def __call__(self, entity: int) -> int:
        with self._lock:
            self.asked.append(entity)
        error = self._plan.get(entity, self._default)
        if error is not None:
            raise error
        return 10 * entity


def limits(
    *, workers: int = 1, batch_size: int = 3, batch_seconds: float = 60, clock: SystemClock | None = None
) -> FetchLimits:
    return FetchLimits(workers, batch_size, batch_seconds, clock or SystemClock())


def fetch(
    count: int, api: Callable[[int], int], how: FetchLimits, on_done: Callable[[], None] = lambda: None
) -> Iterator[list[Fetched[int, int]]]:
    return fetch_in_batches(range(count), api, how, on_done=on_done)


def test_every_answer_is_handed_over_once_in_full_batches() -> None:
    done: list[None] = []
    batches = list(fetch(20, Api(), limits(workers=4), on_done=lambda: done.append(None)))

    fetched = sorted(chain(*batches), key=lambda item: item.entity)
    assert fetched == [Fetched(entity, 10 * entity) for entity in range(20)]
    assert all(len(batch) >= 3 for batch in batches[:-1])
    assert len(done) == 20


def test_nothing_to_fetch_is_no_batch() -> None:
    assert list(fetch(0, Api(), limits())) == []


def test_the_first_entities_are_asked_for_first() -> None:
    api = Api()
    list(fetch(9, api, limits(workers=1)))
    assert api.asked == list(range(9))


def test_a_batch_is_handed_over_after_its_time_though_it_is_not_full() -> None:
    committed = Event()

    def slow_first(entity: int) -> int:
        if entity == 0:
            assert committed.wait(PATIENCE)
        return entity

    batches = fetch(2, slow_first, limits(workers=2, batch_size=100, batch_seconds=0.01))
    first = next(batches)
    committed.set()

    assert [item.entity for item in first] == [1]
    assert [item.entity for item in chain(*batches)] == [0]


def test_fetching_goes_on_while_a_batch_is_committed() -> None:
    asked_for_next = Event()

    def fetch_one(entity: int) -> int:
        if entity == 3:
            asked_for_next.set()
        return entity

    batches = fetch(6, fetch_one, limits(workers=1, batch_size=3))
    next(batches)

    assert asked_for_next.wait(PATIENCE)


def test_no_more_is_in_flight_than_a_batch_takes() -> None:
    api = Api()
    batches = fetch(1_000, api, limits(workers=2, batch_size=5))
    handed_over = len(next(batches)) + len(next(batches))

    assert len(api.asked) <= handed_over + 5
    batches.close()  # type: ignore[attr-defined]  # a generator, declared as an iterator


@pytest.mark.parametrize("error", [SourceRejected("refused"), SourceUnavailable("down")])
def test_an_entity_that_fails_is_handed_over_with_its_error_and_the_others_go_on(error: Exception) -> None:
    fetched = list(chain(*fetch(5, Api({2: error}), limits())))

    assert [item.entity for item in fetched] == [0, 1, 2, 3, 4]
    assert [item.error for item in fetched] == [None, None, error, None, None]
    assert fetched[2].answer is None


@pytest.mark.parametrize("error", [QuotaExhausted("no units left"), ZeroDivisionError("a bug")])
@pytest.mark.parametrize("workers", [1, 4])
def test_an_error_that_ends_all_is_raised_after_every_answer_was_handed_over(error: Exception, workers: int) -> None:
    api, handed_over = Api({10: error}), list[Fetched[int, int]]()
    with pytest.raises(type(error)) as caught:
        for batch in fetch(1_000, api, limits(workers=workers, batch_size=4)):
            handed_over += batch

    assert caught.value is error
    assert {item.entity for item in handed_over} == set(api.asked) - {10}
    assert all(item.error is None for item in handed_over)
    assert len(api.asked) < 30


def test_a_silent_api_is_not_asked_for_the_rest() -> None:
    down, handed_over = SourceUnavailable("down"), list[Fetched[int, int]]()
    api = Api(default=down)
    with pytest.raises(SourceUnavailable):
        for batch in fetch(1_000, api, limits()):
            handed_over += batch

    assert [item.entity for item in handed_over] == api.asked
    assert 10 <= len(api.asked) < 20


@pytest.mark.parametrize("sign_of_life", [None, SourceRejected("refused")])
def test_any_answer_ends_a_silence(sign_of_life: Exception | None) -> None:
    silent: dict[int, Exception] = {entity: SourceUnavailable("down") for entity in range(19) if entity != 9}
    plan = silent | ({9: sign_of_life} if sign_of_life else {})

    assert len(list(chain(*fetch(20, Api(plan), limits())))) == 20


def test_a_caller_that_fails_ends_the_fetching() -> None:
    asked: list[int] = []

    def take_a_moment(entity: int) -> int:
        asked.append(entity)
        sleep(0.005)
        return entity

    batches = fetch(1_000, take_a_moment, limits(workers=1, batch_size=50))
    handed_over = len(next(batches))
    batches.close()  # type: ignore[attr-defined]  # a generator, declared as an iterator

    assert len(asked) < handed_over + 10


def test_a_run_that_is_told_to_stop_hands_over_what_it_has_and_waits_for_no_call_that_hangs() -> None:
    clock, hung = SystemClock(), Event()

    def hang_at_the_third(entity: int) -> int:
        if entity == 2:
            clock.stop()
            assert hung.wait(PATIENCE)
        return entity

    batches = fetch(9, hang_at_the_third, limits(workers=1, batch_size=5, clock=clock))
    handed_over = next(batches)
    with pytest.raises(Interrupted, match="Told to stop"):
        next(batches)
    hung.set()

    assert [item.entity for item in handed_over] == [0, 1]


def test_what_was_read_of_the_entity_that_ends_it_is_handed_over() -> None:
    answer, spent = SimpleNamespace(failure=None), QuotaExhausted("units")
    api, seen = Api({2: CutShort(answer, spent)}), list[Fetched[int, Any]]()

    with pytest.raises(QuotaExhausted, match="units"):
        for batch in fetch(9, api, limits(batch_size=1)):
            seen += batch

    assert Fetched(2, answer) in seen
    assert max(api.asked) <= 3, "no further one is asked for"


WALLETS = Tracked("wallet", "trades", "address", status="status", fetched_at="fetched_at")
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)


def an_app() -> Any:
    settings = SimpleNamespace(
        birdeye=SimpleNamespace(concurrent_requests=2), transactions=SimpleNamespace(seconds_per_commit=60)
    )
    return SimpleNamespace(settings=settings, clock=SystemClock(), report=Report(), usage=lambda: Usage(0, 0, 0.0))


def wallets(count: int) -> list[SparkRow]:
    return [SparkRow(address=f"w{nth}", attempts=nth) for nth in range(count)]


def answer_of(wallet: SparkRow) -> Any:
    if wallet.address == "w1":
        raise SourceRejected("no such wallet")
    return SimpleNamespace(failure="most of it cannot be read" if wallet.address == "w2" else None)


def test_what_is_due_is_committed_and_reported_and_the_rest_waits() -> None:
    app, states = an_app(), dict[str, dict[str, Any]]()

    def commit(batch: Sequence[Fetched[SparkRow, Any]]) -> None:
        states.update({fetched.entity.address: WALLETS.state_after(fetched, as_of=NOW) for fetched in batch})

    fetch_due(app, WALLETS, wallets(3), waiting=5, limit="three a run", fetch=answer_of, commit=commit, batch_size=2)

    assert states == {
        "w0": {"status": "completed", "fetched_at": NOW, "attempts": 0, "last_error": None},
        "w1": {"status": "pending", "attempts": 2, "last_error": "no such wallet"},
        "w2": {"status": "pending", "attempts": 3, "last_error": "most of it cannot be read"},
    }
    work = app.report.work
    assert (work.unit, work.due, work.done, work.failed, work.left_over) == ("wallets", 5, 1, 2, 2)
    assert app.report.warnings == ["2 wallets wait for the next run: three a run"]


def test_what_was_committed_is_reported_though_the_fetching_ended_early() -> None:
    app = an_app()

    def spend(wallet: SparkRow) -> Any:
        if wallet.address == "w4":
            raise QuotaExhausted("units")
        return answer_of(wallet)

    with pytest.raises(QuotaExhausted):
        fetch_due(app, WALLETS, wallets(9), waiting=9, limit="", fetch=spend, commit=lambda batch: None, batch_size=1)

    work = app.report.work
    assert (work.due, work.failed, work.done + work.failed + work.left_over) == (9, 2, 9)
    assert work.done >= 2


def test_nothing_that_is_due_is_a_warning() -> None:
    app = an_app()
    fetch_due(app, WALLETS, [], waiting=0, limit="", fetch=answer_of, commit=lambda batch: None, batch_size=1)
    assert app.report.warnings == ["no wallet is due: no trades were fetched"]
