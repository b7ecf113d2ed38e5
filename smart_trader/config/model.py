"""Name, type and bounds of every setting. `conf/defaults.toml` has units and reasons."""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from smart_trader.config.setting_types import (
    Amount,
    AmountOrNone,
    Change,
    Count,
    CountOrNone,
    Days,
    DeliveryAddress,
    Factor,
    Files,
    Horizons,
    Hours,
    JavaMemory,
    Location,
    Memory,
    MinutesOrNone,
    Percent,
    PrivateAddress,
    Ratio,
    Seconds,
    SecretOrNone,
    Text,
    WebAddress,
    checked_path,
    comma_separated,
)
from smart_trader.domain.kernel.following import FollowUp
from smart_trader.domain.kernel.ranking import PnlBasis, RankingOrder

LEAST_REQUEST_SECONDS = 15.0
"""S3A raises every shorter time-out to this."""


class Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Warehouse(Section):
    root: Location
    scratch: Location | None
    s3_endpoint: WebAddress | None
    s3_region: Text
    s3_path_style: bool


class Store(Section):
    attempts: Annotated[int, Field(ge=1, le=20)]
    timeout_seconds: Annotated[float, Field(gt=0, le=3_600)]

    @property
    def longest_request_seconds(self) -> float:
        """After which a request to an S3 store has ended, with all of its attempts and the waits between them."""
        return max(LEAST_REQUEST_SECONDS, self.attempts * self.timeout_seconds)


class Lease(Section):
    renew_seconds: Annotated[float, Field(ge=1, le=3_600)]
    expire_seconds: Annotated[float, Field(ge=4, le=86_400)]

    @model_validator(mode="after")
    def _renewed_in_time(self) -> "Lease":
        if 4 * self.renew_seconds > self.expire_seconds:
            raise ValueError("renew_seconds must not be above a quarter of expire_seconds")
        return self


class Tokens(Section):
    per_run: Count
    min_liquidity_usd: Amount
    max_liquidity_usd: Amount
    min_volume_1h_usd: Amount
    min_price_change_24h_percent: Change
    min_price_change_2h_percent: Change
    min_holders: Annotated[int, Field(ge=0)]

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "Tokens":
        if self.min_liquidity_usd > self.max_liquidity_usd:
            raise ValueError("min_liquidity_usd must not be above max_liquidity_usd")
        return self


class Tracking(Section):
    min_liquidity_usd: Amount
    max_snapshot_age_days: Days


class Whales(Section):
    refresh_hours: Hours
    holders_per_token: Annotated[int, Field(ge=1, le=10_000)]  # the deepest offset of the API


class Transactions(Section):
    wallets_per_run: Count
    max_trades_per_wallet: Count
    overlap_hours: Hours
    refresh_days: Days
    wallets_per_commit: Count
    seconds_per_commit: Seconds


class Pnl(Section):
    refresh_days: Days
    stable_coins_files: Files
    leftover_ratio: Ratio
    sol_price_min_usd: Amount
    sol_price_max_usd: Amount
    stable_price_tolerance: Ratio
    price_gap_ok: Factor
    price_gap_suspect: Factor
    closed_ratio: Ratio
    dead_after_days: Days
    dead_value_ratio: Ratio
    mark_max_age_hours: Hours
    mark_max_share_of_liquidity: Ratio
    token_coverage_min: Ratio

    @model_validator(mode="after")
    def _bounds_in_order(self) -> "Pnl":
        if self.sol_price_min_usd > self.sol_price_max_usd:
            raise ValueError("sol_price_min_usd must not be above sol_price_max_usd")
        if self.price_gap_ok > self.price_gap_suspect:
            raise ValueError("price_gap_ok must not be above price_gap_suspect")
        return self


class Classify(Section):
    bot_trades_per_active_day: Count
    bot_median_holding_seconds: Count
    bot_min_matched_sales: Count
    bot_arbitrage_share: Ratio
    bot_min_transactions: Count
    pools_files: Files
    exchanges_files: Files


class Tier(Section):
    min_pnl_usd: Amount
    min_roi_percent: Amount
    min_win_rate_percent: Percent


class Recommended(Tier):
    min_token_win_rate_percent: Percent
    min_coverage_ratio: Ratio
    min_trusted_ratio: Ratio
    min_pnl_ex_best_token_usd: AmountOrNone


class Weights(Section):
    profitability: Ratio
    roi: Ratio
    win_rate: Ratio
    activity: Ratio

    @model_validator(mode="after")
    def _add_up(self) -> "Weights":
        if self.profitability + self.roi + self.win_rate + self.activity != 1:
            raise ValueError("the four weights must add up to 1")
        return self


class FullScore(Section):
    pnl_usd: Annotated[Decimal, Field(gt=0, le=10**15)]
    roi_percent: Annotated[Decimal, Field(gt=0, le=10**9)]
    trades: Count


class Ranking(Section):
    pnl_basis: PnlBasis
    order: RankingOrder
    elite: Tier
    strong: Tier
    promising: Tier
    recommended: Recommended
    weights: Weights
    full_score: FullScore


class Evaluate(Section):
    horizons_days: Horizons
    follow_up: FollowUp
    panel: Annotated[int, Field(ge=0, le=10**9)]
    mark_max_age_hours: Hours
    mark_min_value_usd: Amount
    min_observed: Count
    max_return_percent: Annotated[Decimal, Field(gt=0, le=10**9)]
    min_observed_ratio: Ratio


class Series(Section):
    landing: Location
    files_per_batch: Annotated[int, Field(ge=1, le=100_000)]
    bytes_per_batch: Count
    clock_skew_seconds: Annotated[int, Field(ge=0, le=86_400)]
    keep_days: Annotated[int | None, Field(ge=1, le=36_500)]
    file_megabytes: Annotated[int, Field(ge=1, le=10_000)]


class Report(Section):
    traders: Annotated[int, Field(ge=1, le=100_000)]
    detailed_traders: Annotated[int, Field(ge=0, le=200)]
    tokens_per_trader: Annotated[int, Field(ge=0, le=1_000)]
    sales_per_trader: Annotated[int, Field(ge=0, le=1_000)]
    lots_per_trader: Annotated[int, Field(ge=0, le=1_000)]
    biggest_sales: Annotated[int, Field(ge=0, le=1_000)]


class Retention(Section):
    bronze_days: Days
    silver_days: Days
    gold_days: Days
    foundation_days: Days


class Api(Section):
    """Settings of an API over HTTP; the last six are the fields of `io.http.HttpPolicy`."""

    base_url: PrivateAddress
    api_key: SecretOrNone = None
    connect_timeout_seconds: Seconds
    read_timeout_seconds: Seconds
    total_timeout_seconds: Seconds
    attempts: Annotated[int, Field(ge=1, le=20)]
    max_retry_wait_seconds: Seconds
    max_body_bytes: Count


class Units(Section):
    token_list: Count
    token_holder: Count
    trader_txs: Count


class BirdEye(Api):
    requests_per_second: Annotated[Decimal, Field(ge=Decimal("0.001"), le=1_000)]
    concurrent_requests: Annotated[int, Field(ge=1, le=256)]
    compute_units_per_run: CountOrNone
    units: Units


class Helius(Api):
    auth_header: SecretOrNone = None
    webhook_url: DeliveryAddress | None
    webhook_id: str | None
    webhook_type: Literal["enhanced", "raw", "discord"]
    transaction_types: Annotated[tuple[Text, ...], BeforeValidator(comma_separated), Field(min_length=1)]
    max_addresses: Annotated[int, Field(ge=1, le=100_000)]  # the limit of Helius for a webhook


class Disk(Section):
    warn_percent: Percent
    critical_percent: Percent

    @model_validator(mode="after")
    def _warns_first(self) -> "Disk":
        if self.warn_percent > self.critical_percent:
            raise ValueError("warn_percent must not be above critical_percent")
        return self


class Logs(Section):
    folder: Annotated[Text, AfterValidator(checked_path)] | None
    keep_days: Days
    keep_megabytes: Count


class Run(Section):
    time_budget_minutes: MinutesOrNone


class Spark(Section):
    master: Text
    deploy_mode: Literal["client", "cluster"]
    driver_memory: JavaMemory
    driver_max_result_size: Memory | None
    executor_memory: JavaMemory
    environment: Location | None
    shuffle_partitions: CountOrNone
    tuning: bool

    @model_validator(mode="after")
    def _has_a_place_for_the_driver(self) -> "Spark":
        if self.deploy_mode == "cluster" and self.master != "yarn":
            raise ValueError(
                "deploy_mode cluster needs master yarn: a standalone master takes no driver in Python, and on"
                " Kubernetes a pod runs bin/submit.sh, with deploy_mode client"
            )
        return self


class Settings(BaseSettings):
    """All settings. The model reads no source: `settings.load` passes it the merged sources, because the readers of
    pydantic-settings do not refuse an unknown variable, and do not give the origin of a value."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    warehouse: Warehouse
    store: Store
    lease: Lease
    tokens: Tokens
    tracking: Tracking
    whales: Whales
    transactions: Transactions
    pnl: Pnl
    classify: Classify
    ranking: Ranking
    evaluate: Evaluate
    report: Report
    series: Series
    retention: Retention
    birdeye: BirdEye
    helius: Helius
    disk: Disk
    logs: Logs
    run: Run
    spark: Spark
    _sources: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _requests_end_before_a_takeover(self) -> "Settings":
        longest, entitled = self.store.longest_request_seconds, self.lease.expire_seconds / 2
        if longest >= entitled:
            raise ValueError(
                f"lease.expire_seconds: half of it ({entitled:g} s) must be longer than a request to a store may take"
                f" ({longest:g} s: store.attempts x store.timeout_seconds, at least {LEAST_REQUEST_SECONDS:g} s), so"
                " that a slow commit has ended before another run may take over"
            )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)
