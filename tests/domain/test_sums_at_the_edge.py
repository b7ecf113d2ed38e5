"""A sum that does not fit is unknown: it breaks no rule. One that just fits is compared to the last unit."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import DataFrame, SparkSession

from smart_trader.domain.gold import report_data, smart_traders
from smart_trader.domain.invariants import trading, wallets
from smart_trader.domain.silver import open_lots, realized_sales, tracked_whales, trades, wallet_pnl
from smart_trader.domain.tables.row_rules import Examination, exact_sum, examine_rows
from smart_trader.domain.tables.table import RAW, Table
from tests.domain.gold.portfolios import NOW, portfolio
from tests.frames import frame

FITS = 10**38 - 1
"""The largest number of base units that a column holds: 38 digits."""
Rows = dict[Table, list[dict[str, Any]]]


def broken(examination: Examination) -> set[tuple[str, str]]:
    counts = examination.count().collect()[0]
    return {(rule.table, rule.name) for rule, count in zip(examination.rules, counts, strict=True) if count}


def test_a_sum_of_nothing_is_0_and_one_that_does_not_fit_is_unknown(spark: SparkSession) -> None:
    values: dict[str, list[int | None]] = {
        "none": [None, None],
        "some": [None, 2, 3],
        "fits": [FITS - 1, 1],
        "too large": [FITS, 1],
        "too large, and back": [FITS, FITS, -FITS],
        "too small": [-FITS, -1],
    }
    pairs = [(name, None if v is None else Decimal(v)) for name, all_of in values.items() for v in all_of]
    rows = spark.createDataFrame(pairs, f"name STRING, value {RAW.simpleString()}")
    sums = {row.name: row.sum for row in rows.groupBy("name").agg(exact_sum(rows["value"]).alias("sum")).collect()}
    assert sums["none"] == 0 and sums["some"] == 5 and sums["fits"] == FITS
    assert sums["too large"] is None and sums["too small"] is None
    assert sums["too large, and back"] in (None, FITS)


def units(bought: Sequence[int], *, matched: int, unknown: int, remaining: int, missing: int = 0) -> Rows:
    """A position whose purchases were sold in two equal sales of each kind, or are left but for `missing` units."""
    place = {"wallet_address": "w", "token_address": "t"}
    buys, sells, sales, lots = [], [], [], []
    for nth, quantity in enumerate(bought):
        buys.append(place | _trade(f"b{nth}", quantity) | {"side": "BUY", "cost_known": True})
    for kind, quantity in (("matched_raw", matched), ("unknown_cost_raw", unknown)):
        for half in (quantity // 2, quantity - quantity // 2) if quantity else ():
            sold = place | _trade(f"s{len(sells)}", half)
            sells.append(sold | {"side": "SELL"})
            parts = {"matched_raw": Decimal(0), "unknown_cost_raw": Decimal(0)} | {kind: Decimal(half)}
            sales.append(sold | parts | ({"cost_usd": Decimal(0)} if kind == "matched_raw" else {}))
    if remaining:
        left = {"bought_raw": Decimal(bought[0]), "remaining_raw": Decimal(remaining - missing)}
        lots.append(place | left | {"trade_id": "b0", "acquired_at": NOW, "cost_known": True})
    counts = {"trade_count": len(buys + sells), "buy_count": len(buys), "sell_count": len(sells)}
    figures = {"matched_sales": 0, "winning_sales": 0, "first_transaction": NOW, "last_transaction": NOW}
    return {
        trades.TABLE: buys + sells,
        realized_sales.TABLE: sales,
        open_lots.TABLE: lots,
        wallet_pnl.TABLE: [place | counts | figures],
    }


def _trade(name: str, quantity: int) -> dict[str, Any]:
    return {"trade_id": name, "quantity_raw": Decimal(quantity), "block_time": NOW}


@pytest.mark.parametrize(
    "position",
    [
        units([FITS - 5, 5], matched=0, unknown=FITS - 5, remaining=5),
        units([FITS, FITS, 5], matched=2 * FITS, unknown=0, remaining=5),
        units([FITS, FITS, 5], matched=0, unknown=2 * FITS, remaining=5),
        units([FITS, FITS, FITS], matched=FITS, unknown=FITS, remaining=FITS),
        units([FITS, 6], matched=1, unknown=FITS, remaining=5),
    ],
    ids=["just fits", "sold", "sold of unknown cost", "all", "by a little"],
)
def test_units_that_add_up_break_no_rule_however_many_they_are(spark: SparkSession, position: Rows) -> None:
    assert broken(examine(spark, position)) == set()


def test_one_unit_is_missed_as_long_as_the_sum_fits(spark: SparkSession) -> None:
    position = units([FITS - 5, 5], matched=0, unknown=FITS - 5, remaining=5, missing=1)
    assert broken(examine(spark, position)) == {("silver.open_lots", "bought_is_sold_or_left")}


def examine(spark: SparkSession, position: Rows) -> Examination:
    def read(table: Table) -> DataFrame:
        return frame(spark, table, *position[table])

    consistent = spark.createDataFrame([("w", NOW)], "wallet_address STRING, computed_at TIMESTAMP")
    return trading.examine_positions(read, consistent)


LARGE = Decimal("9900000000000000000")
"""Dollars; twice as many do not fit DECIMAL(28, 9)."""


def token(mint: str, **figures: Any) -> dict[str, Any]:
    nothing = {
        "realized_pnl": Decimal(0),
        "total_pnl": Decimal(0),
        "cost_of_sold": Decimal(0),
        "total_sold": Decimal(0),
    }
    counts = dict.fromkeys(("winning_sales", "matched_sales", "sell_count", "winning_tokens", "losing_tokens"), 0)
    none = {"unmatched_proceeds": Decimal(0), "unmarked_cost_basis": Decimal(0), "unrealized_pnl": None}
    one = {"token_address": mint, "trade_count": 1, "buy_count": 1}
    return portfolio("w", **(nothing | counts | none | one | figures))


def lost(mint: str) -> dict[str, Any]:
    """Two purchases of which nothing is left in value: neither what they cost nor the loss fits its column."""
    return token(mint, total_bought=None, current_position_value=Decimal(0), trade_count=2, buy_count=2)


@pytest.mark.parametrize(
    ("rows", "rules"),
    [
        # The loss of one token and the gain of another: their sums fit again.
        (
            [
                lost("a"),
                token("b", total_bought=Decimal(1), unrealized_pnl=LARGE, total_pnl=LARGE),
                token("ALL_TOKENS", total_bought=None, unrealized_pnl=-LARGE, total_pnl=-LARGE)
                | {"trade_count": 3, "buy_count": 3},
            ],
            set(),
        ),
        # A realized gain as large, so that the total fits though the loss does not.
        (
            [
                token("a", total_bought=None, realized_pnl=LARGE, total_pnl=-LARGE),
                token("ALL_TOKENS", total_bought=None, realized_pnl=LARGE, total_pnl=-LARGE),
            ],
            set(),
        ),
        (
            [
                token("a", total_bought=LARGE, unrealized_pnl=-LARGE, total_pnl=-LARGE),
                token("ALL_TOKENS", total_bought=LARGE, unrealized_pnl=-LARGE + 1, total_pnl=-LARGE + 1),
            ],
            {"portfolio_is_the_sum_of_its_tokens"},
        ),
        ([token("a", total_pnl=Decimal(1)), token("ALL_TOKENS", total_pnl=Decimal(1))], {"total_adds_up"}),
    ],
    ids=["sums fit again", "total fits", "portfolio differs", "total differs"],
)
def test_figures_that_fit_no_column_break_no_rule(
    spark: SparkSession, rows: list[Mapping[str, Any]], rules: set[str]
) -> None:
    pnl = frame(spark, wallet_pnl.TABLE, *rows)
    state = {"pnl_processing_status": "completed", "pnl_last_processed_at": NOW, "trade_rows": 0}
    tracked = {"wallet_address": "w", "token_address": "a", "txns_last_fetched_at": NOW - timedelta(days=1)} | state

    def read(table: Table) -> DataFrame:
        known = {wallet_pnl.TABLE: pnl, tracked_whales.TABLE: frame(spark, tracked_whales.TABLE, tracked)}
        return known.get(table, frame(spark, table))

    whole = broken(wallets.examine_wallets(wallets.summarize_wallets(read)))
    assert {name for _, name in whole | broken(examine_rows(wallet_pnl.TABLE, pnl))} == rules


def test_the_gain_of_a_tier_is_unknown_if_that_of_a_wallet_is(spark: SparkSession) -> None:
    shared = {"gate_failures": ["roi_below"], "performance_tier": "STRONG"}
    rows = [
        shared | {"wallet_address": "a", "realized_pnl": Decimal(5)},
        shared | {"wallet_address": "b", "realized_pnl": None},
        shared | {"wallet_address": "c", "realized_pnl": Decimal(7), "performance_tier": "ELITE"},
    ]
    found = report_data.groups(frame(spark, smart_traders.TABLE, *rows)).collect()
    assert {row.performance_tier: row.realized_pnl for row in found} == {"STRONG": None, "ELITE": Decimal(7)}
