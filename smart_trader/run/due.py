"""What is due by the tables, the settings and the time of a run: jobs do it, and `status` counts it."""

from pyspark.sql import DataFrame

from smart_trader.config.thresholds import followed_for, pnl_definition
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.gold.follow_up import followed_up
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.run.app import App


def live_tokens(app: App) -> DataFrame:
    """Rows of silver.tracked_tokens that are still tracked: their holders count."""
    tracking = app.settings.tracking
    return tracked_tokens.still_tracked(
        app.tables.read(tracked_tokens.TABLE),
        as_of=app.as_of,
        min_liquidity_usd=tracking.min_liquidity_usd,
        max_age_days=tracking.max_snapshot_age_days,
    )


def due_for_holders(app: App, live: DataFrame) -> DataFrame:
    """Those of the `live` tokens whose holders are to be fetched, the most urgent first."""
    return tracked_tokens.due_tokens(live, as_of=app.as_of, refresh_hours=app.settings.whales.refresh_hours)


def due_for_trades(app: App, named: DataFrame | None = None) -> DataFrame:
    """Wallets whose trades are to be fetched, the most urgent first: among those `named` by hand, where any are."""
    whales = app.tables.read(tracked_whales.TABLE)
    ranked = app.tables.read(smart_traders.TABLE).select("wallet_address").unionByName(followed_up_wallets(app))
    return tracked_whales.due_for_trades(
        whales,
        tracked_whales.eligible_wallets(whales, live_tokens(app), ranked),
        as_of=app.as_of,
        refresh_days=app.settings.transactions.refresh_days,
        named=named,
    )


def followed_up_wallets(app: App) -> DataFrame:
    """Wallets of earlier rankings whose trades are fetched so that these rankings can be graded."""
    return followed_up(
        app.tables.read(rank_history.TABLE),
        as_of=app.as_of,
        longest=followed_for(app.settings),
        follow_up=app.settings.evaluate.follow_up,
        panel=app.settings.evaluate.panel,
    )


def due_for_pnl(app: App, named: DataFrame | None = None) -> DataFrame:
    """Wallets whose PnL is to be computed: among those `named` by hand, where any are."""
    whales = app.tables.read(tracked_whales.TABLE)
    return tracked_whales.due_for_pnl(
        whales,
        as_of=app.as_of,
        refresh_days=app.settings.pnl.refresh_days,
        definition=pnl_definition(app.settings),
        named=named,
    )
