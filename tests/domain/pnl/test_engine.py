"""silver_pnl through the real tables: generated histories of hundreds of wallets against the oracle, digit by digit."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from pyspark.errors import PythonException
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from smart_trader.config.settings import load
from smart_trader.config.thresholds import class_rules, mark_rules, value_rules
from smart_trader.domain.bronze import token_metrics, transaction_history
from smart_trader.domain.pnl import engine
from smart_trader.domain.silver import (
    open_lots,
    realized_sales,
    rejected_rows,
    tracked_whales,
    trades,
    units,
    wallet_pnl,
)
from smart_trader.domain.tables.table import Table
from smart_trader.jobs import silver_pnl
from tests import strategies
from tests.lake import ROOT, Lake
from tests.oracle import fifo, swaps
from tests.oracle import performance as oracle
from tests.oracle.units import Scales, order_of

Row = dict[str, Any]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AS_OF = EPOCH + timedelta(microseconds=strategies.NOW)
LISTED = {"MintWithNone": 5, "MintWith6": 3}
"""Decimals by the token list."""
HISTORIES = 120
"""Each has up to three wallets."""


def gathered(count: int) -> list[Row]:
    """Rows of `count` generated histories side by side, the wallets of each renamed so that none meets another's."""
    rows: list[Row] = []
    drawn = 0

    @settings(max_examples=count)
    @given(strategies.bronze_histories(max_transactions=8))
    def gather(history: list[Row]) -> None:
        nonlocal drawn
        drawn += 1
        rows.extend(renamed(row, drawn) for row in history)

    gather()
    return rows


def renamed(row: Row, number: int) -> Row:
    return row | {"wallet_address": f"{row['wallet_address']}{number}", "event_id": f"{row['event_id']}{number}"}


def stored(row: Row) -> Row:
    """As bronze keeps it."""
    time = EPOCH + timedelta(microseconds=row["block_time"])
    given = {"block_time": time, "transaction_date": time.date(), "fetched_at": AS_OF, "raw": "{}"}
    return row | given


def snapshot(mint: str, decimals: int | None) -> Row:
    """A token of the list that has no price."""
    return {
        "token_address": mint,
        "decimals": decimals,
        "processing_date": AS_OF.date(),
        "processed": True,
        "processed_at": AS_OF,
        "raw": "{}",
    }


def whale(wallet: str) -> Row:
    """A wallet that has been read and not computed."""
    return {
        "whale_id": wallet,
        "wallet_address": wallet,
        "whale_tier": "MINIMAL",
        "is_current": True,
        "discovered_at": AS_OF,
        "txns_fetch_status": "completed",
        "txns_last_fetched_at": AS_OF,
        "history_complete": True,
        "trade_rows": 0,
        "attempts": 0,
        "pnl_processing_status": "pending",
    }


@pytest.fixture(scope="module")
def history() -> list[Row]:
    return gathered(HISTORIES)


def test_every_table_is_the_oracles(lake: Lake, history: list[Row]) -> None:
    lake.fill(transaction_history.TABLE, [stored(row) for row in history])
    wallets = sorted({row["wallet_address"] for row in history})
    lake.fill(tracked_whales.TABLE, [whale(wallet) for wallet in wallets])
    lake.fill(token_metrics.TABLE, [snapshot(mint, decimals) for mint, decimals in LISTED.items()])
    expected = swaps.net(history, LISTED)
    sales, lots = fifo.match(expected.trades)
    facts = {
        wallet: {
            "history_complete": True,
            "arbitrage_tx_count": expected.arbitrage_count[wallet],
            "transaction_count": expected.transaction_count[wallet],
            "rejected_rows": sum(event["wallet_address"] == wallet for event, _ in refused(expected.rejected, history)),
        }
        for wallet in wallets
    }
    multipliers = {
        (wallet, mint): Scales(own, LISTED).newest_multiplier(mint)
        for wallet in wallets
        for own in [sorted((row for row in history if row["wallet_address"] == wallet), key=order_of)]
        for mint in strategies.TOKENS
    }
    figures = oracle.wallet_pnl(expected.trades, sales, lots, {}, facts, strategies.NOW, multipliers)

    lake.run("silver_pnl", as_of=AS_OF)

    assert len(wallets) >= 200
    same(lake.rows(trades.TABLE), trades.TABLE, expected.trades)
    same(lake.rows(realized_sales.TABLE), realized_sales.TABLE, sales)
    same(lake.rows(open_lots.TABLE), open_lots.TABLE, lots)
    same(lake.rows(wallet_pnl.TABLE), wallet_pnl.TABLE, figures)
    assert {(row.event_id, row.reason) for row in lake.rows(rejected_rows.TABLE)} == set(expected.rejected)
    before = lake.versions()
    lake.run("silver_pnl", as_of=AS_OF)
    assert lake.versions() == before


def refused(rejected: Iterable[tuple[str, str]], history: list[Row]) -> list[tuple[Row, str]]:
    rows = {row["event_id"]: row for row in history}
    return [(rows[event_id], reason) for event_id, reason in rejected]


def same(actual: Iterable[Any], table: Table, expected: Iterable[Mapping[str, Any]]) -> None:
    """The same keys, and the same values in every column that the oracle knows."""
    found = {tuple(row[name] for name in table.key): row for row in actual}
    wanted = {tuple(row[name] for name in table.key): row for row in expected}
    assert found.keys() == wanted.keys(), table.name
    for key, row in wanted.items():
        known = {name: value for name, value in row.items() if name in table.column_names}
        assert {name: plain(found[key][name]) for name in known} == {n: plain(v) for n, v in known.items()}, key


def plain(value: Any) -> Any:
    """Times as microseconds and numbers without a scale, so that only what is said is compared."""
    if isinstance(value, datetime):
        return (value.replace(tzinfo=UTC) - EPOCH) // timedelta(microseconds=1)
    if isinstance(value, Decimal):
        return value.normalize()
    return Decimal(value).normalize() if type(value) is int else value


@pytest.mark.parametrize("partitions", [1, 3, 7, 16])
def test_neither_partitions_nor_the_order_of_rows_change_a_byte(
    spark: SparkSession, lake: Lake, history: list[Row], partitions: int
) -> None:
    rows = [stored(row) for row in history if row["wallet_address"][-1] in "123"]
    reference = outcome(lake, rows, 2)

    Random(partitions).shuffle(rows)
    assert outcome(lake, rows, partitions) == reference


def outcome(lake: Lake, rows: list[Row], partitions: int) -> dict[str, list[str]]:
    """All that both halves of the engine say, as text."""
    full = [dict.fromkeys(transaction_history.TABLE.column_names) | row for row in rows]
    frame = lake.tables.frame(transaction_history.TABLE.own_schema, full).repartition(partitions)
    settings = load("local", environ={}, home=ROOT)
    lake.spark.conf.set("spark.sql.shuffle.partitions", partitions)
    try:
        nothing = F.lit(None).cast("string")
        wallets = frame.select("wallet_address").distinct()
        known = wallets.select(
            "wallet_address",
            F.lit(True).alias("history_complete"),
            nothing.alias("label_class"),
            nothing.alias("label_reason"),
            F.lit(0).alias("rejected_rows"),
        )
        netting = value_rules(settings.pnl)
        unclear = [row.token_address for row in units.unclear_mints(frame, netting.money).collect()]
        listed = lake.tables.read(token_metrics.TABLE).select("token_address", "decimals")
        known = units.with_units(known, frame, unclear, listed)
        netted = trades.net_transactions(frame, known, netting).persist()
        rules = engine.EngineRules(
            now=strategies.NOW, quotes={}, marks=mark_rules(settings.pnl), classes=class_rules(settings.classify)
        )
        matched = engine.match_trades(engine.to_lines(trades.lines_in(netted)), rules)
        texts = {"netted": texts_of(netted), "matched": texts_of(matched)}
        netted.unpersist()
        return texts
    finally:
        lake.spark.conf.set("spark.sql.shuffle.partitions", 1)


def texts_of(rows: DataFrame) -> list[str]:
    return sorted(map(repr, rows.collect()))


def test_an_error_in_matching_leaves_every_table_as_it_was(
    lake: Lake, history: list[Row], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = history[:20]
    lake.fill(transaction_history.TABLE, [stored(row) for row in few])
    lake.fill(tracked_whales.TABLE, [whale(wallet) for wallet in {row["wallet_address"] for row in few}])
    before = lake.versions()

    monkeypatch.setattr(silver_pnl, "mark_rules", lambda _: None)
    with pytest.raises(PythonException, match="'NoneType' object has no attribute 'closed_ratio'"):
        lake.run("silver_pnl", as_of=AS_OF)

    assert lake.versions() == before
