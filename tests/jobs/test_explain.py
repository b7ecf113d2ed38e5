"""Every number of a wallet in gold and silver is computed again from the document of `explain` alone."""

import json
import re
from collections.abc import Callable
from contextlib import redirect_stdout
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from io import StringIO
from random import Random
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import types as T

from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.silver import open_lots, realized_sales, trades, wallet_pnl
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.domain.tables.table import Table
from smart_trader.errors import QualityError, StorageError, UsageError
from smart_trader.rows import collect
from tests.filled import MARKET
from tests.lake import Lake
from tests.oracle.evidence import EPOCH, Block, Evaluator

TABLES = {
    "sale": realized_sales.TABLE,
    "lot": open_lots.TABLE,
    "trade": trades.TABLE,
    "token": wallet_pnl.TABLE,
    "ranking": smart_traders.TABLE,
}
CELLS = 1_000
WALLETS = 8


def explained(lake: Lake, wallet: str, **options: Any) -> str:
    with redirect_stdout(StringIO()) as printed:
        lake.run("explain", as_of=MARKET.now, wallet=wallet, **options)
    return printed.getvalue()


def numbers_of(table: Table) -> list[str]:
    kinds = (T.DecimalType, T.IntegerType, T.LongType)
    return [column.name for column in table.columns if isinstance(column.type, kinds)]


def most_traded(lake: Lake, count: int) -> list[str]:
    rows = lake.tables.read(wallet_pnl.TABLE).where(f"token_address = '{ALL_TOKENS}'").orderBy("wallet_address")
    wallets = sorted(rows.collect(), key=lambda row: -row.trade_count)
    return [row.wallet_address for row in (*wallets[: count // 2], *wallets[:: len(wallets) // (count // 2)])][:count]


@pytest.fixture(scope="module")
def documents(filled: Lake) -> dict[str, Evaluator]:
    return {
        wallet: Evaluator(json.loads(explained(filled, wallet, json=True)))
        for wallet in dict.fromkeys(most_traded(filled, WALLETS))
    }


def rows_of(lake: Lake, table: Table, wallet: str) -> list[Any]:
    return collect(lake.tables.read(table).where(f"wallet_address = '{wallet}'").orderBy(*table.key))


def block_of(document: Evaluator, kind: str, row: Any, column: str) -> Block:
    if kind == "ranking":
        (ranking,) = document.blocks("ranking")
        return ranking if column in ranking.figures else document.blocks("portfolio")[0]
    if kind == "token":
        return (
            document.blocks("portfolio")
            if row.token_address == ALL_TOKENS
            else [document.block("token", row.token_address)]
        )[0]
    return document.block(kind, row.trade_id)


def plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return (value - EPOCH) // timedelta(microseconds=1)
    return Fraction(value) if isinstance(value, Decimal | int) and not isinstance(value, bool) else value


def cells(lake: Lake, documents: dict[str, Evaluator]) -> list[tuple[str, str, Any, str]]:
    return [
        (wallet, kind, row, column)
        for wallet in documents
        for kind, table in TABLES.items()
        for row in rows_of(lake, table, wallet)
        for column in numbers_of(table)
    ]


def test_a_thousand_cells_are_rebuilt_from_the_document_alone(filled: Lake, documents: dict[str, Evaluator]) -> None:
    found = cells(filled, documents)
    assert len(found) > CELLS
    for wallet, kind, row, column in Random(24).sample(found, CELLS):
        document = documents[wallet]
        block = block_of(document, kind, row, column)
        if kind == "token" and column not in block.figures:
            assert row[column] is None  # of the wallet only
            continue
        assert document.rebuilt(block, column) == plain(row[column]), f"{wallet} {block.kind} {block.name} {column}"


def test_the_outline_is_for_a_terminal_and_shows_one_branch_alone(filled: Lake) -> None:
    (wallet,) = most_traded(filled, 2)[:1]
    outline = explained(filled, wallet).splitlines()
    assert outline[0] == f"Wallet {wallet}"
    assert [line for line in outline if len(line) > 110 and not re.search("[0-9a-f]{64}", line)] == []
    rows = rows_of(filled, trades.TABLE, wallet)
    assert {row.tx_hash for row in rows} == {line.split()[1] for line in outline if line.split()[:1] == ["tx"]}
    branch = explained(filled, wallet, figure="trusted_roi", ranked_at=MARKET.now)
    assert "100 * trusted_pnl / trusted_cost_of_sold" in branch
    assert "win_rate_lower_bound" not in branch


def test_one_token_with_its_rows_as_served(filled: Lake) -> None:
    (wallet,) = most_traded(filled, 2)[:1]
    mint = rows_of(filled, trades.TABLE, wallet)[0].token_address
    document = Evaluator(json.loads(explained(filled, wallet, token=mint, raw=True, json=True)))
    assert [block.name for block in document.blocks("token")] == [mint]
    served = {row.event_id: row.raw for row in rows_of(filled, transaction_history.TABLE, wallet)}
    shown = {block.name: block.figures["raw"]["value"] for block in document.blocks("row")}
    assert shown == {event_id: served[event_id] for event_id in shown}


def test_a_ranking_of_versions_that_are_gone_says_so(copied: Callable[[str], Lake]) -> None:
    lake = copied("lake")
    (wallet,) = most_traded(lake, 2)[:1]
    delta = DeltaTable(lake.root / wallet_pnl.TABLE.path)
    delta.create_checkpoint()
    for file in (lake.root / wallet_pnl.TABLE.path / "_delta_log").glob("*.json"):
        if int(file.stem) < delta.version():
            file.unlink()
    message = r"The ranking of 2025-09-01T09:00:00Z was made from version \d+ of silver.wallet_pnl, which is too old"
    with pytest.raises(StorageError, match=f"{message}.*Next: explain a newer ranking"):
        explained(lake, wallet, ranked_at=MARKET.now)


def test_an_unknown_wallet_is_not_in_this_lake(filled: Lake) -> None:
    (wallet,) = most_traded(filled, 2)[:1]
    wrong = ("2" if wallet[0] != "2" else "3") + wallet[1:]
    with pytest.raises(QualityError, match=f"{wrong} is not in this lake.*{wallet}"):
        explained(filled, wrong)
    with pytest.raises(QualityError, match="has no trade of"):
        explained(filled, wallet, token="2" * 44)
    with pytest.raises(UsageError, match="the nearest is roi"):
        explained(filled, wallet, figure="rio")
    with pytest.raises(UsageError, match=r"no ranking of .* The last one before it: 2"):
        explained(filled, wallet, ranked_at=MARKET.now + timedelta(days=1))
