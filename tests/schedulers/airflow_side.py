"""What the tests ask of Airflow, in Airflow's own Python: `describe`, or `run DAG_ID...`. Answers with a line of JSON.

Of a run only the pause before a retry is changed, to none.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk import DAG

FOLDER = Path(__file__).parents[2] / "schedulers" / "airflow"


def bag() -> Any:
    return DagBag(str(FOLDER))


def describe() -> dict[str, Any]:
    found = bag()
    return {
        "errors": found.import_errors,
        "dags": {name: described(made) for name, made in found.dags.items()},
    }


def described(made: DAG) -> dict[str, Any]:
    return {
        "schedule": made.timetable.expression,
        "zone": str(made.timetable.timezone),
        "catchup": made.catchup,
        "max_active_runs": made.max_active_runs,
        "tasks": [
            {
                "job": task.job,
                "after": sorted(task.upstream_task_ids),
                "retries": task.retries,
                "pause_seconds": task.retry_delay.total_seconds(),
            }
            for task in made.topological_sort()
        ],
    }


def run(*names: str) -> dict[str, Any]:
    """One run of each DAG, one after the other; a name that comes twice is run for another day."""
    dags, done = bag().dags, []
    for day, name in enumerate(names, start=5):
        made = dags[name]
        for task in made.tasks:
            task.retry_delay = timedelta(0)
        run = made.test(logical_date=datetime(2026, 1, day, 9, tzinfo=UTC))
        tasks = {ti.task_id: [str(ti.state), ti.try_number] for ti in run.get_task_instances()}
        done.append({"state": str(run.state), "tasks": tasks})
    return {"runs": done}


if __name__ == "__main__":
    answer = {"describe": describe, "run": run}[sys.argv[1]](*sys.argv[2:])
    sys.stdout.write(f"\n{json.dumps(answer)}\n")
