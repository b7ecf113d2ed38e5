"""The stages (holders of tokens, trades and PnL of wallets): how each begins, and how far it has come."""

import functools

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.tables.state_flags import (
    HELD,
    NEVER_READ,
    PNL_COMPUTED,
    READ,
    TOKENS,
    WALLETS,
    ProcessingStatus,
    StateFlag,
)
from smart_trader.job_table import Stage

UNITS = {Stage.HOLDERS: "tokens", Stage.TRANSACTIONS: "wallets", Stage.PNL: "wallets"}
"""What each stage counts, in the order of the pipeline."""


def state_to_begin_with(stage: Stage, *, from_start: bool) -> StateFlag:
    """The state of an entity of which `stage` is to be done again; trades also `from_start`, from the first page on."""
    if stage == Stage.HOLDERS:
        return StateFlag(TOKENS, "token_address", (HELD,))
    if stage == Stage.TRANSACTIONS:
        return StateFlag(WALLETS, "wallet_address", (READ, *(NEVER_READ if from_start else ())))
    return PNL_COMPUTED


def count_stages(
    tokens: DataFrame, whales: DataFrame, *, holders: DataFrame, trades: DataFrame, pnl: DataFrame
) -> DataFrame:
    """One row for each `stage` of which there is anything: its entities that are due, pending, completed and failing,
    when the longest untouched one was done, and since when any has failed.

    `tokens` are rows of silver.tracked_tokens that count, `whales` is silver.tracked_whales; the others are those of
    them that are due for a stage.
    """
    wallets = whales.dropDuplicates(["wallet_address"])
    has_failed = F.col("attempts") > 0
    states = (
        _states(Stage.HOLDERS, tokens, "whale_fetch_status", "whale_fetched_at", has_failed),
        _states(Stage.TRANSACTIONS, wallets, "txns_fetch_status", "txns_last_fetched_at", has_failed),
        _states(Stage.PNL, wallets, "pnl_processing_status", "pnl_last_processed_at", F.lit(False)),
    )
    due = (_due(Stage.HOLDERS, holders), _due(Stage.TRANSACTIONS, trades), _due(Stage.PNL, pnl))
    rows = functools.reduce(lambda one, other: one.unionByName(other, allowMissingColumns=True), (*states, *due))
    return rows.groupBy("stage").agg(
        F.count("is_due").alias("due"),
        *(F.count_if(F.col("status") == status).alias(status) for status in ProcessingStatus),
        F.count_if("has_failed").alias("failing"),
        F.min("done_at").alias("oldest"),
        F.min(F.when(F.col("has_failed"), F.col("done_at"))).alias("failing_since"),
    )


def _states(stage: Stage, entities: DataFrame, status: str, done_at: str, has_failed: Column) -> DataFrame:
    return entities.select(
        F.lit(stage).alias("stage"),
        F.col(status).alias("status"),
        F.col(done_at).alias("done_at"),
        has_failed.alias("has_failed"),
    )


def _due(stage: Stage, entities: DataFrame) -> DataFrame:
    return entities.select(F.lit(stage).alias("stage"), F.lit(True).alias("is_due"))
