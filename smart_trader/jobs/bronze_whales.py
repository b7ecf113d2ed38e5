"""silver.tracked_tokens, BirdEye holders -> bronze.whale_holders

Fetches the largest holders of the tokens that are due. Safe to repeat: a token's rows of a day are replaced, and it is
marked as completed after them, so a killed run fetches again what it had not marked.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import Row as SparkRow
from pyspark.sql import functions as F

from smart_trader.config.address_files import read_addresses
from smart_trader.domain.bronze import token_metrics, whale_holders
from smart_trader.domain.bronze.records import Record, Rejected, mostly_rejected
from smart_trader.domain.bronze.snapshots import newest_snapshots
from smart_trader.domain.bronze.whale_holders import HeldToken, add_up_holders
from smart_trader.domain.silver import tracked_tokens
from smart_trader.domain.tables.changes import RowScope
from smart_trader.rows import collect
from smart_trader.run.app import App
from smart_trader.run.due import due_for_holders, live_tokens
from smart_trader.run.fetching import Fetched, Tracked, fetch_due
from smart_trader.run.rejected import keep_rejected
from smart_trader.run.runner import run_job

_STATE = tracked_tokens.TABLE.fields(
    (
        "token_address",
        "whale_fetch_status",
        "whale_fetched_at",
        "is_newly_tracked",
        "attempts",
        "last_error",
    )
)
_TOKENS = Tracked("token", "holders", "token_address", status="whale_fetch_status", fetched_at="whale_fetched_at")
_TOKENS_PER_COMMIT = 100


@dataclass(frozen=True, slots=True)
class Holders:
    """What a fetch of one token gave."""

    rows: list[Record]
    rejected: list[Rejected]
    served: int
    failure: str | None
    """Why the token stays pending; its rows do not land then."""


def run(app: App) -> None:
    waiting = collect(_due(app))
    due = waiting[: app.options.limit or len(waiting)]
    fetch_due(
        app,
        _TOKENS,
        due,
        waiting=len(waiting),
        limit=f"--limit allows {len(due)}",
        fetch=lambda token: fetch_holders(app, token),
        commit=lambda batch: _commit(app, batch),
        batch_size=_TOKENS_PER_COMMIT,
    )


def _due(app: App) -> DataFrame:
    """Due tokens, with what their newest snapshot says of their supply."""
    live = live_tokens(app)
    if app.options.tokens:
        live = live.where(F.col("token_address").isin(read_addresses(app.options.tokens)))
    newest = newest_snapshots(app.tables.read(token_metrics.TABLE), until=app.as_of.date())
    known = live.join(newest.select("token_address", "raw"), "token_address", "left")
    return due_for_holders(app, known)


def fetch_holders(app: App, token: SparkRow) -> Holders:
    """Read the largest holders of a token."""
    limit = app.settings.whales.holders_per_token
    accounts = app.market.holder_accounts(token.token_address, limit=limit, fetched_at=app.as_of)
    holders, rejected = add_up_holders(accounts, token=_held(app, token), fetched_at=app.as_of)
    return Holders(holders, rejected, len(accounts), mostly_rejected(rejected, len(accounts)))


def _commit(app: App, batch: Sequence[Fetched[SparkRow, Holders]]) -> None:
    """The holders of a batch of tokens, then what became of each token."""
    answers = [fetched.answer for fetched in batch if fetched.answer is not None]
    app.report.rows_in += sum(answer.served for answer in answers)
    keep_rejected(app, [row for answer in answers for row in answer.rejected])
    table = whale_holders.TABLE
    read = [{"token_address": f.entity.token_address, "rank_date": app.as_of.date()} for f in batch if not f.failure]
    if read:
        parts = app.tables.frame(table.fields(("token_address", "rank_date")), read)
        holders = [row for answer in answers if not answer.failure for row in answer.rows]
        app.tables.replace(table, app.tables.frame(table.own_schema, holders), within=RowScope(parts))
    app.tables.update(
        tracked_tokens.TABLE,
        app.tables.frame(_STATE, [_state(app, fetched) for fetched in batch]),
    )


def _held(app: App, token: SparkRow) -> HeldToken:
    return HeldToken(
        mint=token.token_address,
        symbol=token.symbol,
        name=token.name,
        price=token.price,
        total_supply=app.market.total_supply(token.raw) if token.raw else None,
    )


def _state(app: App, fetched: Fetched[SparkRow, Holders]) -> dict[str, Any]:
    token = fetched.entity
    state = {name: token[name] for name in _STATE.names} | _TOKENS.state_after(fetched, as_of=app.as_of)
    return state if fetched.failure is not None else state | {"is_newly_tracked": False}


if __name__ == "__main__":
    sys.exit(run_job("bronze_whales", run))
