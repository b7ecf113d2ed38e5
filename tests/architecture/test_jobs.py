"""The declared jobs are those that can be run: the scripts in `jobs`, and the steps of the pipeline."""

import subprocess
import sys

from smart_trader.job_table import JOBS
from smart_trader.jobs.pipeline import STEP_RUNS
from smart_trader.pipeline import STEPS
from tests.lake import ROOT

SCRIPTS = sorted((ROOT / "smart_trader" / "jobs").glob("[!_]*.py"))
RUN_EACH = """
import runpy, sys
for script in sys.argv[1:]:
    sys.argv = [script, "--help"]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as end:
        assert end.code == 0
"""


def test_each_declared_job_is_a_script_that_runs_under_its_name() -> None:
    assert [script.stem for script in SCRIPTS] == sorted(JOBS)
    done = subprocess.run([sys.executable, "-c", RUN_EACH, *SCRIPTS], cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    said = [line.split()[2] for line in done.stdout.splitlines() if line.startswith("usage: bin/submit.sh ")]
    assert said == [script.stem for script in SCRIPTS]


def test_the_jobs_of_the_pipeline_are_declared_in_its_order() -> None:
    steps = [step.job for step in STEPS]
    assert [job for job in JOBS if job in steps] == steps
    assert list(JOBS)[: len(steps) + 2] == ["init", *steps, "pipeline"]


def test_the_pipeline_runs_its_steps_in_their_order() -> None:
    assert [job for job, _ in STEP_RUNS] == [step.job for step in STEPS]
    assert [run.__module__.rpartition(".")[2] for _, run in STEP_RUNS] == [step.job for step in STEPS]


def test_a_job_that_writes_a_table_is_none_that_only_reads() -> None:
    assert not [step.job for step in STEPS if step.writes and JOBS[step.job].is_reading]
