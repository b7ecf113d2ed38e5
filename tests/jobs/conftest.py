"""A lake that the pipeline has filled, shared by the tests of what is done to whole tables."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.filled import filled
from tests.lake import Lake


@pytest.fixture(scope="session")
def finished(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake after a pipeline that was stopped between reading and computing; validated there and at its end."""
    return Lake(spark, filled(spark, tmp_path_factory))


@pytest.fixture
def copied(finished: Lake, spark: SparkSession, tmp_path: Path) -> Callable[[str], Lake]:
    """A copy of the finished lake, in a folder of that name."""
    return lambda name: Lake(spark, Path(shutil.copytree(finished.root, tmp_path / name)))
