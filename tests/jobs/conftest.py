"""A warehouse for each test of a job, copied from one whose tables were created once."""

import shutil
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain import catalog
from tests.lake import Lake


@pytest.fixture(scope="session")
def empty_warehouse(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = Lake(spark, tmp_path_factory.mktemp("warehouse") / "empty")
    lake.tables.create(catalog.TABLES)
    return lake.root


@pytest.fixture
def lake(spark: SparkSession, empty_warehouse: Path, tmp_path: Path) -> Lake:
    return Lake(spark, Path(shutil.copytree(empty_warehouse, tmp_path / "lake")))
