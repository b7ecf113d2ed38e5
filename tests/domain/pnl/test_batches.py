"""What Python says of rows does not depend on how they are cut into batches. No Spark: what it calls is called here."""

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from itertools import groupby, pairwise
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import types as T

from smart_trader.domain.arrow import Batches, arrow_type
from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES
from smart_trader.domain.pnl import engine
from smart_trader.domain.silver import trades, units
from tests import strategies
from tests.domain.kernel import product
from tests.oracle.fifo import order

Row = dict[str, Any]
Columns = tuple[pa.Array, ...]

RULES = engine.EngineRules(now=strategies.NOW, quotes={}, marks=product.MARK_RULES, classes=product.CLASS_RULES)
KNOWN = {"history_complete": True, "label_class": None, "label_reason": None, "units": None, "rejected_rows": 0}
FACTS = KNOWN | {"transactions": 3, "arbitrage_tx_count": 1}
MULTIPLIED = arrow_type(T.StructType([T.StructField("", units.MULTIPLIERS)])).field(0).type
cuts = st.lists(st.integers(0, 60), max_size=6)


def columns(rows: Sequence[Row], kinds: dict[str, pa.DataType]) -> Columns:
    return tuple(pa.array([_plain(row.get(name)) for row in rows], kind) for name, kind in kinds.items())


def _plain(value: Any) -> Any:
    return Decimal(value) if type(value) is int and value >= 2**63 else value


def kinds_of(schema: Any, names: Sequence[str]) -> dict[str, pa.DataType]:
    return {field.name: field.type for field in arrow_type(schema.fields(names))}


def with_own_lines(rows: Sequence[Row], line: Callable[[str], Row]) -> list[Row]:
    """The rows, before those of each wallet its own line, and beside each wallet one that has no rows."""
    lines: list[Row] = []
    for wallet, own in groupby(rows, lambda row: row["wallet_address"]):
        lines += [line(wallet), *own, line(f"{wallet} without rows")]
    return lines


def results_of(of: Callable[[Batches], Iterator[pa.Array]], whole: Columns, at: Sequence[int]) -> list[Any]:
    bounds = [0, *sorted(cut for cut in at if cut < len(whole[0])), len(whole[0])]
    batches = (tuple(column[start:end] for column in whole) for start, end in pairwise(bounds))
    return [line for result in of(batches) for line in result.to_pylist()]


@pytest.fixture(autouse=True, params=[5_000, 2])
def rows_per_batch(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """How much is gathered before it is handed on: more than any of these histories, or nearly nothing."""
    for module in (engine, trades):
        monkeypatch.setattr(module, "_ROWS_PER_BATCH", request.param)


@given(strategies.bronze_histories(), cuts)
def test_netting_says_the_same_however_rows_are_batched(history: list[Row], at: list[int]) -> None:
    def index(row: Row) -> Any:
        return row["wallet_address"], row["tx_hash"], product.index_of(row)

    known = pa.struct(
        [("wallet_address", pa.string()), ("facts", arrow_type(trades.KNOWN)), ("multipliers", MULTIPLIED)]
    )
    kinds = kinds_of(transaction_history.TABLE, ("tx_hash",)) | {"known": known}
    kinds |= kinds_of(transaction_history.TABLE, ("event_id", *trades._SWAP))
    unclear = [{"token_address": mint, "decimals": 3, "multiplier": None} for mint in strategies.TOKENS[:2]]
    lines = with_own_lines(
        sorted(history, key=index),
        lambda wallet: {"known": {"wallet_address": wallet, "facts": KNOWN | {"units": unclear}}},
    )
    whole = columns(lines, kinds)

    def net(batches: Batches) -> Iterator[pa.Array]:
        return trades._net_partition(batches, product.VALUE_RULES)

    expected = results_of(net, whole, [])
    assert len(expected) == len(whole[0])
    assert results_of(net, whole, at) == expected


def _match(batches: Batches) -> Iterator[pa.Array]:
    return engine._match_partition(batches, RULES)


def _lines(history: Sequence[Row]) -> Columns:
    """Trades as the engine is given them."""

    def pair(row: Row) -> Any:
        return row["wallet_address"], row["token_address"], order(row)

    rows = [
        row | {"is_sale": row["side"] == "SELL", "is_trusted": row["value_source"] in TRUSTED_SOURCES}
        for row in sorted(history, key=pair)
    ]
    kinds = kinds_of(trades.TABLE, ("token_address", "block_time"))
    kinds |= dict.fromkeys(("is_sale", "is_trusted"), pa.bool_())
    kinds |= kinds_of(trades.TABLE, ("quantity_raw", "value_usd", "decimals"))
    return columns(with_own_lines(rows, lambda _: {"facts": FACTS}), kinds | {"facts": arrow_type(trades.FACTS)})


@given(strategies.trade_histories(), cuts)
def test_matching_gives_the_same_however_trades_are_batched(history: list[Row], at: list[int]) -> None:
    whole = _lines(history)
    expected = results_of(_match, whole, [])
    assert len(expected) == len(whole[0])
    assert results_of(_match, whole, at) == expected


@pytest.mark.parametrize("tokens", [10**10, 10**20 - 1])
def test_as_many_tokens_are_told_as_their_column_holds(tokens: int) -> None:
    history = [strategies.trade_row("tx", "Wallet", "MintWith6", "BUY", tokens * 10**6, 10**9, 0)]
    *_, last, _ = results_of(_match, _lines(history), [])
    of_token, of_wallet = last["figures"]["pnl"]
    assert of_token["current_position_tokens"] == tokens
    assert of_wallet["total_bought"] == 1
