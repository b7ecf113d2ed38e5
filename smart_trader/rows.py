"""Few rows brought to the driver."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame, Row

_AT_ONCE = 4


def collect(rows: DataFrame) -> list[Row]:
    """The rows with aware times in UTC; `DataFrame.collect` gives naive ones, in the zone of the process."""
    return [Row(**values) for values in rows.toArrow().to_pylist()]


@contextmanager
def several_at_once() -> Iterator[Callable[[DataFrame], Future[list[Row]]]]:
    """To `collect` a few small results at once: planning a query keeps one core busy and the others idle."""
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="collect") as pool:

        def ask(rows: DataFrame) -> Future[list[Row]]:
            # Each thread gets a copy of its own of what Spark keeps by thread, such as the name of the job.
            return pool.submit(inheritable_thread_target(rows.sparkSession)(collect), rows)

        yield ask
