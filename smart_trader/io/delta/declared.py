"""Brings stored tables to their declarations: creates them, adds columns and checks, rewrites them."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.tables.changes import same_key
from smart_trader.domain.tables.declared_rows import as_declared, inferred
from smart_trader.domain.tables.log_rules import (
    CHECK,
    DELETED_FILES,
    LOG,
    StoredTable,
    check_differences,
    columns_to_add,
    plain_fields,
    schema_differences,
)
from smart_trader.domain.tables.table import Table
from smart_trader.errors import SchemaMismatch
from smart_trader.io.delta.rejections import reject_broken
from smart_trader.io.delta.snapshots import delta_log, frame_of, scala_seq, set_session, sql_name, stored_table
from smart_trader.io.jvm import java_class

FromRaw = Mapping[str, Callable[[str], Any]]
"""Columns that rows written earlier lack, each with what gives its value by the row's `raw`."""

_STATISTICS = "delta.dataSkippingStatsColumns"
"""The columns whose range each file keeps. It must not name partition columns, so it changes with the layout."""


def create_table(spark: SparkSession, path: str, table: Table, *, retention_days: int) -> None:
    """Create an empty table, unless there is one."""
    days = f"interval {retention_days} days"
    properties = {DELETED_FILES: days, LOG: days, **_properties(table)}
    # With a name and a location: from a location alone Delta makes a name that is invalid SQL if it has a back-tick.
    builder = DeltaTable.createIfNotExists(spark).tableName(sql_name(path)).location(path)
    builder = builder.addColumns(table.schema)
    for name, value in properties.items():
        builder = builder.property(name, value)
    builder.partitionedBy(*table.partitioned_by).execute()


def alter_table(spark: SparkSession, path: str, table: Table, snapshot: Any) -> None:
    """Give the table of `snapshot`, its newest version, the declared columns and checks, as one commit.

    Rows are neither read nor written: columns that are new must be nullable, and the rows must keep the checks.
    """
    table = table.as_stored(stored_table(snapshot).schema)
    transaction, schema = _declared_in(spark, path, table, snapshot)
    update = java_class(spark, "org.apache.spark.sql.delta.DeltaOperations$UpdateSchema")
    transaction.commit(scala_seq(spark, []), update(snapshot.schema(), schema))


def with_columns(rows: DataFrame, fields: Sequence[T.StructField], from_raw: FromRaw) -> DataFrame:
    """`rows` with these columns added: what `from_raw` gives, the others null."""
    return rows.withColumns(
        {
            field.name: F.udf(from_raw[field.name], field.dataType, useArrow=True)("raw")
            if field.name in from_raw
            else F.lit(None).cast(field.dataType)
            for field in fields
        }
    )


def fill_columns(
    spark: SparkSession, path: str, table: Table, fields: Sequence[T.StructField], from_raw: FromRaw
) -> None:
    """Add those of these columns that `from_raw` gives, with their values, as one commit."""
    given = [field for field in fields if field.name in from_raw]
    target, names = DeltaTable.forPath(spark, path), [field.name for field in given]
    filled = with_columns(target.toDF(), given, from_raw).where(F.coalesce(*names).isNotNull())
    (
        target.alias("t")
        .merge(filled.select(*table.key, *names).alias("s"), same_key(table, table.key, "t", "s"))
        .withSchemaEvolution()
        .whenMatchedUpdate(set={name: F.col(f"s.{name}") for name in names})
        .execute()
    )


def refuse_version(table: Table, version: int, found: StoredTable, rows: DataFrame) -> None:
    """Raises SchemaMismatch or QualityError if new columns and checks do not bring `version` to the declaration.

    `found` describes that version, `rows` are its rows.
    """
    columns = columns_to_add(table, found)
    if columns is None:
        raise SchemaMismatch.of_version(table.name, version, schema_differences(table, found))
    if check_differences(table, found):
        reject_broken(table, with_columns(rows, columns, {}), "nothing was changed")


def rewrite_table(
    spark: SparkSession, path: str, table: Table, snapshot: Any, from_raw: FromRaw, *, dry_run: bool
) -> None:
    """Write the rows of `snapshot`, the newest version, into the declared columns and partitions, as one commit.

    Raises SchemaMismatch or QualityError, before anything is written, if a value would be lost. A dry run ends
    there.
    """
    stored = frame_of(spark, path, snapshot, None)
    table = table.as_stored(stored.schema)
    _refuse_losses(table, stored)
    missing = [field for field in table.schema if field.name not in stored.columns]
    rows = with_columns(stored, missing, from_raw).select(
        *(F.col(field.name).cast(inferred(field.dataType)) for field in table.schema)
    )
    reject_broken(table, rows, "nothing was changed")
    if not dry_run:
        _commit_overwrite(spark, path, table, snapshot, as_declared(table, rows))


def _refuse_losses(table: Table, stored: DataFrame) -> None:
    """Raises SchemaMismatch if a column is not declared, or has values that its declared type cannot hold."""
    declared, given = plain_fields(table.schema), plain_fields(stored.schema)
    kinds = {name: (given[name].dataType, declared[name].dataType) for name in given if name in declared}
    cast = {name: (old, new) for name, (old, new) in kinds.items() if old != new}
    lost = [f"{name}: it is not declared, and would be lost" for name in given if name not in declared]
    if cast:
        counts = stored.agg(*(F.count_if(_is_lost(name, *sides)).alias(name) for name, sides in cast.items()))
        lost += [
            f"{name}: {count} values of type {cast[name][0].simpleString()} do not fit {cast[name][1].simpleString()}"
            for name, count in counts.collect()[0].asDict().items()
            if count
        ]
    if lost:
        raise SchemaMismatch.of_stored(table.name, lost)


def _is_lost(name: str, stored: T.DataType, declared: T.DataType) -> Column:
    """Whether the declared type changes the value."""
    return ~F.col(name).try_cast(inferred(declared)).try_cast(inferred(stored)).eqNullSafe(F.col(name))


def _commit_overwrite(spark: SparkSession, path: str, table: Table, snapshot: Any, rows: DataFrame) -> None:
    """One commit that replaces the files, the columns and the partitions.

    Delta's writer with `overwriteSchema` would let every column be null, and its `REPLACE TABLE` keeps no file.
    """
    option, none = java_class(spark, "scala.Option"), java_class(spark, "scala.Option").empty()
    transaction, _ = _declared_in(spark, path, table, snapshot)
    removed = [file.remove() for file in _items(transaction.filterFiles())]
    added = list(_items(transaction.writeFiles(rows._jdf)))
    partitions = option.apply(scala_seq(spark, list(table.partitioned_by)))
    mode = java_class(spark, "org.apache.spark.sql.SaveMode").Overwrite
    write = java_class(spark, "org.apache.spark.sql.delta.DeltaOperations$Write")
    transaction.commit(scala_seq(spark, [*removed, *added]), write(mode, partitions, *[none] * 7))


def _declared_in(spark: SparkSession, path: str, table: Table, snapshot: Any) -> tuple[Any, Any]:
    """A transaction on `snapshot` that brings the table to its declaration, and the schema in it.

    SQL needs a commit for each column list and each check, and stores conditions in another form.
    """
    metadata = json.loads(snapshot.metadata().json())
    described = metadata["metaData"]
    others = {n: value for n, value in described["configuration"].items() if not n.startswith((CHECK, _STATISTICS))}
    described |= {
        "schemaString": table.schema.json(),
        "partitionColumns": list(table.partitioned_by),
        "configuration": others | _properties(table),
    }
    set_session(spark)
    nothing = java_class(spark, "scala.Option").empty()
    transaction = delta_log(spark, path).startTransaction(nothing, java_class(spark, "scala.Option").apply(snapshot))
    declared = java_class(spark, "org.apache.spark.sql.delta.actions.Action").fromJson(json.dumps(metadata))
    transaction.updateMetadata(declared, False)
    return transaction, declared.schema()


def _items(seq: Any) -> Iterator[Any]:
    """The items of a Scala collection."""
    items = seq.iterator()
    while items.hasNext():
        yield items.next()


def _properties(table: Table) -> dict[str, str]:
    """The properties that the declaration alone decides; Delta stores the names of checks in lower case."""
    checks = {f"{CHECK}{check.name.lower()}": check.condition for check in table.checks}
    return checks | ({_STATISTICS: ",".join(table.stats_columns)} if table.stats_columns else {})
