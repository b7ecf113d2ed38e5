"""Jobs that only read, on a lake that has lost a table: 74 and its name, and what was made before stays."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain import catalog
from smart_trader.errors import StorageError
from smart_trader.pipeline import STEPS
from tests.filled import MARKET
from tests.lake import Lake

GOOD = "a page that was made before"
SHOWN = next(step.reads for step in STEPS if step.job == "report")


def without(filled: Lake, lost: str, folder: Path) -> Lake:
    """The same lake, in which one table is missing. No path is one that Delta remembers."""
    for table in catalog.TABLES:
        if table.name != lost:
            place = folder / lost / table.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(filled.root / table.path)
    return Lake(filled.spark, folder / lost)


def refusal(lake: Lake, job: str, **options: Any) -> str:
    with pytest.raises(StorageError) as refused:
        lake.run(job, as_of=MARKET.now, **options)
    return str(refused.value)


def test_a_lost_table_is_named_and_a_page_stays(spark: SparkSession, filled: Lake, tmp_path: Path) -> None:
    for table in catalog.TABLES:
        lake = without(filled, table.name, tmp_path)
        kinds = ("html", "csv", "json") if table.name == "gold.smart_traders" else ("html",)
        for kind in kinds if table.name in SHOWN else ():
            target = tmp_path / f"report.{kind}"
            target.write_text(GOOD)
            assert table.name in refusal(lake, "report", out=target, format=kind)
            assert target.read_text() == GOOD
        assert table.name in refusal(lake, "status")
        assert table.name in refusal(lake, "history", table=table.name)
        if table.name == "gold.smart_traders":
            assert table.name in refusal(lake, "validate")
