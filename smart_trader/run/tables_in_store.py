"""The bytes of the tables of a warehouse in a store, as the store counts them."""

from typing import Any

from pyspark.sql import SparkSession

from smart_trader.config.model import Settings
from smart_trader.errors import StorageError
from smart_trader.io.delta.table_logs import TableLogs
from smart_trader.io.hadoop import bytes_below, names_in
from smart_trader.run.disk_usage import document
from smart_trader.run.tables_on_disk import LOG, TableUsage, is_commit


def in_store(spark: SparkSession, settings: Settings) -> dict[str, Any]:
    """All that takes room, with a warehouse in a store."""
    root = settings.warehouse.root
    return document(settings, bytes_below(spark, root), _usage_of_tables(spark, root))


def _usage_of_tables(spark: SparkSession, root: str) -> list[TableUsage]:
    """Every table below the warehouse `root`, by name."""
    places = [f"{layer}/{name}" for layer in names_in(spark, root) for name in names_in(spark, f"{root}/{layer}")]
    found = {place: names_in(spark, f"{root}/{place}/{LOG}") for place in sorted(places)}
    return [_table(spark, f"{root}/{place}", log) for place, log in found.items() if log]


def _table(spark: SparkSession, place: str, log: list[str]) -> TableUsage:
    try:
        contents = TableLogs(spark).contents(place)
    except StorageError:  # the figures of a damaged log are missing: this report must not fail on it
        contents = None
    return TableUsage(
        name=".".join(place.split("/")[-2:]),
        version=contents.version if contents else None,
        versions=sum(map(is_commit, log)),
        live_bytes=contents.bytes if contents else None,
        total_bytes=bytes_below(spark, place),
    )
