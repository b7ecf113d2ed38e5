"""What going back to an earlier version of a table changes, and whose state no longer holds then."""

from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.tables.changes import CHANGE, DELETE, INSERT, UPDATE
from smart_trader.domain.tables.table import Table


def differences(table: Table, now: DataFrame, then: DataFrame) -> DataFrame:
    """A row for each key that `then` has, lacks or has otherwise than `now`: the change, and the entities of the row.

    A column that was added in between is null in `then`.
    """
    keys = list(table.key)
    old, new = (
        rows.select(
            *keys,
            F.struct(
                *(
                    F.col(name) if name in rows.columns else F.lit(None).cast(table.schema[name].dataType).alias(name)
                    for name in table.column_names
                )
            ).alias(side),
        )
        for side, rows in (("_now", now), ("_then", then))
    )
    change = (
        F.when(F.col("_now").isNull(), INSERT)
        .when(F.col("_then").isNull(), DELETE)
        .when(~F.col("_now").eqNullSafe(F.col("_then")), UPDATE)
    )
    entities = sorted({flag.entity for flag in table.reset_on_restore})
    return (
        old.join(new, keys, "full_outer")
        .withColumn(CHANGE, change)
        .where(F.col(CHANGE).isNotNull())
        .select(
            CHANGE,
            *(F.coalesce(F.col(f"_now.{name}"), F.col(f"_then.{name}")).alias(name) for name in entities),
        )
    )


def reset_columns(table: Table, reset: Iterable[tuple[str, object]]) -> dict[str, Column]:
    """The values of `reset` as columns of `table`, by name."""
    return {name: F.lit(value).cast(table.schema[name].dataType) for name, value in reset}


def differs_from(values: dict[str, Column]) -> Column:
    """Whether any column of a row has another value than the one given for it."""
    differs = F.lit(False)
    for name, value in values.items():
        differs = differs | ~F.col(name).eqNullSafe(value)
    return differs
