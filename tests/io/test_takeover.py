"""Tables of a run that may have lost its lease, and of the run that took it over."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain.tables.table import COUNT, Column, Table
from smart_trader.errors import LeaseLost, StorageError
from smart_trader.io.delta.snapshots import delta_log, newest_snapshot, scala_seq, set_session
from smart_trader.io.delta.store import DeltaStore, Fence, unfenced
from smart_trader.io.delta.takeover import Takeover
from smart_trader.io.jvm import java_class
from smart_trader.io.machine.clock import SystemClock
from tests.io.test_delta import ROWS, TABLE, things

WIDER = replace(TABLE, columns=(*TABLE.columns, Column("extra", COUNT, "Declared later.")))
MISSING = replace(TABLE, name="silver.missing")
Open = Callable[..., DeltaStore]


@pytest.fixture
def open_store(spark: SparkSession, tmp_path: Path) -> Open:
    def opened(run_id: str, fence: Fence = unfenced) -> DeltaStore:
        clock = SystemClock()
        days = {"silver": 90}
        return DeltaStore(spark, str(tmp_path), clock=clock, run_id=run_id, retention_days=days, fence=fence)

    return opened


@pytest.fixture
def table_of_the_former_owner(open_store: Open) -> None:
    former = open_store("former")
    former.create([TABLE])
    with former.committing_as("maker", "1"):
        former.append(TABLE, things(former, *ROWS))


WRITES: dict[str, Callable[[DeltaStore], object]] = {
    "append": lambda store: store.append(TABLE, things(store, {"id": "9"})),
    "append_new": lambda store: store.append_new(TABLE, things(store, {"id": "9"})),
    "overwrite": lambda store: store.overwrite(TABLE, things(store, {"id": "9"})),
    "replace": lambda store: store.replace(TABLE, things(store, {"id": "1", "part": "b"}, {"id": "9"})),
    "update": lambda store: store.update(TABLE, things(store, {"id": "1"}).select("id", "part")),
    "alter": lambda store: store.create([WIDER]),
    "create": lambda store: store.create([MISSING]),
    "drop": lambda store: store.drop([TABLE]),
}


def test_every_commit_asks_first_whether_the_run_is_the_owner(
    open_store: Open, table_of_the_former_owner: None, tmp_path: Path
) -> None:
    def fence(_table: Table) -> AbstractContextManager[None]:
        raise LeaseLost("lost")

    for write in WRITES.values():
        with pytest.raises(LeaseLost):
            write(open_store("former", fence))
    assert open_store("other").version(TABLE) == 1
    assert open_store("other").version(MISSING) == -1


def test_what_the_former_owner_has_under_way_is_refused(
    spark: SparkSession, open_store: Open, table_of_the_former_owner: None
) -> None:
    store = open_store("next")
    path, option = store.path(TABLE), java_class(spark, "scala.Option")
    set_session(spark)
    snapshot = newest_snapshot(spark, path)
    under_way = delta_log(spark, path).startTransaction(option.empty(), option.apply(snapshot))

    Takeover(spark, store, number=7, run_id="next").fence([TABLE, MISSING])

    schema = snapshot.schema()
    operation = java_class(spark, "org.apache.spark.sql.delta.DeltaOperations$UpdateSchema")(schema, schema)
    with pytest.raises(Exception, match="METADATA_CHANGED"):
        under_way.commit(scala_seq(spark, []), operation)
    assert store.version(TABLE) == 2
    assert store.version(MISSING) == -1
    assert not store.changed_since(TABLE, 1), "no step has to run because of it"


def test_a_commit_that_was_written_over_is_found(
    spark: SparkSession, open_store: Open, table_of_the_former_owner: None, tmp_path: Path
) -> None:
    store = open_store("next")
    takeover = Takeover(spark, store, number=7, run_id="next")
    takeover.fence([TABLE, MISSING])
    with store.committing_as("maker", "1"):
        store.append(TABLE, things(store, {"id": "8"}))
        store.create([MISSING])
    takeover.verify([TABLE, MISSING])

    log = tmp_path / TABLE.path / "_delta_log"
    log.joinpath(f"{3:020}.json").write_bytes(log.joinpath(f"{1:020}.json").read_bytes())
    log.joinpath(f".{3:020}.json.crc").unlink()  # a store has none
    with pytest.raises(StorageError, match=r"silver\.things: version 3 .* by the run former"):
        takeover.verify([TABLE, MISSING])
