"""Every table after a run of the pipeline, opened by readers that know nothing of Spark; and who wrote it."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain import catalog
from smart_trader.domain.ops import runs
from smart_trader.domain.silver import trades
from smart_trader.domain.tables.table import Table
from smart_trader.pipeline import STEPS
from smart_trader.simulator.market import DEMO_NOW
from tests.filled import MARKET
from tests.lake import Lake

each_table = pytest.mark.parametrize("table", catalog.TABLES, ids=lambda table: table.name)
MAY_BE_EMPTY = {"bronze.rejected_rows", "silver.rejected_rows"}
A_RUN = {
    **{"run_id": "r", "job": "j", "started_at": DEMO_NOW, "finished_at": DEMO_NOW, "outcome": "ok", "exit_code": 0},
    **dict.fromkeys(("rows_in", "rows_out", "rows_rejected", "api_calls", "compute_units"), 0),
    **{"table_versions": "{}", "code_version": "1", "settings_hash": "h"},
}
A_RECORD = {
    **{"timestamp": DEMO_NOW, "updated_at": DEMO_NOW, "rejected_at": DEMO_NOW, "date": DEMO_NOW.date()},
    **{"symbol": "SPY", "strategy_id": "s", "signal_type": "t", "vix": 17.5, "delta": -0.25, "signal_value": 0.5},
    **{"source": "signals", "source_file": "signals/a.csv", "line": 2, "source_line": 2, "reason": "bad_row"},
}
"""Of a time series, or a rejected one."""


ARROW = {
    "string": "string",
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "date": "date32[day]",
    "timestamp": "timestamp[us, tz=UTC]",
    "double": "double",
}


@pytest.fixture(scope="module")
def lake(filled: Lake, spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    lake = Lake(spark, Path(shutil.copytree(filled.root, tmp_path_factory.mktemp("readers") / "lake")))
    lake.run("evaluate", as_of=MARKET.now + timedelta(days=8))
    lake.fill(runs.TABLE, [A_RUN])
    for table in catalog.TABLES:
        if table.layer == "foundation":
            lake.fill(table, [{name: value for name, value in A_RECORD.items() if name in table.column_names}])
    return lake


@each_table
def test_a_reader_of_version_1_can_read_it(lake: Lake, table: Table) -> None:
    opened = DeltaTable(lake.root / table.path)
    protocol = opened.protocol()
    assert protocol.min_reader_version == 1
    assert protocol.min_writer_version <= 4
    assert not protocol.reader_features
    assert set(opened.metadata().configuration) >= {f"delta.constraints.{check.name}" for check in table.checks}
    assert opened.metadata().partition_columns == list(table.partitioned_by)


@each_table
def test_readers_outside_spark_see_the_declared_types_and_the_same_rows(lake: Lake, table: Table) -> None:
    rows = DeltaTable(lake.root / table.path).to_pyarrow_table()
    count = lake.tables.read(table).count()

    assert rows.schema.names == table.schema.names
    assert [str(kind) for kind in rows.schema.types] == [arrow_type(field.dataType) for field in table.schema]
    assert duckdb.execute("SELECT count(*) FROM rows").fetchall() == [(count,)]
    assert count > 0 or table.name in MAY_BE_EMPTY


def test_a_reader_outside_spark_adds_up_the_same_dollars(lake: Lake) -> None:
    rows = DeltaTable(lake.root / trades.TABLE.path).to_pyarrow_table()
    totals = duckdb.execute("SELECT sum(value_usd) FROM rows").fetchall()

    assert rows.num_rows > 0
    assert totals == [tuple(row) for row in lake.tables.read(trades.TABLE).agg(F.sum("value_usd")).collect()]


@each_table
def test_only_the_jobs_that_the_pipeline_names_have_written_it(lake: Lake, table: Table) -> None:
    metadata = [commit.get("userMetadata") for commit in DeltaTable(lake.root / table.path).history()]
    jobs = {json.loads(text)["job"] for text in metadata if text}

    assert jobs <= {step.job for step in STEPS if table.name in (*step.writes, *step.updates_state_of)}
    assert jobs or table.name in {*MAY_BE_EMPTY, runs.TABLE.name} or table.layer == "foundation"


def arrow_type(kind: T.DataType) -> str:
    """How Arrow names a type of the catalog."""
    if isinstance(kind, T.ArrayType):
        return f"list<element: {arrow_type(kind.elementType)} not null>"
    if isinstance(kind, T.DecimalType):
        return f"decimal128({kind.precision}, {kind.scale})"
    return ARROW[kind.typeName()]
