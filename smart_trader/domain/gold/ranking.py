"""silver.wallet_pnl to gold.smart_traders: every qualified wallet, judged and put in a total order."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import Column as SparkColumn
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.arrow import arrow_type, build_column, lists
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.gold.best_sales import sum_best_sales
from smart_trader.domain.gold.skill import SUMS
from smart_trader.domain.gold.smart_traders import WINDOW_DAYS
from smart_trader.domain.kernel.money import MICRO
from smart_trader.domain.kernel.money import round_half_away as rounded
from smart_trader.domain.kernel.performance import days_spanned
from smart_trader.domain.kernel.ranking import (
    RANKED_FIGURES,
    PnlBasis,
    RankedFigures,
    RankingOrder,
    RankingRules,
    Record,
    gate_failures,
    qualifies,
    score,
    tier,
)
from smart_trader.domain.kernel.skill import Priors, mean_return, win_rate
from smart_trader.domain.silver import wallet_pnl
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.domain.tables.table import USD

_JUDGED = smart_traders.TABLE.fields(
    (
        "performance_tier",
        "smart_trader_score",
        "profitability_score",
        "roi_score",
        "win_rate_score",
        "activity_score",
        "recommended",
        "gate_failures",
        "avg_trade_size_usd",
        "sell_ratio_percent",
        "trading_experience_days",
        *(f"win_rate_{days}d" for days in WINDOW_DAYS),
        *("skill_win_rate", "skill_win_rate_low", "skill_return", "skill_return_low", "best_sale_share"),
    )
)
_FIGURES = (
    "trade_count",
    "token_win_rate",
    "coverage_ratio",
    "trusted_ratio",
    "pnl_ex_best_token",
    "history_complete",
    "wallet_class",
    "sell_count",
    "total_bought",
    "total_sold",
    "first_transaction",
    "last_transaction",
    *(f"{name}_{days}d" for days in WINDOW_DAYS for name in ("winning_sales", "matched_sales")),
    *("best_sale", "gross_gain", *SUMS),
)


@dataclass(frozen=True, slots=True)
class RankedBy:
    """The thresholds, which PnL, ROI and win rate they are for, and which order is the ranking's."""

    rules: RankingRules
    basis: PnlBasis
    order: RankingOrder = RankingOrder.SCORE

    @property
    def figures(self) -> RankedFigures:
        return RANKED_FIGURES[self.basis]


def rank_wallets(
    pnl: DataFrame,
    classes: DataFrame,
    sales: DataFrame,
    trades: DataFrame,
    tokens: DataFrame,
    priors: Priors,
    by: RankedBy,
    *,
    ranked_at: datetime,
) -> DataFrame:
    """The rows of `gold.smart_traders` but for `pnl_change` and `wallet_pnl_version`.

    `pnl` is silver.wallet_pnl, `classes` silver.tracked_whales, `sales` and `trades` their silver tables; `tokens` and
    `priors` are from `skill`.
    """
    windows = _sale_windows(sales, ranked_at).join(_trade_windows(trades, ranked_at), "wallet_address", "full_outer")
    of_sales = sum_best_sales(sales)
    portfolios = _portfolios(pnl, classes, windows, of_sales.join(tokens, "wallet_address", "full_outer"))
    schema = T.StructType([*portfolios.schema.fields, *_JUDGED.fields])
    judged = portfolios.mapInArrow(partial(_judge_partition, by=by, priors=priors), schema)
    return judged.withColumns({**_ranks(by), "ranked_at": F.lit(ranked_at)})


def _ranks(by: RankedBy) -> Mapping[str, SparkColumn]:
    """The place of a wallet in both orders; in all of the one that was chosen, and in its tier."""
    orders = {
        RankingOrder.SCORE: (F.desc("smart_trader_score"), F.desc_nulls_last(by.figures.pnl), F.asc("wallet_address")),
        RankingOrder.SKILL: (
            *(F.desc_nulls_last(name) for name in ("skill_return_low", "skill_win_rate_low")),
            F.asc("wallet_address"),
        ),
    }
    everybody, tier_mates = Window.partitionBy(F.lit(0)), Window.partitionBy("performance_tier")
    places = {
        "score_rank": everybody.orderBy(*orders[RankingOrder.SCORE]),
        "skill_rank": everybody.orderBy(*orders[RankingOrder.SKILL]),
        "overall_rank": everybody.orderBy(*orders[by.order]),
        "tier_rank": tier_mates.orderBy(*orders[by.order]),
    }
    return {name: F.row_number().over(place).cast("bigint") for name, place in places.items()}


def _portfolios(pnl: DataFrame, classes: DataFrame, windows: DataFrame, evidence: DataFrame) -> DataFrame:
    """One row per wallet: its figures, its class, how many tokens it traded, its sums over the `windows`, and what is
    known of its best sales and of its tokens."""
    is_portfolio = F.col("token_address") == ALL_TOKENS
    tokens = pnl.where(~is_portfolio).groupBy("wallet_address").agg(F.count(F.lit(1)).alias("tokens_traded"))
    added_up = [name for name in (*windows.columns, "tokens_traded") if name != "wallet_address"]
    return (
        pnl.where(is_portfolio)
        .select("wallet_address", *(c.name for c in wallet_pnl.FIGURES))
        .join(classes.select("wallet_address", "wallet_class").distinct(), "wallet_address", "left")
        .join(tokens, "wallet_address", "left")
        .join(windows, "wallet_address", "left")
        .join(evidence, "wallet_address", "left")
        .withColumns({name: F.coalesce(F.col(name), F.lit(0)) for name in added_up})
        .withColumns({f"{n}_{d}d": _money(f"{n}_{d}d") for d in WINDOW_DAYS for n in ("realized_pnl", "cost_of_sold")})
    )


def with_pnl_change(ranked: DataFrame, previous_pnl: DataFrame | None, pnl: str) -> DataFrame:
    """Add `pnl_change` of the column `pnl` against the portfolios of `previous_pnl`, silver.wallet_pnl as of the
    previous ranking. Null where that version had no such column yet."""
    if previous_pnl is None or pnl not in previous_pnl.columns:
        return ranked.withColumn("pnl_change", F.lit(None).cast(USD))
    before = previous_pnl.where(F.col("token_address") == ALL_TOKENS).select("wallet_address", F.col(pnl).alias("_was"))
    return (
        ranked.join(before, "wallet_address", "left")
        .withColumn("pnl_change", (F.col(pnl) - F.col("_was")).try_cast(USD))
        .drop("_was")
    )


def history_of(traders: DataFrame, *, trades_version: int, settings_hash: str) -> DataFrame:
    """The rows of `gold.rank_history` that keep a ranking."""
    added = {
        "ranking_date": F.to_date("ranked_at"),
        "trades_version": F.lit(trades_version).cast("bigint"),
        "settings_hash": F.lit(settings_hash),
    }
    return traders.withColumns(added).select(*rank_history.TABLE.column_names)


def _since(ranked_at: datetime, days: int, time: str = "block_time") -> SparkColumn:
    return F.col(time) >= F.lit(ranked_at - timedelta(days=days))


def _sale_windows(sales: DataFrame, ranked_at: datetime) -> DataFrame:
    """Sums over the matched sales of each window; the lots always come from the whole history."""
    is_matched = F.col("realized_pnl_usd").isNotNull()
    recent = sales.where(is_matched & _since(ranked_at, max(WINDOW_DAYS)) & (F.col("block_time") <= F.lit(ranked_at)))
    sums = []
    for days in WINDOW_DAYS:
        inside = _since(ranked_at, days)
        is_win = inside & (F.col("realized_pnl_usd") > 0)
        sums += [
            F.sum(F.when(inside, F.col("realized_pnl_usd"))).alias(f"realized_pnl_{days}d"),
            F.sum(F.when(inside, F.col("cost_usd"))).alias(f"cost_of_sold_{days}d"),
            F.count_if(inside).alias(f"matched_sales_{days}d"),
            F.count_if(is_win).alias(f"winning_sales_{days}d"),
        ]
    return recent.groupBy("wallet_address").agg(*sums)


def _trade_windows(trades: DataFrame, ranked_at: datetime) -> DataFrame:
    recent = trades.where(_since(ranked_at, max(WINDOW_DAYS)) & (F.col("block_time") <= F.lit(ranked_at)))
    counts = [F.count_if(_since(ranked_at, days)).alias(f"trade_count_{days}d") for days in WINDOW_DAYS]
    return recent.groupBy("wallet_address").agg(*counts)


def _money(name: str) -> SparkColumn:
    return F.col(name).try_cast(USD)


def _judge_partition(batches: Iterator[pa.RecordBatch], by: RankedBy, priors: Priors) -> Iterator[pa.RecordBatch]:
    names = (*by.figures, *_FIGURES)
    for batch in batches:
        wallets = zip(*lists(batch, names), strict=True)
        verdicts = [_judge(dict(zip(names, wallet, strict=True)), by, priors) for wallet in wallets]
        kept = batch.filter(pa.array([verdict is not None for verdict in verdicts], pa.bool_()))
        if not kept.num_rows:
            continue
        rows = [verdict for verdict in verdicts if verdict is not None]
        added = [build_column([row[field.name] for row in rows], field.type) for field in arrow_type(_JUDGED)]
        yield pa.RecordBatch.from_arrays([*kept.columns, *added], names=[*kept.schema.names, *_JUDGED.names])


def _judge(wallet: Mapping[str, Any], by: RankedBy, priors: Priors) -> Mapping[str, Any] | None:
    """The columns of `_JUDGED` from those of `_FIGURES` and of the basis; None for a wallet that does not qualify."""
    record = Record(
        pnl=wallet[by.figures.pnl],
        roi=wallet[by.figures.roi],
        win_rate=wallet[by.figures.win_rate],
        trades=wallet["trade_count"],
        token_win_rate=wallet["token_win_rate"],
        coverage=wallet["coverage_ratio"],
        trusted=wallet["trusted_ratio"],
        pnl_ex_best_token=wallet["pnl_ex_best_token"],
        history_complete=wallet["history_complete"],
        wallet_class=wallet["wallet_class"],
    )
    if not qualifies(record):
        return None
    points, failures = score(record, by.rules.scoring), gate_failures(record, by.rules.gate)
    return {
        "performance_tier": tier(record, by.rules),
        "smart_trader_score": points.total,
        "profitability_score": points.profitability,
        "roi_score": points.roi,
        "win_rate_score": points.win_rate,
        "activity_score": points.activity,
        "recommended": not failures,
        "gate_failures": failures,
        "avg_trade_size_usd": _average_size(wallet),
        "sell_ratio_percent": rounded(100 * MICRO * wallet["sell_count"], record.trades),
        "trading_experience_days": days_spanned(wallet["first_transaction"], wallet["last_transaction"]),
        **{f"win_rate_{days}d": _win_rate(wallet, days) for days in WINDOW_DAYS},
        **_skill(wallet, priors),
        "best_sale_share": _best_sale_share(wallet["best_sale"], wallet["gross_gain"]),
    }


def _skill(wallet: Mapping[str, Any], priors: Priors) -> Mapping[str, int | None]:
    wins = win_rate(wallet["won_tokens"] or 0, wallet["decided_tokens"] or 0, priors.wins)
    returns = mean_return(wallet["return_total"] or 0, wallet["return_tokens"] or 0, priors.returns)
    return {
        "skill_win_rate": wins.mean,
        "skill_win_rate_low": wins.low,
        "skill_return": returns.mean,
        "skill_return_low": returns.low,
    }


def _best_sale_share(best: int | None, gains: int | None) -> int | None:
    return rounded(MICRO * best, gains) if best is not None and gains else None


def _average_size(wallet: Mapping[str, Any]) -> int | None:
    bought, sold = wallet["total_bought"], wallet["total_sold"]
    return None if bought is None or sold is None else rounded(bought + sold, wallet["trade_count"])


def _win_rate(wallet: Mapping[str, Any], days: int) -> int | None:
    won, matched = wallet[f"winning_sales_{days}d"], wallet[f"matched_sales_{days}d"]
    return rounded(100 * MICRO * won, matched) if matched else None
