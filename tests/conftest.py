"""What all tests share: UTC, and how many examples hypothesis tries.

`HYPOTHESIS_PROFILE=quick` (default) tries the same 25 examples at every run, and `ci`, which `.ci/run` sets, the same
200. `nightly` tries 10,000 new ones; the seed is printed, and `--hypothesis-seed=SEED` repeats it. `planted` tries
those of `ci` and does not look for the smallest one that fails.
"""

import fcntl
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, Phase, settings

from smart_trader.run import logs

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from tests.lake import Lake

MakeOnce = Callable[[str, Callable[[Path], None]], Path]

os.environ["TZ"] = "UTC"
time.tzset()
# Containers often forbid it; pytest then rewrites the asserts of all tests in each worker, at every run.
sys.dont_write_bytecode = False

LANES = {"airflow", "browser", "long", "store", "yarn"}
UNMARKED_SECONDS = 10
"""Of a processor, in processes that a test starts: nothing but a JVM takes as much."""
CI_EXAMPLES = 200
_ALWAYS = settings(
    deadline=None,
    database=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile("quick", _ALWAYS, max_examples=CI_EXAMPLES // 8, derandomize=True)
settings.register_profile("ci", _ALWAYS, max_examples=CI_EXAMPLES, derandomize=True)
settings.register_profile("nightly", _ALWAYS, max_examples=50 * CI_EXAMPLES)
settings.register_profile(
    "planted", _ALWAYS, max_examples=CI_EXAMPLES, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
PROFILE = os.environ.get("HYPOTHESIS_PROFILE", "quick")
settings.load_profile(PROFILE)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if PROFILE == "nightly" and config.getoption("--hypothesis-seed") is None:
        config.option.hypothesis_seed = str(randbelow(2**32))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Files that take longest come first: those that start a JVM each time, and then those of the Spark session."""
    _leave_out_lanes(config, items)
    for item in items:
        if _needs_session(item):
            item.add_marker(pytest.mark.spark)
    of_session = {item.path for item in items if _needs_session(item)}
    of_jvm = {item.path for item in items if item.get_closest_marker("spark")}
    items.sort(key=lambda item: (item.path not in of_jvm, item.path in of_session))


def _leave_out_lanes(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What has lanes of its own runs only if `-m` names each of them, whatever else `-m` says."""
    named = set(re.findall(r"\w+", config.getoption("-m")))
    out = [item for item in items if any(item.get_closest_marker(lane) for lane in LANES - named)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def _needs_session(item: pytest.Item) -> bool:
    return "spark" in getattr(item, "fixturenames", ())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """A test that starts a JVM by itself has to say so, lest `-m "not spark"` be slow one day. One of the Spark session
    leaves no name of a run there, which the commits of later tests would have."""
    before = _seconds_of_children()
    yield
    if session := getattr(item, "funcargs", {}).get("spark"):
        assert session.conf.get("spark.databricks.delta.commitInfo.userMetadata", None) is None, "it left its name"
    took = _seconds_of_children() - before
    if took > UNMARKED_SECONDS and not any(item.get_closest_marker(name) for name in (*LANES, "spark")):
        pytest.fail(f"its processes computed for {took:.0f} s: mark it as spark, or as long, or make it cheaper")


def _seconds_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def pytest_report_header(config: pytest.Config) -> str:
    return f"examples of hypothesis: profile {PROFILE}, seed {config.getoption('--hypothesis-seed') or 'by test name'}"


@pytest.fixture
def logs_put_back() -> Iterator[None]:
    """After the test, logging is as it was before, whatever the test configured."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logs.configure(run_id="", job="", json_lines=True)
    root.handlers[:], root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[SparkSession]":
    """The one Spark session of this worker."""
    from tests.lake import start_spark

    session = start_spark(tmp_path_factory.mktemp("spark"))
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def made_once(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Makes what all workers share: the one that asks for it first makes it, and the others wait.

    Takes a name and a function that fills an empty folder; returns the folder.
    """
    own = tmp_path_factory.getbasetemp()
    run = own.parent if hasattr(pytestconfig, "workerinput") else own

    def make(name: str, fill: Callable[[Path], None]) -> Path:
        made = run / f"once-{name}"
        with (run / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not made.exists():
                draft = tmp_path_factory.mktemp(name)
                fill(draft)
                draft.rename(made)
        return made

    return make


@pytest.fixture(scope="session")
def filled(spark: "SparkSession", made_once: MakeOnce) -> "Lake":
    """A lake after a whole pipeline, for all tests: they look at it, or change a copy."""
    from tests.filled import RUNS, fill
    from tests.lake import Lake

    folder = made_once("filled", lambda draft: fill(Lake(spark, draft / "lake")))
    return Lake(spark, folder / "lake", runs_before=RUNS)


@pytest.fixture
def lake(spark: "SparkSession", tmp_path: Path) -> "Lake":
    """A warehouse of empty tables."""
    from tests.lake import Lake

    lake = Lake(spark, tmp_path / "lake")
    lake.make_tables()
    return lake
