"""Rows of silver.wallet_pnl: a good trader whose figures are changed as a test needs."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS

NOW = datetime(2026, 1, 20, 9, tzinfo=UTC)


ALSO_TRUSTED = {
    "trusted_pnl": "realized_pnl",
    "trusted_cost_of_sold": "cost_of_sold",
    "trusted_sales": "matched_sales",
    "trusted_winning_sales": "winning_sales",
    "trusted_roi": "roi",
    "trusted_win_rate": "win_rate",
}
"""Each trusted figure, and the figure that it equals where money shows every value."""


def portfolio(wallet: str, **figures: Any) -> dict[str, Any]:
    """The `ALL_TOKENS` row of a wallet that passes every gate. Its trusted figures are those over all sales, unless
    others are given."""
    row = _row(wallet) | figures
    return {trusted: row[figure] for trusted, figure in ALSO_TRUSTED.items()} | row


def _row(wallet: str) -> dict[str, Any]:
    return {
        "wallet_address": wallet,
        "token_address": ALL_TOKENS,
        "realized_pnl": Decimal(500),
        "total_pnl": Decimal(600),
        "cost_of_sold": Decimal(1_000),
        "roi": Decimal(50),
        "win_rate": Decimal(60),
        "token_win_rate": Decimal(75),
        "coverage_ratio": Decimal(1),
        "trusted_ratio": Decimal(1),
        "history_complete": True,
        "winning_sales": 3,
        "matched_sales": 5,
        "winning_tokens": 3,
        "losing_tokens": 1,
        "trade_count": 8,
        "buy_count": 3,
        "sell_count": 5,
        "total_bought": Decimal(1_000),
        "total_sold": Decimal(1_500),
        "first_transaction": NOW - timedelta(days=40),
        "last_transaction": NOW - timedelta(hours=1),
        "computed_at": NOW,
        "moved_to_gold": False,
    }
