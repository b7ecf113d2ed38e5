"""Every qualified wallet judged as the oracle judges it, put in a total order, with figures of its last days."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from smart_trader.config.settings import load
from smart_trader.config.thresholds import ranked_by
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.gold.ranking import RankedBy, history_of, rank_wallets, with_pnl_change
from smart_trader.domain.gold.skill import SUMS
from smart_trader.domain.invariants import rankings
from smart_trader.domain.kernel.ranking import PnlBasis, RankingOrder
from smart_trader.domain.kernel.skill import Priors, ReturnPrior, WinPrior
from smart_trader.domain.silver import realized_sales, tracked_whales, trades, wallet_pnl
from tests.domain.gold.portfolios import ALSO_TRUSTED, NOW, portfolio
from tests.frames import collected, frame
from tests.oracle import ranking as oracle
from tests.oracle import skill as oracle_skill
from tests.oracle.numbers import DAY

BY = ranked_by(load(environ={}).ranking)
NANO = Decimal("1e-9")
MICRO = Decimal("1e-6")
Figures = dict[str, Any]

AT_THE_EDGES: dict[str, Figures] = {
    "elite": {"realized_pnl": Decimal(10_000), "roi": Decimal(50), "win_rate": Decimal(30)},
    "a nano less": {"realized_pnl": 10_000 - NANO, "roi": Decimal(50), "win_rate": Decimal(30)},
    "strong by roi": {"realized_pnl": Decimal(10_000), "roi": 50 - MICRO, "win_rate": Decimal(30)},
    "strong": {"realized_pnl": Decimal(1_000), "roi": Decimal(20), "win_rate": Decimal(20)},
    "promising": {"realized_pnl": Decimal(100), "roi": Decimal(10), "win_rate": Decimal(10)},
    "promising but for wins": {"realized_pnl": Decimal(100), "roi": Decimal(10), "win_rate": 10 - MICRO},
    "at the gate": {"realized_pnl": Decimal(10), "roi": Decimal(1), "win_rate": Decimal(40)},
    "below every gate": {
        **{"realized_pnl": 10 - NANO, "roi": 1 - MICRO, "win_rate": 40 - MICRO, "token_win_rate": 30 - MICRO},
        **{"coverage_ratio": Decimal("0.799999"), "trusted_ratio": Decimal("0.799999"), "history_complete": False},
    },
    "gained by price": {
        "trusted_pnl": Decimal(0),
        "trusted_roi": None,
        "trusted_win_rate": None,
        "trusted_ratio": Decimal(0),
    },
    "unknown parts": {"realized_pnl": Decimal(50_000), "roi": None, "win_rate": None, "coverage_ratio": None},
    "wins without profit": {"realized_pnl": Decimal(-5), "roi": Decimal(-1), "win_rate": MICRO},
    "only unrealized": {"realized_pnl": Decimal(0), "roi": None, "win_rate": None, "total_pnl": Decimal(7)},
    "no profit": {"realized_pnl": Decimal(0), "roi": Decimal(0), "win_rate": Decimal(0), "total_pnl": Decimal(0)},
    "no trade": {"trade_count": 0, "sell_count": 0, "first_transaction": None, "last_transaction": None},
    **{f"equal {wallet}": {} for wallet in ("c", "a", "b")},
    "equal but richer": {"realized_pnl": Decimal(20_000), "roi": Decimal(100), "win_rate": Decimal(100)},
    "equal and rich": {"realized_pnl": Decimal(10_000), "roi": Decimal(100), "win_rate": Decimal(100)},
    **{name: {"trade_count": 10, "sell_count": 10} for name in ("bot", "pool", "exchange")},
}
CLASSES = {"bot": "bot", "pool": "pool", "exchange": "exchange"}
"""Everybody else is a person."""
JUDGED = (
    *("performance_tier", "smart_trader_score", "profitability_score", "roi_score", "win_rate_score", "activity_score"),
    *("overall_rank", "tier_rank", "recommended", "gate_failures"),
    *("avg_trade_size_usd", "sell_ratio_percent", "trading_experience_days"),
)


def drawn(count: int) -> list[Figures]:
    """Portfolios like those of a crowd, the same at every run."""
    random = Random(20260120)

    def amount(least: int, most: int, digits: int) -> Decimal:
        return Decimal(random.randint(least * 10**digits, most * 10**digits)).scaleb(-digits)

    rows = []
    for nth in range(count):
        trade_count = random.randint(1, 14)
        first = NOW - timedelta(seconds=random.randint(0, 90 * 86_400))
        rows.append(
            portfolio(
                f"drawn {nth:02}",
                realized_pnl=random.choice((amount(-50, 150, 9), amount(500, 12_000, 9))),
                total_pnl=amount(-100, 12_000, 9),
                roi=random.choice((None, amount(-5, 120, 6))),
                win_rate=random.choice((None, Decimal(0), amount(0, 100, 6))),
                trusted_pnl=random.choice((amount(-50, 150, 9), amount(500, 12_000, 9))),
                trusted_roi=random.choice((None, amount(-5, 120, 6))),
                trusted_win_rate=random.choice((None, Decimal(0), amount(0, 100, 6))),
                token_win_rate=random.choice((None, amount(0, 100, 6))),
                coverage_ratio=random.choice((None, amount(0, 1, 6))),
                trusted_ratio=random.choice((None, amount(0, 1, 6))),
                history_complete=random.random() < 0.8,
                trade_count=trade_count,
                sell_count=random.randint(0, trade_count),
                total_bought=amount(0, 9_000, 9),
                total_sold=amount(0, 9_000, 9),
                first_transaction=first,
                last_transaction=first + timedelta(microseconds=random.randint(0, 3 * 86_400 * 10**6)),
            )
        )
    return rows


PORTFOLIOS = [*(portfolio(wallet, **figures) for wallet, figures in AT_THE_EDGES.items()), *drawn(60)]
CLASS_OF = {row["wallet_address"]: CLASSES.get(row["wallet_address"], "person") for row in PORTFOLIOS}


def micros(row: Figures) -> Figures:
    return {name: as_micros(value) if isinstance(value, datetime) else value for name, value in row.items()}


def as_micros(time: datetime) -> int:
    return round(time.timestamp() * 10**6)


def sale(wallet: str, before: timedelta, pnl: str | None, cost: str | None = "1") -> Figures:
    return {
        "trade_id": f"{wallet} {before}",
        "wallet_address": wallet,
        "block_time": NOW - before,
        "realized_pnl_usd": pnl and Decimal(pnl),
        "cost_usd": cost and Decimal(cost),
    }


SECOND = timedelta(seconds=1)
MOMENTS = [timedelta(days=days) + step for days in (7, 30, 90) for step in (-SECOND, timedelta(0), SECOND)]
SALES = [
    *(sale("elite", before, f"{'-' if nth % 3 else ''}{10**nth}") for nth, before in enumerate(MOMENTS)),
    sale("elite", timedelta(0), "0"),
    sale("elite", timedelta(days=1), None, "5"),
    sale("elite", -SECOND, "1000000000"),
    sale("strong", timedelta(days=2), None, None),
]
TRADES = [{**sale, "trade_id": f"trade {sale['trade_id']}"} for sale in SALES]
SUMS_SCHEMA = f"wallet_address STRING, {', '.join(f'{name} DECIMAL(38,0)' for name in SUMS)}"
PRIORS = Priors(
    WinPrior(Fraction(1, 3), Fraction(5)),
    ReturnPrior(Fraction(10**7), Fraction(4 * 10**14), Fraction(25 * 10**14)),
)
TOKENS = [
    ("strong", *map(Decimal, (4, 4, 4, 800_000_000, 0))),
    ("promising", *map(Decimal, (9, 1, 0, 0, 0))),
    ("elite", *map(Decimal, (9, 3, 9, -450_000_000, 0))),
]
"""Decided tokens: all won, one of nine won and all of them for nothing, mostly lost. Nobody else has any."""
POSITIONS = [portfolio("elite", token_address=token) for token in ("T1", "T2")]


def rank(spark: SparkSession, by: RankedBy = BY) -> DataFrame:
    names = {"trade_id", "wallet_address", "block_time"}
    return rank_wallets(
        frame(spark, wallet_pnl.TABLE, *PORTFOLIOS, *POSITIONS),
        frame(
            spark,
            tracked_whales.TABLE,
            *(
                {"wallet_address": wallet, "wallet_class": kind, "token_address": token}
                for wallet, kind in CLASS_OF.items()
                for token in ("T1", "T2")
            ),
        ),
        frame(spark, realized_sales.TABLE, *SALES),
        frame(spark, trades.TABLE, *({k: v for k, v in row.items() if k in names} for row in TRADES)),
        spark.createDataFrame(TOKENS, SUMS_SCHEMA),
        PRIORS,
        by,
        ranked_at=NOW,
    )


@pytest.fixture(scope="module")
def ranked(spark: SparkSession) -> Mapping[str, Figures]:
    rows = collected(rank(spark))
    assert len({row["wallet_address"] for row in rows}) == len(rows)
    return {row["wallet_address"]: row for row in rows}


def assert_as_the_oracle_ranks(ranked: Mapping[str, Figures], basis: str) -> None:
    expected = {row["wallet_address"]: row for row in oracle.rank(map(micros, PORTFOLIOS), CLASS_OF, basis)}
    assert ranked.keys() == expected.keys()
    for wallet, row in expected.items():
        assert {name: ranked[wallet][name] for name in JUDGED} == {name: row[name] for name in JUDGED}, wallet


def test_the_ranking_is_that_of_the_oracle(ranked: Mapping[str, Figures]) -> None:
    assert_as_the_oracle_ranks(ranked, "trusted")
    assert {row["performance_tier"] for row in ranked.values()} == {"ELITE", "STRONG", "PROMISING", "QUALIFIED"}


@pytest.mark.parametrize(
    ("basis", "comes"), [(PnlBasis.REALIZED, "gained by price"), (PnlBasis.TOTAL, "only unrealized")]
)
def test_another_basis_ranks_by_its_figures(
    spark: SparkSession, ranked: Mapping[str, Figures], basis: PnlBasis, comes: str
) -> None:
    by_it = {row["wallet_address"]: row for row in collected(rank(spark, RankedBy(BY.rules, basis)))}
    assert_as_the_oracle_ranks(by_it, basis)
    assert comes in by_it and comes not in ranked


def test_a_tier_is_reached_at_its_threshold_and_not_below(ranked: Mapping[str, Figures]) -> None:
    expected = {
        "elite": "ELITE",
        "a nano less": "STRONG",
        "strong by roi": "STRONG",
        "strong": "STRONG",
        "promising": "PROMISING",
        "promising but for wins": "QUALIFIED",
        "unknown parts": "QUALIFIED",
        "wins without profit": "QUALIFIED",
    }
    assert {wallet: ranked[wallet]["performance_tier"] for wallet in expected} == expected
    assert not ranked.keys() & {"only unrealized", "no profit", "no trade"}


def test_equal_scores_are_ordered_by_profit_and_then_by_address(ranked: Mapping[str, Figures]) -> None:
    richer, rich = ranked["equal but richer"], ranked["equal and rich"]
    assert richer["smart_trader_score"] == rich["smart_trader_score"]
    assert (richer["overall_rank"], rich["overall_rank"]) == (1, 2)
    first, second, third = (ranked[f"equal {wallet}"]["overall_rank"] for wallet in "abc")
    assert (second, third) == (first + 1, first + 2)
    assert sorted(row["overall_rank"] for row in ranked.values()) == list(range(1, len(ranked) + 1))


def test_what_keeps_a_wallet_from_being_recommended_is_named(ranked: Mapping[str, Figures]) -> None:
    below = ["pnl_below", "roi_below", "win_rate_below", "token_win_rate_below", "coverage_below", "value_untrusted"]
    assert ranked["below every gate"]["gate_failures"] == [*below, "history_incomplete"]
    assert (ranked["at the gate"]["gate_failures"], ranked["at the gate"]["recommended"]) == ([], True)
    assert [ranked[kind]["gate_failures"] for kind in CLASSES] == [[f"class_{kind}"] for kind in CLASSES]
    assert not ranked["bot"]["recommended"]


@pytest.mark.parametrize("days", [7, 30, 90])
@pytest.mark.parametrize("wallet", ["elite", "strong", "equal a"])
def test_a_window_takes_its_start_in_and_nothing_after_the_ranking(
    ranked: Mapping[str, Figures], wallet: str, days: int
) -> None:
    own_trades, own_sales = (
        [micros(row) for row in rows if row["wallet_address"] == wallet] for rows in (TRADES, SALES)
    )
    expected = oracle.window(own_trades, own_sales, as_micros(NOW), days)
    assert days * DAY == timedelta(days=days) // timedelta(microseconds=1)
    assert {name: ranked[wallet][f"{name}_{days}d"] for name in expected} == expected


def test_both_orders_are_kept_and_the_settings_choose_the_ranking(
    spark: SparkSession, ranked: Mapping[str, Figures]
) -> None:
    best_first = sorted(ranked, key=lambda wallet: ranked[wallet]["skill_rank"])
    unknown = [wallet for wallet in best_first if wallet not in {row[0] for row in TOKENS}]
    assert best_first == ["strong", "elite", "promising", *sorted(unknown)], "unknown last, by address"
    assert all(row["score_rank"] == row["overall_rank"] for row in ranked.values())

    by_skill = {row["wallet_address"]: row for row in collected(rank(spark, replace(BY, order=RankingOrder.SKILL)))}
    places = ("score_rank", "skill_rank")
    assert {w: [row[name] for name in places] for w, row in by_skill.items()} == {
        w: [row[name] for name in places] for w, row in ranked.items()
    }
    assert all(row["overall_rank"] == row["skill_rank"] for row in by_skill.values())
    tier = sorted(
        (row["skill_rank"], row["tier_rank"]) for row in by_skill.values() if row["performance_tier"] == "STRONG"
    )
    assert [place for _, place in tier] == list(range(1, len(tier) + 1))


def test_skill_is_that_of_the_formulas(ranked: Mapping[str, Figures]) -> None:
    wins, returns = PRIORS
    assert wins and returns
    beta = oracle_skill.Beta(*wins)
    normal = oracle_skill.Normal(returns.mean / 10**6, returns.between / 10**12, returns.within / 10**12)
    for wallet, decided, won, known, total, _ in TOKENS:
        row = ranked[wallet]
        win_rate = oracle_skill.win_rate([1] * int(won) + [0] * int(decided - won), beta)
        mean_return = oracle_skill.mean_return([total / known / 10**6] * int(known) if known else [], normal)
        assert (row["skill_win_rate"], row["skill_win_rate_low"]) == win_rate, wallet
        assert (row["skill_return"], row["skill_return_low"]) == mean_return, wallet
    assert {ranked["equal a"][name] for name in ("skill_return", "skill_win_rate_low")} == {None}


def test_the_share_of_the_best_sale_is_of_all_gains(ranked: Mapping[str, Figures]) -> None:
    gains = [
        sale["realized_pnl_usd"] for sale in SALES if sale["wallet_address"] == "elite" and sale["realized_pnl_usd"]
    ]
    gains = [gain for gain in gains if gain > 0]
    assert ranked["elite"]["best_sale_share"] == oracle_skill.percent(Fraction(max(gains)) / Fraction(sum(gains)))
    assert ranked["strong"]["best_sale_share"] is None


def test_tokens_are_counted_and_every_row_is_of_this_ranking(ranked: Mapping[str, Figures]) -> None:
    assert (ranked["elite"]["tokens_traded"], ranked["strong"]["tokens_traded"]) == (2, 0)
    assert {row["ranked_at"] for row in ranked.values()} == {NOW}


def test_change_is_against_the_portfolio_of_before_and_unknown_for_a_newcomer(spark: SparkSession) -> None:
    rows = [portfolio("stayed", realized_pnl=Decimal(10)), portfolio("came", realized_pnl=Decimal(3))]
    now = frame(spark, wallet_pnl.TABLE, *rows).select("wallet_address", "realized_pnl")
    before = frame(
        spark,
        wallet_pnl.TABLE,
        portfolio("stayed", realized_pnl=Decimal("12.5"), total_pnl=Decimal(99)),
        portfolio("stayed", realized_pnl=Decimal(1), token_address="T1"),
        portfolio("went"),
    )

    changes = collected(with_pnl_change(now, before, "realized_pnl"))
    first = collected(with_pnl_change(now, None, "realized_pnl"))
    of_first_edition = collected(with_pnl_change(now, before.drop("total_pnl"), "total_pnl"))

    assert {row["wallet_address"]: row["pnl_change"] for row in changes} == {"stayed": Decimal("-2.5"), "came": None}
    assert [row["pnl_change"] for row in (*first, *of_first_edition)] == [None] * 4


def test_a_ranking_of_figures_from_before_a_column_was_added_is_sound(spark: SparkSession) -> None:
    row = portfolio("W", **dict.fromkeys((*ALSO_TRUSTED, "trusted_ratio")))
    names = {column.name for column in wallet_pnl.FIGURES}
    ranked = frame(spark, smart_traders.TABLE, {k: v for k, v in row.items() if k in {"wallet_address", *names}})
    older = frame(spark, wallet_pnl.TABLE, row).drop(*ALSO_TRUSTED, "trusted_ratio")

    examination = rankings.examine_ranking(ranked, older, None, None)

    assert set(examination.count().collect()[0]) == {0}


def test_history_keeps_the_day_and_what_the_ranking_was_made_from(spark: SparkSession) -> None:
    traders = frame(
        spark,
        smart_traders.TABLE,
        {"wallet_address": "W", "ranked_at": NOW, "wallet_pnl_version": 4, "roi": Decimal(5)},
    )

    (row,) = collected(history_of(traders, trades_version=7, settings_hash="abc"))

    kept = {"wallet_address": "W", "ranked_at": NOW, "wallet_pnl_version": 4, "roi": Decimal(5)}
    made_from = {"ranking_date": NOW.date(), "trades_version": 7, "settings_hash": "abc"}
    assert row == dict.fromkeys(rank_history.TABLE.column_names) | kept | made_from
