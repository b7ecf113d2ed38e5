"""Few rows brought to the driver, rows that are read more than once, and a few queries at once."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar

from pyspark import StorageLevel, inheritable_thread_target
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import TimestampType

_AT_ONCE = 4
_ROWS_IN_MEMORY = 1_200_000
"""Rows of history whose frames fit into what Spark has in a heap of 2 GB: they take some 850 bytes each."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

R = TypeVar("R")


class Ask(Protocol):
    """Starts a query; its result is there once the query has ended."""

    def __call__(self, query: Callable[[], R], /) -> Future[R]: ...


def collect(rows: DataFrame) -> list[Row]:
    """The rows with aware times in UTC; `DataFrame.collect` gives naive ones, in the zone of the process."""
    return [Row(**values) for values in rows.toArrow().to_pylist()]


def stream(rows: DataFrame) -> Iterator[dict[str, Any]]:
    """The rows in their order with aware times in UTC, one partition after the other in memory."""
    times = [field.name for field in rows.schema if isinstance(field.dataType, TimestampType)]
    for row in rows.withColumns({name: F.unix_micros(name) for name in times}).toLocalIterator():
        values = row.asDict()
        known = {name: values[name] for name in times if values[name] is not None}
        yield values | {name: _EPOCH + timedelta(microseconds=micros) for name, micros in known.items()}


@contextmanager
def persisted(rows: DataFrame, *, made_from: int = 0) -> Iterator[DataFrame]:
    """`rows`, computed by whoever reads them first and kept while several tables are made from them.

    In memory if the rows of history that they are `made_from` are few (as it is assumed if nobody says), else on disk
    alone: what does not fit would be written to disk all the same, by a heap full of the rest. Spark takes up to half
    of that memory back when it needs it for something else.

    Compute all of them first, or let all readers start at the same time: a reader of a few rows would compute their
    partition alone while the other cores are idle.
    """
    fit = made_from <= _ROWS_IN_MEMORY
    stored = rows.persist(StorageLevel.MEMORY_AND_DISK_DESER if fit else StorageLevel.DISK_ONLY)
    try:
        yield stored
    finally:
        stored.unpersist()


@contextmanager
def several_at_once(spark: SparkSession) -> Iterator[Ask]:
    """A way to ask a few queries at once: planning a query keeps one core busy and the others idle."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="query") as pool:

        def ask(query: Callable[[], R], /) -> Future[R]:
            # Each thread gets a copy of its own of what Spark keeps by thread, such as the name of the job.
            return pool.submit(inheritable_thread_target(spark)(query))

        yield ask


def results_of(spark: SparkSession, queries: Sequence[Callable[[], R]]) -> list[R]:
    """The results of a few queries that are asked at once, in the order of the queries.

    Raises what the first of them that fails has raised, once all have ended.
    """
    with several_at_once(spark) as ask:
        asked = [ask(query) for query in queries]
    return [query.result() for query in asked]
