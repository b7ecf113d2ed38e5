"""Every number of a wallet in gold and silver is a figure of its explanation: a new column cannot be forgotten."""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import types as T

from smart_trader.domain.evidence.figures import Block
from smart_trader.domain.evidence.portfolio import portfolio_block
from smart_trader.domain.evidence.ranking import Place, ranking_block
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.kernel.ranking import RANKED_FIGURES, PnlBasis
from smart_trader.domain.silver import open_lots, realized_sales, trades, wallet_pnl
from smart_trader.domain.tables.table import Table
from tests.domain.evidence.test_wallet import RULES, explained
from tests.oracle.evidence import EPOCH
from tests.oracle.numbers import SECOND
from tests.strategies import trade_row

OF_A_WALLET = {"arbitrage_tx_count", "rejected_rows", "pnl_ex_best_token", "best_token_share"}
"""Null on the rows of tokens."""


def numbers_of(table: Table) -> set[str]:
    kinds = (T.DecimalType, T.IntegerType, T.LongType)
    return {column.name for column in table.columns if isinstance(column.type, kinds)}


def below(block: Block) -> Iterable[Block]:
    yield block
    for inner in block.blocks:
        yield from below(inner)


def names_in(block: Block, kind: str) -> set[str]:
    return {figure.name for one in below(block) if one.kind == kind for figure in one.figures}


def whole() -> Block:
    """A wallet that bought twice and sold once."""
    bought = [trade_row(f"tx{n}", "Wallet", "MintWith6", "BUY", 5, 10, n * SECOND) for n in range(2)]
    sold = trade_row("tx2", "Wallet", "MintWith6", "SELL", 3, 9, 9 * SECOND)
    facts = {"history_complete": True, "arbitrage_tx_count": 0, "rejected_rows": 2}
    return explained([*bought, sold], {}, {"Wallet": facts}, [])


def ranked() -> Block:
    row: dict[str, Any] = dict.fromkeys(column.name for column in smart_traders.TABLE.columns)
    history = dict.fromkeys((column.name for column in rank_history.TABLE.columns), 1)
    portfolio = portfolio_block(dict.fromkeys(wallet_pnl.TABLE.column_names) | {"token_address": "ALL_TOKENS"}, [], 0)
    place = Place(
        EPOCH + timedelta(days=1),
        RANKED_FIGURES[PnlBasis.TRUSTED],
        RULES.settings,
        history,
        row,
        1,
        Decimal(0),
        None,
        {"silver.trades": 1, "silver.wallet_pnl": 1},
        "hash",
    )
    return ranking_block(place, portfolio, ())


@pytest.mark.parametrize(
    ("kind", "table"),
    [("sale", realized_sales.TABLE), ("lot", open_lots.TABLE), ("trade", trades.TABLE)],
    ids=["sale", "lot", "trade"],
)
def test_each_number_of_a_sale_a_lot_and_a_trade_is_a_figure(kind: str, table: Table) -> None:
    assert numbers_of(table) - names_in(whole(), kind) == set()


def test_each_number_of_a_token_and_of_the_portfolio_is_a_figure() -> None:
    assert numbers_of(wallet_pnl.TABLE) - names_in(whole(), "token") == OF_A_WALLET
    assert numbers_of(wallet_pnl.TABLE) - names_in(whole(), "portfolio") == set()


def test_each_number_of_a_ranking_is_a_figure() -> None:
    figures = names_in(ranked(), "ranking") | names_in(ranked(), "portfolio")
    assert numbers_of(smart_traders.TABLE) - figures == set()
    versions = {"wallet_pnl_version", "trades_version"}
    assert numbers_of(rank_history.TABLE) - figures - versions == set()
    assert {f"silver_{name}" for name in versions} <= figures
