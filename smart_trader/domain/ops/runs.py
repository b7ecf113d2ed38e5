"""ops.runs: what each run of a job did, also when it failed."""

from datetime import datetime
from enum import StrEnum

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.tables.table import COUNT, INT, STRING, TIMESTAMP, Column, Table, either, one_of


class Outcome(StrEnum):
    """How a job ended. PARTIAL: it stopped early, or some entities failed."""

    OK = "ok"
    PARTIAL = "partial"
    FAILED = "failed"


TABLE = Table(
    name="ops.runs",
    grain="one row per job run",
    key=("run_id", "job"),
    job="every job",
    columns=(
        Column("run_id", STRING, "Shared by all jobs of one run.", nullable=False),
        Column("job", STRING, "Name of the job.", nullable=False),
        Column("started_at", TIMESTAMP, "Wall clock, UTC.", nullable=False),
        Column("finished_at", TIMESTAMP, "Wall clock, UTC.", nullable=False),
        Column("outcome", STRING, f"{either(Outcome)}.", nullable=False),
        Column("exit_code", INT, "Exit status of the job.", nullable=False),
        Column("rows_in", COUNT, "Rows or items read.", nullable=False),
        Column("rows_out", COUNT, "Rows inserted, updated and deleted.", nullable=False),
        Column("rows_rejected", COUNT, "Rows put aside.", nullable=False),
        Column("api_calls", COUNT, "Calls made, retries included.", nullable=False),
        Column("compute_units", COUNT, "Estimated units of those calls.", nullable=False),
        Column(
            "table_versions",
            STRING,
            "JSON: version of each table before and after.",
            nullable=False,
        ),
        Column("code_version", STRING, "Version of the program.", nullable=False),
        Column("settings_hash", STRING, "Settings that decide the numbers.", nullable=False),
        Column("message", STRING, "What happened and what to do next."),
        Column("document", STRING, "JSON: what the job did outside of the tables; null for most jobs."),
    ),
    checks=(one_of("outcome", Outcome),),
)


def with_readable_times(rows: DataFrame) -> DataFrame:
    """The rows without those whose times no program could write: Python knows no year but 1 to 9999."""
    earliest, latest = F.lit("0001-01-02").cast("timestamp"), F.lit("9999-12-30").cast("timestamp")
    return rows.where(F.col("started_at").between(earliest, latest) & F.col("finished_at").between(earliest, latest))


def last_ends(rows: DataFrame, *, until: datetime) -> DataFrame:
    """How each job ended last, `finished_at` and `last`, by time: ends after `until` are left out, else a wrong clock
    would hide all later ones."""
    end = F.struct("outcome", "exit_code", "run_id", "message")
    return (
        with_readable_times(rows)
        .where(F.col("finished_at") <= F.lit(until))
        .groupBy("job")
        .agg(F.max("finished_at").alias("finished_at"), F.max_by(end, F.struct("finished_at", "run_id")).alias("last"))
        .orderBy("finished_at", "job")
    )


def last_document(rows: DataFrame, job: str, *, until: datetime) -> DataFrame:
    """The `document` that `job` left last, in one row or none: those after `until` are left out, else a wrong clock
    would hide all later ones."""
    left = rows.where((F.col("job") == job) & F.col("document").isNotNull() & (F.col("started_at") <= F.lit(until)))
    return left.orderBy(F.desc("started_at"), F.desc("run_id")).limit(1).select("document")
