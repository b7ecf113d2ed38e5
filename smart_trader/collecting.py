"""Few rows brought to the driver."""

from pyspark.sql import DataFrame, Row


def collect(rows: DataFrame) -> list[Row]:
    """The rows with aware times in UTC; `DataFrame.collect` gives naive ones, in the zone of the process."""
    return [Row(**values) for values in rows.toArrow().to_pylist()]
