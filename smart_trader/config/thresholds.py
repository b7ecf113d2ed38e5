"""Converts settings into the rules of the domain."""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from fractions import Fraction
from math import ceil, floor

from smart_trader.config.address_files import read_addresses
from smart_trader.config.model import Classify, Evaluate, Pnl, Ranking, Settings, Tokens
from smart_trader.config.model import Tier as TierSettings
from smart_trader.config.settings import pnl_settings_hash, ranking_settings, settings_from
from smart_trader.domain.bronze.token_metrics import TokenCriteria
from smart_trader.domain.evidence.windows import WindowRules
from smart_trader.domain.gold.ranking import RankedBy
from smart_trader.domain.kernel.edition import EDITION_PREFIX
from smart_trader.domain.kernel.following import MarkLimits
from smart_trader.domain.kernel.grading import GradingRules
from smart_trader.domain.kernel.marks import MarkRules
from smart_trader.domain.kernel.money import PRICE, money_with
from smart_trader.domain.kernel.ranking import Gate, PerformanceTier, RankingRules, Scoring, Tier
from smart_trader.domain.kernel.valuation import ValueRules
from smart_trader.domain.kernel.verdict import VerdictRules
from smart_trader.domain.kernel.wallets import ClassRules
from smart_trader.domain.silver.labels import shipped_hash
from smart_trader.errors import ConfigurationError

_SHIPPED = "shipped_lists"
_SECOND = 10**6
_HOUR = 3_600 * _SECOND
_DAY = 24 * _HOUR


def pnl_definition(settings: Settings) -> str:
    """A short name of all rules that decide the stored figures and the class of a wallet: the edition of the code, and
    a hash of the settings and the shipped lists of addresses."""
    rules = hashlib.sha256(f"{pnl_settings_hash(settings)} {shipped_hash()}".encode()).hexdigest()
    return f"{EDITION_PREFIX}{rules[:16]}"


def money_mints(pnl: Pnl) -> dict[str, str]:
    """Mints that count as money, the user's stable coins too, each with the one under which it is added up.

    Raises ConfigurationError if a file of stable coins cannot be read.
    """
    return money_with(mint for path in pnl.stable_coins_files for mint in read_addresses(path, ConfigurationError))


def value_rules(pnl: Pnl) -> ValueRules:
    return ValueRules(
        money=money_mints(pnl),
        leftover_ratio=Fraction(pnl.leftover_ratio),
        sol_price_min=ceil(Fraction(pnl.sol_price_min_usd) * PRICE),
        sol_price_max=floor(Fraction(pnl.sol_price_max_usd) * PRICE),
        stable_price_tolerance=Fraction(pnl.stable_price_tolerance),
        price_gap_ok=Fraction(pnl.price_gap_ok),
        price_gap_suspect=Fraction(pnl.price_gap_suspect),
    )


def mark_rules(pnl: Pnl) -> MarkRules:
    return MarkRules(
        max_age=pnl.mark_max_age_hours * _HOUR,
        max_share_of_liquidity=Fraction(pnl.mark_max_share_of_liquidity),
        closed_ratio=Fraction(pnl.closed_ratio),
        dead_after=pnl.dead_after_days * _DAY,
        dead_value_ratio=Fraction(pnl.dead_value_ratio),
        min_coverage=Fraction(pnl.token_coverage_min),
    )


def class_rules(classify: Classify) -> ClassRules:
    return ClassRules(
        max_trades_per_active_day=classify.bot_trades_per_active_day,
        min_median_holding=classify.bot_median_holding_seconds * _SECOND,
        min_matched_sales=classify.bot_min_matched_sales,
        max_arbitrage_share=Fraction(classify.bot_arbitrage_share),
        min_transactions=classify.bot_min_transactions,
    )


def certified_settings(settings: Settings) -> str:
    """The settings that decide a figure or a rank, and a hash of the shipped lists of addresses, as canonical JSON."""
    return json.dumps(ranking_settings(settings) | {_SHIPPED: shipped_hash()}, sort_keys=True, separators=(",", ":"))


def read_certified(text: str) -> tuple[RankedBy, Fraction]:
    """How wallets were ranked by settings from `certified_settings`, and from which share sold a token was closed.

    A setting that was added since then has its default. Raises ValueError for any other text.
    """
    stored = json.loads(text)
    if not isinstance(stored, dict) or not all(isinstance(value, str) for value in stored.values()):
        raise ValueError("no settings by key")
    tree = settings_from(stored)
    return ranked_by(Ranking.model_validate(tree["ranking"])), Fraction(tree["pnl"]["closed_ratio"])


def ranked_by(ranking: Ranking) -> RankedBy:
    gate, weights, full = ranking.recommended, ranking.weights, ranking.full_score
    one_token = gate.min_pnl_ex_best_token_usd
    return RankedBy(
        rules=RankingRules(
            tiers=tuple(_tier(name, least) for name, least in tier_settings(ranking).items()),
            gate=Gate(
                min_pnl=Fraction(gate.min_pnl_usd),
                min_roi=Fraction(gate.min_roi_percent),
                min_win_rate=Fraction(gate.min_win_rate_percent),
                min_token_win_rate=Fraction(gate.min_token_win_rate_percent),
                min_coverage=Fraction(gate.min_coverage_ratio),
                min_trusted=Fraction(gate.min_trusted_ratio),
                min_pnl_ex_best_token=None if one_token is None else Fraction(one_token),
            ),
            scoring=Scoring(
                profitability=Fraction(weights.profitability),
                roi=Fraction(weights.roi),
                win_rate=Fraction(weights.win_rate),
                activity=Fraction(weights.activity),
                full_pnl=Fraction(full.pnl_usd),
                full_roi=Fraction(full.roi_percent),
                full_trades=Fraction(full.trades),
            ),
        ),
        basis=ranking.pnl_basis,
        order=ranking.order,
    )


def window_rules(settings: Settings) -> WindowRules:
    return WindowRules(settings.evaluate.horizons_days, _revised_for(settings))


def followed_for(settings: Settings) -> timedelta:
    """How long the wallets of a ranking are followed up: until its last outcome is final."""
    return timedelta(days=max(settings.evaluate.horizons_days)) + _revised_for(settings)


def _revised_for(settings: Settings) -> timedelta:
    """By then a wallet that could be fetched was fetched: each is due again after `refresh_days`."""
    return timedelta(days=2 * settings.transactions.refresh_days)


def mark_limits(evaluate: Evaluate) -> MarkLimits:
    return MarkLimits(timedelta(hours=evaluate.mark_max_age_hours), evaluate.mark_min_value_usd)


def grading_rules(evaluate: Evaluate) -> GradingRules:
    return GradingRules(evaluate.min_observed, Fraction(evaluate.max_return_percent))


def verdict_rules(settings: Settings, horizon_days: int) -> VerdictRules:
    return VerdictRules(
        horizon_days=horizon_days,
        revised_for=_revised_for(settings) // timedelta(microseconds=1),
        min_observed_ratio=Fraction(settings.evaluate.min_observed_ratio),
    )


def tier_settings(ranking: Ranking) -> Mapping[PerformanceTier, TierSettings]:
    """The thresholds of each tier that has any, best first."""
    return {
        PerformanceTier.ELITE: ranking.elite,
        PerformanceTier.STRONG: ranking.strong,
        PerformanceTier.PROMISING: ranking.promising,
    }


def _tier(name: PerformanceTier, least: TierSettings) -> Tier:
    return Tier(
        name,
        Fraction(least.min_pnl_usd),
        Fraction(least.min_roi_percent),
        Fraction(least.min_win_rate_percent),
    )


def token_criteria(tokens: Tokens) -> TokenCriteria:
    return TokenCriteria(
        min_liquidity_usd=tokens.min_liquidity_usd,
        max_liquidity_usd=tokens.max_liquidity_usd,
        min_volume_1h_usd=tokens.min_volume_1h_usd,
        min_price_change_24h_percent=tokens.min_price_change_24h_percent,
        min_price_change_2h_percent=tokens.min_price_change_2h_percent,
        min_holders=tokens.min_holders,
    )
