"""The store of a dry run: what a store on the warehouse itself would hold and say, with the warehouse left alone."""

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from smart_trader.domain.tables.changes import RowScope, TableChange
from smart_trader.domain.tables.log_rules import broken_log_rules
from smart_trader.domain.tables.table import COUNT, STRING, USD, Column, Table, not_negative
from smart_trader.errors import SchemaMismatch
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.machine.clock import SystemClock
from smart_trader.run import clones
from tests.warehouse_files import fingerprint

TABLE = Table(
    name="silver.things",
    grain="one row per thing and part",
    key=("id", "part"),
    job="maker",
    columns=(
        Column("id", STRING, "Key.", nullable=False),
        Column("part", STRING, "Key.", nullable=False),
        Column("usd", USD, "A figure."),
        Column("seen", STRING, "State of another job.", owner="watcher"),
    ),
    partitioned_by=("part",),
    checks=not_negative("usd"),
)
OTHER = replace(TABLE, name="silver.others")
GIVEN: dict[str, Any] = {"clock": SystemClock(), "retention_days": {"silver": 90}}
Rehearse = Callable[[str], CloneStore]


def things(store: DeltaStore, *rows: str) -> DataFrame:
    """Rows from `id part usd`."""
    fields = [row.split() for row in rows]
    records = [{"id": i, "part": p, "usd": Decimal(usd), "seen": None} for i, p, usd in fields]
    return store.frame(TABLE.own_schema, records)


def stored(rows: DataFrame) -> list[tuple[Any, ...]]:
    return sorted((row.id, row.part, row.usd, row.seen) for row in rows.collect())


@pytest.fixture(scope="module")
def original(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with two tables, one of them empty."""
    root = tmp_path_factory.mktemp("original") / "a lake"
    store = DeltaStore(spark, str(root), run_id="first", **GIVEN)
    store.create([TABLE, OTHER])
    with store.committing_as("maker", "1"):
        store.append(TABLE, things(store, "1 a 10", "2 a 20", "3 b 30", "4 b 40"))
    with store.committing_as("watcher", "1"):
        store.update(TABLE, store.frame(TABLE.fields(("id", "seen")), [{"id": "1", "seen": "yes"}]), on=("id",))
    return root


@pytest.fixture
def warehouse(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "a lake"))


@pytest.fixture
def rehearsed(spark: SparkSession, warehouse: Path, tmp_path: Path) -> Iterator[CloneStore]:
    """The warehouse as a dry run has it. Not a file of it changes until the test has ended."""
    before = fingerprint(warehouse)
    (tmp_path / "scratch").mkdir()
    with clones.place(spark, str(tmp_path / "scratch"), "dry") as place:
        yield CloneStore(spark, str(warehouse), clones=place, run_id="dry", **GIVEN)
    assert fingerprint(warehouse) == before
    assert list((tmp_path / "scratch").iterdir()) == []


def write_all_sorts(store: DeltaStore) -> None:
    part = store.frame(TABLE.fields(("part",)), [{"part": "a"}])
    with store.committing_as("maker", "1"):
        store.append(TABLE, things(store, "5 a 50"))
        store.replace(TABLE, things(store, "1 a 11", "2 a 20"), within=RowScope(part))
        store.append_new(TABLE, things(store, "4 b 99", "6 b 60"))
    with store.committing_as("watcher", "1"):
        store.update(TABLE, store.frame(TABLE.fields(("id", "seen")), [{"id": "3", "seen": "yes"}]), on=("id",))


def test_a_clone_holds_and_says_what_the_table_itself_would(
    spark: SparkSession, original: Path, rehearsed: CloneStore, tmp_path: Path
) -> None:
    real = DeltaStore(spark, str(shutil.copytree(original, tmp_path / "real")), run_id="real", **GIVEN)
    stores = (real, rehearsed)
    start = real.version(TABLE)
    for store in stores:
        write_all_sorts(store)

    assert [store.version(TABLE) for store in stores] == [start + 4] * 2
    assert rehearsed.versions == real.versions == {TABLE.name: (start, start + 4)}
    assert rehearsed.rows_written == real.rows_written
    assert not broken_log_rules(TABLE, DeltaMaintenance(spark, rehearsed.path).inspect(TABLE)), "for validate"
    for version in (None, start - 1, start, start + 1, start + 3):
        assert stored(rehearsed.read(TABLE, version=version)) == stored(real.read(TABLE, version=version)), version
    answers = {
        (start - 1, "watcher"): True,
        (start, ""): True,
        (start + 2, "maker"): True,
        (start + 3, ""): True,
        (start + 3, "watcher"): False,
        (start + 4, ""): False,
        (start + 5, ""): True,
    }
    for (version, job), answer in answers.items():
        said = [store.changed_since(TABLE, version, except_by=job) for store in stores]
        assert said == [answer, answer], (version, job)
    assert rehearsed.changes([TABLE, OTHER]) == [
        TableChange(table=TABLE.name, inserted=1, updated=2, unchanged=2),
        TableChange(table=OTHER.name),
    ]


def test_what_comes_back_to_where_it_was_is_no_change(rehearsed: CloneStore) -> None:
    before = rehearsed.read(TABLE)
    rehearsed.overwrite(TABLE, things(rehearsed, "1 a 12", "7 b 70"))
    rehearsed.overwrite(TABLE, before.select(*TABLE.column_names).where("id < 4"))

    assert rehearsed.changes([TABLE]) == [TableChange(table=TABLE.name, deleted=1, unchanged=3)]
    rehearsed.append(TABLE, things(rehearsed, "4 b 40"))
    assert rehearsed.changes([TABLE]) == [TableChange(table=TABLE.name, unchanged=4)]


def test_another_run_that_writes_meanwhile_is_not_seen(
    spark: SparkSession, original: Path, warehouse: Path, tmp_path: Path
) -> None:
    busy = DeltaStore(spark, str(warehouse), run_id="busy", **GIVEN)
    with clones.place(spark, str(tmp_path), "dry") as place:
        dry = CloneStore(spark, str(warehouse), clones=place, run_id="dry", **GIVEN)
        start = dry.version(TABLE)
        busy.append(TABLE, things(busy, "8 a 80"))
        assert (dry.version(TABLE), dry.read(TABLE).count()) == (start, 4)
        assert not dry.changed_since(TABLE, start)
        assert dry.changed_since(TABLE, start - 2, except_by="watcher")
        assert not dry.changed_since(TABLE, start - 1, except_by="watcher")

        dry.append(TABLE, things(dry, "9 a 90"))
        assert dry.changes([TABLE]) == [TableChange(table=TABLE.name, inserted=1, unchanged=4)]
    assert (busy.version(TABLE), busy.read(TABLE).count()) == (start + 1, 5)


def test_tables_that_are_to_be_made_or_widened_are_so_in_the_clones_only(
    spark: SparkSession, rehearsed: CloneStore, tmp_path: Path
) -> None:
    new = replace(TABLE, name="silver.new")
    wider = replace(TABLE, columns=(*TABLE.columns, Column("extra", COUNT, "Declared later.")))
    narrower = replace(OTHER, columns=OTHER.columns[:3])
    assert rehearsed.create([new, wider, OTHER]) == [new.name, wider.name]
    with pytest.raises(SchemaMismatch):
        rehearsed.create([narrower])
    rehearsed.append(new, things(rehearsed, "1 a 10"))
    rehearsed.drop([OTHER])
    assert rehearsed.create([OTHER]) == [OTHER.name]

    assert set(rehearsed.read(wider).columns) == set(wider.schema.names)
    assert rehearsed.version(new) == 1
    assert rehearsed.changes([new, wider, OTHER]) == [
        TableChange(table=new.name, is_new=True, inserted=1),
        TableChange(table=wider.name, new_columns=("extra",), unchanged=4),
        TableChange(table=OTHER.name),
    ]
    nowhere = tmp_path / "nowhere"
    with clones.place(spark, str(tmp_path), "dry") as place:
        store = CloneStore(spark, str(nowhere), clones=place, run_id="dry", **GIVEN)
        assert store.create([TABLE]) == [TABLE.name]
        store.append(TABLE, things(store, "1 a 10"))
        assert store.changes([TABLE]) == [TableChange(table=TABLE.name, is_new=True, inserted=1)]
    assert not nowhere.exists()
