"""A ranking from given versions of the tables: `gold_traders` makes one, and `verify` makes it again."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction

from pyspark.sql import DataFrame

from smart_trader.domain.gold import ranking, skill
from smart_trader.domain.gold.ranking import RankedBy
from smart_trader.domain.silver import realized_sales, tracked_whales, trades, wallet_pnl
from smart_trader.rows import collect, persisted
from smart_trader.run.app import App


@dataclass(frozen=True, slots=True)
class RankedVersions:
    """The versions of the tables that a ranking is made from."""

    wallet_pnl: int
    realized_sales: int
    trades: int
    tracked_whales: int


def newest_versions(app: App) -> RankedVersions:
    """The versions as of now."""
    return RankedVersions(
        wallet_pnl=app.tables.version(wallet_pnl.TABLE),
        realized_sales=app.tables.version(realized_sales.TABLE),
        trades=app.tables.version(trades.TABLE),
        tracked_whales=app.tables.version(tracked_whales.TABLE),
    )


@contextmanager
def ranked(
    app: App, made_from: RankedVersions, by: RankedBy, *, closed_ratio: Fraction, ranked_at: datetime
) -> Iterator[DataFrame]:
    """The rows of `rank_wallets`. Raises StorageError if a version is too old to be read."""
    pnl = app.tables.read(wallet_pnl.TABLE, version=made_from.wallet_pnl)
    sales = app.tables.read(realized_sales.TABLE, version=made_from.realized_sales)
    traded = app.tables.read(trades.TABLE, version=made_from.trades)
    classes = app.tables.read(tracked_whales.TABLE, version=made_from.tracked_whales)
    with persisted(skill.sum_tokens(pnl, sales, traded, closed_ratio=closed_ratio)) as tokens:
        priors = skill.priors_of(collect(skill.groups_of(tokens, classes)))
        yield ranking.rank_wallets(pnl, classes, sales, traded, tokens, priors, by, ranked_at=ranked_at)
