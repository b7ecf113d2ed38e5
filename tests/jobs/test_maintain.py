"""maintain: better files, the same rows, and nothing that a job would take for news; then every reader opens them."""

import os
import time
from collections.abc import Callable
from dataclasses import replace

import duckdb
import polars
from deltalake import DeltaTable

from smart_trader.domain import catalog
from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.tables.file_policy import wants_clustering
from smart_trader.domain.tables.table import Maintenance
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.simulator.server import Simulator
from tests.filled import MARKET
from tests.lake import Lake


def test_maintenance_leaves_the_same_rows_for_every_reader_and_no_news_for_any_job(
    filled: Lake, copied: Callable[[str], Lake]
) -> None:
    lake = copied("lake")
    spoilt = transaction_history.TABLE
    rows = lake.tables.read(spoilt).repartition(3).drop("batch_id", "ingested_at")
    lake.tables.overwrite(spoilt, rows)
    orphan = lake.root / spoilt.path / "part-of-a-killed-run.parquet"
    orphan.write_bytes(b"half a file")
    old = time.time() - 30 * 86_400
    for file in (orphan, lake.root / spoilt.path / "_delta_log" / f"{0:020}.json"):
        os.utime(file, (old, old))

    (report,) = lake.run("maintain", as_of=MARKET.now).values()

    assert report.document is not None
    done = {row["table"]: row for row in report.document["tables"]}
    assert done.keys() == {table.name for table in catalog.TABLES}
    assert done[spoilt.name]["done"][:2] == ["compacted", "vacuumed"]
    assert done[spoilt.name]["files_before"] == 3
    assert done[spoilt.name]["files_after"] == 1
    assert not orphan.exists()
    assert lake.digests() == filled.digests()
    versions = lake.versions(catalog.TABLES)
    (again,) = lake.run("maintain", as_of=MARKET.now).values()
    assert again.notes == []
    assert lake.versions(catalog.TABLES) == versions
    with Simulator(MARKET) as simulator:
        lake.run(as_of=MARKET.now, simulator=simulator)
    assert lake.versions(catalog.TABLES) == versions
    for table in catalog.TABLES:
        count = lake.tables.read(table).count()
        opened = DeltaTable(lake.root / table.path)
        assert opened.protocol().min_reader_version == 1
        arrow = opened.to_pyarrow_table()
        assert arrow.num_rows == count
        assert duckdb.from_arrow(arrow).aggregate("count(*)").fetchall() == [(count,)]
        assert polars.read_delta(str(lake.root / table.path)).shape == (count, len(table.schema.names))


def test_a_large_table_is_written_in_order_once_and_again_only_when_enough_is_new(
    copied: Callable[[str], Lake],
) -> None:
    lake = copied("lake")
    table = replace(transaction_history.TABLE, maintenance=Maintenance(file_megabytes=0))
    maintenance = DeltaMaintenance(lake.spark, lake.tables.path)
    before = maintenance.files(table, clustered_at=None)
    assert wants_clustering(table, before)

    small = replace(table, maintenance=Maintenance(file_megabytes=1))
    maintenance.optimize(small, cluster=True)

    (newest, *_) = maintenance.commits(table)
    assert (newest.operation, newest.is_clustering) == ("OPTIMIZE", True)
    after = maintenance.files(table, clustered_at=newest.at)
    assert after.unclustered_bytes == 0
    assert not wants_clustering(table, after)
    assert lake.digest(table) == lake.digest(transaction_history.TABLE)
    lake.tables.append(table, lake.tables.read(table).limit(400).drop("batch_id", "ingested_at"))
    assert wants_clustering(table, maintenance.files(table, clustered_at=newest.at))
