"""One Spark session as the launcher starts it for a large lake on one machine, and what its runs cost."""

import json
import os
import platform
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pyspark.sql import SparkSession

from smart_trader import tuning

ROOT = Path(__file__).parents[1]
_DRIVER_MEMORY = "2g"
CORES = 2


@dataclass(frozen=True, slots=True)
class Cost:
    """What a piece of work took."""

    seconds: float
    jobs: int
    shuffles: int
    sorts: int
    commits: int
    longest_task: float
    """Seconds."""
    bytes_read: int
    """From files, by tasks."""

    def __str__(self) -> str:
        return (
            f"{self.seconds:6.1f} s, {self.jobs:3} Spark jobs, {self.shuffles} shuffles, {self.sorts} sorts,"
            f" {self.commits} commits, longest task {self.longest_task:.1f} s"
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio or seconds, and how large it may be; `at_least` turns that round."""

    name: str
    measured: float
    target: float
    at_least: bool = False
    unit: str = ""

    @property
    def is_met(self) -> bool:
        return self.measured >= self.target if self.at_least else self.measured <= self.target

    def __str__(self) -> str:
        target = f"{'>=' if self.at_least else '<='} {self.target:g}{self.unit}"
        met = "yes" if self.is_met else "no"
        return f"| {self.name:<62} | {self.measured:>6.2f}{self.unit:<2} | {target:<7} | {met:<3} |"


def show(figures: Iterable[Figure]) -> None:
    """Print a table of `figures`."""
    print(f"\n| {'figure':<62} | {'measured':<8} | {'target':<7} | met |")
    print(f"| {'-' * 62} | {'-' * 8} | {'-' * 7} | --- |")
    for figure in figures:
        print(figure)


def start(scratch: Path) -> SparkSession:
    """Spark with two cores and the memory, the compiler and the settings of a run of a large lake."""
    os.environ |= {
        "PYSPARK_PYTHON": sys.executable,
        "PYTHONPATH": str(ROOT),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONF_DIR": str(ROOT / "conf"),
        "TZ": "UTC",
    }
    (scratch / "events").mkdir(parents=True)
    options = [f"-Djava.io.tmpdir={scratch}", "-XX:+UseParallelGC", *tuning.large_run(_DRIVER_MEMORY)]
    confs = {
        "spark.driver.memory": _DRIVER_MEMORY,
        "spark.driver.extraJavaOptions": " ".join(options),
        "spark.jars": ",".join(str(jar) for jar in sorted((ROOT / "jars").glob("*.jar"))),
        "spark.local.dir": str(scratch / "spark"),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.sql.shuffle.partitions": str(4 * CORES),
        "spark.python.unix.domain.socket.enabled": "true",
        "spark.sql.adaptive.enabled": "false",
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": f"file://{scratch}/events",
        "spark.eventLog.rolling.enabled": "false",
        "spark.eventLog.compress": "false",
    }
    builder = SparkSession.builder.master(f"local[{CORES}]")
    for name, value in confs.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    tuning.keep_classes(spark)
    spark.sparkContext.setLogLevel("ERROR")
    java = spark.sparkContext._jvm.System.getProperty("java.version")
    print(f"{datetime.now(UTC):%Y-%m-%d}, {CORES} cores, {platform.machine()}, Java {java}", flush=True)
    return spark


def measure(spark: SparkSession, scratch: Path, name: str, work: Callable[[], Any]) -> Cost:
    """Do `work` once; returns what Spark says that it took."""
    spark.sparkContext._jvm.System.gc()  # what an earlier piece left is not this one's
    commits = _commits(scratch)
    with _job_group(spark, name):
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
    time.sleep(1)  # for the event log
    events = list(_events(scratch))
    jobs = [e for e in events if e["Event"] == "SparkListenerJobStart" and _property(e, "spark.jobGroup.id") == name]
    stages = {stage for job in jobs for stage in job["Stage IDs"]}
    tasks = [e for e in events if e["Event"] == "SparkListenerTaskEnd" and e["Stage ID"] in stages]
    shuffling = {
        task["Stage ID"] for task in tasks if task["Task Metrics"]["Shuffle Write Metrics"]["Shuffle Bytes Written"]
    }
    queries = {_property(job, "spark.sql.execution.id") for job in jobs}
    plans = [e for e in events if e["Event"].endswith("SparkListenerSQLExecutionStart")]
    # Tables that are written at the same time have one query in common, which need not be the one with the plan.
    roots = {e["rootExecutionId"] for e in plans if str(e["executionId"]) in queries}
    sorts = {metric for e in plans if e["rootExecutionId"] in roots for metric in _sorts(e["sparkPlanInfo"])}
    longest = max((t["Task Info"]["Finish Time"] - t["Task Info"]["Launch Time"] for t in tasks), default=0)
    made = _commits(scratch) - commits
    read = sum(task["Task Metrics"]["Input Metrics"]["Bytes Read"] for task in tasks)
    cost = Cost(seconds, len(jobs), len(shuffling), len(sorts), made, longest / 1000, read)
    print(f"  {name:<38} {cost}", flush=True)
    return cost


def _commits(scratch: Path) -> int:
    return sum(1 for _ in scratch.rglob("_delta_log/*.json"))


def _sorts(plan: dict[str, Any]) -> Iterator[int]:
    """Each sort of a plan by the number of its metric: a plan whose result is kept stands in all that read it."""
    if plan["nodeName"] == "Sort":
        yield from (metric["accumulatorId"] for metric in plan["metrics"] if metric["name"] == "sort time")
    for child in plan["children"]:
        yield from _sorts(child)


@contextmanager
def _job_group(spark: SparkSession, name: str) -> Iterator[None]:
    spark.sparkContext.setJobGroup(name, name)
    yield
    spark.sparkContext.setJobGroup("", "")


def _property(event: dict[str, Any], name: str) -> str:
    return str(event.get("Properties", {}).get(name))


def _events(scratch: Path) -> Iterator[dict[str, Any]]:
    for file in (scratch / "events").iterdir():
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                if line.endswith("\n"):
                    yield json.loads(line)
