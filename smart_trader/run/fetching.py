"""Fetch many entities through a few threads, and commit the answers batch by batch."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar, cast

from pyspark.sql import Row as SparkRow

from smart_trader.domain.tables.state_flags import ProcessingStatus
from smart_trader.errors import Interrupted, NotAsked, SmartTraderError, SourceRejected, SourceUnavailable
from smart_trader.ports import Clock
from smart_trader.run.app import App
from smart_trader.run.progress import Progress
from smart_trader.run.results import WorkTally


class Answer(Protocol):
    """What the fetch of one entity gave."""

    @property
    def failure(self) -> str | None:
        """Why the entity stays pending all the same; None if it is done."""


E = TypeVar("E")
A = TypeVar("A", bound=Answer)

_SILENCE = 10
"""So many entities in a row without an answer: the API is down, asking for the rest would only take time."""
_ATTENTION_SECONDS = 0.5
"""How soon a run that is told to stop no longer waits for calls in flight: one may hang until its time-out."""


@dataclass(frozen=True, slots=True)
class Fetched(Generic[E, A]):
    """What came of one entity: an answer, or the error that leaves it pending."""

    entity: E
    answer: A | None
    error: SmartTraderError | None = None

    @property
    def failure(self) -> str | None:
        """Why the entity stays pending; None if it is done."""
        return str(self.error) if self.answer is None else self.answer.failure


class CutShort(Exception):
    """No further call can succeed, because of `cause`; of this entity `answer` is kept."""

    def __init__(self, answer: Answer, cause: SmartTraderError) -> None:
        super().__init__(str(cause))
        self.answer, self.cause = answer, cause


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """How many threads fetch, after how many entities or seconds a batch is full, and whose end is the end of it."""

    workers: int
    batch_size: int
    batch_seconds: float
    clock: Clock


@dataclass(frozen=True, slots=True)
class Tracked:
    """Entities of a table that are fetched one by one: words for messages, and names of columns."""

    entity: str
    """Such as "wallet"."""
    gives: str
    """What a fetch gives, such as "trades"."""
    key: str
    status: str
    """`pending` or `completed`."""
    fetched_at: str
    """Business time of the last fetch."""

    @property
    def unit(self) -> str:
        return f"{self.entity}s"

    def state_after(self, fetched: Fetched[SparkRow, A], *, as_of: datetime) -> dict[str, Any]:
        """The columns that a fetch at `as_of` changes: a failure leaves the entity pending, and is counted."""
        if fetched.failure is not None:
            return {
                self.status: ProcessingStatus.PENDING,
                "attempts": fetched.entity.attempts + 1,
                "last_error": fetched.failure,
            }
        return {self.status: ProcessingStatus.COMPLETED, self.fetched_at: as_of, "attempts": 0, "last_error": None}


def fetch_due(
    app: App,
    tracked: Tracked,
    due: Sequence[SparkRow],
    *,
    waiting: int,
    limit: str,
    fetch: Callable[[SparkRow], A],
    commit: Callable[[Sequence[Fetched[SparkRow, A]]], None],
    batch_size: int,
) -> None:
    """Fetch `due`, the first of `waiting` entities, commit each batch, and report what became of the entities.

    `limit` says why the others wait. Raises what `fetch_in_batches` raises, after the last batch was committed.
    """
    tally = WorkTally(tracked.unit, waiting)
    limits = FetchLimits(
        workers=app.settings.birdeye.concurrent_requests,
        batch_size=batch_size,
        batch_seconds=float(app.settings.transactions.seconds_per_commit),
        clock=app.clock,
    )
    try:
        with Progress(len(due), tracked.unit) as progress:
            for batch in fetch_in_batches(due, fetch, limits, on_done=lambda: _advance(app, progress)):
                commit(batch)
                for fetched in batch:
                    tally.add(fetched.entity[tracked.key], fetched.failure)
    finally:
        app.report.work = tally.work
    if waiting > len(due):
        app.report.warnings.append(f"{waiting - len(due)} {tracked.unit} wait for the next run: {limit}")
    if not due:
        app.report.warnings.append(f"no {tracked.entity} is due: no {tracked.gives} were fetched")


def _advance(app: App, progress: Progress) -> None:
    used = app.usage()
    progress.advance(calls=used.calls, wait_seconds=used.wait_seconds)


def fetch_in_batches(
    entities: Sequence[E], fetch: Callable[[E], A], limits: FetchLimits, *, on_done: Callable[[], None]
) -> Iterator[list[Fetched[E, A]]]:
    """Fetch `entities` in order, yield what has come in batches; fetching goes on while the caller commits one.

    `on_done` is called for each entity that is through. An entity that the API refuses or does not serve is a
    `Fetched` with its error; one that a dry run does not ask for is left out. Any other error ends the fetching: it is
    raised after the last batch was handed over (`CutShort` with what was read of its entity), and so is
    `SourceUnavailable` when the API is silent, and `Interrupted` when the clock is stopped: calls in flight are not
    waited for then.
    """
    batch: list[Fetched[E, A]] = []
    started = time.monotonic()
    pool = ThreadPoolExecutor(limits.workers, thread_name_prefix="fetch")
    try:
        in_flight = _InFlight(pool, fetch, iter(entities), limits)
        while in_flight.is_busy:
            for fetched in in_flight.finished(min(_ATTENTION_SECONDS, limits.batch_seconds)):
                batch.append(fetched)
                on_done()
            if len(batch) >= limits.batch_size or (batch and time.monotonic() - started >= limits.batch_seconds):
                yield batch
                batch, started = [], time.monotonic()
        if batch:
            yield batch
    finally:  # whoever fails or is told to stop waits neither for the queue nor for a call that hangs
        pool.shutdown(wait=False, cancel_futures=True)
    if in_flight.fatal is not None:
        raise in_flight.fatal


class _InFlight(Generic[E, A]):
    """The entities that are being fetched; refilled as they finish, until one of them shows that all is in vain."""

    def __init__(
        self, pool: ThreadPoolExecutor, fetch: Callable[[E], A], queue: Iterator[E], limits: FetchLimits
    ) -> None:
        self._pool, self._fetch, self._queue, self._clock = pool, fetch, queue, limits.clock
        self._at_once = max(limits.batch_size, limits.workers)
        self._running: dict[Future[A], E] = {}
        self._silent = 0
        self.fatal: BaseException | None = None
        self._refill()

    @property
    def is_busy(self) -> bool:
        return bool(self._running)

    def finished(self, timeout: float) -> Iterator[Fetched[E, A]]:
        """What has come within `timeout` seconds, in the order in which it was asked for."""
        done, _ = wait(self._running, timeout=timeout, return_when=FIRST_COMPLETED)
        for future in [future for future in self._running if future in done]:
            entity = self._running.pop(future)
            fetched = None if future.cancelled() else self._outcome(entity, future)
            if fetched is not None:
                yield fetched
        if self.fatal is not None:
            for future in self._running:
                future.cancel()
        self._leave_if_told()
        self._refill()

    def _leave_if_told(self) -> None:
        try:
            self._clock.wait(0)
        except Interrupted as error:
            self.fatal = self.fatal or error
            self._running.clear()

    def _outcome(self, entity: E, future: Future[A]) -> Fetched[E, A] | None:
        error = future.exception()
        if error is None:
            self._silent = 0
            return Fetched(entity, future.result())
        if isinstance(error, NotAsked):
            return None
        if isinstance(error, CutShort):
            self.fatal = self.fatal or error.cause
            return Fetched(entity, cast(A, error.answer))
        if not isinstance(error, SourceUnavailable | SourceRejected):
            self.fatal = self.fatal or error
            return None
        self._silent = self._silent + 1 if isinstance(error, SourceUnavailable) else 0
        if self._silent >= _SILENCE:
            self.fatal = self.fatal or error
        return Fetched(entity, None, error)

    def _refill(self) -> None:
        while self.fatal is None and len(self._running) < self._at_once:
            try:
                entity = next(self._queue)
            except StopIteration:
                return
            self._running[self._pool.submit(self._fetch, entity)] = entity
