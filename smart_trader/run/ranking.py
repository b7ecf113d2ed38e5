"""A ranking from given versions of the tables: `gold_traders` makes one, and `verify` makes it again."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.config.thresholds import mark_limits
from smart_trader.domain.evidence.discovery import since_discovery
from smart_trader.domain.gold import ranking, rankings, skill
from smart_trader.domain.gold.ranking import RankedBy
from smart_trader.domain.silver import realized_sales, tracked_whales, trades, wallet_pnl
from smart_trader.domain.tables.table import Table
from smart_trader.rows import collect, persisted
from smart_trader.run.app import App


@dataclass(frozen=True, slots=True)
class RankedVersions:
    """The versions of the tables that a ranking is made from, named as in its certificate."""

    wallet_pnl_version: int
    realized_sales_version: int
    trades_version: int
    tracked_whales_version: int


def newest_versions(app: App) -> RankedVersions:
    """The versions as of now."""
    return RankedVersions(
        wallet_pnl_version=app.tables.version(wallet_pnl.TABLE),
        realized_sales_version=app.tables.version(realized_sales.TABLE),
        trades_version=app.tables.version(trades.TABLE),
        tracked_whales_version=app.tables.version(tracked_whales.TABLE),
    )


@contextmanager
def ranked(
    app: App, made_from: RankedVersions, by: RankedBy, *, closed_ratio: Fraction, ranked_at: datetime
) -> Iterator[DataFrame]:
    """The rows of `rank_wallets`. Raises StorageError if a version is too old to be read."""
    pnl = _filled(wallet_pnl.TABLE, app.tables.read(wallet_pnl.TABLE, version=made_from.wallet_pnl_version))
    sales = app.tables.read(realized_sales.TABLE, version=made_from.realized_sales_version)
    traded = app.tables.read(trades.TABLE, version=made_from.trades_version)
    classes = app.tables.read(tracked_whales.TABLE, version=made_from.tracked_whales_version)
    with persisted(skill.sum_tokens(pnl, sales, traded, closed_ratio=closed_ratio)) as tokens:
        priors = skill.priors_of(collect(skill.groups_of(tokens, classes)))
        yield ranking.rank_wallets(pnl, classes, sales, traded, tokens, priors, by, ranked_at=ranked_at)


def followed_since_discovery(app: App, made_from: RankedVersions, *, ranked_at: datetime) -> DataFrame:
    """The rows of `since_discovery`. Raises StorageError if a version is too old to be read."""
    return since_discovery(
        app.tables.read(trades.TABLE, version=made_from.trades_version),
        app.tables.read(tracked_whales.TABLE, version=made_from.tracked_whales_version),
        ranked_at=ranked_at,
        limits=mark_limits(app.settings.evaluate),
    )


def digest(rows: DataFrame, columns: Sequence[str]) -> str:
    """The digest of a ranking from its rows in gold.rank_history; in memory is one partition at a time."""
    lines = rankings.lines_of(rows, columns).toLocalIterator()
    return rankings.digest_of(columns, (row.line for row in lines))


def _filled(table: Table, rows: DataFrame) -> DataFrame:
    """Rows of an older version, with columns that were added since then."""
    return rows.withColumns({c.name: F.lit(None).cast(c.type) for c in table.columns if c.name not in rows.columns})
