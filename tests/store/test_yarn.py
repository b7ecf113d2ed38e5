"""Runs whose driver is on YARN, with tables in HDFS: the same rows as on one machine, and what is told of a failure."""

import json
import subprocess
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from smart_trader.io.lock.records import FOLDER
from smart_trader.launch import environment
from smart_trader.simulator.server import Simulator
from tests.reliability.processes import HOME, Place, Run, eventually
from tests.store.hadoop import Hadoop
from tests.store.places import digests
from tests.store.server import free_port

LONGEST = 1800.0
"""Seconds: Hadoop, a driver and an executor share what cores there are."""

pytestmark = pytest.mark.yarn


@pytest.fixture(scope="module")
def hadoop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hadoop]:
    with Hadoop(tmp_path_factory.mktemp("hadoop")) as hadoop:
        hadoop.put(packages(), "environment.tar.gz")
        yield hadoop


def packages() -> Path:
    """The archive of `bin/build-env`, which takes minutes, for what is made of the same."""
    made_of = (HOME / "requirements.lock").read_bytes() + Path(environment.__file__).read_bytes()
    archive = HOME / "build" / f"environment-{sha256(made_of).hexdigest()[:16]}.tar.gz"
    if not archive.is_file():
        subprocess.run([HOME / "bin" / "build-env", archive], check=True)
    return archive


def place(folder: Path, hadoop: Hadoop, name: str) -> Place:
    """A place whose warehouse is `name` in HDFS."""
    made = Place(folder / name)
    made.settings = {"warehouse.root": f"{hadoop.address}/{name}"}
    return made


def start_on_yarn(where: Place, hadoop: Hadoop, job: str, *arguments: str, simulator: Simulator | None = None) -> Run:
    options = {
        "spark.deploy_mode": "cluster",
        "spark.environment": f"{hadoop.address}/environment.tar.gz",
        "spark.driver_memory": "1g",
        "spark.executor_memory": "1g",
        "spark.shuffle_partitions": "2",
    }
    given = [part for key, value in options.items() for part in ("--set", f"{key}={value}")]
    conf = str(hadoop.conf)
    where.environ |= {"HADOOP_CONF_DIR": conf, "SPARK_CONF_DIR": conf, "SPARK_LOCAL_IP": "127.0.0.1"}
    return where.start(job, "--profile", "cluster", *arguments, *given, simulator=simulator)


def last_end(where: Place, job: str) -> dict[str, Any]:
    """How `job` ended last, by `ops.runs`."""
    run = where.start("status", "--json")
    assert run.wait() == 0, run.said
    return next(found for found in json.loads(run.output)["jobs"] if found["job"] == job)


def test_a_driver_on_yarn_makes_the_tables_of_one_machine_and_keeps_others_out(
    hadoop: Hadoop, simulator: Simulator, here: Place, tmp_path: Path
) -> None:
    where = place(tmp_path, hadoop, "whole")
    run = start_on_yarn(where, hadoop, "pipeline", simulator=simulator)
    assert eventually(lambda: hadoop.holds(f"/whole/{FOLDER}"), 600), run.said
    second = place(tmp_path / "second", hadoop, "whole").start("init")
    assert second.wait() == 75, second.said
    assert "Another run works on this warehouse: job pipeline" in second.said
    assert run.wait(LONGEST) == 0, run.said
    assert digests(place(tmp_path / "reader", hadoop, "whole")) == digests(here)


def test_a_driver_that_fails_on_yarn_is_started_once_and_its_status_is_in_ops_runs(
    hadoop: Hadoop, tmp_path: Path
) -> None:
    where = place(tmp_path, hadoop, "failing")
    where.settings |= {"birdeye.base_url": f"http://127.0.0.1:{free_port()}", "birdeye.attempts": "1"}
    init = where.start("init")
    assert init.wait() == 0, init.said
    run = start_on_yarn(where, hadoop, "bronze_tokens", "--run-id", "fails")
    assert run.wait() == 1, run.said
    assert "Submitted application application_" in run.said
    assert "User application exited with status 69" in run.said
    assert "\\tat " not in run.said
    end = last_end(where, "bronze_tokens")
    assert (end["run_id"], end["exit_code"]) == ("fails", 69)
    assert hadoop.attempts("smart-trader bronze_tokens fails") == 1
