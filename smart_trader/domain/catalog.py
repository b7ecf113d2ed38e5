"""Every table of the lake, once."""

from smart_trader.domain.bronze import rejected_rows as bronze_rejected_rows
from smart_trader.domain.bronze import token_metrics, transaction_history, whale_holders
from smart_trader.domain.foundation import rejected_rows as foundation_rejected_rows
from smart_trader.domain.foundation import tables as foundation
from smart_trader.domain.gold import grades, outcomes, rank_history, rankings, smart_traders
from smart_trader.domain.ops import runs
from smart_trader.domain.silver import (
    open_lots,
    realized_sales,
    rejected_rows,
    tracked_tokens,
    tracked_whales,
    trades,
    wallet_pnl,
)

TABLES = (
    token_metrics.TABLE,
    whale_holders.TABLE,
    transaction_history.TABLE,
    bronze_rejected_rows.TABLE,
    tracked_tokens.TABLE,
    tracked_whales.TABLE,
    trades.TABLE,
    rejected_rows.TABLE,
    realized_sales.TABLE,
    open_lots.TABLE,
    wallet_pnl.TABLE,
    smart_traders.TABLE,
    rank_history.TABLE,
    rankings.TABLE,
    outcomes.TABLE,
    grades.TABLE,
    *foundation.TABLES.values(),
    foundation_rejected_rows.TABLE,
    runs.TABLE,
)

SERIES_TABLES = (*foundation.TABLES.values(), foundation_rejected_rows.TABLE, runs.TABLE)
"""What a job that is on time series alone writes."""

BY_NAME = {table.name: table for table in TABLES}

DROP_ORDER = tuple(
    sorted(TABLES, key=lambda table: (table is not runs.TABLE, not any(column.owner for column in table.columns)))
)
"""The order in which tables may be deleted: a state is deleted before the rows to which it refers. `ops.runs` comes
first: its rows name every table that was written, which then has to exist."""
