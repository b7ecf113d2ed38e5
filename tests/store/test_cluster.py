"""Whole runs on a Spark cluster with tables in a real S3 server: the same rows as on one machine."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_trader.simulator.server import Simulator
from tests.reliability.processes import Place, Run, eventually
from tests.store.cluster import LITTLE_JAVA, WORKERS, Cluster, bare_python, command_of
from tests.store.places import digests, place
from tests.store.server import Server

LONGEST = 1800.0
"""Seconds: three JVMs share what cores there are."""

pytestmark = pytest.mark.store


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster")) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bare_python(tmp_path_factory.mktemp("bare") / "python")


def on_cluster(folder: Path, server: Server, name: str, cluster: Cluster, python: Path) -> Place:
    where = place(folder, server, name)
    where.settings |= {
        "spark.master": cluster.master,
        "spark.executor_memory": "1g",
        "spark.driver_memory": "1g",
        "spark.shuffle_partitions": "2",
    }
    where.environ |= {
        "PYSPARK_PYTHON": str(python),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "SPARK_CONF_DIR": str(cluster.conf),
        "JAVA_TOOL_OPTIONS": LITTLE_JAVA,
    }
    return where


def start(where: Place, simulator: Simulator) -> Run:
    return where.start("pipeline", "--profile", "cluster", simulator=simulator)


def test_the_python_of_the_executors_is_bare(python: Path) -> None:
    for package in ("pyspark", "pandas", "pydantic", "structlog", "requests", "smart_trader"):
        assert subprocess.run([python, "-I", "-c", f"import {package}"], cwd="/", capture_output=True).returncode == 1
    subprocess.run([python, "-I", "-c", "import numpy, pyarrow"], cwd="/", check=True)


def test_a_cluster_makes_the_tables_of_one_machine_although_an_executor_is_killed(
    server: Server, simulator: Simulator, cluster: Cluster, python: Path, here: Place, tmp_path: Path
) -> None:
    where = on_cluster(tmp_path, server, "cluster", cluster, python)
    run = start(where, simulator)
    assert eventually(lambda: len(cluster.executors()) == WORKERS, 300), run.said
    assert all("-Dof.the.cluster=yes" in command_of(executor) for executor in cluster.executors())
    assert eventually(lambda: run.under_way == "silver_pnl", LONGEST), run.said
    assert eventually(cluster.kill_one_at_work, 300), run.said
    assert run.under_way == "silver_pnl"
    assert run.wait(LONGEST) == 0, run.said
    assert "ExecutorLostFailure" in run.said
    assert digests(place(tmp_path / "reader", server, "cluster")) == digests(here)
    assert not list(where.scratch.iterdir())
    assert not (where.folder / "spark-warehouse").exists()
