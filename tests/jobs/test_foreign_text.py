"""What other writers leave in the log of a table and in `ops.runs` ends no job."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from smart_trader.domain.ops import runs
from smart_trader.domain.silver import trades, wallet_pnl
from smart_trader.domain.tables.table import Table
from smart_trader.errors import StorageError
from smart_trader.io.machine.clock import SystemClock
from smart_trader.jobs.helius_webhooks import last_known
from tests.filled import MARKET
from tests.lake import Lake

METADATA = (
    '"text"',
    "7",
    "[1, 2]",
    "not JSON",
    "[" * 5_000,
    '{"job": {}, "run_id": 7}',
    '{"job": "\\ud800\\u001b[2J"}',
)
"""Of commits: none is an object that names a job."""
RECORD = {
    "run_id": "theirs",
    "job": "helius_webhooks",
    "outcome": "ok",
    "exit_code": 0,
    **dict.fromkeys(("rows_in", "rows_out", "rows_rejected", "api_calls", "compute_units"), 0),
    **dict.fromkeys(("table_versions", "document"), "[" * 5_000),
    **dict.fromkeys(("code_version", "settings_hash"), "\u202ex"),
    "message": "\x1b]0;title\x07",
}


def write_as_others_do(lake: Lake) -> None:
    conf = lake.spark.conf
    for table in (wallet_pnl.TABLE, trades.TABLE):
        for text in METADATA if table is wallet_pnl.TABLE else METADATA[:1]:
            conf.set("spark.databricks.delta.commitInfo.userMetadata", text)
            lake.spark.sql(f"UPDATE delta.`{lake.root}/{table.path}` SET token_address = token_address")
    conf.unset("spark.databricks.delta.commitInfo.userMetadata")
    for column in ("started_at", "finished_at"):
        record = lake.tables.frame(
            runs.TABLE.own_schema, [RECORD | {"started_at": MARKET.now, "finished_at": MARKET.now}]
        )
        in_36000 = F.timestamp_seconds(F.lit(1_073_741_824_000))
        lake.tables.append(runs.TABLE, record.withColumn(column, in_36000).withColumn("run_id", F.lit(column)))


def test_what_others_wrote_ends_no_job(filled: Lake, tmp_path: Path) -> None:
    shutil.copytree(filled.root, tmp_path / "lake")
    lake = Lake(filled.spark, tmp_path / "lake", runs_before=20)
    write_as_others_do(lake)
    history = lake.run("history", as_of=MARKET.now, table=wallet_pnl.TABLE.name, limit=len(METADATA))[
        "history"
    ].document
    assert history is not None
    assert [commit["job"] for commit in history["commits"]] == ["[2J", *["-"] * 6]
    assert lake.run("gold_traders", as_of=MARKET.now)["gold_traders"].rows_in  # news, since nobody says that it is none
    for job in ("status", "report"):
        document = lake.run(job, as_of=MARKET.now, out=tmp_path / "report.html")[job].document
        assert document is not None
    assert last_known(lake.tables.read(runs.TABLE), until=SystemClock().now()) is None


@pytest.mark.parametrize(
    "name", ["99999999999999999999.json", "00000000009999999999.json", "99999999999999999999.checkpoint.parquet"]
)
def test_a_log_with_a_file_that_does_not_belong_there_is_unreadable(lake: Lake, name: str) -> None:
    """Delta counts versions in 64 bits, and lists as many as there are between two of them."""
    table = wallet_pnl.TABLE
    (lake.root / table.path / "_delta_log" / name).write_text('{"commitInfo": {}}')
    maintenance = lake._app(lake.tables, "maintain", MARKET.now, None, (), {}).maintenance
    ask: tuple[Callable[[Table], object], ...] = (
        lake.tables.version,
        lake.tables.read,
        lake.tables.contents,
        lambda table: lake.tables.create([table]),
        maintenance.inspect,
        maintenance.commits,
    )
    for question in ask:
        with pytest.raises(StorageError, match=r"(?s)wallet_pnl.* cannot be read.* Next: "):
            question(table)
