"""Few rows brought to the driver."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

from pyspark import inheritable_thread_target
from pyspark.sql import DataFrame, Row

_AT_ONCE = 4


def collect(rows: DataFrame) -> list[Row]:
    """The rows with aware times in UTC; `DataFrame.collect` gives naive ones, in the zone of the process."""
    return [Row(**values) for values in rows.toArrow().to_pylist()]


def collect_all(frames: Mapping[str, DataFrame]) -> dict[str, list[Row]]:
    """Several small results, by name, a few at once: planning a query keeps one core busy and the others idle.

    Raises what the first that fails raises.
    """
    with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="collect") as pool:
        # Each thread gets a copy of its own of what Spark keeps by thread, such as the name of the job.
        started = {
            name: pool.submit(inheritable_thread_target(rows.sparkSession)(collect), rows)
            for name, rows in frames.items()
        }
        return {name: fetched.result() for name, fetched in started.items()}
