"""A disk that is full, read-only or gone: 74, tables readable as they were, and the next run ends as if undisturbed."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from smart_trader.domain.bronze import token_metrics
from smart_trader.domain.silver import tracked_tokens
from smart_trader.io.machine.clock import SystemClock
from smart_trader.io.machine.disks import is_full
from smart_trader.run import outcomes
from smart_trader.simulator.market import DEMO_NOW, Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake
from tests.reliability.disks import Disk

JOBS = ("bronze_tokens", "silver_tokens")
WRITTEN = (token_metrics.TABLE, tracked_tokens.TABLE)
ROOMS = (0, 6_000, 30_000, 60_000, 500_000)


@pytest.fixture(scope="module")
def simulator() -> Iterator[Simulator]:
    with Simulator(Market.generate(7, tokens=4, wallets=10, trade_rows=100)) as served:
        yield served


@pytest.fixture(scope="module")
def undisturbed(spark: SparkSession, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the tables hold after a run that nothing disturbed."""
    lake = Lake(spark, tmp_path_factory.mktemp("undisturbed") / "lake")
    assert run(lake, simulator) == (0, "")
    return content(lake)


@pytest.fixture
def disk(spark: SparkSession, tmp_path: Path) -> Iterator[Disk]:
    found = Disk(tmp_path / "disk", spark.sparkContext._gateway.proc.pid)
    yield found
    found.unmount()


def run(lake: Lake, simulator: Simulator) -> tuple[int, str]:
    """Exit status and message of a run."""
    try:
        lake.run(*JOBS, as_of=DEMO_NOW, simulator=simulator)
    except Exception as error:
        return outcomes.explain(error, SystemClock())
    return 0, ""


def content(lake: Lake) -> dict[str, str]:
    """Digests; with the run that wrote a snapshot, which is not the first one after a disturbance."""
    wanted = {table: [name for name in table.column_names if name != "bronze_batch_id"] for table in WRITTEN}
    rows = {table: lake.tables.read(table).select(*names).collect() for table, names in wanted.items()}
    return {table.name: repr(sorted(map(repr, found))) for table, found in rows.items()}


def litter(root: Path) -> list[str]:
    """What a failed write left, but for Delta's own hidden files in a log, which no reader looks at."""
    left = [path for path in root.rglob("*") if path.name.endswith(".tmp") or path.name.startswith("_temporary")]
    return [str(path) for path in left if not (path.parent.name == "_delta_log" and path.name[0] == ".")]


def test_a_disk_that_is_full_and_one_that_fills_up_half_way(
    spark: SparkSession, disk: Disk, simulator: Simulator, undisturbed: dict[str, str]
) -> None:
    lake = Lake(spark, disk.place / "lake")
    lake.make_tables()
    before, seen = content(lake), []
    for room in ROOMS:
        with disk.with_room_for(room):
            assert not disk.is_mounted or room or is_full(lake.root)
            status, message = run(lake, simulator)
            seen.append(content(lake))  # every table can be read
        if status == 0:
            break
        assert status == 74, message
        assert "Tables stay readable" in message
    assert seen[0] == before
    assert len(seen) > 1
    assert run(lake, simulator) == (0, "")
    assert content(lake) == undisturbed
    assert litter(lake.root) == []


def test_a_disk_that_is_read_only(
    spark: SparkSession, disk: Disk, simulator: Simulator, undisturbed: dict[str, str]
) -> None:
    lake = Lake(spark, disk.place / "lake")
    lake.make_tables()
    before = content(lake)
    with disk.read_only():
        status, message = run(lake, simulator)
        assert (status, content(lake)) == (74, before), message
    assert run(lake, simulator) == (0, "")
    assert content(lake) == undisturbed


def test_something_in_the_way_of_a_folder(lake: Lake, simulator: Simulator, undisturbed: dict[str, str]) -> None:
    in_the_way = lake.root / token_metrics.TABLE.path / f"processing_date={DEMO_NOW.date()}"
    in_the_way.write_text("")
    status, message = run(lake, simulator)
    assert status == 74, message
    in_the_way.unlink()
    assert run(lake, simulator) == (0, "")
    assert content(lake) == undisturbed


def test_a_file_of_a_table_that_is_gone_or_damaged(
    lake: Lake, simulator: Simulator, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    assert run(lake, simulator) == (0, "")
    table = lake.root / token_metrics.TABLE.path
    file, kept = table / DeltaTable(table).file_uris()[0], tmp_path / "kept"
    shutil.copy(file, kept)

    def forget() -> None:
        """As a new process has forgotten: Spark keeps what failed to be read as well."""
        lake.spark.catalog.clearCache()
        lake.spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()

    for damage in ("", "PAR1 no more"):
        (file.parent / f".{file.name}.crc").unlink(missing_ok=True)
        file.write_text(damage) if damage else file.unlink()
        forget()
        status, message = run(lake, simulator)
        assert status == 74, message
        assert "estore" in message
        shutil.copy(kept, file)
    forget()
    assert run(lake, simulator) == (0, "")
    assert content(lake) == undisturbed
