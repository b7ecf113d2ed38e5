"""The same by other means: sales by DuckDB, and sales, lots and sums in the usual way, with pandas."""

import re
from collections import deque
from decimal import Decimal
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


_BOOK = """kind string, trade_id string, wallet_address string, token_address string, time timestamp,
    quantity decimal(38,0), matched decimal(38,0), value decimal(28,9), proceeds decimal(28,9), cost decimal(28,9),
    realized decimal(28,9), acquired_at timestamp, holding_hours decimal(18,6), trades bigint"""
_COLUMNS = [column.split()[0] for column in re.split(r",\s+", _BOOK)]


def pandas_books(trades: DataFrame) -> DataFrame:
    """`applyInPandas` with a plain loop for each wallet, as it is usually written: sales, lots and sums by token."""
    columns = trades.select(
        "trade_id", "wallet_address", "token_address", "block_time", "block_number", "side", "quantity_raw", "value_usd"
    )
    return columns.groupBy("wallet_address").applyInPandas(_books_of, _BOOK)


def _books_of(wallet: pd.DataFrame) -> pd.DataFrame:
    ordered = wallet.sort_values(["token_address", "block_time", "block_number", "side", "trade_id"])
    rows: list[dict[str, Any]] = []
    for token, trades in ordered.groupby("token_address", sort=False):
        lots: deque[dict[str, Any]] = deque()
        sales = []
        for _, trade in trades.iterrows():
            row = {
                "trade_id": trade.trade_id,
                "wallet_address": trade.wallet_address,
                "token_address": token,
                "time": trade.block_time,
                "quantity": trade.quantity_raw,
                "value": trade.value_usd,
            }
            if trade.side == "BUY":
                lots.append(row | {"kind": "lot", "matched": trade.quantity_raw, "cost": trade.value_usd})
            else:
                sales.append(row | {"kind": "sale"} | _sell(lots, trade))
        total = {name: sum(sale[name] or 0 for sale in sales) for name in ("cost", "realized", "proceeds")}
        of_token = {"kind": "token", "wallet_address": wallet.wallet_address.iloc[0], "token_address": token}
        rows += [*sales, *lots, of_token | total | {"trades": len(trades)}]
    return pd.DataFrame(rows, columns=_COLUMNS)


def _sell(lots: deque[dict[str, Any]], trade: Any) -> dict[str, Any]:
    missing, cost, weighted = trade.quantity_raw, trade.value_usd * 0, 0
    while missing and lots:
        lot = lots[0]
        taken = min(missing, lot["matched"])
        share = round(lot["cost"] * taken / lot["matched"], 9)
        cost += share
        weighted += int(taken) * (lot["time"].value // 1000)
        lot["matched"], lot["cost"], missing = lot["matched"] - taken, lot["cost"] - share, missing - taken
        if not lot["matched"]:
            lots.popleft()
    matched = trade.quantity_raw - missing
    if not matched:
        return {"matched": matched, "proceeds": None, "cost": None, "realized": None}
    proceeds = round(trade.value_usd * matched / trade.quantity_raw, 9)
    acquired = pd.Timestamp(weighted // int(matched), unit="us")
    held = Decimal((trade.block_time - acquired).total_seconds()) / 3600
    figures = {"proceeds": proceeds, "cost": cost, "realized": proceeds - cost}
    return figures | {"matched": matched, "acquired_at": acquired, "holding_hours": round(held, 6)}
