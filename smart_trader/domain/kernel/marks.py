"""What is open of a token, and what it is worth: the mark of a position, or why there is none (docs/pnl.md).

Integers throughout: nano-dollars, base units, microseconds, and 10^-18 for prices, units and multipliers.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from smart_trader.domain.kernel.money import PRICE, RAW_LIMIT, USD, USD_LIMIT, round_half_away
from smart_trader.domain.kernel.totals import Inventory

_POSITION_DECIMALS = 18


class MarkReason(StrEnum):
    """Why a position has no mark."""

    NO_DECIMALS = "no_decimals"
    """Nobody knows the decimals of the token, or the multiplier of a scaled one."""
    NO_PRICE = "no_price"
    STALE_PRICE = "stale_price"
    THIN_MARKET = "thin_market"


@dataclass(frozen=True, slots=True)
class MarkRules:
    """Thresholds of marks and of decided tokens; the defaults stand in conf/defaults.toml under `pnl`."""

    max_age: int
    """Microseconds since anybody traded the token."""
    max_share_of_liquidity: Fraction
    closed_ratio: Fraction
    dead_after: int
    """Microseconds without a trade of this wallet."""
    dead_value_ratio: Fraction
    min_coverage: Fraction


class Multiplier(NamedTuple):
    """How many units 10^decimals base units of a scaled token are, by a row."""

    value: int
    """10^-18; 0 where the row has none."""
    at: int
    """Time of the row, in microseconds."""


class Scale(NamedTuple):
    """How many units base units of a token are."""

    decimals: int
    multiplier: int = PRICE
    """10^-18."""


@dataclass(frozen=True, slots=True)
class Quote:
    """The newest snapshot of a token, as far as marks need it."""

    price: int | None
    """10^-18 USD a unit."""
    liquidity: int | None
    """Nano-dollars."""
    last_trade_at: int | None
    multiplier: Multiplier | None = None
    """None where the token is not scaled."""

    def is_fresh(self, now: int, rules: MarkRules) -> bool:
        return self.last_trade_at is not None and self.last_trade_at >= now - rules.max_age


class Holding(NamedTuple):
    """What is open in one token, or in all of them, and what it is worth."""

    tokens: int | None = None
    """10^-18 units."""
    cost_basis: int | None = 0
    value: int | None = 0
    unrealized: int | None = 0
    unmarked_cost_basis: int = 0
    mark_price: int | None = None
    mark_reason: str | None = None
    is_open: bool = False


_FLAT = Holding(tokens=0)


def newest_multiplier(of_wallet: Multiplier | None, quote: Quote | None) -> int | None:
    """The newest multiplier that is given, 10^-18: 0 if none is, None where the token is not scaled.

    `of_wallet` is the newest multiplier of the wallet's rows, None where none of them is scaled.
    """
    known = [multiplier for multiplier in (of_wallet, quote and quote.multiplier) if multiplier]
    return max(known, key=lambda multiplier: (multiplier.value > 0, multiplier.at)).value if known else None


def scale_of(decimals: int | None, multiplier: int | None) -> Scale | None:
    """The scale of a token with this `newest_multiplier`; None where nobody knows it."""
    if decimals is None or multiplier == 0:
        return None
    return Scale(decimals) if multiplier is None else Scale(decimals, multiplier)


def mark_position(position: Inventory, scale: Scale | None, quote: Quote | None, now: int, rules: MarkRules) -> Holding:
    """Mark what is open of a token. `now` is the business time in microseconds."""
    remaining, known_cost = position.left, position.known_cost
    if not remaining:
        return _FLAT
    value = _worth(remaining, scale, quote)
    reason = MarkReason.NO_DECIMALS if scale is None else _refusal(value, quote, now, rules)
    unrealized = None
    if reason is None and known_cost is not None:
        known_worth = _worth(position.known_left, scale, quote)
        assert known_worth is not None
        gain = known_worth - known_cost
        unrealized = round_half_away(gain.numerator, gain.denominator)
    return Holding(
        tokens=_units(remaining, scale),
        cost_basis=known_cost,
        value=round_half_away(value.numerator, value.denominator) if value is not None and reason is None else None,
        unrealized=unrealized,
        unmarked_cost_basis=(known_cost or 0) if reason else 0,
        mark_price=quote.price if quote else None,
        mark_reason=reason,
        is_open=True,
    )


def is_worthless(position: Inventory, scale: Scale | None, quote: Quote | None, now: int, rules: MarkRules) -> bool:
    """Whether what is open has no fresh price, or is nearly worthless beside what it cost."""
    worth = _worth(position.left, scale, quote)
    if worth is None or quote is None or not quote.is_fresh(now, rules):
        return True
    return worth < rules.dead_value_ratio * (position.known_cost or 0)


def together(holdings: Iterable[Holding]) -> Holding:
    """What is open over all tokens: sums of what is known, None if something is open and nothing known."""
    is_open = [holding for holding in holdings if holding.is_open]
    if not is_open:
        return Holding()
    return Holding(
        cost_basis=_sum_known(holding.cost_basis for holding in is_open),
        value=_sum_known(holding.value for holding in is_open),
        unrealized=_sum_known(holding.unrealized for holding in is_open),
        unmarked_cost_basis=sum(holding.unmarked_cost_basis for holding in is_open),
        is_open=True,
    )


def _worth(raw: int, scale: Scale | None, quote: Quote | None) -> Fraction | None:
    """Exact nano-dollars of `raw` base units at the quoted price; None without a usable price."""
    if quote is None or quote.price is None or quote.price <= 0 or scale is None:
        return None
    return Fraction(raw * scale.multiplier * quote.price * USD, PRICE * PRICE * 10**scale.decimals)


def _refusal(value: Fraction | None, quote: Quote | None, now: int, rules: MarkRules) -> MarkReason | None:
    """Why the mark is not to be trusted; None when it is."""
    if quote is None or value is None:
        return MarkReason.NO_PRICE
    if not quote.is_fresh(now, rules):
        return MarkReason.STALE_PRICE
    if quote.liquidity is None or value > rules.max_share_of_liquidity * quote.liquidity or value >= USD_LIMIT:
        return MarkReason.THIN_MARKET
    return None


def _units(raw: int, scale: Scale | None) -> int | None:
    """In 10^-18 units; None where that does not fit DECIMAL(38,18)."""
    if scale is None or scale.decimals > _POSITION_DECIMALS:
        return None
    units: int = round_half_away(raw * scale.multiplier * 10 ** (_POSITION_DECIMALS - scale.decimals), PRICE)
    return units if units < RAW_LIMIT else None


def _sum_known(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
