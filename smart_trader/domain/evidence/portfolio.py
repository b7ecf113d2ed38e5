"""What a wallet earned in all tokens: each figure of its `ALL_TOKENS` row of `silver.wallet_pnl`."""

from collections.abc import Sequence
from decimal import Decimal

from smart_trader.domain.evidence.figures import USD_UNIT, Block, Figure, Row, stored
from smart_trader.domain.evidence.tokens import NOTES, SHARED
from smart_trader.domain.silver import wallet_pnl

_SUMS = (
    *("realized_pnl", "cost_of_sold", "winning_sales", "matched_sales", "winning_tokens", "losing_tokens"),
    *("buy_count", "sell_count", "total_bought", "total_sold", "unmarked_cost_basis"),
    *("trusted_pnl", "trusted_cost_of_sold", "trusted_sales", "trusted_winning_sales"),
)
_ADDED_UP = ("matched_proceeds", "trusted_proceeds", "held_cost", "hours_by_cost")
"""Figures of tokens that are in no column."""
_OPEN = "0 if count(token, token.remaining_raw > 0) == 0 else sum_known(token.{}, token.remaining_raw > 0)"
_FORMULAS = {
    **{name: f"sum(token.{name})" for name in _SUMS},
    **SHARED,
    "unrealized_pnl": _OPEN.format("unrealized_pnl"),
    "current_position_cost_basis": _OPEN.format("current_position_cost_basis"),
    "current_position_value": _OPEN.format("current_position_value"),
    "current_position_tokens": "",
    "mark_price": "",
    "multiplier": "",
    "first_transaction": "min(token.first_transaction)",
    "last_transaction": "max(token.last_transaction)",
    "best_trade_roi": "max(token.best_trade_roi)",
    "history_complete": "",
    "arbitrage_tx_count": "count(arbitrage)",
    "rejected_rows": "unreadable_rows + count(rejected_row)",
    "pnl_ex_best_token": "realized_pnl - or_zero(best_gain)",
    "best_token_share": "or_zero(best_gain) / gross_gain",
    "computed_at": "",
}
_NOTES = NOTES | {
    "history_complete": "every page down to the first trade was read, and every trade row on them could be",
    "arbitrage_tx_count": "transactions in which money went out and came in, and that left no token",
    "rejected_rows": "rows that bronze could not read, and rows of swaps that do not fit",
    "current_position_tokens": "units of several tokens do not add up",
    "mark_price": "each token has its own",
    "multiplier": "each token has its own",
}


def portfolio_block(row: Row, blocks: Sequence[Block], unreadable_rows: int | None) -> Block:
    """The block of the `ALL_TOKENS` row, above its tokens and the transactions that are no trades."""
    tokens = [block for block in blocks if block.kind == "token"]
    gains = [value for block in tokens if isinstance(value := block.value("realized_pnl"), Decimal)]
    names = [name for name in wallet_pnl.TABLE.column_names if name in _FORMULAS]
    sums = {
        name: sum((v for token in tokens if isinstance(v := token.value(name), Decimal)), Decimal(0))
        for name in _ADDED_UP
    }
    figures = [
        *stored(wallet_pnl.TABLE, row, {name: _FORMULAS[name] for name in names}, _NOTES),
        *(Figure(name, total, f"sum(token.{name})", _unit(name)) for name, total in sums.items()),
        Figure("best_gain", max(gains, default=None), "max(token.realized_pnl)", USD_UNIT),
        Figure(
            "gross_gain",
            sum((gain for gain in gains if gain > 0), Decimal(0)),
            "sum(token.realized_pnl, token.realized_pnl > 0)",
            USD_UNIT,
        ),
        Figure("unreadable_rows", unreadable_rows, note="of silver.tracked_whales"),
    ]
    return Block("portfolio", row["token_address"], figures, blocks)


def _unit(name: str) -> str:
    return "USD h" if name.startswith("hours") else USD_UNIT
