"""What must hold of a ranking: it has the figures from which it was made, and its ranks are an order."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from smart_trader.domain.gold import rank_history, rankings, smart_traders
from smart_trader.domain.kernel.ranking import RankedFigures
from smart_trader.domain.silver import wallet_pnl
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.domain.tables.row_rules import Examination, Rule, together

USES = (smart_traders.TABLE, rank_history.TABLE, rankings.TABLE)
_KEPT = ("performance_tier", "smart_trader_score", "overall_rank", "tier_rank", "recommended", "total_pnl")
"""What the history keeps of the current ranking."""
_ORDERS = ("score_rank", "skill_rank")


def examine_ranks(traders: DataFrame, history: DataFrame) -> Examination:
    """Of each ranking: ranks count from 1 without gap or tie, in all, in each tier and in both orders, one of which is
    that of all; and the score never rises."""
    names = ("ranked_at", "wallet_address", *_KEPT[:4], *_ORDERS)
    rankings = together(
        traders.select(F.lit(True).alias("is_current"), *names),
        history.select(F.lit(False).alias("is_current"), *names),
    )
    ranking = Window.partitionBy("is_current", "ranked_at")
    order = ranking.orderBy("overall_rank", "wallet_address")
    tier = Window.partitionBy("is_current", "ranked_at", "performance_tier")
    numbered = rankings.select(
        *names,
        "is_current",
        F.row_number().over(order).alias("place"),
        F.row_number().over(tier.orderBy("overall_rank", "wallet_address")).alias("place_in_tier"),
        *(F.row_number().over(ranking.orderBy(name, "wallet_address")).alias(f"place_by_{name}") for name in _ORDERS),
        # Rankings from before there were two orders have one.
        F.lag("smart_trader_score")
        .over(ranking.orderBy(F.coalesce("score_rank", "overall_rank"), "wallet_address"))
        .alias("better_score"),
    )
    gaps = (F.col("overall_rank") != F.col("place")) | (F.col("tier_rank") != F.col("place_in_tier"))
    for name in _ORDERS:
        gaps = gaps | F.coalesce(F.col(name) != F.col(f"place_by_{name}"), F.lit(False))
    is_neither = (F.col("overall_rank") != F.col("score_rank")) & (F.col("overall_rank") != F.col("skill_rank"))
    rises = F.col("smart_trader_score") > F.col("better_score")
    return Examination(
        numbered,
        ("ranked_at", "wallet_address"),
        tuple(
            rule
            for table, is_its in (
                (smart_traders.TABLE, F.col("is_current")),
                (rank_history.TABLE, ~F.col("is_current")),
            )
            for rule in (
                Rule(table.name, "ranks_without_gap_or_tie", is_its & gaps),
                Rule(table.name, "score_falls_with_rank", is_its & rises),
                Rule(table.name, "ranks_are_of_one_order", is_its & is_neither),
            )
        ),
    )


def examine_certificates(certificates: DataFrame, history: DataFrame) -> Examination:
    """Each certificate says how many wallets its ranking has, how many are recommended, and what it was made from."""
    named = ("wallet_pnl_version", "trades_version", "settings_hash")
    kept = history.groupBy("ranked_at").agg(
        F.count(F.lit(1)).alias("kept_wallets"),
        F.count_if("recommended").alias("kept_recommended"),
        *(F.max(F.struct(*named)).alias("newest"), F.min(F.struct(*named)).alias("oldest")),
    )
    certified = F.struct(*named)
    fits = (
        F.col("wallets").eqNullSafe(F.col("kept_wallets"))
        & F.col("recommended").eqNullSafe(F.col("kept_recommended"))
        & certified.eqNullSafe(F.col("newest"))
        & certified.eqNullSafe(F.col("oldest"))
    )
    both = certificates.join(kept, "ranked_at", "left")
    return Examination(both, ("ranked_at",), (Rule(rankings.TABLE.name, "certificate_fits_its_ranking", ~fits),))


def examine_ranking(
    traders: DataFrame, pnl: DataFrame, history: DataFrame | None, by: RankedFigures | None
) -> Examination:
    """The current ranking has the figures of `pnl`, silver.wallet_pnl in the version that was ranked.

    `history` is what gold.rank_history keeps of this same ranking, None if it was not kept yet. Wallets qualify `by`
    these figures, None if the ranking was made with other settings.
    """
    is_ranked = F.col("ranked").isNotNull()
    differs = ~F.col("place").eqNullSafe(F.col("kept")) if history is not None else F.lit(False)
    table = smart_traders.TABLE.name
    return Examination(
        _ranked_and_known(traders, pnl, history, by),
        ("wallet_address",),
        (
            Rule(table, "figures_are_those_ranked", is_ranked & ~F.col("ranked").eqNullSafe(F.col("known"))),
            Rule(table, "who_qualifies_is_ranked", F.lit(by is not None) & F.col("qualifies") & ~is_ranked),
            Rule(rank_history.TABLE.name, "current_ranking_is_kept", differs),
        ),
    )


def _ranked_and_known(
    traders: DataFrame, pnl: DataFrame, history: DataFrame | None, by: RankedFigures | None
) -> DataFrame:
    """One row per wallet: its figures on the ranking (`ranked`) and in `pnl` (`known`), its place, and the one kept."""
    figures = F.struct(*(column.name for column in wallet_pnl.FIGURES))
    later = {c.name: F.lit(None).cast(c.type) for c in wallet_pnl.FIGURES if c.name not in pnl.columns}
    portfolios = pnl.where(F.col("token_address") == ALL_TOKENS).withColumns(later)
    absent = F.lit(None).cast("boolean")
    gains = (F.col(by.win_rate) > 0) | (F.col(by.pnl) > 0) if by else absent
    qualifies = (F.col("trade_count") > 0) & gains
    sides = [
        traders.select("wallet_address", figures.alias("ranked"), F.struct(*_KEPT).alias("place")),
        portfolios.select("wallet_address", figures.alias("known"), qualifies.alias("qualifies")),
    ]
    if history is not None:
        sides.append(history.select("wallet_address", F.struct(*_KEPT).alias("kept")))
    kept = F.max("kept") if history is not None else absent
    found = (F.max(name).alias(name) for name in ("ranked", "known", "place", "qualifies"))
    return together(*sides).groupBy("wallet_address").agg(*found, kept.alias("kept"))
