"""silver.tracked_whales, BirdEye trades -> bronze.transaction_history

Reads the trades of the wallets that are due, each once. Safe to repeat: a row that is there already is not added
again, and how far a wallet was read is marked after its rows, so a killed run reads again what it had not marked.
"""

import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import timedelta
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import Row as SparkRow
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.config.address_files import read_addresses
from smart_trader.domain.bronze import rejected_rows, transaction_history
from smart_trader.domain.bronze.read_window import ReadWindow, Trades, next_stretch
from smart_trader.domain.bronze.rejected_rows import count_unread, unread_trades
from smart_trader.domain.silver import tracked_whales
from smart_trader.domain.silver.tracked_whales import name_wallets
from smart_trader.domain.tables.state_flags import ProcessingStatus
from smart_trader.domain.tables.table import STRING
from smart_trader.errors import LimitReached, QuotaExhausted, SourceRejected, SourceUnavailable
from smart_trader.rows import collect, persisted
from smart_trader.run.app import App
from smart_trader.run.due import due_for_trades
from smart_trader.run.fetching import CutShort, Fetched, Tracked, fetch_due
from smart_trader.run.rejected import keep_rejected
from smart_trader.run.runner import run_job

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
        "read_until",
        "trade_rows",
        "rejected_rows",
        "attempts",
        "last_error",
        "pnl_processing_status",
    )
)
_WALLETS = Tracked("wallet", "trades", "wallet_address", status="txns_fetch_status", fetched_at="txns_last_fetched_at")


def run(app: App) -> None:
    with persisted(_due(app)) as due:
        first = collect(due.limit(app.options.limit or app.settings.transactions.wallets_per_run))
        waiting = due.count() if first else 0
    fetch_due(
        app,
        _WALLETS,
        first,
        waiting=waiting,
        limit=f"at most {len(first)} are read in one",
        fetch=lambda wallet: fetch_trades(app, wallet),
        commit=lambda batch: _commit(app, batch),
        batch_size=app.settings.transactions.wallets_per_commit,
    )


def _due(app: App) -> DataFrame:
    named = None
    if app.options.wallets:
        wallets = [{"wallet_address": address} for address in read_addresses(app.options.wallets)]
        named = app.tables.frame(_WALLET, wallets)
        with persisted(name_wallets(named, app.tables.read(tracked_whales.TABLE), as_of=app.as_of)) as new:
            if not new.isEmpty():
                app.tables.append(tracked_whales.TABLE, new)
    return due_for_trades(app, named)


def fetch_trades(app: App, wallet: SparkRow) -> Trades:
    """Read a wallet from where the last fetch ended, as far as the settings allow.

    Where the API fails in the middle, what came before is kept, and the wallet stays pending with the reason. Where
    compute units are spent in the middle, they are a limit like the one on rows: raises CutShort. Raises what was
    raised if nothing can be kept.
    """
    settings = app.settings.transactions
    stretch = next_stretch(wallet, as_of=app.as_of, overlap=timedelta(hours=settings.overlap_hours))
    window = ReadWindow(wallet, stretch, as_of=app.as_of, limit=settings.max_trades_per_wallet)
    try:
        for page in app.market.trade_pages(wallet.wallet_address, before=stretch.before, fetched_at=app.as_of):
            window.take(page.rows, asked=page.asked, is_last=page.is_last)
            if window.is_done:
                break
    except (SourceRejected, SourceUnavailable, LimitReached, QuotaExhausted) as error:
        if not window.stop():
            raise
        trades = window.trades()
        if isinstance(error, LimitReached | QuotaExhausted):
            raise CutShort(trades, error) from error
        return replace(trades, failure=trades.failure or str(error))
    return window.trades()


def _commit(app: App, batch: Sequence[Fetched[SparkRow, Trades]]) -> None:
    """The rows of a batch of wallets, then those that could not be read, then what became of each wallet."""
    read = {fetched.entity.wallet_address: fetched.answer for fetched in batch if fetched.answer is not None}
    app.report.rows_in += sum(trades.served for trades in read.values())
    counts = _land(app, read) if read else {}
    rejected = _keep_rejected(app, [fetched for fetched in batch if fetched.answer is not None])
    states = [_state(app, fetched, counts, rejected) for fetched in batch]
    app.tables.update(tracked_whales.TABLE, app.tables.frame(_STATE, states), on=("wallet_address",))


def _land(app: App, read: Mapping[str, Trades]) -> Mapping[str, int]:
    """Add the rows that are new, and count the rows that each wallet has now."""
    rows = [row for trades in read.values() for row in trades.rows]
    oldest = min((row["block_time"] for row in rows), default=app.as_of)
    stored = _of_wallets(app, app.tables.read(_HISTORY), read)
    recent = F.when(F.col("block_time") >= F.lit(oldest), F.col("event_id"))
    known = (
        stored.groupBy("wallet_address").agg(F.count("*").alias("rows"), F.collect_list(recent).alias("ids")).collect()
    )
    seen = {event_id for row in known for event_id in row.ids}
    fresh = [row for row in rows if row["event_id"] not in seen]
    if fresh:
        app.tables.append(_HISTORY, app.tables.frame(_HISTORY.own_schema, fresh))
    return Counter({row.wallet_address: row.rows for row in known}) + Counter(row["wallet_address"] for row in fresh)


def _keep_rejected(app: App, read: Sequence[Fetched[SparkRow, Trades]]) -> Mapping[str, int]:
    """Keep the rows that could not be read, and count those of each wallet for which no later row makes up.

    The rows that came with them have landed before, so they are not later. Most wallets have none and cost no look.
    """
    keep_rejected(app, [row for fetched in read if fetched.answer for row in fetched.answer.rejected])
    counts = Counter[str]()
    asked = [
        fetched.entity.wallet_address
        for fetched in read
        if fetched.entity.rejected_rows != 0 or (fetched.answer and fetched.answer.rejected)
    ]
    if asked:
        with persisted(unread_trades(_of_wallets(app, app.tables.read(rejected_rows.TABLE), asked))) as unread:
            if not unread.isEmpty():
                counted = count_unread(unread, _of_wallets(app, app.tables.read(_HISTORY), asked)).collect()
                counts.update({row.wallet_address: row.rejected_rows for row in counted})
    return counts


def _of_wallets(app: App, rows: DataFrame, wallets: Collection[str]) -> DataFrame:
    named = app.tables.frame(_WALLET, [{"wallet_address": wallet} for wallet in wallets])
    return rows.join(F.broadcast(named), "wallet_address", "left_semi")


def _state(
    app: App, fetched: Fetched[SparkRow, Trades], trade_rows: Mapping[str, int], rejected: Mapping[str, int]
) -> dict[str, Any]:
    """PnL is due again when the tables have rows to which the old state does not refer, whichever run landed them."""
    wallet, trades = fetched.entity, fetched.answer
    state = {name: wallet[name] for name in _STATE.names}
    if trades is not None:
        reach = asdict(trades.reach) if trades.reach else {}
        counts = {"trade_rows": trade_rows, "rejected_rows": rejected}
        state |= {**reach, **{name: of.get(wallet.wallet_address, 0) for name, of in counts.items()}}
        is_news = any(state[name] != (wallet[name] or 0) for name in counts)
        if is_news or state["history_complete"] != wallet.history_complete:
            state["pnl_processing_status"] = ProcessingStatus.PENDING
    return state | _WALLETS.state_after(fetched, as_of=app.as_of)


if __name__ == "__main__":
    sys.exit(run_job("bronze_transactions", run))
