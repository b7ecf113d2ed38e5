"""What matching gives for each trade, as columns of Arrow: the struct `MATCHED`, and what it is made of."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import types as T

from smart_trader.domain.arrow import arrow_type, build_column, fitting, nullable, number_column, scatter
from smart_trader.domain.kernel.money import USD_LIMIT
from smart_trader.domain.kernel.performance import Figures
from smart_trader.domain.pnl.matching import Matches, Trades
from smart_trader.domain.silver import open_lots, realized_sales, wallet_pnl
from smart_trader.domain.tables.table import STRING

_SALE_COLUMNS = (
    *("matched_raw", "unknown_cost_raw", "unmatched_raw", "matched_proceeds_usd", "cost_usd", "realized_pnl_usd"),
    *("acquired_at", "holding_hours"),
)
_LOT_COLUMNS = ("remaining_raw", "remaining_cost_usd")
_PNL = ("token_address", *(column.name for column in wallet_pnl.FIGURES), "multiplier")
_FIGURES = T.StructType(
    [
        T.StructField("pnl", T.ArrayType(nullable(wallet_pnl.TABLE.fields(_PNL)), False)),
        T.StructField("wallet_class", STRING),
        T.StructField("class_reason", STRING),
    ]
)
MATCHED = T.StructType(
    [
        T.StructField("sale", nullable(realized_sales.TABLE.fields(_SALE_COLUMNS))),
        T.StructField("lot", nullable(open_lots.TABLE.fields(_LOT_COLUMNS))),
        T.StructField("figures", _FIGURES),
    ]
)
"""The result for a trade: how it was matched if it is a sale, what is left of it if that is a lot. At the last
trade of a token also the figures of the token, at the last one of a wallet those of the wallet and its class."""
_MATCHED = arrow_type(MATCHED)
_FIGURES_TYPE = _MATCHED.field("figures").type


def sale_results(trades: Trades, matches: Matches, rows: slice) -> pa.Array:
    """The field `sale` of some rows; null for a purchase."""
    is_sale, matched = ~trades.is_buy[rows], matches.matched[rows]
    proceeds, cost = matches.matched_proceeds[rows], matches.cost[rows]
    is_matched = is_sale & (matched > 0)
    is_realized = is_matched & trades.has_value[rows]
    unknown_cost, unmatched, realized = matches.unknown_cost[rows], matches.unmatched[rows], proceeds - cost
    columns = {
        "matched_raw": (matched, is_sale),
        "unknown_cost_raw": (unknown_cost, is_sale),
        "unmatched_raw": (unmatched, is_sale),
        "matched_proceeds_usd": (proceeds, is_realized),
        "cost_usd": (cost, is_matched & _fits(cost)),
        "realized_pnl_usd": (realized, is_realized & _fits(realized)),
        "acquired_at": (matches.acquired_at[rows], is_matched),
        "holding_hours": (matches.holding_hours[rows], is_matched),
    }
    return _structs(columns, is_sale, _MATCHED.field("sale").type)


def lot_results(trades: Trades, matches: Matches, rows: slice) -> pa.Array:
    """The field `lot` of some rows; null for a sale and for a purchase that is sold in full."""
    left = matches.left[rows]
    is_open = left > 0
    columns = {
        "remaining_raw": (left, is_open),
        "remaining_cost_usd": (matches.left_cost[rows], is_open & trades.has_value[rows]),
    }
    return _structs(columns, is_open, _MATCHED.field("lot").type)


def _structs(
    columns: Mapping[str, tuple[NDArray[Any], NDArray[np.bool_]]], is_there: Any, kind: pa.StructType
) -> pa.Array:
    """A struct where `is_there`, of columns that are given by name as numbers and whether each is known."""
    arrays = [number_column(*columns[field.name], field.type) for field in kind]
    return pa.StructArray.from_arrays(arrays, fields=list(kind), mask=pa.array(~is_there))


def _fits(amounts: NDArray[Any]) -> NDArray[np.bool_]:
    """Whether their column can hold them."""
    fits: NDArray[np.bool_] = (amounts < USD_LIMIT) & (amounts > -USD_LIMIT)
    return fits


def pnl_rows(*parts: tuple[Sequence[str | None], Figures]) -> pa.StructArray:
    """Rows of `silver.wallet_pnl`, part after part: the tokens, and their figures by column."""
    fields = list(_FIGURES_TYPE[0].type.value_type)
    columns = [{"token_address": tokens, **figures} for tokens, figures in parts]
    arrays = [_pnl_column([column[field.name] for column in columns], field.type) for field in fields]
    return pa.StructArray.from_arrays(arrays, fields=fields)


def _pnl_column(parts: Iterable[Sequence[Any]], kind: pa.DataType) -> pa.Array:
    values = list(chain.from_iterable(parts))
    return build_column(fitting(values, kind), kind)


def figures_of_positions(
    rows: pa.StructArray, is_own: NDArray[np.bool_], verdicts: Mapping[int, tuple[str, str]]
) -> pa.StructArray:
    """The figures of each position, given the PnL of all positions, then of the wallets that end at some of them."""
    count, last = len(is_own), np.array(list(verdicts), np.int64)
    is_last = np.zeros(count, bool)
    is_last[last] = True
    sizes = (~is_own).astype(np.int64) + is_last
    offsets = np.insert(np.cumsum(sizes), 0, 0)
    order = np.empty(offsets[-1], np.int64)
    order[offsets[:-1][~is_own]] = np.flatnonzero(~is_own)
    order[offsets[1:][is_last] - 1] = np.arange(count, count + len(last))
    listed = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), rows.take(pa.array(order)), _FIGURES_TYPE[0].type)
    texts = [[verdict[i] for verdict in verdicts.values()] for i in range(2)]
    columns = (listed, *(scatter(pa.array(words, pa.string()), last, count) for words in texts))
    return pa.StructArray.from_arrays(columns, fields=list(_FIGURES_TYPE), mask=pa.array(sizes == 0))
