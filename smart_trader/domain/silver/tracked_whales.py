"""silver.tracked_whales: who holds what, and how far each wallet has been read."""

from datetime import datetime, timedelta
from enum import StrEnum

from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from smart_trader.domain.kernel.wallets import WalletClass
from smart_trader.domain.silver.due import is_due, known_time
from smart_trader.domain.tables.state_flags import STATE_KNOWN, ProcessingStatus
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    INT,
    PRICE,
    STRING,
    TIMESTAMP,
    USD,
    Column,
    Table,
    either,
    one_of,
)


class WhaleTier(StrEnum):
    MEGA = "MEGA"
    LARGE = "LARGE"
    MEDIUM = "MEDIUM"
    SMALL = "SMALL"
    MINIMAL = "MINIMAL"


TABLE = Table(
    name="silver.tracked_whales",
    grain="one row per wallet and token",
    key=("whale_id",),
    job="silver_whales",
    columns=(
        Column("whale_id", STRING, "SHA-256 of wallet and mint.", nullable=False),
        Column("wallet_address", STRING, "The holder.", nullable=False),
        Column(
            "token_address",
            STRING,
            "Mint; null for a wallet that was named by hand and holds none.",
        ),
        Column("token_symbol", STRING, "Hostile text."),
        Column("token_name", STRING, "Hostile text."),
        Column("rank", INT, "Among the holders of the token when last seen."),
        Column("ui_amount", PRICE, "Whole tokens held when last seen."),
        Column("holdings_value_usd", USD, "What they were worth."),
        Column(
            "whale_tier",
            STRING,
            f"{either(WhaleTier)} by that value.",
            nullable=False,
        ),
        Column(
            "is_current",
            BOOLEAN,
            "Holder in the newest snapshot of that token.",
            nullable=False,
        ),
        Column(
            "discovered_at",
            TIMESTAMP,
            "Business time of the first snapshot with this row.",
            nullable=False,
        ),
        Column("discovered_via", STRING, "The token that led to this wallet first."),
        Column(
            "wallet_class",
            STRING,
            f"{either(WalletClass)}; null before the first PnL.",
            True,
            "silver_pnl",
        ),
        Column("class_reason", STRING, "Why.", True, "silver_pnl"),
        Column(
            "txns_fetch_status",
            STRING,
            f"Trades: {either(ProcessingStatus)}.",
            False,
            "bronze_transactions",
        ),
        Column(
            "txns_last_fetched_at",
            TIMESTAMP,
            "Business time of the last fetch.",
            True,
            "bronze_transactions",
        ),
        Column(
            "history_complete",
            BOOLEAN,
            "Every page down to the first trade was read.",
            True,
            "bronze_transactions",
        ),
        Column(
            "oldest_trade_at",
            TIMESTAMP,
            "Reading goes on from here when cut.",
            True,
            "bronze_transactions",
        ),
        Column(
            "newest_trade_at",
            TIMESTAMP,
            "The next fetch reads back to here.",
            True,
            "bronze_transactions",
        ),
        Column(
            "gap_newer_than",
            TIMESTAMP,
            "Lower end of a stretch not read yet.",
            True,
            "bronze_transactions",
        ),
        Column(
            "gap_older_than",
            TIMESTAMP,
            "Upper end of that stretch.",
            True,
            "bronze_transactions",
        ),
        Column(
            "read_until",
            TIMESTAMP,
            "Business time of the last fetch that began with the newest trade; null: not known, as of the last one.",
            True,
            "bronze_transactions",
        ),
        Column(
            "trade_rows",
            COUNT,
            "Rows in bronze to which this state refers.",
            False,
            "bronze_transactions",
        ),
        Column(
            "rejected_rows",
            COUNT,
            "Trade rows in bronze.rejected_rows for which no later readable row makes up; null: not counted yet.",
            True,
            "bronze_transactions",
        ),
        Column("attempts", INT, "Failed fetches in a row.", False, "bronze_transactions"),
        Column(
            "last_error",
            STRING,
            "Why the last fetch failed.",
            True,
            "bronze_transactions",
        ),
        Column(
            "pnl_processing_status",
            STRING,
            f"PnL: {either(ProcessingStatus)}.",
            False,
            "silver_pnl",
        ),
        Column(
            "pnl_last_processed_at",
            TIMESTAMP,
            "Business time of the last PnL.",
            True,
            "silver_pnl",
        ),
        Column(
            "pnl_definition",
            STRING,
            "Edition and hash of the rules of the last PnL; null: an edition that did not store it.",
            True,
            "silver_pnl",
        ),
    ),
    checks=(
        one_of("whale_tier", WhaleTier),
        one_of("wallet_class", WalletClass),
        one_of("txns_fetch_status", ProcessingStatus),
        one_of("pnl_processing_status", ProcessingStatus),
    ),
    reset_on_restore=(STATE_KNOWN,),
)

WALLET_STATE = tuple(c.name for c in TABLE.columns if c.owner is not None)
"""State columns: the same on all rows of a wallet."""

_TIERS = (
    (WhaleTier.MEGA, 1_000_000),
    (WhaleTier.LARGE, 100_000),
    (WhaleTier.MEDIUM, 10_000),
    (WhaleTier.SMALL, 1_000),
)
_SEEN = ("token_symbol", "token_name", "rank", "ui_amount", "holdings_value_usd")


def _new_state() -> dict[str, SparkColumn]:
    """State of a wallet that is seen for the first time."""
    unknown = {name: F.lit(None).cast(TABLE.schema[name].dataType) for name in WALLET_STATE}
    return unknown | {
        "txns_fetch_status": F.lit(ProcessingStatus.PENDING),
        "trade_rows": F.lit(0).cast(COUNT),
        "attempts": F.lit(0),
        "pnl_processing_status": F.lit(ProcessingStatus.PENDING),
    }


def whale_id(wallet: SparkColumn, token: SparkColumn) -> SparkColumn:
    """SHA-256 of wallet and mint, joined by `|`, null as the empty string."""
    return F.sha2(F.concat(wallet, F.lit("|"), F.coalesce(token, F.lit(""))), 256)


def track_holders(holders: DataFrame, tokens: DataFrame, stored: DataFrame, *, as_of: datetime) -> DataFrame:
    """All rows of the table: who held at any time, as last seen, and who holds in the newest snapshot of a token.

    `holders` is bronze.whale_holders, `tokens` silver.tracked_tokens, `stored` this table. Known rows keep their
    state, a new row of a known wallet takes the wallet's.
    """
    old = stored.select(
        "wallet_address",
        "token_address",
        "discovered_at",
        F.col("discovered_via").alias("_via"),
        *(F.col(name).alias(f"_{name}") for name in _SEEN),
        *WALLET_STATE,
    )
    # A wallet named by hand has no token, so its row meets no other and stays.
    rows = _last_seen(holders, tokens, as_of).join(old, ["wallet_address", "token_address"], "full_outer")
    wallet = Window.partitionBy("wallet_address")
    seen = F.when(F.col("fetched_at").isNotNull(), F.struct("fetched_at", "token_address"))
    of_wallet = {
        "_known_via": F.min("_via").over(wallet),
        "_first_via": F.min(seen).over(wallet)["token_address"],
        **{name: F.max(name).over(wallet) for name in WALLET_STATE},
    }
    joined = rows.withColumns(of_wallet)
    is_new = F.col("txns_fetch_status").isNull()
    is_seen = F.col("fetched_at").isNotNull()
    value = F.when(is_seen, F.col("holdings_value_usd")).otherwise(F.col("_holdings_value_usd"))
    return joined.select(
        whale_id(F.col("wallet_address"), F.col("token_address")).alias("whale_id"),
        "wallet_address",
        "token_address",
        *(F.when(is_seen, F.col(name)).otherwise(F.col(f"_{name}")).alias(name) for name in _SEEN),
        whale_tier(value).alias("whale_tier"),
        F.coalesce("is_current", F.lit(False)).alias("is_current"),
        F.coalesce("discovered_at", "fetched_at").alias("discovered_at"),
        F.coalesce("_via", "_known_via", "_first_via").alias("discovered_via"),
        *(F.when(is_new, value).otherwise(F.col(name)).alias(name) for name, value in _new_state().items()),
    ).select(*TABLE.column_names)


def _last_seen(holders: DataFrame, tokens: DataFrame, as_of: datetime) -> DataFrame:
    """The last row of each wallet and token up to `as_of`, current if it is of the newest snapshot of its token.

    A fetch that found no holder leaves no row, so the token's own state counts as a snapshot too.
    """
    fetched = tokens.select("token_address", known_time("whale_fetched_at", as_of=as_of).alias("whale_fetched_at"))
    last = (
        holders.where(F.col("fetched_at") <= F.lit(as_of))
        .groupBy("wallet_address", "token_address")
        .agg(F.max_by(F.struct(*_SEEN, "fetched_at"), F.struct("fetched_at", "rank_date", "batch_id")).alias("_last"))
        .select("wallet_address", "token_address", "_last.*")
        .join(F.broadcast(fetched), "token_address", "left")
    )
    of_token = F.max("fetched_at").over(Window.partitionBy("token_address"))
    newest = F.greatest(of_token, "whale_fetched_at")
    return last.withColumn("is_current", F.col("fetched_at") == newest).drop("whale_fetched_at")


def name_wallets(wallets: DataFrame, stored: DataFrame, *, as_of: datetime) -> DataFrame:
    """Rows for those of `wallets` (wallet_address) that are not in the table: named by hand, holding nothing known."""
    no_token = F.lit(None).cast(STRING)
    given = {
        "whale_id": whale_id(F.col("wallet_address"), no_token),
        "wallet_address": F.col("wallet_address"),
        "whale_tier": F.lit(WhaleTier.MINIMAL),
        "is_current": F.lit(False),
        "discovered_at": F.lit(as_of),
    } | _new_state()
    new = wallets.distinct().join(stored.select("wallet_address").distinct(), "wallet_address", "left_anti")
    return new.select(*(given.get(f.name, F.lit(None).cast(f.dataType)).alias(f.name) for f in TABLE.own_schema))


def whale_tier(value: SparkColumn) -> SparkColumn:
    """MEGA from $1M, LARGE from $100k, MEDIUM from $10k, SMALL from $1k, MINIMAL below or unknown."""
    tier = F.lit(WhaleTier.MINIMAL)
    for name, least in reversed(_TIERS):
        tier = F.when(value >= least, name).otherwise(tier)
    return tier


def due_for_trades(
    whales: DataFrame,
    eligible: DataFrame,
    *,
    as_of: datetime,
    refresh_days: int,
    named: DataFrame | None = None,
) -> DataFrame:
    """Wallets whose trades are to be fetched, with their state, the most urgent first.

    Due is a wallet that is pending, was cut short, or was fetched long ago, among `eligible`, or among `named` by
    hand where those are given.
    """
    to_fetch = is_due("txns_fetch_status", "txns_last_fetched_at", as_of=as_of, after=timedelta(days=refresh_days))
    among = named if named is not None else eligible
    return (
        _wallets(whales, to_fetch | ~F.col("history_complete"))
        .join(among.select("wallet_address").distinct(), "wallet_address", "left_semi")
        .orderBy(known_time("txns_last_fetched_at", as_of=as_of).asc_nulls_first(), "wallet_address")
    )


def eligible_wallets(whales: DataFrame, live_tokens: DataFrame, ranked: DataFrame) -> DataFrame:
    """Current holders of a token that is still tracked, and the wallets in `ranked`."""
    holders = whales.where("is_current").join(live_tokens.select("token_address"), "token_address", "left_semi")
    return holders.select("wallet_address").unionByName(ranked.select("wallet_address")).distinct()


def due_for_pnl(
    whales: DataFrame,
    *,
    as_of: datetime,
    refresh_days: int,
    definition: str,
    named: DataFrame | None = None,
) -> DataFrame:
    """Wallets that have been read and whose PnL is pending, was computed long ago, or by other rules than those of
    `definition`, with their state."""
    is_read = F.col("txns_last_fetched_at").isNotNull()
    is_old = is_due("pnl_processing_status", "pnl_last_processed_at", as_of=as_of, after=timedelta(days=refresh_days))
    due = _wallets(whales, is_read & (is_old | ~is_defined_by(definition)))
    return due if named is None else due.join(named, "wallet_address", "left_semi")


def is_defined_by(definition: str) -> SparkColumn:
    """Whether the PnL of a wallet was computed by the rules of `definition`."""
    return F.col("pnl_definition").eqNullSafe(F.lit(definition))


def computed_state(classes: DataFrame, history: DataFrame, *, as_of: datetime, definition: str) -> DataFrame:
    """The state of the wallets in `classes` whose PnL is computed from their rows in `history` up to `as_of`, by the
    rules of `definition`.

    Completed means all rows: after a run at an earlier business time, a wallet with later rows is still pending.
    """
    ahead = history.where(F.col("block_time") > F.lit(as_of)).select("wallet_address").distinct()
    status = F.when(F.col("_is_ahead"), ProcessingStatus.PENDING).otherwise(ProcessingStatus.COMPLETED)
    joined = classes.join(F.broadcast(ahead.withColumn("_is_ahead", F.lit(True))), "wallet_address", "left")
    state = {
        "pnl_processing_status": status,
        "pnl_last_processed_at": F.lit(as_of),
        "pnl_definition": F.lit(definition),
    }
    return joined.withColumns(state).drop("_is_ahead")


def _wallets(whales: DataFrame, condition: SparkColumn) -> DataFrame:
    """One row per wallet of which any row meets `condition`, with the wallet's state."""
    return (
        whales.groupBy("wallet_address")
        .agg(
            F.bool_or(F.coalesce(condition, F.lit(False))).alias("_due"),
            *(F.max(n).alias(n) for n in WALLET_STATE),
        )
        .where("_due")
        .drop("_due")
    )
