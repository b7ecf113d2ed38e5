"""gold.rankings: the certificate of each ranking: what it was made from, and a digest of what it says."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.gold import rank_history
from smart_trader.domain.tables.table import COUNT, STRING, TIMESTAMP, Column, Table

TABLE = Table(
    name="gold.rankings",
    grain="one row per ranking, its certificate",
    key=("ranked_at",),
    job="gold_traders",
    columns=(
        Column("ranked_at", TIMESTAMP, "Business time of the ranking.", nullable=False),
        Column("wallets", COUNT, "Wallets on it.", nullable=False),
        Column("recommended", COUNT, "Those that pass every gate.", nullable=False),
        Column("wallet_pnl_version", COUNT, "Version of silver.wallet_pnl that was ranked.", nullable=False),
        Column("realized_sales_version", COUNT, "Version of silver.realized_sales at that time.", nullable=False),
        Column("trades_version", COUNT, "Version of silver.trades at that time.", nullable=False),
        Column("tracked_whales_version", COUNT, "Version of silver.tracked_whales at that time.", nullable=False),
        Column("settings", STRING, "Settings that decide a figure or a rank, as JSON, sorted by key.", nullable=False),
        Column("settings_hash", STRING, "As in gold.rank_history.", nullable=False),
        Column("code_version", STRING, "Version of the program that made it.", nullable=False),
        Column("columns", STRING, "Columns of gold.rank_history that the digest covers, joined by |.", nullable=False),
        Column("digest", STRING, "SHA-256 of its rows in gold.rank_history; docs/evidence.md.", nullable=False),
    ),
)

CERTIFIED = tuple(sorted(rank_history.TABLE.column_names))
"""What a digest covers: all columns but those of the run, in the order of their names."""


def rows_of(history: DataFrame, ranked_at: datetime) -> DataFrame:
    """The rows of one ranking in gold.rank_history; the day comes first, since Spark skips files by it."""
    is_its = (F.col("ranking_date") == F.lit(ranked_at.date())) & (F.col("ranked_at") == F.lit(ranked_at))
    return history.where(is_its)


def lines_of(ranking: DataFrame, columns: Sequence[str]) -> DataFrame:
    """One text for each row of a ranking (`line`), in the order in which they are digested."""
    texts = [F.coalesce(text_of(ranking.schema, name), F.lit("")) for name in columns]
    line = F.concat_ws("|", *texts).alias("line")
    return ranking.select("wallet_address", line).orderBy("wallet_address", "line").select("line")


def digest_of(columns: Sequence[str], lines: Iterable[str]) -> str:
    """SHA-256, lower-case hex, of a ranking whose lines are given one after the other."""
    digest = hashlib.sha256(f"{'|'.join(columns)}\n".encode())
    for line in lines:
        digest.update(f"{line}\n".encode())
    return digest.hexdigest()


def text_of(schema: T.StructType, name: str) -> SparkColumn:
    """The text of a value in a digest: all digits of a number, times to the microsecond; null stays null."""
    if name not in schema.names:
        return F.lit(None).cast(STRING)
    if isinstance(schema[name].dataType, T.TimestampType):
        return F.date_format(name, "yyyy-MM-dd'T'HH:mm:ss.SSSSSS'Z'")
    return F.col(name).cast(STRING)
