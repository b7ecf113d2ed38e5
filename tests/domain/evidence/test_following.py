"""Following over whole tables: generated histories against the oracle, and which trade is a mark."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from pyspark.sql import DataFrame, SparkSession

from smart_trader.domain.evidence.following import FIGURES, add_up_tokens, follow_tokens
from smart_trader.domain.kernel.following import MarkLimits
from smart_trader.domain.silver import trades
from tests import strategies
from tests.frames import collected, frame
from tests.oracle import following as oracle
from tests.oracle.following import Window
from tests.oracle.numbers import DAY, HOUR, SECOND, Row, quotient

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MAX_AGE = 24
HISTORIES = 60
FIRST = strategies.NOW - 120 * DAY
"""The first trades of generated histories."""
LIMIT = Fraction(10) ** 19
"""The first dollars that do not fit their column."""


def gathered(count: int) -> list[Row]:
    """Trades of `count` generated histories, the wallets of each renamed; the tokens are shared, and so are marks."""
    rows: list[Row] = []

    @settings(max_examples=count)
    @given(strategies.trade_histories(max_trades=20))
    def gather(history: list[Row]) -> None:
        number = len(rows)
        rows.extend(row | {"wallet_address": f"{row['wallet_address']}{number}"} for row in history)

    gather()
    chosen = Random(1)
    return [
        row
        | {"trade_id": f"{row['trade_id']}{place}", "price_check": chosen.choice(("ok", "ok", "one_sided", "suspect"))}
        for place, row in enumerate(rows)
    ]


@pytest.fixture(scope="module")
def history() -> list[Row]:
    return gathered(HISTORIES)


def windows_over(history: Sequence[Row]) -> list[Window]:
    """Of each wallet a few, some of which begin or end at one of its trades; the ends of all are few."""
    ends = (FIRST, FIRST + 3 * SECOND, FIRST + 30 * DAY, FIRST + 60 * DAY + 30 * HOUR + 30, strategies.NOW)
    return [
        Window(wallet, start, end)
        for wallet in sorted({row["wallet_address"] for row in history})
        for start in (FIRST - 1, FIRST, FIRST + 2 * SECOND, FIRST + 4 * DAY + 2 * HOUR + 2)
        for end in ends
        if start < end
    ]


def stored(spark: SparkSession, rows: Iterable[Row]) -> DataFrame:
    return frame(spark, trades.TABLE, *(row | {"block_time": time(row["block_time"])} for row in rows))


def time(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def micros(at: datetime) -> int:
    return (at - EPOCH) // timedelta(microseconds=1)


def asked(spark: SparkSession, windows: Iterable[Window]) -> DataFrame:
    rows = [(window.wallet, time(window.starts_at), time(window.ends_at)) for window in windows]
    return spark.createDataFrame(rows, "wallet_address string, starts_at timestamp, ends_at timestamp")


def window_of(row: Row) -> Window:
    return Window(row["wallet_address"], micros(row["starts_at"]), micros(row["ends_at"]))


def as_stored(figure: Fraction | int) -> Decimal | int | None:
    """A figure that its column cannot hold is null."""
    if isinstance(figure, int):
        return figure
    return None if abs(figure) >= LIMIT else Decimal(figure.numerator * 10**9 // figure.denominator).scaleb(-9)


def plain(value: Any) -> Any:
    return value.normalize() if isinstance(value, Decimal) else value


def test_every_figure_is_the_oracles(spark: SparkSession, history: list[Row]) -> None:
    windows = windows_over(history)
    expected = oracle.follow(history, windows, max_age_hours=MAX_AGE)

    followed = follow_tokens(
        stored(spark, history), asked(spark, windows), MarkLimits(timedelta(hours=MAX_AGE), Decimal(0))
    ).persist()
    found = {(window_of(row), row["token_address"]): row for row in collected(followed)}
    assert found.keys() == expected.keys()
    for key, figures in expected.items():
        wanted = {name: plain(as_stored(figures[name])) for name in FIGURES}
        assert {name: plain(found[key][name]) for name in FIGURES} == wanted, key

    sums = {window_of(row): row for row in collected(add_up_tokens(followed))}
    assert sums.keys() == {window for window, _ in expected}
    for window, row in sums.items():
        parts = [figures for (one, _), figures in expected.items() if one == window]
        whole = oracle.add_up(parts)
        wanted = {
            name: None if None in [as_stored(part[name]) for part in parts] else plain(as_stored(whole[name]))
            for name in FIGURES
        }
        assert {name: plain(row[name]) for name in FIGURES} == wanted, window
        known = row["follow_pnl_usd"] is not None and row["invested_usd"] is not None
        gain = 100 * Fraction(row["follow_pnl_usd"]) if known else Fraction(0)
        wanted_return = quotient(gain, Fraction(row["invested_usd"])) if known else None
        assert row["follow_return"] == wanted_return, window
    followed.unpersist()


@pytest.mark.parametrize("partitions", [1, 3, 7])
def test_neither_partitions_nor_the_order_of_rows_change_a_byte(
    spark: SparkSession, history: list[Row], partitions: int
) -> None:
    few = [row for row in history if row["wallet_address"][-1] in "13579"]
    windows = windows_over(few)
    reference = texts(spark, few, windows, 2)
    shuffled, others = list(few), list(windows)
    Random(partitions).shuffle(shuffled)
    Random(partitions).shuffle(others)
    assert texts(spark, shuffled, others, partitions) == reference


def texts(spark: SparkSession, history: list[Row], windows: list[Window], partitions: int) -> list[str]:
    spark.conf.set("spark.sql.shuffle.partitions", partitions)
    try:
        rows = follow_tokens(
            stored(spark, history).repartition(partitions),
            asked(spark, windows),
            MarkLimits(timedelta(hours=MAX_AGE), Decimal(0)),
        )
        return sorted(map(repr, rows.collect()))
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", 1)


def test_a_position_that_comes_in_many_batches_is_followed_as_one(spark: SparkSession, history: list[Row]) -> None:
    windows = windows_over(history)[:60]
    reference = texts(spark, history, windows, 2)
    size = "spark.sql.execution.arrow.maxRecordsPerBatch"
    usual = spark.conf.get(size)
    spark.conf.set(size, 2)
    try:
        assert texts(spark, history, windows, 2) == reference
    finally:
        spark.conf.set(size, str(usual))


BOUGHT = ("Wallet", "MintWith6", "BUY", 10, 10_000_000_000, 0)
END = FIRST + 100 * HOUR


def marked(spark: SparkSession, *others: Row, min_value: int = 0) -> Decimal | None:
    """What the ten units that Wallet bought for ten dollars are worth at END, given the trades of others."""
    bought = strategies.trade_row("bought", *BOUGHT)
    (row,) = collected(
        follow_tokens(
            stored(spark, [bought, *others]),
            asked(spark, [Window("Wallet", FIRST - 1, END)]),
            MarkLimits(timedelta(hours=MAX_AGE), Decimal(min_value)),
        )
    )
    assert (row["open_cost_usd"], row["unmarked_cost_usd"] == 10) == (10, row["open_value_usd"] == 0 and not others)
    return Decimal(row["open_value_usd"])


def trade_of_others(name: str, dollars: int | None, before_end: int, **columns: Any) -> Row:
    """A sale of one unit, so many microseconds before END."""
    nano = None if dollars is None else dollars * 10**9
    row = strategies.trade_row(name, "Other", "MintWith6", "SELL", 1, nano, END - FIRST - before_end)
    return row | columns


def test_the_mark_is_the_last_believable_trade_of_anybody_at_most_a_day_before_the_end(spark: SparkSession) -> None:
    a_day = 24 * HOUR
    assert marked(spark, trade_of_others("old", 5, a_day)) == 50
    last = trade_of_others("last", 2, 0)
    assert marked(spark, trade_of_others("old", 5, a_day), last) == 20
    for other in (
        trade_of_others("later", 9, -1),
        trade_of_others("by price", 9, 0, value_source="token_price", block_number=9),
        trade_of_others("suspect", 9, 0, price_check="suspect", block_number=9),
        trade_of_others("without a block", 9, 0, block_number=None),
    ):
        assert marked(spark, last | {"block_number": 1}, other) == 20, other["tx_hash"]
    assert marked(spark, last, trade_of_others("one sided", 9, 0, price_check="one_sided", block_number=9)) == 90
    assert marked(spark, trade_of_others("worthless", 0, 0)) == 0


def test_dust_marks_nothing(spark: SparkSession) -> None:
    others = trade_of_others("old", 5, HOUR), trade_of_others("least", 2, 0), trade_of_others("dust", 1, 0)
    assert marked(spark, *others[:2], min_value=2) == 20
    assert marked(spark, others[0], others[2], min_value=2) == 50


def test_without_a_mark_the_cost_is_lost(spark: SparkSession) -> None:
    (row,) = collected(
        follow_tokens(
            stored(spark, [strategies.trade_row("bought", *BOUGHT), trade_of_others("too old", 5, 24 * HOUR + 1)]),
            asked(spark, [Window("Wallet", FIRST - 1, END)]),
            MarkLimits(timedelta(hours=MAX_AGE), Decimal(0)),
        )
    )
    assert (row["unmarked_cost_usd"], row["open_value_usd"], row["follow_pnl_usd"]) == (10, 0, -10)
