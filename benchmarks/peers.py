"""The same by other means: sales by DuckDB, and sales, lots and PnL in the usual way, with pandas."""

import re
from collections import deque
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from pyspark.sql import DataFrame

from benchmarks.lakes import NOW

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


_PNL = """realized_pnl decimal(28,9), cost_of_sold decimal(28,9), roi decimal(38,6), win_rate decimal(38,6),
    winning_sales bigint, matched_sales bigint, token_win_rate decimal(38,6), winning_tokens bigint,
    losing_tokens bigint, trade_count bigint, buy_count bigint, sell_count bigint, total_bought decimal(28,9),
    total_sold decimal(28,9), coverage_ratio decimal(38,6), unmatched_proceeds decimal(28,9),
    avg_holding_time_hours decimal(18,6), trade_frequency_daily decimal(38,6), current_position_tokens decimal(38,18),
    current_position_cost_basis decimal(28,9), first_transaction timestamp, last_transaction timestamp,
    pnl_ex_best_token decimal(28,9), best_token_share decimal(38,6), best_trade_roi decimal(38,6)"""
_ROW = """kind string, trade_id string, wallet_address string, token_address string, block_time timestamp,
    block_number bigint, quantity decimal(38,0), matched decimal(38,0), unmatched decimal(38,0), value decimal(28,9),
    proceeds decimal(28,9), cost decimal(28,9), realized decimal(28,9), acquired_at timestamp,
    holding_hours decimal(18,6)"""
_RESULTS = f"{_ROW}, pnl struct<{_PNL}>"
FIGURES, _IN_ROW = ([column.split()[0] for column in re.split(r",\s+", schema)] for schema in (_PNL, _ROW))
_CLOSED, _COVERED = Decimal("0.98"), Decimal("0.8")
_DEAD = pd.Timestamp(NOW).tz_localize(None) - pd.Timedelta(days=7)
"""A token is a win or a loss once this share of it is sold, or since then not traded, and its proceeds are matched."""


def pandas_matched(trades: DataFrame) -> DataFrame:
    """`applyInPandas` with a plain loop for each wallet, as it is usually written: sales, lots and PnL.

    All trades have a value. The columns are those of the three tables, but for units of unknown cost, Wilson's bound
    and what the engine knows from elsewhere: marks, and what is known of a wallet beside its trades. Money is rounded
    at each lot, so it is not exact.
    """
    columns = trades.select(
        *("trade_id", "wallet_address", "token_address", "block_time", "block_number", "side", "quantity_raw"),
        *("value_usd", "decimals"),
    )
    return columns.groupBy("wallet_address").applyInPandas(_matched_of, _RESULTS)


def _matched_of(wallet: pd.DataFrame) -> pd.DataFrame:
    ordered = wallet.sort_values(["token_address", "block_time", "block_number", "side", "trade_id"])
    rows: list[dict[str, Any]] = []
    pnl: dict[Any, dict[str, Any]] = {}
    for token, trades in ordered.groupby("token_address", sort=False):
        lots: deque[dict[str, Any]] = deque()
        buys, sales = [], []
        for _, trade in trades.iterrows():
            row = {
                "trade_id": trade.trade_id,
                "wallet_address": trade.wallet_address,
                "token_address": token,
                "block_time": trade.block_time,
                "block_number": trade.block_number,
                "quantity": trade.quantity_raw,
                "value": trade.value_usd,
                "pnl": None,
            }
            if trade.side == "BUY":
                buys.append(row)
                lots.append(row | {"kind": "lot", "matched": trade.quantity_raw, "cost": trade.value_usd})
            else:
                sales.append(row | {"kind": "sale"} | _sell(lots, trade))
        pnl[token] = _figures_of(buys, sales, lots, int(trades.decimals.iloc[0]))
        rows += [*sales, *lots]
    pnl["ALL_TOKENS"] = _figures_of_all(list(pnl.values()))
    key = {"kind": "pnl", "wallet_address": wallet.wallet_address.iloc[0]}
    rows += [key | {"token_address": token, "pnl": _with_ratios(figures)} for token, figures in pnl.items()]
    return pd.DataFrame(rows, columns=[*_IN_ROW, "pnl"])


def _sell(lots: deque[dict[str, Any]], trade: Any) -> dict[str, Any]:
    missing, cost, weighted = trade.quantity_raw, trade.value_usd * 0, 0
    while missing and lots:
        lot = lots[0]
        taken = min(missing, lot["matched"])
        share = round(lot["cost"] * taken / lot["matched"], 9)
        cost += share
        weighted += int(taken) * (lot["block_time"].value // 1000)
        lot["matched"], lot["cost"], missing = lot["matched"] - taken, lot["cost"] - share, missing - taken
        if not lot["matched"]:
            lots.popleft()
    matched = trade.quantity_raw - missing
    found = {"matched": matched, "unmatched": missing, "proceeds": None, "cost": None, "realized": None}
    if matched:
        proceeds = round(trade.value_usd * matched / trade.quantity_raw, 9)
        acquired = pd.Timestamp(weighted // int(matched), unit="us")
        held = Decimal((trade.block_time - acquired).total_seconds()) / 3600
        found |= {"proceeds": proceeds, "cost": cost, "realized": proceeds - cost}
        found |= {"acquired_at": acquired, "holding_hours": round(held, 6)}
    return found


def _figures_of(
    buys: list[dict[str, Any]], sales: list[dict[str, Any]], lots: deque[dict[str, Any]], decimals: int
) -> dict[str, Any]:
    """The PnL of one token."""
    matched = [sale for sale in sales if sale["realized"] is not None]
    returns = [100 * sale["realized"] / sale["cost"] for sale in matched if sale["cost"]]
    bought, left = sum(buy["quantity"] for buy in buys), sum(lot["matched"] for lot in lots)
    realized = sum(sale["realized"] for sale in matched)
    proceeds, total_sold = sum(sale["proceeds"] for sale in matched), sum(sale["value"] for sale in sales)
    cost_basis, times = sum(lot["cost"] for lot in lots), [trade["block_time"] for trade in (*buys, *sales)]
    outcome = Decimal(0)
    if proceeds >= _COVERED * total_sold:
        if bought and bought - left >= _CLOSED * bought:
            outcome = realized
        elif left and max(times) < _DEAD:
            outcome = realized - cost_basis
    return {
        "realized_pnl": realized,
        "cost_of_sold": sum(sale["cost"] for sale in matched),
        "winning_sales": sum(sale["realized"] > 0 for sale in matched),
        "matched_sales": len(matched),
        "winning_tokens": int(outcome > 0),
        "losing_tokens": int(outcome < 0),
        "buy_count": len(buys),
        "sell_count": len(sales),
        "total_bought": sum(buy["value"] for buy in buys),
        "total_sold": total_sold,
        "matched_proceeds": proceeds,
        "hours_by_cost": sum(sale["holding_hours"] * sale["cost"] for sale in matched),
        "current_position_tokens": left.scaleb(-decimals) if left else 0,
        "current_position_cost_basis": cost_basis,
        "first_transaction": min(times),
        "last_transaction": max(times),
        "best_trade_roi": round(max(returns), 6) if returns else None,
    }


def _figures_of_all(tokens: list[dict[str, Any]]) -> dict[str, Any]:
    """The PnL of a wallet from that of its tokens."""
    gains = [token["realized_pnl"] for token in tokens]
    extremes = {"first_transaction": min, "last_transaction": max, "best_trade_roi": max}
    known = {name: [token[name] for token in tokens if token[name] is not None] for name in extremes}
    sums = {name: sum(token[name] for token in tokens) for name in tokens[0] if name not in extremes}
    return sums | {
        **{name: of(known[name], default=None) for name, of in extremes.items()},
        "current_position_tokens": None if sums["current_position_tokens"] else 0,
        "pnl_ex_best_token": sum(gains) - max(gains),
        "best_token_share": _share(1, max(gains), sum(gain for gain in gains if gain > 0)),
    }


def _with_ratios(figures: dict[str, Any]) -> dict[str, Any]:
    trades = figures["buy_count"] + figures["sell_count"]
    span = figures["last_transaction"] - figures["first_transaction"]
    figures |= {
        "roi": _share(100, figures["realized_pnl"], figures["cost_of_sold"]),
        "win_rate": _share(100, figures["winning_sales"], figures["matched_sales"]),
        "token_win_rate": _share(100, figures["winning_tokens"], figures["winning_tokens"] + figures["losing_tokens"]),
        "trade_count": trades,
        "coverage_ratio": _share(1, figures["matched_proceeds"], figures["total_sold"]),
        "unmatched_proceeds": figures["total_sold"] - figures["matched_proceeds"],
        "avg_holding_time_hours": _share(1, figures["hours_by_cost"], figures["cost_of_sold"]),
        "trade_frequency_daily": _share(1, trades, max(1, -(-span // pd.Timedelta(days=1)))),
    }
    return {name: figures.get(name) for name in FIGURES}


def _share(unit: int, part: Any, whole: Any) -> Decimal | None:
    return round(Decimal(unit) * part / whole, 6) if whole else None
