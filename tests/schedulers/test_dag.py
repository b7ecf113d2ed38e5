"""What the DAG says without an Airflow to read it; `test_airflow.py` asks a real one."""

import ast

import pytest

from smart_trader import cli
from smart_trader.pipeline import FETCHING
from tests.lake import ROOT
from tests.schedulers.jobs import PIPELINE

DAG = ast.parse((ROOT / "schedulers" / "airflow" / "smart_trader.py").read_text("utf-8"))


def test_the_dag_has_a_task_for_each_job_of_the_pipeline_in_their_order() -> None:
    written = {
        node.targets[0].id: node.value
        for node in DAG.body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    assert list(ast.literal_eval(written["PIPELINE"])) == PIPELINE
    assert set(ast.literal_eval(written["FETCHING"])) == FETCHING
    assert ast.literal_eval(written["SKIPPED_WITHOUT"]).keys() <= set(PIPELINE)


def test_the_dag_needs_nothing_but_airflow_and_the_standard_library() -> None:
    imported = {node.module for node in ast.walk(DAG) if isinstance(node, ast.ImportFrom)}
    assert not [module for module in imported if module and module.startswith("smart_trader")]


@pytest.mark.parametrize("job", PIPELINE)
def test_the_jobs_take_what_the_dag_gives_them(job: str) -> None:
    options = ["--as-of", "2026-01-05T09:00:00+00:00", "--run-id", "20260105T090000Z-airflow.2", "--wait-lock", "600"]
    if job == "report":
        options += ["--out", "report.html"]
    asked = cli.parse(job, options)
    assert asked.run_id == "20260105T090000Z-airflow.2"
