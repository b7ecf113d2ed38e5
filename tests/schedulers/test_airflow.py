"""The DAGs in a real Airflow, which has an environment of its own: `bin/test -m airflow`."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.lake import ROOT
from tests.schedulers.jobs import HERE, calls, stub

SIDE = HERE / "airflow_side.py"
LOCK = HERE / "airflow.lock"
AS_OF = "2026-01-05T09:00:00+00:00"

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="module")
def python() -> Path:
    """Airflow's Python; its environment is made once for a lock file."""
    venv = ROOT / "build" / "airflow"
    stamp, wanted = venv / "smart-trader-lock", hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(venv, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        install = ("-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check", "--require-hashes")
        subprocess.run([venv / "bin" / "python", *install, "-r", LOCK], check=True)
        stamp.write_text(wanted)
    return venv / "bin" / "python"


class Airflow:
    """An Airflow with a database of its own, whose jobs end as told."""

    def __init__(self, python: Path, folder: Path) -> None:
        self.python, self.home = python, folder / "smart trader"
        stub(self.home)
        self.set_up(key="***")
        self.environ = {
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "AIRFLOW_HOME": str(folder / "airflow"),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "schedulers" / "airflow"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "SMART_TRADER_HOME": str(self.home),
        }
        self._ask("-m", "airflow", "db", "migrate")

    def set_up(self, *, key: str = "", ends: Mapping[str, str] | None = None) -> None:
        """Forget earlier calls; `ends` are the statuses of each job's calls, the first ones first."""
        (self.home / "settings.json").write_text(json.dumps({"helius.api_key": {"value": key}}))
        (self.home / "calls").write_text("")
        for job, statuses in (ends or {}).items():
            (self.home / f"ends.{job}").write_text("".join(f"{status}\n" for status in statuses.split()))

    def describe(self) -> dict[str, Any]:
        return self._answer(self._ask(SIDE, "describe"))

    def run(self, *dags: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self._answer(self._ask(SIDE, "run", *dags))["runs"]
        return runs

    def start(self, *dags: str) -> "subprocess.Popen[str]":
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        return subprocess.Popen([self.python, SIDE, "run", *dags], env=self.environ, **pipes)

    def calls(self) -> list[str]:
        return calls(self.home)

    def _ask(self, *arguments: Any) -> str:
        done = subprocess.run(
            [self.python, *arguments], env=self.environ, capture_output=True, text=True, check=False, timeout=200
        )
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
        return done.stdout

    def _answer(self, output: str) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(output.splitlines()[-1])
        return answer


@pytest.fixture(scope="module")
def airflow(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Airflow:
    return Airflow(python, tmp_path_factory.mktemp("airflow"))


def test_the_dags_are_read_and_say_when_they_run(airflow: Airflow) -> None:
    described = airflow.describe()
    assert described["errors"] == {}
    dags = described["dags"]
    assert {name: dag["schedule"] for name, dag in dags.items()} == {
        "smart_trader": "0 9,21 * * *",
        "smart_trader_disk_space": "15 */6 * * *",
        "smart_trader_maintain": "30 3 * * 0",
    }
    for dag in dags.values():
        assert (dag["zone"], dag["catchup"], dag["max_active_runs"]) == ("UTC", False, 1)
        assert {(task["retries"], task["pause_seconds"]) for task in dag["tasks"]} == {(1, 300)}
        jobs = [task["job"] for task in dag["tasks"]]
        line = [job for job in jobs if job != "helius_webhooks"]
        after = {job: [earlier] for earlier, job in pairwise(line)}
        after["helius_webhooks"] = sorted(line[: line.index("report")] if "report" in line else [])
        assert {task["job"]: task["after"] for task in dag["tasks"]} == {job: after.get(job, []) for job in jobs}


def test_a_retry_follows_what_may_pass_and_nothing_else(airflow: Airflow) -> None:
    ends = {
        "bronze_tokens": "69 0",
        "silver_tokens": "75 0",
        "gold_traders": "65 0",
        "disk_space": "78 0",
        "maintain": "69 69 0",
    }
    airflow.set_up(ends=ends)
    pipeline, disk_space, maintain = airflow.run("smart_trader", "smart_trader_disk_space", "smart_trader_maintain")
    assert {job: state for job, state in pipeline["tasks"].items() if state != ["success", 1]} == {
        "bronze_tokens": ["success", 2],
        "silver_tokens": ["success", 2],
        "gold_traders": ["failed", 1],
        **{job: ["upstream_failed", 0] for job in ("evaluate", "validate", "helius_webhooks", "report")},
    }
    assert pipeline["state"] == "failed"
    assert disk_space["tasks"] == {"disk_space": ["failed", 1]}
    assert maintain["tasks"] == {"maintain": ["failed", 2]}

    first, second = airflow.calls()[:2]
    assert first == f"bronze_tokens --as-of {AS_OF} --run-id 20260105T090000Z-airflow --wait-lock 600"
    assert second == first.replace("Z-airflow", "Z-airflow.2")
    for name in ends:
        (airflow.home / f"ends.{name}").unlink()


def test_what_could_not_be_fetched_holds_up_nothing_but_the_webhook(airflow: Airflow) -> None:
    airflow.set_up(ends={"bronze_whales": "75 75", "bronze_transactions": "69 69"})
    (run,) = airflow.run("smart_trader")
    assert run["state"] == "failed"
    assert {job: state for job, state in run["tasks"].items() if state[0] != "success"} == {
        "bronze_whales": ["failed", 2],
        "bronze_transactions": ["failed", 2],
        "helius_webhooks": ["upstream_failed", 0],
    }


def test_all_jobs_run_in_the_name_of_one_run_and_a_job_without_its_key_is_skipped(airflow: Airflow) -> None:
    airflow.set_up(key="")
    (run,) = airflow.run("smart_trader")
    assert run["state"] == "success"
    assert run["tasks"].pop("helius_webhooks")[0] == "skipped"
    assert {tuple(state) for state in run["tasks"].values()} == {("success", 1)}
    calls = airflow.calls()
    assert [call.split()[0] for call in calls][-2:] == ["validate", "report"]
    assert len({call.split(" ", 1)[1].partition(" --out ")[0] for call in calls}) == 1


def test_a_job_that_is_told_to_stop_is_waited_for(airflow: Airflow) -> None:
    airflow.set_up(ends={"maintain": "stop 0"})
    running = airflow.start("smart_trader_maintain")
    try:
        deadline = time.monotonic() + 120
        while not (airflow.home / "waiting").exists():
            assert time.monotonic() < deadline and running.poll() is None
            time.sleep(0.1)
        os.kill(running.pid, signal.SIGTERM)
        output, _ = running.communicate(timeout=120)
    finally:
        running.kill()
    assert running.returncode == 0, output[-4000:]
    (done,) = json.loads(output.splitlines()[-1])["runs"]
    assert done["tasks"] == {"maintain": ["success", 2]}
    first, end, second = airflow.calls()
    assert (end, second.split()[0], ".2 " in second) == ("in good order", "maintain", True)
    assert first.startswith("maintain --as-of ")
