"""Tier, score and gate: who made money, how well, and who is safe to follow (docs/pnl.md)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

from smart_trader.domain.kernel.money import MICRO, USD, round_half_away
from smart_trader.domain.kernel.wallets import WalletClass

SCORE = 10**4
"""One point: scores count ten-thousandths (DECIMAL(9,4))."""


class PerformanceTier(StrEnum):
    """Best first. QUALIFIED is every ranked wallet that reaches no other."""

    ELITE = "ELITE"
    STRONG = "STRONG"
    PROMISING = "PROMISING"
    QUALIFIED = "QUALIFIED"


class PnlBasis(StrEnum):
    """Which profit counts: without gains that no money shows, with them, or with marks on open positions as well."""

    TRUSTED = "trusted"
    REALIZED = "realized"
    TOTAL = "total"


class RankingOrder(StrEnum):
    """By what wallets are ranked. Both orders are kept; this one is the list that is shown and watched."""

    SCORE = "score"
    """The score, then the PnL."""
    SKILL = "skill"
    """The return per token, then the win rate, allowing for luck (`skill`)."""


class RankedFigures(NamedTuple):
    """The columns of `silver.wallet_pnl` that qualify and rank a wallet."""

    pnl: str
    roi: str
    win_rate: str


RANKED_FIGURES: Mapping[PnlBasis, RankedFigures] = MappingProxyType(
    {
        PnlBasis.TRUSTED: RankedFigures("trusted_pnl", "trusted_roi", "trusted_win_rate"),
        PnlBasis.REALIZED: RankedFigures("realized_pnl", "roi", "win_rate"),
        PnlBasis.TOTAL: RankedFigures("total_pnl", "roi", "win_rate"),
    }
)


class GateFailure(StrEnum):
    """Why a wallet is not recommended."""

    PNL_BELOW = "pnl_below"
    ROI_BELOW = "roi_below"
    WIN_RATE_BELOW = "win_rate_below"
    TOKEN_WIN_RATE_BELOW = "token_win_rate_below"
    COVERAGE_BELOW = "coverage_below"
    VALUE_UNTRUSTED = "value_untrusted"
    PNL_FROM_ONE_TOKEN = "pnl_from_one_token"
    HISTORY_INCOMPLETE = "history_incomplete"
    CLASS_BOT = "class_bot"
    CLASS_POOL = "class_pool"
    CLASS_EXCHANGE = "class_exchange"


@dataclass(frozen=True, slots=True)
class Tier:
    """Lowest figures of a tier: dollars and percent."""

    name: PerformanceTier
    min_pnl: Fraction
    min_roi: Fraction
    min_win_rate: Fraction


@dataclass(frozen=True, slots=True)
class Gate:
    """What a recommended wallet must reach: dollars, percent, ratios."""

    min_pnl: Fraction
    min_roi: Fraction
    min_win_rate: Fraction
    min_token_win_rate: Fraction
    min_coverage: Fraction
    min_trusted: Fraction
    min_pnl_ex_best_token: Fraction | None = None
    """Dollars; None asks for nothing."""


@dataclass(frozen=True, slots=True)
class Scoring:
    """Weights of the parts (they add up to 1) and the figures that earn a full part."""

    profitability: Fraction
    roi: Fraction
    win_rate: Fraction
    activity: Fraction
    full_pnl: Fraction
    full_roi: Fraction
    full_trades: Fraction


@dataclass(frozen=True, slots=True)
class RankingRules:
    tiers: tuple[Tier, ...]
    """Best first."""
    gate: Gate
    scoring: Scoring


class Record(NamedTuple):
    """What a wallet is ranked by, the first three of one basis: nano-dollars, millionths, a count."""

    pnl: int | None
    roi: int | None
    win_rate: int | None
    trades: int
    token_win_rate: int | None
    coverage: int | None
    trusted: int | None
    """Share of the matched proceeds that comes from trusted sales."""
    pnl_ex_best_token: int | None
    history_complete: bool
    wallet_class: str | None


class Score(NamedTuple):
    """Ten-thousandths of a point, each part 0 to 100."""

    total: int
    profitability: int
    roi: int
    win_rate: int
    activity: int


def qualifies(record: Record) -> bool:
    """Whether a wallet is ranked at all."""
    return record.trades > 0 and ((record.win_rate or 0) > 0 or (record.pnl or 0) > 0)


def tier(record: Record, rules: RankingRules) -> PerformanceTier:
    """The first tier whose every figure is reached; what is unknown reaches nothing."""
    for candidate in rules.tiers:
        if (
            _reaches(record.pnl, USD, candidate.min_pnl)
            and _reaches(record.roi, MICRO, candidate.min_roi)
            and _reaches(record.win_rate, MICRO, candidate.min_win_rate)
        ):
            return candidate.name
    return PerformanceTier.QUALIFIED


def score(record: Record, scoring: Scoring) -> Score:
    """Each part clipped to 0-100; the total from the exact parts, rounded once. An unknown part is 0."""
    profitability = _clip(100 * Fraction(record.pnl or 0, USD) / scoring.full_pnl)
    roi = _clip(100 * Fraction(record.roi or 0, MICRO) / scoring.full_roi)
    win_rate = _clip(Fraction(record.win_rate or 0, MICRO))
    activity = _clip(100 * Fraction(record.trades) / scoring.full_trades)
    total = (
        scoring.profitability * profitability
        + scoring.roi * roi
        + scoring.win_rate * win_rate
        + scoring.activity * activity
    )
    return Score(*(_points(part) for part in (total, profitability, roi, win_rate, activity)))


def gate_failures(record: Record, gate: Gate) -> list[GateFailure]:
    """Every condition of `recommended` that fails; empty for a recommended wallet."""
    conditions = (
        (GateFailure.PNL_BELOW, _reaches(record.pnl, USD, gate.min_pnl)),
        (GateFailure.ROI_BELOW, _reaches(record.roi, MICRO, gate.min_roi)),
        (GateFailure.WIN_RATE_BELOW, _reaches(record.win_rate, MICRO, gate.min_win_rate)),
        (GateFailure.TOKEN_WIN_RATE_BELOW, _reaches(record.token_win_rate, MICRO, gate.min_token_win_rate)),
        (GateFailure.COVERAGE_BELOW, _reaches(record.coverage, MICRO, gate.min_coverage)),
        (GateFailure.VALUE_UNTRUSTED, _reaches(record.trusted, MICRO, gate.min_trusted)),
        (
            GateFailure.PNL_FROM_ONE_TOKEN,
            gate.min_pnl_ex_best_token is None or _reaches(record.pnl_ex_best_token, USD, gate.min_pnl_ex_best_token),
        ),
        (GateFailure.HISTORY_INCOMPLETE, record.history_complete),
        (GateFailure.CLASS_BOT, record.wallet_class != WalletClass.BOT),
        (GateFailure.CLASS_POOL, record.wallet_class != WalletClass.POOL),
        (GateFailure.CLASS_EXCHANGE, record.wallet_class != WalletClass.EXCHANGE),
    )
    return [failure for failure, holds in conditions if not holds]


def _reaches(figure: int | None, unit: int, threshold: Fraction) -> bool:
    return figure is not None and figure >= threshold * unit


def _clip(part: Fraction) -> Fraction:
    return min(max(part, Fraction(0)), Fraction(100))


def _points(part: Fraction) -> int:
    return round_half_away(part.numerator * SCORE, part.denominator)
