"""BirdEye token list -> bronze.token_metrics

Fetches the tokens that pass the filters of the settings. A token that the list describes as its newest snapshot does
is no new row, so running it twice on an unchanged market changes nothing. A run that is repeated under its own id, as
schedulers do, keeps the snapshots that it has already taken.
"""

import sys
from collections.abc import Container, Iterable, Iterator
from decimal import Decimal

from pyspark.sql import functions as F

from smart_trader.config.address_files import read_addresses
from smart_trader.config.thresholds import money_mints, token_criteria
from smart_trader.domain.bronze import token_metrics
from smart_trader.domain.bronze.records import Record, Rejected, mostly_rejected
from smart_trader.domain.bronze.snapshots import newest_snapshots
from smart_trader.domain.tables.table import BATCH_ID
from smart_trader.errors import SourceRejected
from smart_trader.rows import persisted
from smart_trader.run.app import App
from smart_trader.run.rejected import keep_rejected
from smart_trader.run.runner import run_job


def run(app: App) -> None:
    wanted = set(read_addresses(app.options.tokens)) if app.options.tokens else None
    limit = app.options.limit or app.settings.tokens.per_run
    read: list[Record | Rejected] = []
    served = app.market.tokens(token_criteria(app.settings.tokens), fetched_at=app.as_of)
    listed = _without(money_mints(app.settings.pnl), served, read)
    chosen = _most_liquid((row for row in listed if wanted is None or _address(row) in wanted), limit)
    rejected = [row for row in read if isinstance(row, Rejected)]
    app.report.rows_in = len(chosen) + len(rejected)
    keep_rejected(app, rejected)
    if failure := mostly_rejected(rejected, len(read)):
        raise SourceRejected(
            f"BirdEye's token list: {failure}. No snapshot was taken; the rows are kept in bronze.rejected_rows."
        )
    if not chosen:
        app.report.warnings.append("the token list has no token that passes the filters of the settings")
        return
    rows = app.tables.frame(token_metrics.TABLE.own_schema, chosen)
    stored = app.tables.read(token_metrics.TABLE)
    newest = newest_snapshots(stored, until=app.as_of.date()).select("token_address", "raw")
    of_this_run = stored.where(F.col(BATCH_ID.name) == app.run_id).select("token_address")
    changed = rows.join(F.broadcast(newest), ["token_address", "raw"], "left_anti")
    with persisted(changed.join(F.broadcast(of_this_run), "token_address", "left_anti")) as fresh:
        if not fresh.isEmpty():
            app.tables.append(token_metrics.TABLE, fresh)


def _without(
    money: Container[str | None], listed: Iterable[Record | Rejected], read: list[Record | Rejected]
) -> Iterator[Record | Rejected]:
    """The rows of `listed` but for `money`; all that is taken of these is added to `read`."""
    for row in listed:
        read.append(row)
        if _address(row) not in money:
            yield row


def _address(row: Record | Rejected) -> str | None:
    return row.token_address if isinstance(row, Rejected) else row["token_address"]


def _most_liquid(rows: Iterable[Record | Rejected], limit: int) -> list[Record]:
    """The tokens among the first `limit` by liquidity, then address, of a list by falling liquidity.

    `limit` bounds the rows that are served, whatever becomes of them. Beyond it only tokens that are as liquid as the
    last one are read.
    """
    chosen: list[Record] = []
    for served, row in enumerate(rows):
        is_enough = served >= limit
        if isinstance(row, Rejected):
            if is_enough:
                break
        elif is_enough and (not chosen or _liquidity(row) < _liquidity(chosen[-1])):
            break
        else:
            chosen.append(row)
    return sorted(chosen, key=lambda token: (-_liquidity(token), token["token_address"]))[:limit]


def _liquidity(token: Record) -> Decimal:
    return token["liquidity"] if token["liquidity"] is not None else Decimal(-1)


if __name__ == "__main__":
    sys.exit(run_job("bronze_tokens", run))
