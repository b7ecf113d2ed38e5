"""The same sales by other means: DuckDB, and the usual way in pandas."""

from collections import deque
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from pyspark.sql import DataFrame

_SALES = """
WITH trades AS (
    SELECT trade_id, wallet_address, token_address, block_time, block_number, side,
           quantity_raw::HUGEINT AS quantity, (value_usd * 1000000000)::HUGEINT AS value,
           epoch_us(block_time)::HUGEINT AS time
    FROM read_parquet($files)
), running AS (
    SELECT *, sum(CASE side WHEN 'BUY' THEN quantity ELSE 0 END) OVER so_far AS bought,
              sum(CASE side WHEN 'SELL' THEN quantity ELSE 0 END) OVER so_far AS sold,
              sum(CASE side WHEN 'BUY' THEN value ELSE 0 END) OVER so_far AS cost,
              sum(CASE side WHEN 'BUY' THEN quantity * time ELSE 0 END) OVER so_far AS weighted
    FROM trades
    WINDOW so_far AS (PARTITION BY wallet_address, token_address
                      ORDER BY block_time, block_number NULLS FIRST, side, trade_id ROWS UNBOUNDED PRECEDING)
), points AS (
    SELECT *, sold - greatest(0, max(sold - bought) OVER so_far) AS point
    FROM running
    WINDOW so_far AS (PARTITION BY wallet_address, token_address
                      ORDER BY block_time, block_number NULLS FIRST, side, trade_id ROWS UNBOUNDED PRECEDING)
), sales AS (
    SELECT s.*, coalesce(l.cost - (2 * l.value * (l.bought - s.point) + l.quantity - 1) // (2 * l.quantity), 0) AS f,
           coalesce(l.weighted - l.time * (l.bought - s.point), 0) AS g
    FROM points s ASOF LEFT JOIN points l
      ON s.wallet_address = l.wallet_address AND s.token_address = l.token_address AND l.bought >= s.point
         AND l.side = 'BUY'
    WHERE s.side = 'SELL'
)
SELECT trade_id, wallet_address, token_address, block_time, block_number, quantity::DECIMAL(38) AS quantity,
       (point - lag(point, 1, 0) OVER so_far)::DECIMAL(38) AS matched,
       (f - lag(f, 1, 0) OVER so_far)::DECIMAL(38) AS fifo_cost,
       (g - lag(g, 1, 0) OVER so_far)::DECIMAL(38) AS weighted, value::DECIMAL(38) AS proceeds
FROM sales
WINDOW so_far AS (PARTITION BY wallet_address, token_address
                  ORDER BY block_time, block_number NULLS FIRST, side, trade_id)
"""
"""The closed form of docs/pnl.md: every cost is a difference of the running cost at two breakpoints."""


def duckdb_sales(trades: list[str], target: Path, threads: int) -> tuple[int, int]:
    """All sales of the Parquet files `trades` to `target`; returns how many, and the sum of their costs."""
    with duckdb.connect(config={"threads": threads, "temp_directory": str(target.parent)}) as connection:
        relation = connection.execute(
            f"COPY ({_SALES}) TO '{target}' (FORMAT parquet)",  # the path is ours
            {"files": trades},
        )
        del relation
        found = connection.execute(f"SELECT count(*), sum(fifo_cost) FROM read_parquet('{target}')").fetchone()
    assert found is not None
    return int(found[0]), int(found[1])


def pandas_sales(trades: DataFrame) -> DataFrame:
    """`applyInPandas` with a plain loop for each wallet, as it is usually written."""
    columns = trades.select(
        "trade_id", "wallet_address", "token_address", "block_time", "block_number", "side", "quantity_raw", "value_usd"
    )
    schema = "trade_id string, wallet_address string, token_address string, fifo_cost decimal(28,9)"
    return columns.groupBy("wallet_address").applyInPandas(_sell_all, schema)


def _sell_all(wallet: pd.DataFrame) -> pd.DataFrame:
    ordered = wallet.sort_values(["token_address", "block_time", "block_number", "side", "trade_id"])
    lots: dict[str, deque[list[Any]]] = {}
    sales = []
    for _, trade in ordered.iterrows():
        queue = lots.setdefault(trade.token_address, deque())
        if trade.side == "BUY":
            queue.append([trade.quantity_raw, trade.value_usd])
            continue
        missing, cost = trade.quantity_raw, trade.value_usd * 0
        while missing and queue:
            lot = queue[0]
            taken = min(missing, lot[0])
            share = lot[1] * taken / lot[0]
            cost += share
            lot[0], lot[1], missing = lot[0] - taken, lot[1] - share, missing - taken
            if not lot[0]:
                queue.popleft()
        sales.append((trade.trade_id, trade.wallet_address, trade.token_address, round(cost, 9)))
    return pd.DataFrame(sales, columns=["trade_id", "wallet_address", "token_address", "fifo_cost"])
