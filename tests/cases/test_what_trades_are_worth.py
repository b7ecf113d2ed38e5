"""Cases of what a trade is worth, each as a wallet of one lake: from rows served over HTTP to the ranking."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F

from smart_trader.domain.bronze import whale_holders
from smart_trader.domain.gold import report_data, smart_traders
from smart_trader.domain.silver import open_lots, realized_sales, tracked_whales, trades, wallet_pnl
from smart_trader.report import trader_tables
from smart_trader.simulator.addresses import address
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.cases.served import NOW, Case
from tests.cases.what_trades_are_worth import CASES, MISSING_DECIMALS, SPLIT_SHARE, SPLIT_SINCE
from tests.jobs.test_bronze_tokens import item
from tests.lake import Lake

SHARE, DECIMAL_TOKEN = SPLIT_SHARE.mint("STKx"), MISSING_DECIMALS.mint("D")
LISTING = ("bronze_tokens", "silver_tokens", "bronze_whales")
RANKING = ("bronze_transactions", "silver_pnl", "gold_traders", "validate")
NEAR = Decimal("0.0005")


def market() -> Market:
    fresh = {"last_trade_unix_time": int(NOW.timestamp()) - 300}
    scaled = {"is_scaled_ui_token": True, "multiplier": 10, "decimals": 8}
    tokens = [
        item(DECIMAL_TOKEN, 5_000_000, price=Decimal("0.12"), decimals=6, **fresh),
        item(SHARE, 5_000_000, price=110, **scaled, **fresh),
    ]
    account = {"amount": "200000000", "ui_amount": 20, "mint": SHARE, "token_account": address("account")}
    holders = {SHARE: [account | {"owner": SPLIT_SHARE.wallet} | scaled], DECIMAL_TOKEN: []}
    histories = {case.wallet: case.served() for case in CASES}
    return Market.of_payloads(tokens=tokens, holders=holders, trades=histories, now=NOW)


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    folder = tmp_path_factory.mktemp("worth")
    named = folder / "wallets"
    named.write_text("\n".join(case.wallet for case in CASES))
    lake = Lake(spark, folder / "lake")
    with Simulator(market()) as simulator:
        lake.run(*LISTING, as_of=NOW, simulator=simulator)
        reports = lake.run(*RANKING, as_of=NOW, simulator=simulator, wallets=named)
    document = reports["validate"].document
    assert document is not None
    assert document["failures"] == []
    return lake


@pytest.fixture(scope="module")
def figures(lake: Lake) -> Mapping[tuple[str, str], Row]:
    return {(row.wallet_address, row.token_address): row for row in lake.rows(wallet_pnl.TABLE)}


@pytest.fixture(scope="module")
def netted(lake: Lake) -> Mapping[tuple[str, str, str], Row]:
    return {(row.wallet_address, row.token_address, row.side): row for row in lake.rows(trades.TABLE)}


@pytest.fixture(scope="module")
def traders(lake: Lake) -> Mapping[str, Row]:
    return {row.wallet_address: row for row in lake.rows(smart_traders.TABLE)}


@pytest.fixture(scope="module")
def classes(lake: Lake) -> Mapping[str, str]:
    return {row.wallet_address: row.wallet_class for row in lake.rows(tracked_whales.TABLE)}


def differences(row: Row, expected: Mapping[str, object]) -> dict[str, tuple[Any, object]]:
    """The columns that are not as expected."""
    return {name: (row[name], value) for name, value in expected.items() if not _is(row[name], value)}


def _is(found: Any, expected: Any) -> bool:
    if isinstance(expected, tuple):
        low, high = map(Decimal, expected)
        return found is not None and low <= found <= high
    if expected is None or isinstance(found, str | bool) or found is None:
        return bool(found == expected)
    return bool(abs(found - Decimal(expected)) <= NEAR)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_figures_are_right(case: Case, figures: Mapping[tuple[str, str], Row], classes: Mapping[str, str]) -> None:
    assert differences(figures[case.wallet, "ALL_TOKENS"], case.portfolio) == {}
    for symbol, expected in case.tokens.items():
        assert differences(figures[case.wallet, case.mint(symbol)], expected) == {}, symbol
    assert classes[case.wallet] == case.wallet_class


@pytest.mark.parametrize("case", [case for case in CASES if case.trades], ids=lambda case: case.name)
def test_the_trades_have_the_right_value(case: Case, netted: Mapping[tuple[str, str, str], Row]) -> None:
    for (symbol, side), expected in case.trades.items():
        assert differences(netted[case.wallet, case.mint(symbol), side], expected) == {}, (symbol, side)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_only_who_gained_money_is_recommended(case: Case, traders: Mapping[str, Row]) -> None:
    if case.trader is None:
        assert case.wallet not in traders
    else:
        assert differences(traders[case.wallet], case.trader) == {}
        assert set(traders[case.wallet].gate_failures) >= case.failures


def test_a_holder_of_a_split_share_holds_what_it_is_worth(lake: Lake) -> None:
    [row] = lake.rows(whale_holders.TABLE, f"wallet_address = '{SPLIT_SHARE.wallet}'")
    assert row.holdings_value_usd == 2200


def test_the_report_shows_quantities_as_positions_are_counted(lake: Lake) -> None:
    """By the newest multiplier, also what was bought before the split."""
    traded, pnl = lake.tables.read(trades.TABLE), lake.tables.read(wallet_pnl.TABLE)
    is_shown = F.col("wallet_address") == SPLIT_SINCE.wallet
    sales = report_data.shown_sales(
        lake.tables.read(realized_sales.TABLE), traded, pnl, is_shown, newest=5, biggest=5
    ).collect()
    lots = report_data.shown_lots(lake.tables.read(open_lots.TABLE), traded, pnl, is_shown, 5).collect()
    [sold] = trader_tables.sales("", [row.asDict() for row in sales], "", by="block_time").rows
    [held] = trader_tables.lots([row.asDict() for row in lots]).rows
    assert [(figure.text, figure.exact) for figure in (sold[2], held[2], held[3])] == [
        ("10.00", "100000000 base units"),
        ("20.00", "200000000 base units"),
        ("10.00", "100000000 base units"),
    ]
