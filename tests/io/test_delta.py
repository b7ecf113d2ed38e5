"""The store on real Delta tables: what a write commits, and when it commits nothing."""

import getpass
import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import pytest
from delta.exceptions import ConcurrentAppendException
from pyspark.errors import AnalysisException
from pyspark.sql import DataFrame, SparkSession

from smart_trader.domain.tables.changes import RowScope
from smart_trader.domain.tables.table import COUNT, STRING, USD, Check, Column, Table, not_negative
from smart_trader.errors import Interrupted, SchemaMismatch, StorageError
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.machine.clock import SystemClock

TABLE = Table(
    name="silver.things",
    grain="one row per thing",
    key=("id",),
    job="maker",
    columns=(
        Column("id", STRING, "Key.", nullable=False),
        Column("part", STRING, "What a write may be limited to."),
        Column("usd", USD, "A figure."),
        Column("seen", STRING, "State of another job.", owner="watcher"),
    ),
    checks=(*not_negative("usd"), Check("part_known", "part IS NULL OR part IN ('a', 'b')")),
)
ROWS = ({"id": "1", "part": "a", "usd": Decimal(1)}, {"id": "2", "part": "a"}, {"id": "3", "part": "b"})
Open = Callable[[str], DeltaStore]


@pytest.fixture
def open_store(spark: SparkSession, tmp_path: Path) -> Open:
    """The warehouse as a run of that name sees it."""

    def opened(run_id: str) -> DeltaStore:
        days = {"silver": 90}
        return DeltaStore(spark, str(tmp_path / "a lake"), clock=SystemClock(), run_id=run_id, retention_days=days)

    return opened


@pytest.fixture
def store(open_store: Open) -> DeltaStore:
    """A later run on a table that holds `ROWS`."""
    first = open_store("first")
    assert first.create([TABLE]) == [TABLE.name]
    first.append(TABLE, things(first, *ROWS))
    return open_store("second")


def things(store: DeltaStore, *rows: dict[str, Any]) -> DataFrame:
    return store.frame(TABLE.own_schema, [dict.fromkeys(TABLE.column_names) | row for row in rows])


def stored(store: DeltaStore, *names: str) -> list[tuple[Any, ...]]:
    return sorted(tuple(row) for row in store.read(TABLE).select("id", *names).collect())


def test_a_table_is_created_once_and_takes_new_nullable_columns(open_store: Open) -> None:
    store = open_store("first")
    extra = Column("extra", COUNT, "Declared later.")
    wider = replace(TABLE, columns=(*TABLE.columns, extra))

    assert store.create([TABLE]) == [TABLE.name]
    assert store.create([TABLE]) == []
    assert store.version(TABLE) == 0
    store.append(TABLE, things(store, ROWS[0]))
    assert store.create([wider]) == [TABLE.name]
    assert store.create([wider]) == []
    store.append(wider, store.frame(wider.own_schema, [dict.fromkeys(wider.column_names) | {"id": "2", "extra": 5}]))

    assert stored(store, "extra", "batch_id") == [("1", None, "first"), ("2", 5, "first")]


def test_what_a_run_leaves_that_ended_before_the_first_commit_is_no_table(open_store: Open) -> None:
    store = open_store("second")
    log = Path(store.path(TABLE), "_delta_log")
    (log / "_staged_commits").mkdir(parents=True)
    (log / f".{0:020}.json.5ee1.tmp").write_text("{")
    assert store.create([TABLE]) == [TABLE.name]
    assert store.version(TABLE) == 0


def test_where_files_are_left_no_table_is_made_anew(open_store: Open) -> None:
    store = open_store("second")
    rows = Path(store.path(TABLE), "part-00000.parquet")
    (rows.parent / "_delta_log").mkdir(parents=True)
    rows.write_text("rows")
    with pytest.raises(AnalysisException, match="DELTA_TABLE_NOT_FOUND"):
        store.create([TABLE])
    assert rows.read_text() == "rows"


@pytest.mark.parametrize(
    ("column", "instead", "told"),
    [
        ("usd", (), "usd: stored decimal(28,9), declared no such column"),
        ("usd", (Column("usd", COUNT, "Another type."),), "usd: stored decimal(28,9), declared bigint"),
        ("part", (Column("part", STRING, "Stricter.", False),), "part: stored string, declared string not null"),
        (
            "part",
            (TABLE.columns[1], Column("new", STRING, "New.", False)),
            "new: stored no such column, declared string not null",
        ),
    ],
    ids=["a column less", "another type", "null no longer allowed", "new but not null"],
)
def test_any_other_difference_is_refused_with_both_sides(
    store: DeltaStore, column: str, instead: tuple[Column, ...], told: str
) -> None:
    others = tuple(c for c in TABLE.columns if c.name != column)
    changed = replace(TABLE, columns=(*others, *instead))
    before = store.version(TABLE)

    with pytest.raises(SchemaMismatch) as refused:
        store.create([changed])

    assert told in str(refused.value)
    assert store.version(TABLE) == before


def test_replacing_with_the_same_rows_commits_nothing(store: DeltaStore) -> None:
    before = store.version(TABLE)

    store.replace(TABLE, things(store, *ROWS))
    store.replace(TABLE, things(store, {**ROWS[0], "seen": "not ours"}, *ROWS[1:]))

    assert store.version(TABLE) == before
    assert store.rows_written[TABLE.name] == 0


def test_replacing_writes_what_differs_in_one_commit_and_leaves_the_rest(store: DeltaStore) -> None:
    before = store.version(TABLE)
    wanted = ({**ROWS[0], "usd": None, "seen": "new"}, ROWS[1], {"id": "4", "part": "b"})

    store.replace(TABLE, things(store, *wanted))

    assert stored(store, "usd", "seen", "batch_id") == [
        ("1", None, "new", "second"),
        ("2", None, None, "first"),
        ("4", None, None, "second"),
    ]
    assert store.versions == {TABLE.name: (before, before + 1)}
    assert store.rows_written[TABLE.name] == 3


def test_a_few_new_rows_are_one_file_however_many_partitions_there_are(store: DeltaStore, spark: SparkSession) -> None:
    new = [{"id": f"new {nth}"} for nth in range(50)]
    partitions = spark.conf.get("spark.sql.shuffle.partitions")
    spark.conf.set("spark.sql.shuffle.partitions", "4")
    try:
        store.replace(TABLE, things(store, *ROWS, *new))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", partitions or "1")

    (commit,) = spark.sql(f"DESCRIBE HISTORY delta.`{store.path(TABLE)}` LIMIT 1").collect()
    metrics = commit.operationMetrics
    assert (commit.operation, metrics["numFiles"], metrics["numOutputRows"]) == ("WRITE", "1", "50")


def test_two_hundred_random_tables_become_what_is_wanted_and_then_stay_as_they_are(open_store: Open) -> None:
    """All in one table, keys apart: the MERGE of random differences is exact, and a second one commits nothing."""
    random = Random(20261126)

    def some_rows() -> dict[str, dict[str, Any]]:
        keys = [f"{example}-{nth}" for example in range(200) for nth in range(6) if random.random() < 0.6]
        choices = {"part": (None, "a", "b"), "usd": (None, Decimal(0), Decimal("0.1")), "seen": (None, "x", "y")}
        return {key: {"id": key} | {name: random.choice(values) for name, values in choices.items()} for key in keys}

    store, old, wanted = open_store("first"), some_rows(), some_rows()
    store.create([TABLE])
    store.append(TABLE, things(store, *old.values()))
    store.replace(TABLE, things(store, *wanted.values()))
    after = store.version(TABLE)

    for key in wanted.keys() & old.keys():  # another job's column is no difference
        if (old[key]["part"], old[key]["usd"]) == (wanted[key]["part"], wanted[key]["usd"]):
            wanted[key] = old[key]
    assert stored(store, "part", "usd", "seen") == sorted(tuple(row.values()) for row in wanted.values())
    store.replace(TABLE, things(store, *wanted.values()))
    assert store.version(TABLE) == after


def test_replacing_a_part_never_touches_the_others(store: DeltaStore) -> None:
    part = store.frame(TABLE.fields(("part",)), [{"part": "a"}])

    store.replace(TABLE, things(store, {"id": "2", "part": "a", "usd": Decimal(7)}), within=RowScope(part))
    assert stored(store, "usd") == [("2", Decimal(7)), ("3", None)]

    store.replace(TABLE, things(store), within=RowScope(part))
    assert stored(store) == [("3",)]


def test_of_tables_replaced_together_one_that_fails_is_told_and_stops_no_other(store: DeltaStore) -> None:
    other = replace(TABLE, name="silver.other_things")
    store.create([other])
    before = store.version(other)

    with pytest.raises(SchemaMismatch, match=other.name):
        store.replace_each([(other, things(store, ROWS[0]).drop("usd")), (TABLE, things(store, *ROWS, {"id": "4"}))])

    assert store.version(other) == before
    assert stored(store) == [("1",), ("2",), ("3",), ("4",)]


def test_an_empty_table_filled_with_nothing_commits_nothing(open_store: Open) -> None:
    store = open_store("first")
    store.create([TABLE])

    def files() -> list[Path]:
        return list(Path(store.path(TABLE)).glob("*.parquet"))

    store.replace_each([(TABLE, things(store))])
    assert (store.version(TABLE), files()) == (0, [])
    other = replace(TABLE, name="silver.other_things")
    store.create([other])
    store.replace(other, things(store, *ROWS))
    none = store.read(other).select(*TABLE.column_names).where("id = 'nobody knows that there is none'")
    store.replace(TABLE, none)
    assert (store.version(TABLE), files()) == (0, [])
    store.replace_each([(TABLE, none)])
    assert (store.version(TABLE), store.rows_written[TABLE.name]) == (0, 0)

    store.replace(TABLE, things(store, *ROWS))
    assert (store.version(TABLE), len(stored(store))) == (1, 3)


def test_only_new_keys_are_added_and_what_is_there_stays(store: DeltaStore) -> None:
    before = store.version(TABLE)

    store.append_new(TABLE, things(store, {"id": "1", "usd": Decimal(9)}))
    assert store.version(TABLE) == before
    store.append_new(TABLE, things(store, {"id": "1", "usd": Decimal(9)}, {"id": "5"}))

    assert stored(store, "usd") == [("1", Decimal(1)), ("2", None), ("3", None), ("5", None)]


def test_an_update_sets_columns_where_they_differ_and_only_there(store: DeltaStore) -> None:
    def marks(column: str, **seen: str) -> DataFrame:
        schema = TABLE.fields((column, "seen"))
        return store.frame(schema, [{column: value, "seen": mark} for value, mark in seen.items()])

    store.update(TABLE, marks("part", a="yes", z="nowhere"), on=("part",))
    assert stored(store, "seen", "batch_id") == [("1", "yes", "second"), ("2", "yes", "second"), ("3", None, "first")]
    assert store.rows_written[TABLE.name] == 2

    store.update(
        TABLE, store.frame(TABLE.fields(("id", "seen")), [{"id": "1", "seen": None}, {"id": "2", "seen": "yes"}])
    )
    assert stored(store, "seen", "usd") == [("1", None, Decimal(1)), ("2", "yes", None), ("3", None, None)]
    assert store.rows_written[TABLE.name] == 3


def test_an_overwrite_is_one_commit_that_leaves_the_new_rows(store: DeltaStore) -> None:
    before = store.version(TABLE)

    store.overwrite(TABLE, things(store, {"id": "9"}))

    assert (stored(store), store.version(TABLE)) == ([("9",)], before + 1)
    assert store.read(TABLE, version=before).count() == 3


@pytest.mark.parametrize("few", [0, 32], ids=["many files", "few files"])
def test_a_frame_stays_as_it_was_read_and_a_new_one_is_newer(
    open_store: Open, store: DeltaStore, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    monkeypatch.setattr("smart_trader.tuning.MAX_KNOWN_FILES", few)
    first, (frame, start) = ("1", "2", "3"), (store.read(TABLE), store.version(TABLE))

    open_store("other").append(TABLE, things(store, {"id": "4"}))
    open_store("another").overwrite(TABLE, things(store))

    assert sorted(row.id for row in frame.collect()) == sorted(first)
    assert [store.read(TABLE, version=start + nth).count() for nth in range(3)] == [3, 4, 0]
    assert (stored(store), store.read(TABLE).where("part = 'a'").count()) == ([], 0)


def test_a_query_of_a_small_table_is_its_own_job_only(
    open_store: Open, store: DeltaStore, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def jobs_of_a_query(store: DeltaStore) -> int:
        scheduler = spark.sparkContext._jsc.sc().dagScheduler()
        before = scheduler.numTotalJobs()
        assert [row.usd for row in store.read(TABLE).where("id = '1'").collect()] == [Decimal(1)]
        return int(scheduler.numTotalJobs() - before)

    assert jobs_of_a_query(store) == 1
    monkeypatch.setattr("smart_trader.tuning.MAX_KNOWN_FILES", 0)
    assert jobs_of_a_query(open_store("another")) > 1, "else Delta looks for the files with one more"


def test_rows_that_do_not_fit_are_refused_before_anything_is_written(store: DeltaStore) -> None:
    before = store.version(TABLE)

    misnamed = things(store, ROWS[0]).withColumnRenamed("seen", "sean")
    for write in (store.append, store.replace, store.overwrite):
        with pytest.raises(SchemaMismatch, match=r"missing: +seen\n +unexpected: +sean\n"):
            write(TABLE, misnamed)

    assert store.version(TABLE) == before


def test_conflicts_without_end_end_the_run(store: DeltaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    pauses: list[float] = []
    monkeypatch.setattr(store, "wait", pauses.append)

    def beaten(*_: Any) -> None:
        asked.append("write")
        raise ConcurrentAppendException("another writer was faster")

    monkeypatch.setattr(store, "_write", beaten)
    with pytest.raises(Interrupted, match="5 attempts failed"):
        store.append(TABLE, things(store, {"id": "9"}))
    assert (len(asked), len(pauses)) == (5, 4), "there is nothing to wait for after the last"


def test_what_changed_leaves_out_maintenance_and_the_named_job(store: DeltaStore, spark: SparkSession) -> None:
    start = store.version(TABLE)
    assert not store.changed_since(TABLE, start)

    with store.committing_as("watcher", "1"):
        store.update(TABLE, store.frame(TABLE.fields(("id", "seen")), [{"id": "1", "seen": "yes"}]))
    spark.sql(f"OPTIMIZE delta.`{store.path(TABLE)}`").collect()
    assert store.version(TABLE) == start + 2
    assert not store.changed_since(TABLE, start, except_by="watcher")
    assert not store.changed_since(TABLE, start + 1)
    assert store.changed_since(TABLE, start)
    assert store.changed_since(TABLE, start - 1, except_by="watcher")
    assert store.changed_since(TABLE, start + 3), "the table was recreated since"


def test_every_commit_names_run_job_code_version_and_user(store: DeltaStore, spark: SparkSession) -> None:
    with store.committing_as("maker", "1.2.3"):
        store.append(TABLE, things(store, {"id": "7"}))
        store.update(TABLE, store.frame(TABLE.fields(("id", "part")), [{"id": "7", "part": "b"}]))
    store.append(TABLE, things(store, {"id": "8"}))

    history = spark.sql(f"DESCRIBE HISTORY delta.`{store.path(TABLE)}` LIMIT 3").collect()
    named = [commit.userMetadata and json.loads(commit.userMetadata) for commit in history]
    user = getpass.getuser()
    assert named == [None, *[{"run_id": "second", "job": "maker", "code_version": "1.2.3", "user_name": user}] * 2]


def test_what_cannot_be_read_is_a_storage_error_that_says_what_to_do(store: DeltaStore) -> None:
    with pytest.raises(StorageError, match=r"silver\.things as of version 99 cannot be read.*Next: "):
        store.read(TABLE, version=99)
    with pytest.raises(StorageError, match=r"silver\.others cannot be read"):
        store.read(replace(TABLE, name="silver.others"))
    assert store.version(replace(TABLE, name="silver.others")) == -1
