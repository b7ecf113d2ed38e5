"""Every table of the catalog takes every kind of change, whatever its rows hold, and then holds what was wanted."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Context, Decimal
from random import Random
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T

from smart_trader.domain import catalog
from smart_trader.domain.silver import trades
from smart_trader.domain.tables.declared_rows import inferred
from smart_trader.domain.tables.table import COUNT, STRING, STRINGS, Column, Table
from smart_trader.io.delta.store import DeltaStore
from tests.frames import collected
from tests.lake import Lake

LEG = T.StructType([T.StructField("mint", STRING), T.StructField("raw", COUNT)])
TAGGED = T.StructType([T.StructField("mint", STRING), T.StructField("tags", STRINGS)])
NESTED = Table(
    name="silver.nested",
    grain="one row per thing",
    key=("id",),
    job="maker",
    columns=(
        Column("id", STRING, "Key.", nullable=False),
        Column("tagged", TAGGED, "A struct with an array in it."),
        Column("legs", T.ArrayType(LEG, containsNull=False), "An array of structs."),
        Column("maybe", T.ArrayType(COUNT, containsNull=True), "An array whose elements may be null."),
    ),
)
"""What no table of the catalog has yet, and one may have tomorrow."""
TABLES = (*catalog.TABLES, NESTED)
ALONE = (trades.TABLE,)
"""Those that see each kind of change alone as well; it is the same MERGE as for all at once."""
_NOT_RANDOM = {
    "silver.realized_sales": ("quantity_raw", ("matched_raw", "unknown_cost_raw", "unmatched_raw")),
    "silver.open_lots": ("bought_raw", ("remaining_raw",)),
}
"""Columns that a check makes the sum of others."""
Record = dict[str, Any]


@pytest.fixture(scope="module")
def store(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> DeltaStore:
    lake = Lake(spark, tmp_path_factory.mktemp("all") / "lake")
    lake.make_tables()
    lake.tables.create([NESTED])
    return lake.tables


def test_each_table_is_made_what_is_wanted_by_inserts_updates_deletes_and_all_at_once(store: DeltaStore) -> None:
    random = Random(20261130)
    wanted = {table.name: {nth: record(random, table, nth) for nth in range(4)} for table in TABLES}
    replace_all(store, wanted)
    for gone, new, tables in (((), (4,), ALONE), ((), (0,), ALONE), ((1,), (), ALONE), ((2,), (3, 5), TABLES)):
        for table in tables:
            rows = wanted[table.name]
            kept = {nth: row for nth, row in rows.items() if nth not in gone}
            wanted[table.name] = kept | {nth: record(random, table, nth) for nth in new}
        replace_all(store, {table.name: wanted[table.name] for table in tables})
    assert read_all(store) == rows_of(wanted)

    versions = {table.name: store.version(table) for table in TABLES}
    replace_all(store, wanted)
    assert {table.name: store.version(table) for table in TABLES} == versions, "a second time commits nothing"


def test_arrays_are_updated_and_added_as_well(store: DeltaStore) -> None:
    random, table = Random(20261130), NESTED
    store.replace(replaceable(table), rows_as_inferred(store, table, [record(random, table, nth) for nth in range(2)]))
    rows = {nth: record(random, table, nth) for nth in range(1, 3)}

    store.append_new(table, rows_as_inferred(store, table, [rows[2]]))
    names = [*table.key, *(c.name for c in table.columns if isinstance(c.type, T.ArrayType))]
    store.update(table, rows_as_inferred(store, table, [rows[1]]).select(*names))

    found = {row[table.key[0]]: row for row in collected(store.read(table))}
    for nth in (1, 2):
        assert {name: found[rows[nth][table.key[0]]][name] for name in names} == {n: rows[nth][n] for n in names}


def replace_all(store: DeltaStore, wanted: Mapping[str, Mapping[int, Record]]) -> None:
    """All tables at the same time, as `silver_pnl` does."""
    tables = [table for table in TABLES if table.name in wanted]
    store.replace_each([(replaceable(t), rows_as_inferred(store, t, list(wanted[t.name].values()))) for t in tables])


def replaceable(table: Table) -> Table:
    """The table with a key of its own columns: a run's id in the key is stamped as the rows are written."""
    key = tuple(name for name in table.key if name in table.column_names)
    return replace(table, key=key)


def read_all(store: DeltaStore) -> dict[str, list[Record]]:
    read = {table.name: collected(store.read(table).select(*table.column_names)) for table in TABLES}
    return {name: sorted(rows, key=repr) for name, rows in read.items()}


def rows_of(wanted: Mapping[str, Mapping[int, Record]]) -> dict[str, list[Record]]:
    return {name: sorted(rows.values(), key=repr) for name, rows in wanted.items()}


def rows_as_inferred(store: DeltaStore, table: Table, records: Sequence[Record]) -> DataFrame:
    """The rows as they come out of a query: anything may be null, at any depth."""
    return store.frame(T.StructType([T.StructField(f.name, inferred(f.dataType)) for f in table.own_schema]), records)


def record(random: Random, table: Table, nth: int) -> Record:
    """A row that the declaration lets pass, with nulls and values at the edge of their types. `nth` makes its key."""
    row = {column.name: _value(random, table, column, nth) for column in table.columns}
    name, parts = _NOT_RANDOM.get(table.name, ("", ()))
    if name:
        row |= {part: Decimal(random.choice((1, 7, 10**18))) for part in parts}
        row[name] = sum(row[part] for part in parts)
    if "timestamp" in table.key:
        row["date"] = row["timestamp"].date()
    if "is_observed" in row:
        row["is_observed"] = row["trade_count"] is not None
    if "acted_at" in row:
        row |= {"acted_upon": True, "acted_at": row["timestamp"]}
    return row


def _value(random: Random, table: Table, column: Column, nth: int) -> Any:
    is_key = column.name in table.key
    if column.nullable and (nth == 0 if is_key else random.random() < 0.3):
        return None
    rules = [check.condition for check in table.checks if re.search(rf"\b{column.name}\b", check.condition)]
    words = re.findall(r"'([^']*)'", " ".join(rules))
    if words:
        return random.choice(words)
    if is_key:
        return _keys(column.type, nth)
    values = _values(random, column.type)
    return random.choice([v for v in values if not isinstance(v, float | int | Decimal) or v > 0] if rules else values)


def _keys(kind: T.DataType, nth: int) -> Any:
    """The first keys are as odd as keys may be."""
    if isinstance(kind, T.StringType):
        return ("", " ", "it's `q\\", "ключ", "a\nb")[nth] if nth < 5 else f"key {nth}"
    if isinstance(kind, T.DateType):
        return date(2026, 1, 1) + timedelta(days=nth)
    if isinstance(kind, T.TimestampType):
        return datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC) + timedelta(days=nth)
    return nth


def _values(random: Random, kind: T.DataType) -> Sequence[Any]:
    """Values of a type, its smallest and largest among them."""
    match kind:
        case T.StringType():
            return "", "x", "null", "a\u0000b", "\u202egnp", "'; --", "🐋" * 50
        case T.BooleanType():
            return True, False
        case T.IntegerType():
            return 0, 1, -1, 2**31 - 1, -(2**31)
        case T.DoubleType():
            return 0.5, 1.0, 5e-324
        case T.LongType():
            return 0, 1, -1, 2**63 - 1, -(2**63)
        case T.DecimalType():
            units = 0, 1, -1, 10**kind.precision - 1, 1 - 10**kind.precision
            return [Decimal(n).scaleb(-kind.scale, Context(prec=38)) for n in units]
        case T.DateType():
            return date(1970, 1, 1), date(2026, 11, 30), date(9999, 12, 31)
        case T.TimestampType():
            return datetime(1970, 1, 1, tzinfo=UTC), datetime(2026, 11, 30, 23, 59, 59, 999_999, tzinfo=UTC)
        case T.StructType():
            return ({field.name: _or_none(random, field.dataType) for field in kind},)
        case T.ArrayType(elementType=element, containsNull=has_null):
            some = [_or_none(random, element) if has_null else random.choice(_values(random, element)) for _ in "123"]
            return [], some[:1], some
    raise NotImplementedError(kind)


def _or_none(random: Random, kind: T.DataType) -> Any:
    return None if random.random() < 0.3 else random.choice(_values(random, kind))
