"""Connections to the APIs and the landing folder by the settings. Connecting makes no call."""

from pyspark.sql import SparkSession

from smart_trader import version
from smart_trader.config.model import Api, Settings
from smart_trader.config.settings import require, require_webhook
from smart_trader.io.birdeye import client as birdeye
from smart_trader.io.helius import client as helius
from smart_trader.io.http.client import HttpPolicy
from smart_trader.io.landing.landing import LandedSeries
from smart_trader.ports import Clock, Landing, MarketData, WatchList

CHECKPOINTS = "_checkpoints"
"""Folder below the warehouse with what was ingested of each series."""
_USER_AGENT = f"smart-trader/{version.VERSION}"


def connect_market(settings: Settings, clock: Clock) -> MarketData:
    """BirdEye. Raises ConfigurationError without a key."""
    api = settings.birdeye
    return birdeye.connect(
        base_url=api.base_url,
        api_key=require(settings, "birdeye.api_key"),
        requests_per_second=api.requests_per_second,
        concurrent_requests=api.concurrent_requests,
        compute_units_per_run=api.compute_units_per_run,
        units=api.units.model_dump(),
        clock=clock,
        policy=_policy(api),
        user_agent=_USER_AGENT,
    )


def open_landing(settings: Settings, spark: SparkSession, *, is_dry_run: bool) -> Landing:
    """The landing folder of the time series. A dry run notes nothing of what it ingests."""
    return LandedSeries(
        spark,
        settings.series.landing,
        checkpoints=f"{settings.warehouse.root}/{CHECKPOINTS}",
        files_per_batch=settings.series.files_per_batch,
        bytes_per_batch=settings.series.bytes_per_batch,
        is_dry_run=is_dry_run,
    )


def connect_webhook(settings: Settings, clock: Clock) -> WatchList:
    """Our webhook at Helius. Raises ConfigurationError if a setting is missing."""
    require_webhook(settings)
    api = settings.helius
    return helius.connect(
        base_url=api.base_url,
        api_key=require(settings, "helius.api_key"),
        ours=helius.WebhookSettings(
            url=api.webhook_url,
            webhook_id=api.webhook_id,
            webhook_type=api.webhook_type,
            transaction_types=api.transaction_types,
            auth_header=api.auth_header.get_secret_value() if api.auth_header else None,
        ),
        clock=clock,
        policy=_policy(api),
        user_agent=_USER_AGENT,
    )


def _policy(api: Api) -> HttpPolicy:
    return HttpPolicy(
        connect_timeout_seconds=float(api.connect_timeout_seconds),
        read_timeout_seconds=float(api.read_timeout_seconds),
        total_timeout_seconds=float(api.total_timeout_seconds),
        attempts=api.attempts,
        max_retry_wait_seconds=float(api.max_retry_wait_seconds),
        max_body_bytes=api.max_body_bytes,
    )
