"""What must change in a table so that it holds given rows: only that is written."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.tables.table import Table

CHANGE = "_change"
MAX_LITERALS = 250
"""The most values of a condition. Spark gives Parquet one nested "or" for each, up to the same number in
conf/spark-defaults.conf; some 750 overflow the usual stack of 1 MB. With more values Parquet skips no page, so that a
join is as fast."""
INSERT, UPDATE, DELETE = "insert", "update", "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableChange:
    """What becomes of the rows of a table, by key; the run's own columns (`batch_id`, `ingested_at`) do not count."""

    table: str
    is_new: bool = False
    """There was no such table."""
    new_columns: tuple[str, ...] = ()
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    unchanged: int = 0

    @property
    def is_none(self) -> bool:
        return not (self.is_new or self.new_columns or self.inserted or self.updated or self.deleted)


@dataclass(frozen=True)
class RowScope:
    """The rows of a table whose columns have the values of a row in `frame` (same names)."""

    frame: DataFrame
    literals: tuple[str | date, ...] | None = None
    """Values of a frame of one column, if there are at most MAX_LITERALS: Spark skips files and pages without them."""

    def filter(self, rows: DataFrame) -> DataFrame:
        """The rows within the scope."""
        if self.literals is None:
            return rows.join(F.broadcast(self.frame), self.frame.columns, "left_semi")
        return rows.where(self._is_among_literals)

    @cached_property
    def _is_among_literals(self) -> Column:
        """The condition, made once for all tables: each value in it is a call to the JVM."""
        return F.col(self.frame.columns[0]).isin(*self.literals or ())

    def condition(self, alias: str) -> Column:
        """A condition in literals that holds for all aliased rows within the scope."""
        if self.literals is None:
            return F.lit(True)
        return F.col(f"{alias}.{self.frame.columns[0]}").isin(*self.literals)


def find_changes(table: Table, wanted: DataFrame, stored: DataFrame) -> DataFrame:
    """Rows of `table` with `_change`: to be inserted or updated as in `wanted`, or deleted since only in `stored`.

    `wanted` and `stored` have unique keys. Columns that another job owns are no difference, but an updated row gets
    those of `wanted`: a changed row is new to whoever keeps that state.
    """
    keys = list(table.key)
    compared = [c.name for c in table.columns if c.name not in table.key and c.owner in (None, table.job)]
    new = wanted.select(*keys, F.struct(*table.column_names).alias("_new"))
    old = stored.select(*keys, F.struct(*compared).alias("_old"))
    both = (
        new.alias("n")
        .join(old.alias("o"), same_key(table, table.key, "n", "o"), "full_outer")
        .select(*(F.coalesce(f"n.{key}", f"o.{key}").alias(key) for key in keys), "_new", "_old")
    )
    differs = F.lit(False)
    for name in compared:
        differs = differs | ~F.col(f"_new.{name}").eqNullSafe(F.col(f"_old.{name}"))
    change = F.when(F.col("_old").isNull(), INSERT).when(F.col("_new").isNull(), DELETE).when(differs, UPDATE)
    rest = [name for name in table.column_names if name not in table.key]
    return (
        both.withColumn(CHANGE, change)
        .where(F.col(CHANGE).isNotNull())
        .select(CHANGE, *keys, *(F.col(f"_new.{name}").alias(name) for name in rest))
    )


def find_newer(
    table: Table, wanted: DataFrame, stored: DataFrame, *, version: Sequence[str], unlike: Sequence[str]
) -> DataFrame:
    """Rows of `wanted` with `_change`: those whose key is not stored, and those of a greater `version` than the stored
    row that differ from it in one of the columns `unlike`. Both frames have unique keys."""
    keys = list(table.key)
    new = wanted.select(*keys, F.struct(*table.column_names).alias("_new"))
    old = stored.select(*keys, F.struct(*version).alias("_version"), F.struct(*unlike).alias("_old"))
    is_greater = F.struct(*(F.col(f"_new.{name}") for name in version)) > F.col("_version")
    differs = ~F.struct(*(F.col(f"_new.{name}") for name in unlike)).eqNullSafe(F.col("_old"))
    change = F.when(F.col("_old").isNull(), INSERT).when(is_greater & differs, UPDATE)
    return (
        new.join(old, keys, "left").withColumn(CHANGE, change).where(F.col(CHANGE).isNotNull()).select(CHANGE, "_new.*")
    )


def same_key(table: Table, keys: tuple[str, ...], left: str, right: str) -> Column:
    """The condition that two aliased frames agree in `keys`; null equals null where a column of the key may be null."""
    condition = F.lit(True)
    for key in keys:
        one, other = F.col(f"{left}.{key}"), F.col(f"{right}.{key}")
        may_be_null = key in table.key and table.schema[key].nullable
        condition = condition & (one.eqNullSafe(other) if may_be_null else one == other)
    return condition
