"""A warehouse in a temporary folder, and jobs run on it in the tests' one Spark session."""

import atexit
import contextlib
import hashlib
import importlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

from pyspark.sql import Row, SparkSession

from smart_trader import tuning
from smart_trader.cli import Options
from smart_trader.config.settings import load
from smart_trader.domain import catalog
from smart_trader.domain.tables.table import BATCH_ID, INGESTED_AT, Table
from smart_trader.errors import NotAsked
from smart_trader.io.birdeye.older_rows import FROM_RAW
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.machine.clock import SystemClock
from smart_trader.job_table import READING_JOBS
from smart_trader.pipeline import STEPS
from smart_trader.run import clones
from smart_trader.run.app import App, Report
from smart_trader.run.dry_run import DryRun
from smart_trader.run.prediction import Prediction
from smart_trader.run.results import RunSummary
from smart_trader.simulator.server import Simulator

ROOT = Path(__file__).parents[1]
PIPELINE = tuple(step.job for step in STEPS if step.job not in ("validate", "report"))
"""Without the jobs that change nothing."""
DATA_TABLES = tuple(table for table in catalog.TABLES if table.layer != "ops")
# Two such JVMs, and those of another lane, are side by side: each takes what it needs, and not all at once.
_JAVA = (*tuning.COMPILE_LITTLE, "-XX:+UseSerialGC", "-Xms1g", "-Xmn512m", "-XX:MetaspaceSize=256m")
RETENTION = {"bronze": 7, "silver": 90, "gold": 90, "foundation": 400, "ops": 90}


def job_runs(names: Sequence[str]) -> list[tuple[str, Callable[[App], None]]]:
    """The `run` functions of jobs, with their names."""
    return [(name, importlib.import_module(f"smart_trader.jobs.{name}").run) for name in names]


def start_spark(scratch: Path) -> SparkSession:
    """Spark as the launcher starts it, with the jars that `bin/setup` fetched."""
    os.environ |= {
        "PYSPARK_PYTHON": sys.executable,
        "SPARK_CONF_DIR": str(ROOT / "conf"),
        "PYTHONPATH": str(ROOT),
        "SMART_TRADER_HOME": str(ROOT),
    }
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.jars", ",".join(str(jar) for jar in sorted((ROOT / "jars").glob("*.jar"))))
        .config("spark.local.dir", str(scratch / "spark"))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.driver.memory", "2g")
        .config("spark.driver.extraJavaOptions", " ".join(_JAVA))
        .config("spark.sql.adaptive.enabled", "false")
        .config("spark.python.unix.domain.socket.enabled", "true")
        .config(map=tuning.PLAN_LITTLE)
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    tuning.keep_classes(spark)
    return spark


@cache
def _empty_warehouse(spark: SparkSession) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="smart-trader-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    root = folder / "empty"
    DeltaStore(spark, str(root), clock=SystemClock(), run_id="create", retention_days=RETENTION).create(catalog.TABLES)
    return root


class Lake:
    """One warehouse. Jobs run as the launcher would run them, without its process around them."""

    def __init__(self, spark: SparkSession, root: Path, *, runs_before: int = 0) -> None:
        self.spark, self.root = spark, root
        self._runs = runs_before
        self.run_id = f"run-{runs_before}"
        self.report = Report()
        """Of the job that ran last, also of one that failed."""
        self.tables = self._store()

    def run(
        self,
        *jobs: str,
        as_of: datetime,
        simulator: Simulator | None = None,
        settings: Sequence[tuple[str, str]] = (),
        command: str = "",
        clock: SystemClock | None = None,
        **options: Any,
    ) -> dict[str, Report]:
        """Run `jobs` (default: the pipeline without the report); the report of each by name.

        `command` is what was called on the command line: by default the one job, or `pipeline`.
        """
        self._runs += 1
        self.run_id = options.get("run_id") or f"run-{self._runs}"
        self.tables = self._store()
        if not jobs or set(jobs) - READING_JOBS:
            self.make_tables()
        command = command or (jobs[0] if len(jobs) == 1 else "pipeline")
        app = self._app(self.tables, command, as_of, simulator, settings, options, clock)
        reports = {}
        for name, run in job_runs(jobs or PIPELINE):
            self.report = app.report = Report()
            with self.tables.committing_as(name, "test"):
                run(app)
            reports[name] = app.report
        return reports

    def dry_run(
        self,
        *jobs: str,
        as_of: datetime,
        simulator: Simulator | None = None,
        settings: Sequence[tuple[str, str]] = (),
        look: Callable[[CloneStore], None] = lambda _: None,
        **options: Any,
    ) -> Prediction:
        """What the next `run` would do, by a dry run of the same jobs. `look` is shown the tables as it leaves them."""
        clock, name = SystemClock(), f"run-{self._runs + 1}"
        started = clock.now()
        with clones.place(self.spark, self.scratch, name) as place:
            tables = CloneStore(
                self.spark,
                str(self.root),
                clones=place,
                clock=clock,
                run_id=name,
                retention_days=RETENTION,
                from_raw=FROM_RAW,
            )
            command = jobs[0] if len(jobs) == 1 else "pipeline"
            app = self._app(tables, command, as_of, simulator, settings, {"dry_run": True, **options})
            dry_run = DryRun(app, tables)
            if not app.options.is_rewriting:
                tables.create(catalog.TABLES)
            for job, run in job_runs(jobs or PIPELINE):
                app.report = Report()
                with tables.committing_as(job, "test"), contextlib.suppress(NotAsked):
                    run(app)
                dry_run.note_calls(job)
            dry_run.compare()
            look(tables)
        run_summary = RunSummary(run_id=name, started_at=started, finished_at=clock.now(), exit_code=0)
        return dry_run.prediction(run_summary)

    @property
    def scratch(self) -> str | None:
        """The parent of the clones of a dry run."""
        return str(self.root.parent)

    def _app(
        self,
        tables: DeltaStore,
        command: str,
        as_of: datetime,
        simulator: Simulator | None,
        settings: Sequence[tuple[str, str]],
        options: Mapping[str, Any],
        clock: SystemClock | None = None,
    ) -> App:
        address = [("birdeye.base_url", simulator.url)] if simulator else []
        chosen = [("birdeye.api_key", "a-key"), ("birdeye.requests_per_second", "1000"), *address, *settings]
        loaded = load("local", demo=[("warehouse.root", str(self.root)), *chosen], environ={}, home=ROOT)
        given = Options(job=command, **options)
        maintenance = DeltaMaintenance(self.spark, tables.path, from_raw=FROM_RAW)
        return App(given, loaded, as_of, self.run_id, self.spark, tables, maintenance, clock or SystemClock())

    def make_tables(self) -> None:
        """All tables, empty, unless they are there. Copied: making them once costs as much as the rest of a test."""
        if not self.root.exists():
            shutil.copytree(_empty_warehouse(self.spark), self.root)

    def rows(self, table: Table, where: str = "true") -> list[Row]:
        """Rows in the order of the key."""
        return self.tables.read(table).where(where).orderBy(*table.key).collect()

    def versions(self, tables: Iterable[Table] = DATA_TABLES) -> dict[str, int]:
        return {table.name: self.tables.version(table) for table in tables}

    def digests(self, tables: Iterable[Table] = DATA_TABLES) -> dict[str, str]:
        """What two lakes that hold the same agree in: all columns of all rows but the run's own."""
        return {table.name: self.digest(table) for table in tables}

    def digest(self, table: Table, *, without: Collection[str] = (), where: str = "true") -> str:
        names = [name for name in table.schema.names if name not in (BATCH_ID.name, INGESTED_AT.name, *without)]
        rows = self.tables.read(table).where(where).select(*names).collect()
        return hashlib.sha256("\n".join(sorted(map(repr, rows))).encode()).hexdigest()

    def fill(self, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
        """Put hand-written rows into a table; columns that are not given are null."""
        self.make_tables()
        full = [dict.fromkeys(table.column_names) | dict(row) for row in rows]
        self.tables.append(table, self.tables.frame(table.own_schema, full))

    def _store(self) -> DeltaStore:
        return DeltaStore(
            self.spark,
            str(self.root),
            clock=SystemClock(),
            run_id=self.run_id,
            retention_days=RETENTION,
            from_raw=FROM_RAW,
        )
