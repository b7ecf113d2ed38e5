"""Copies of the lake that the pipeline has filled, for the tests of what is done to whole tables."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from tests.lake import Lake


@pytest.fixture
def copied(filled: Lake, spark: SparkSession, tmp_path: Path) -> Callable[[str], Lake]:
    """A copy of the filled lake, in a folder of that name."""
    return lambda name: Lake(spark, Path(shutil.copytree(filled.root, tmp_path / name)))
