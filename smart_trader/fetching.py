"""Fetch many entities through a few threads, and hand the answers over in batches worth a commit."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Generic, TypeVar

from smart_trader.errors import SmartTraderError, SourceRejected, SourceUnavailable

E = TypeVar("E")
A = TypeVar("A")

_SILENCE = 10
"""So many entities in a row without an answer: the API is down, asking for the rest would only take time."""


@dataclass(frozen=True, slots=True)
class Fetched(Generic[E, A]):
    """What came of one entity: an answer, or the error that leaves it pending."""

    entity: E
    answer: A | None
    error: SmartTraderError | None = None


@dataclass(frozen=True, slots=True)
class Pace:
    """How many threads fetch, and after how many entities or seconds a batch is full."""

    workers: int
    batch_size: int
    batch_seconds: float


def fetch_in_batches(
    entities: Sequence[E],
    fetch: Callable[[E], A],
    pace: Pace,
    *,
    on_done: Callable[[], None],
) -> Iterator[list[Fetched[E, A]]]:
    """Fetch `entities` in order, yield what has come in batches; fetching goes on while the caller commits one.

    `on_done` is called for each entity that is through. An entity that the API refuses or does not serve is a `Fetched` with its error. Any other error ends the
    fetching: it is raised after the last batch was handed over, and so is `SourceUnavailable` when the API is silent.
    """
    queue = iter(entities)
    fatal: SmartTraderError | None = None
    silent = 0
    batch: list[Fetched[E, A]] = []
    started = time.monotonic()
    with ThreadPoolExecutor(pace.workers, thread_name_prefix="fetch") as pool:
        running: dict[Future[A], E] = {}

        def refill() -> None:
            while fatal is None and len(running) < max(pace.batch_size, pace.workers):
                entity = next(queue, None)
                if entity is None:
                    return
                running[pool.submit(fetch, entity)] = entity

        refill()
        while running:
            done, _ = wait(
                running, timeout=pace.batch_seconds, return_when=FIRST_COMPLETED
            )
            for future in sorted(done, key=list(running).index):
                entity = running.pop(future)
                if future.cancelled():
                    continue
                on_done()
                error = future.exception()
                if error is None:
                    silent = 0
                    batch.append(Fetched(entity, future.result()))
                elif isinstance(error, SourceUnavailable | SourceRejected):
                    silent = silent + 1 if isinstance(error, SourceUnavailable) else 0
                    batch.append(Fetched(entity, None, error))
                    if silent >= _SILENCE:
                        fatal = fatal or error
                elif isinstance(error, SmartTraderError):
                    fatal = fatal or error
                else:
                    raise error
            if fatal is not None:
                for future in running:
                    future.cancel()
            refill()
            if len(batch) >= pace.batch_size or (
                batch and time.monotonic() - started >= pace.batch_seconds
            ):
                yield batch
                batch, started = [], time.monotonic()
        if batch:
            yield batch
    if fatal is not None:
        raise fatal
