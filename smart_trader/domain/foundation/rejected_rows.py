"""foundation.rejected_rows: records and files of time series that could not be used, with the reason and the text."""

from smart_trader.domain.foundation.series import Reason
from smart_trader.domain.tables.table import COUNT, STRING, TIMESTAMP, Column, Table, one_of

TABLE = Table(
    name="foundation.rejected_rows",
    grain="one row per rejected record, or per file that was rejected whole",
    key=("source_file", "line"),
    job="ingest_timeseries",
    columns=(
        Column("source", STRING, "The series.", nullable=False),
        Column("source_file", STRING, "The file, by its path below `series.landing`.", nullable=False),
        Column("line", COUNT, "Line on which the record begins, from 1; null for the whole file."),
        Column("reason", STRING, "One word of a fixed set.", nullable=False),
        Column("detail", STRING, "What was wrong."),
        Column("raw", STRING, "The record as text, at most 10,000 characters. Hostile text."),
        Column("raw_sha256", STRING, "SHA-256 of `raw`, lower-case hex."),
        Column("rejected_at", TIMESTAMP, "Business time of the run.", nullable=False),
    ),
    checks=(one_of("reason", Reason),),
)
