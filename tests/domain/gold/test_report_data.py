"""What a report shows of sales: which of them took from lots that no money shows."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from smart_trader.domain.gold import report_data
from smart_trader.domain.silver import realized_sales, trades, wallet_pnl
from smart_trader.domain.tables.table import Table
from tests import strategies
from tests.domain.kernel.test_fifo import UNTRUSTED_IN_BETWEEN
from tests.frames import collected, frame
from tests.oracle import fifo

Row = dict[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def gathered(count: int) -> list[Row]:
    """Trades of `count` generated histories side by side, each in wallets of its own."""
    histories: list[list[Row]] = []

    @settings(max_examples=count)
    @given(strategies.trade_histories(small=True, max_trades=12))
    def gather(history: list[Row]) -> None:
        histories.append(history)

    gather()
    return [
        row | {"wallet_address": f"{row['wallet_address']}{nth}", "trade_id": f"{row['trade_id']}{nth}"}
        for nth, history in enumerate([*histories, UNTRUSTED_IN_BETWEEN])
        for row in history
    ]


def stored(table: Table, row: Row) -> Row:
    """As `table` keeps it."""
    times = {name: value for name, value in row.items() if name in ("block_time", "acquired_at") and value is not None}
    moments = {name: EPOCH + timedelta(microseconds=value) for name, value in times.items()}
    return {name: value for name, value in (row | moments).items() if name in table.column_names}


def test_a_shown_sale_knows_whether_it_took_from_an_untrusted_lot(spark: SparkSession) -> None:
    history = gathered(60)
    sales, _ = fifo.match(history)
    shown = report_data.shown_sales(
        frame(spark, realized_sales.TABLE, *(stored(realized_sales.TABLE, sale) for sale in sales)),
        frame(spark, trades.TABLE, *(stored(trades.TABLE, trade) for trade in history)),
        frame(spark, wallet_pnl.TABLE),
        F.lit(True),
        newest=100,
        biggest=1,
    )
    found = {row["trade_id"]: row["took_untrusted"] for row in collected(shown)}
    expected = {sale["trade_id"]: sale["untrusted_raw"] > 0 for sale in sales}
    assert found == expected
    assert set(expected.values()) == {True, False}
