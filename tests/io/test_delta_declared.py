"""Stored tables of an earlier version, or altered by others, and rows that a table does not take."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.tables.declared_rows import inferred
from smart_trader.domain.tables.log_rules import broken_log_rules
from smart_trader.domain.tables.table import COUNT, STRINGS, Check, Column, not_negative
from smart_trader.errors import QualityError, SchemaMismatch
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.delta.snapshots import sql_name
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.machine.clock import SystemClock
from smart_trader.run import clones
from tests.io.test_delta import TABLE as THINGS
from tests.warehouse_files import fingerprint

TABLE = replace(THINGS, columns=(*THINGS.columns[:3], Column("tags", STRINGS, "Words.")), clustered_by=("part",))
KNOWN = TABLE.checks[-1]
ROWS = ({"id": "1", "part": "a", "usd": Decimal(1), "tags": ["x"]}, {"id": "2", "part": "b", "usd": Decimal(2)})
LATER = Column("later", COUNT, "Declared later.")
ODD = "od`d lake's a%20b #1"
GIVEN: dict[str, Any] = {"clock": SystemClock(), "run_id": "run", "retention_days": {"silver": 90}}


@pytest.fixture
def store(spark: SparkSession, tmp_path: Path) -> DeltaStore:
    """A table that holds `ROWS`."""
    return filled(DeltaStore(spark, str(tmp_path / "a lake"), **GIVEN))


@pytest.fixture
def maintenance(store: DeltaStore, spark: SparkSession) -> DeltaMaintenance:
    return DeltaMaintenance(spark, store.path)


def filled(store: DeltaStore) -> DeltaStore:
    store.create([TABLE])
    store.append(TABLE, things(store, *ROWS))
    return store


def things(store: DeltaStore, *rows: dict[str, Any]) -> DataFrame:
    schema = T.StructType([T.StructField(f.name, inferred(f.dataType)) for f in TABLE.own_schema])
    return store.frame(schema, [dict.fromkeys(TABLE.column_names) | row for row in rows])


def stored(rows: DataFrame) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in rows.select(*TABLE.column_names).collect())


def as_others_do(rows: DataFrame, path: str, *partitions: str) -> None:
    """Another program makes `rows` the table, with whatever columns they have."""
    rows.write.format("delta").mode("overwrite").option("overwriteSchema", "true").partitionBy(*partitions).save(path)


def test_a_folder_may_have_a_name_that_is_neither_sql_nor_a_uri(spark: SparkSession, tmp_path: Path) -> None:
    store = filled(DeltaStore(spark, str(tmp_path / ODD), **GIVEN))
    maintenance = DeltaMaintenance(spark, store.path)
    wider = replace(TABLE, columns=(*TABLE.columns, LATER))
    assert store.create([wider]) == [TABLE.name]
    new = things(store, {**ROWS[0], "part": "b"}, {"id": "3"}).withColumn("later", F.lit(1).cast("bigint"))
    store.replace(wider, new)
    assert [row[:2] for row in stored(store.read(wider))] == [("1", "b"), ("3", None)]
    with clones.place(spark, str(tmp_path / ODD), "dry") as place:
        rehearsed = CloneStore(spark, str(tmp_path / ODD), clones=place, **GIVEN)
        rehearsed.append(wider, new.where("id = '1'").withColumn("id", F.lit("4")))
        (change,) = rehearsed.changes([wider])
    assert (change.inserted, change.unchanged) == (1, 2)
    maintenance.optimize(wider, cluster=True)
    assert maintenance.expired_files(wider) == 0
    contents = store.contents(wider)
    assert contents is not None
    assert contents.rows == 2
    assert stored(store.read(TABLE, version=1)) == stored(things(store, *ROWS))
    assert [path.name for path in tmp_path.iterdir()] == [ODD]


def test_checks_are_brought_up_to_date_and_then_left_alone(
    store: DeltaStore, maintenance: DeltaMaintenance, spark: SparkSession
) -> None:
    wider = Check("part_known", "part IS NULL OR part IN ('a', 'b', 'c')")
    later = replace(TABLE, columns=(*TABLE.columns, LATER), checks=(wider, *not_negative("later")))

    assert store.create([later]) == [TABLE.name]

    assert not broken_log_rules(later, maintenance.inspect(later))
    row = things(store, {"id": "4", "part": "c", "usd": Decimal(-1)})
    store.append(later, row.withColumn("later", F.lit(None).cast("bigint")))
    with pytest.raises(QualityError, match="later_not_negative: 1 rows, such as id=5"):
        store.append(later, row.withColumns({"later": F.lit(-1).cast("bigint"), "id": F.lit("5")}))
    version, jobs = store.version(later), spark.sparkContext._jsc.sc().dagScheduler()
    before = jobs.numTotalJobs()
    assert store.create([later]) == []
    assert (store.version(later), jobs.numTotalJobs()) == (version, before), "as declared: no question asked of Spark"


def test_a_check_that_stored_rows_break_is_refused_and_nothing_is_changed(
    store: DeltaStore, maintenance: DeltaMaintenance
) -> None:
    stricter = replace(TABLE, columns=(*TABLE.columns, LATER), checks=(Check("part_known", "part = 'a'"),))
    before = maintenance.inspect(TABLE)

    with pytest.raises(QualityError) as refused:
        store.create([stricter])

    assert "silver.things" in str(refused.value)
    assert "part_known: 1 rows, such as id=2" in str(refused.value)
    assert maintenance.inspect(TABLE) == before
    assert "part_known" in broken_log_rules(stricter, before)["checks_enforced"]


def test_a_version_that_cannot_be_made_as_declared_is_told_before_anything_is_restored(
    store: DeltaStore, tmp_path: Path
) -> None:
    files, then = fingerprint(tmp_path), store.version(TABLE)
    store.refuse_undeclared(replace(TABLE, columns=(*TABLE.columns, LATER)), then)
    with pytest.raises(SchemaMismatch, match=f"version {then} is not as declared.*\n.*partitions: stored by nothing"):
        store.refuse_undeclared(replace(TABLE, partitioned_by=("part",), clustered_by=()), then)
    stricter = replace(TABLE, columns=(*TABLE.columns, LATER), checks=(Check("part_known", "part = 'a'"),))
    with pytest.raises(QualityError, match=r"nothing was changed[^$]*part_known: 1 rows, such as id=2"):
        store.refuse_undeclared(stricter, then)
    assert fingerprint(tmp_path) == files


def test_another_layout_is_refused_and_written_anew_by_hand(
    store: DeltaStore, maintenance: DeltaMaintenance, tmp_path: Path
) -> None:
    wide = Column("usd", T.DecimalType(38, 18), "A figure.")
    later = replace(
        TABLE,
        columns=(*(wide if column.name == "usd" else column for column in TABLE.columns), LATER),
        partitioned_by=("part",),
        clustered_by=(),
        checks=(KNOWN, *not_negative("later")),
    )
    with pytest.raises(SchemaMismatch) as refused:
        store.create([later])
    for told in (
        "silver.things",
        "usd: stored decimal(28,9), declared decimal(38,18)",
        "partitions: stored by nothing, declared by part",
        "maintain --rewrite silver.things",
    ):
        assert told in str(refused.value)
    version, files = store.version(TABLE), fingerprint(tmp_path)
    maintenance.rewrite(later, dry_run=True)
    assert fingerprint(tmp_path) == files

    with store.committing_as("maintain", "1"):
        maintenance.rewrite(later, dry_run=False)

    assert store.version(later) == version + 1
    assert stored(store.read(later)) == stored(things(store, *ROWS))
    assert stored(store.read(later, version=version)) == stored(things(store, *ROWS))
    assert not broken_log_rules(later, maintenance.inspect(later))
    assert store.create([later]) == []
    (newest, *_) = maintenance.commits(later)
    assert (newest.operation, newest.job, newest.run_id) == ("WRITE", "maintain", "run")
    opened = DeltaTable(Path(store.path(later)))
    assert (opened.metadata().partition_columns, opened.protocol().min_reader_version) == (["part"], 1)
    row = things(store, {"id": "9", "part": "a"}).withColumn("later", F.lit(1).cast("bigint"))
    store.append(later, row.withColumn("usd", F.col("usd").cast("decimal(38,18)")))
    with pytest.raises(QualityError, match="id_not_null"):
        store.append(
            later, row.withColumns({"usd": F.lit(None).cast("decimal(38,18)"), "id": F.lit(None).cast("string")})
        )


@pytest.mark.parametrize(
    ("column", "instead", "told"),
    [
        pytest.param(
            "usd", Column("usd", COUNT, "Whole."), "usd: 1 values of type decimal", id="a value that does not fit"
        ),
        pytest.param("part", LATER, "part: it is not declared, and would be lost", id="a column"),
        pytest.param(
            "tags", Column("tags", STRINGS, "Now known.", False), "tags_not_null: 1 rows, such as id=2", id="null"
        ),
    ],
)
def test_nothing_is_lost_by_writing_anew(
    store: DeltaStore, maintenance: DeltaMaintenance, column: str, instead: Column, told: str
) -> None:
    store.append(TABLE, things(store, {"id": "3", "usd": Decimal("0.5"), "tags": []}))
    before = store.version(TABLE)
    checks = tuple(check for check in TABLE.checks if column != "part" or check is not KNOWN)
    others = tuple(c for c in TABLE.columns if c.name != column)

    with pytest.raises(QualityError) as refused:
        maintenance.rewrite(replace(TABLE, columns=(*others, instead), checks=checks), dry_run=False)

    assert told in str(refused.value)
    assert store.version(TABLE) == before


def test_a_row_that_is_refused_is_named_with_its_rule(store: DeltaStore) -> None:
    broken: dict[str, dict[str, Any]] = {
        "usd_not_negative: 1 rows, such as id=7": {"id": "7", "usd": Decimal("-0.000000001")},
        "part_known: 1 rows, such as id=7": {"id": "7", "part": "c"},
        "tags_elements_not_null: 1 rows, such as id=7": {"id": "7", "tags": ["x", None]},
        "id_not_null: 1 rows, such as id=None": {"part": "a"},
    }
    before = store.version(TABLE)
    writes: list[Callable[[DataFrame], None]] = [lambda rows: store.append(TABLE, rows)]
    for told, row in broken.items():
        if row.get("tags"):
            writes.append(lambda rows: store.replace(TABLE, rows.unionByName(things(store, {**ROWS[0], "part": "b"}))))
        for write in writes:
            with pytest.raises(QualityError) as refused:
                write(things(store, row))
            assert str(refused.value).startswith("silver.things: ")
            assert told in str(refused.value)
        writes = writes[:1]
    with pytest.raises(QualityError, match="usd_not_negative: 1 rows, such as id=1"):
        store.update(TABLE, things(store, {"id": "1", "usd": Decimal(-1)}).select("id", "usd"))
    with pytest.raises(QualityError, match="part_known: 1 rows, such as id=2"):
        store.replace(TABLE, things(store, ROWS[0], {**ROWS[1], "part": "c"}))
    assert store.version(TABLE) == before


def test_a_column_that_another_program_renamed_is_named_whoever_reads(store: DeltaStore) -> None:
    as_others_do(store.read(TABLE).withColumnRenamed("usd", "dollars"), store.path(TABLE))

    for ask in (lambda: store.read(TABLE), lambda: store.create([TABLE])):
        with pytest.raises(SchemaMismatch) as refused:
            ask()
        assert "usd: stored no such column, declared decimal(28,9)" in str(refused.value)
        assert "dollars: stored decimal(28,9), declared no such column" in str(refused.value)
    assert store.read(TABLE, version=1).count() == 2


def test_a_column_that_another_program_dropped_is_not_added_again_without_a_word(
    store: DeltaStore, spark: SparkSession
) -> None:
    table = sql_name(store.path(TABLE))
    mapped = "'delta.columnMapping.mode' = 'name', 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5'"
    spark.sql(f"ALTER TABLE {table} SET TBLPROPERTIES ({mapped})")
    spark.sql(f"ALTER TABLE {table} DROP COLUMN tags")
    before = store.version(TABLE)

    for ask in (lambda: store.read(TABLE), lambda: store.create([TABLE])):
        with pytest.raises(SchemaMismatch, match="tags: stored no such column, declared array<string>"):
            ask()
    assert store.version(TABLE) == before
