"""A run without anything that is done for speed alone ends in the tables of a run with all of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader import tuning
from smart_trader.io.delta import reader
from smart_trader.io.jvm import java_class
from smart_trader.simulator.market import Market
from tests.reliability.lakes import digests
from tests.reliability.world import COMPUTING, copied, run
from tests.test_tuning import DEFAULTS, names_in


@contextmanager
def switched_off(spark: SparkSession) -> Iterator[None]:
    """The session as it is in a run with `spark.tuning=false`, as far as a session can be changed."""
    conf, jvm = spark.conf, spark._jvm
    given = [*names_in(DEFAULTS), *tuning.spark_confs(is_small=True)]
    left_out = {*given} - {*names_in(tuning.plain_defaults(DEFAULTS))}
    before = {name: str(conf.get(name)) for name in left_out if conf.isModifiable(name)}
    kept = {name: value for name, value in vars(jvm).items() if isinstance(value, tuning._KeptClass)}
    for name in before:
        conf.unset(name)
    for name in kept:
        delattr(jvm, name)
    conf.set(tuning.SWITCH, "false")
    try:
        yield
    finally:
        conf.unset(tuning.SWITCH)
        for name, value in before.items():
            conf.set(name, value)
        vars(jvm).update(kept)


def unwanted(*_: Any, **__: Any) -> None:
    raise AssertionError("it is there for speed alone")


@pytest.mark.long
def test_a_run_without_any_of_it_has_the_same_rows(
    spark: SparkSession,
    market: Market,
    fetched: Path,
    once: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lake = copied(spark, fetched, tmp_path)
    with switched_off(spark), monkeypatch.context() as patched:
        assert spark.conf.get("spark.sql.adaptive.enabled") == "true", "else it is not Spark's default that is tried"
        for name in ("keep_class", "may_have_rows", "forget_archives"):
            patched.setattr(tuning, name, unwanted)
        patched.setattr(reader, "frame_of", unwanted)
        run(lake, market, *COMPUTING)
    assert digests(lake.root) == digests(once)


def test_a_class_is_kept_unless_it_is_switched_off(spark: SparkSession) -> None:
    with switched_off(spark):
        assert java_class(spark, "java.util.BitSet")().cardinality() == 0
        assert "java.util.BitSet" not in vars(spark._jvm)
    assert java_class(spark, "java.util.BitSet") is java_class(spark, "java.util.BitSet")
