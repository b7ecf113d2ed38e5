"""silver.tracked_whales, BirdEye trades -> bronze.transaction_history

Reads the trades of the wallets that are due, each once. Safe to repeat: a row that is there already is not added
again, and how far a wallet was read is marked after its rows, so a killed run reads again what it had not marked.
"""

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import Row as SparkRow
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.addresses import read_addresses
from smart_trader.app import App
from smart_trader.bootstrap import run_job
from smart_trader.collecting import collect
from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.bronze.payload import Rejected
from smart_trader.domain.bronze.transaction_history import parse_trade
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.reading import Reach, Stretch, next_stretch, reach_after
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.domain.silver.tracked_tokens import still_tracked
from smart_trader.domain.silver.tracked_whales import (
    due_for_trades,
    entitled_wallets,
    name_wallets,
)
from smart_trader.domain.table import STRING
from smart_trader.fetching import Fetched, fetch_in_batches
from smart_trader.jobs.rejecting import put_aside
from smart_trader.progress import Progress
from smart_trader.summary import Work

_HISTORY = transaction_history.TABLE
_WALLET = T.StructType([T.StructField("wallet_address", STRING)])
_STATE = tracked_whales.TABLE.fields(
    (
        "wallet_address",
        "txns_fetch_status",
        "txns_last_fetched_at",
        "history_complete",
        "oldest_trade_at",
        "newest_trade_at",
        "gap_newer_than",
        "gap_older_than",
        "trade_rows",
        "attempts",
        "last_error",
        "pnl_processing_status",
    )
)


@dataclass(frozen=True, slots=True)
class Trades:
    """What a fetch of one wallet gave."""

    rows: list[dict[str, Any]]
    refused: list[Rejected]
    served: int
    reach: Reach


def run(app: App) -> None:
    waiting = _due(app).persist()
    due = collect(waiting.limit(app.options.limit or app.settings.transactions.wallets_per_run))
    total, done, failed = waiting.count() if due else 0, 0, 0
    waiting.unpersist()
    try:
        with Progress(len(due), "wallets") as progress:
            batches = fetch_in_batches(
                due,
                lambda wallet: fetch_trades(app, wallet),
                app.pace(batch_size=app.settings.transactions.wallets_per_commit),
                on_done=lambda: app.advance(progress),
            )
            for batch in batches:
                _commit(app, batch)
                done += sum(fetched.error is None for fetched in batch)
                failed += sum(fetched.error is not None for fetched in batch)
    finally:
        app.report.work = Work(
            unit="wallets",
            due=total,
            done=done,
            failed=failed,
            left_over=total - done - failed,
        )
    if total > len(due):
        app.report.warnings.append(
            f"{total - len(due)} wallets wait for the next run: at most {len(due)} are read in one"
        )
    if not total:
        app.report.warnings.append("no wallet is due: no trades were fetched")


def _due(app: App) -> DataFrame:
    named = None
    if app.options.wallets:
        wallets = [{"wallet_address": address} for address in read_addresses(app.options.wallets)]
        named = app.tables.frame(_WALLET, wallets)
        new = name_wallets(named, app.tables.read(tracked_whales.TABLE), as_of=app.as_of).persist()
        if not new.isEmpty():
            app.tables.append(tracked_whales.TABLE, new)
        new.unpersist()
    tracking = app.settings.tracking
    live = still_tracked(
        app.tables.read(tracked_tokens.TABLE),
        as_of=app.as_of,
        min_liquidity_usd=tracking.min_liquidity_usd,
        max_age_days=tracking.max_snapshot_age_days,
    )
    whales = app.tables.read(tracked_whales.TABLE)
    entitled = entitled_wallets(whales, live, app.tables.read(smart_traders.TABLE))
    return due_for_trades(
        whales,
        entitled,
        as_of=app.as_of,
        refresh_days=app.settings.transactions.refresh_days,
        named=named,
    )


def fetch_trades(app: App, wallet: SparkRow) -> Trades:
    """Read a wallet from where the last fetch ended, at most so many rows as the settings allow.

    When the limit cuts the reading, the rows of the oldest second wait for the next run: no transaction is split.
    """
    stretch = next_stretch(wallet, as_of=app.as_of)
    limit = app.settings.transactions.max_trades_per_wallet
    rows: dict[str, dict[str, Any]] = {}
    refused: list[Rejected] = []
    served, is_cut = 0, False
    for page in app.market.trade_pages(wallet.wallet_address, before=stretch.before):
        for item in page.items:
            if is_cut := served >= limit and _spans_seconds(rows, stretch):
                break
            served += 1
            parsed = parse_trade(item, wallet=wallet.wallet_address, fetched_at=app.as_of)
            if isinstance(parsed, Rejected):
                refused.append(parsed)
            elif parsed["block_time"] <= app.as_of:
                rows.setdefault(parsed["event_id"], parsed)
        is_cut = is_cut or (served >= limit and not page.is_last and _spans_seconds(rows, stretch))
        if is_cut or page.is_last or _is_below(rows, stretch):
            break
    is_cut = is_cut and not _is_below(rows, stretch)
    oldest = min((row["block_time"] for row in rows.values()), default=None) if is_cut else None
    kept = [row for row in rows.values() if row["block_time"] != oldest]
    reach = reach_after(wallet, stretch, [row["block_time"] for row in kept], is_cut=is_cut)
    return Trades(kept, refused, served, reach)


def _is_below(rows: dict[str, dict[str, Any]], stretch: Stretch) -> bool:
    """Whether the reading has come down to what is known."""
    return stretch.down_to is not None and any(row["block_time"] < stretch.down_to for row in rows.values())


def _spans_seconds(rows: dict[str, dict[str, Any]], stretch: Stretch) -> bool:
    """Whether something new is left when the oldest second is taken away: without it, no run would come further."""
    times = (row["block_time"] for row in rows.values() if row["block_time"] < stretch.new_before)
    first = next(times, None)
    return any(time != first for time in times)


def _commit(app: App, batch: Sequence[Fetched[SparkRow, Trades]]) -> None:
    """The rows of a batch of wallets, then what became of each wallet."""
    read = {fetched.entity.wallet_address: fetched.answer for fetched in batch if fetched.answer is not None}
    app.report.rows_in += sum(trades.served for trades in read.values())
    put_aside(app, [row for trades in read.values() for row in trades.refused])
    counts = _land(app, read) if read else {}
    states = [_state(app, fetched, counts.get(fetched.entity.wallet_address, 0)) for fetched in batch]
    app.tables.update(tracked_whales.TABLE, app.tables.frame(_STATE, states), on=("wallet_address",))


def _land(app: App, read: Mapping[str, Trades]) -> Mapping[str, int]:
    """Add the rows that are new, and count the rows that each wallet has now."""
    rows = [row for trades in read.values() for row in trades.rows]
    oldest = min((row["block_time"] for row in rows), default=app.as_of)
    wallets = app.tables.frame(_WALLET, [{"wallet_address": wallet} for wallet in read])
    stored = app.tables.read(_HISTORY).join(F.broadcast(wallets), "wallet_address", "left_semi")
    recent = F.when(F.col("block_time") >= F.lit(oldest), F.col("event_id"))
    known = (
        stored.groupBy("wallet_address").agg(F.count("*").alias("rows"), F.collect_list(recent).alias("ids")).collect()
    )
    seen = {event_id for row in known for event_id in row.ids}
    fresh = [row for row in rows if row["event_id"] not in seen]
    if fresh:
        app.tables.append(_HISTORY, app.tables.frame(_HISTORY.own_schema, fresh))
    return Counter({row.wallet_address: row.rows for row in known}) + Counter(row["wallet_address"] for row in fresh)


def _state(app: App, fetched: Fetched[SparkRow, Trades], trade_rows: int) -> dict[str, Any]:
    """PnL is due again when the table has rows that the old state did not vouch for, whichever run landed them."""
    wallet = fetched.entity
    if fetched.answer is None:
        return {name: wallet[name] for name in _STATE.names} | {
            "txns_fetch_status": "pending",
            "attempts": wallet.attempts + 1,
            "last_error": str(fetched.error),
        }
    reach = fetched.answer.reach
    is_news = trade_rows != wallet.trade_rows or reach.history_complete != wallet.history_complete
    return {
        "wallet_address": wallet.wallet_address,
        "txns_fetch_status": "completed",
        "txns_last_fetched_at": app.as_of,
        **asdict(reach),
        "trade_rows": trade_rows,
        "attempts": 0,
        "last_error": None,
        "pnl_processing_status": "pending" if is_news else wallet.pnl_processing_status,
    }


if __name__ == "__main__":
    sys.exit(run_job("bronze_transactions", run))
