"""What a swap was worth: its one trusted leg decides (docs/pnl.md).

A token's own price is the last resort: dust trades set absurd ones, and later rows inherit them.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from smart_trader.domain.kernel.money import (
    MONEY,
    PRICE,
    STABLE_COINS,
    USD,
    round_half_away,
)
from smart_trader.domain.kernel.trades import Leg, Row


class ValueSource(StrEnum):
    """Which leg gave the value of a swap, the most trusted one first."""

    STABLE = "stable"
    SOL = "sol"
    VOLUME_USD = "volume_usd"
    TOKEN_PRICE = "token_price"
    NONE = "none"


TRUSTED_SOURCES = (ValueSource.STABLE, ValueSource.SOL)
"""Values by money, which somebody had to give. Prices of tokens and volumes can be made up by strangers."""


class PriceCheck(StrEnum):
    """How far the prices of the legs disagree, the least severe first. Only one leg has a price: ONE_SIDED."""

    OK = "ok"
    ONE_SIDED = "one_sided"
    SUSPECT = "suspect"
    REJECTED = "rejected"


# Plain text for loops that run once for each trade: to look up a member of an enumeration costs more than the rest.
STABLE, SOL_PRICE, VOLUME_USD, TOKEN_PRICE, NO_VALUE = (source.value for source in ValueSource)
OK, ONE_SIDED, SUSPECT, REJECTED = _SEVERITY = tuple(check.value for check in PriceCheck)


@dataclass(frozen=True, slots=True)
class ValueRules:
    """Thresholds of netting and valuation; the defaults stand in conf/defaults.toml under `pnl`."""

    fee_sol: Fraction
    """Whole SOL up to which money left over in a token-for-token swap is fee or rent."""
    fee_stable_usd: Fraction
    stable_price_tolerance: Fraction
    """How far from 1 a stable coin's own price may be before it is used."""
    price_gap_ok: Fraction
    price_gap_suspect: Fraction


class Value(NamedTuple):
    usd: int
    """Nano-dollars."""
    source: str

    @property
    def is_money(self) -> bool:
        return self.source in (STABLE, SOL_PRICE)


def legs_of(rows: Iterable[Row]) -> list[Leg]:
    """All legs by index, the base leg of a row first."""
    return [leg for row in rows for leg in (row.base, row.quote)]


def rows_with(rows: Sequence[Row], mint: str) -> Sequence[Row]:
    """The rows that touch `mint`."""
    return rows if len(rows) == 1 else [row for row in rows if mint in (row.base_mint, row.quote_mint)]


def money_value(legs: Sequence[Leg], amounts: Mapping[str, int], rules: ValueRules, *, sign: int = 0) -> Value | None:
    """Worth of `amounts` (base units of each kind of money, signed, added up) at the prices in `legs`.

    None if a kind has no price, if they add up to nothing, or to something of another `sign` than asked for.
    """
    total = stable = absolute = 0
    scale = 0
    for kind, amount in amounts.items():
        priced = _money_price(legs, kind, rules)
        if priced is None:
            return None
        price, decimals = priced
        worth = amount * price
        if decimals > scale:
            lift = 10 ** (decimals - scale)
            total, stable, absolute, scale = total * lift, stable * lift, absolute * lift, decimals
        elif decimals < scale:
            worth *= 10 ** (scale - decimals)
        total += worth
        absolute += abs(worth)
        if kind in STABLE_COINS:
            stable += abs(worth)
    if not total or total * sign < 0:
        return None
    source = STABLE if 2 * stable > absolute else SOL_PRICE
    return Value(nano_dollars(abs(total), scale), source)


def stable_dollars(legs: Sequence[Leg], amounts: Mapping[str, int], rules: ValueRules) -> Fraction | None:
    """Dollars of the stable coins in `amounts`, whatever their signs; None if one cannot be valued."""
    dollars = Fraction(0)
    for kind in STABLE_COINS.intersection(amounts):
        priced = _money_price(legs, kind, rules)
        if priced is None:
            return None
        price, decimals = priced
        dollars += Fraction(abs(amounts[kind]) * price, PRICE * 10**decimals)
    return dollars


def volume_value(rows: Sequence[Row]) -> Value | None:
    """The sum of the volumes that the API gives for `rows`; None if one of them has none."""
    total = 0
    for row in rows:
        if row.volume is None or row.volume <= 0:
            return None
        total += row.volume
    return Value(total, VOLUME_USD)


def token_value(rows: Sequence[Row], mint: str, quantity: int) -> Value | None:
    """`quantity` at the last price that the token's own legs carry."""
    for leg in reversed(legs_of(rows)):
        if leg.mint == mint and _gives_price(leg) and leg.price is not None and leg.decimals is not None:
            return Value(nano_dollars(quantity * leg.price, leg.decimals), TOKEN_PRICE)
    return None


def check_prices(rows: Sequence[Row], ignored: Collection[str], rules: ValueRules) -> str:
    """How far the two legs of the worst of `rows` disagree, leaving out legs of `ignored` money."""
    worst: str | None = None
    for row in rows:
        base, quote = _worth(row.base, ignored), _worth(row.quote, ignored)
        if base is None or quote is None:
            continue
        verdict = gap_verdict(*base, *quote, rules)
        worst = verdict if worst is None else worse(worst, verdict)
    return worst or ONE_SIDED


def gap_verdict(one: int, decimals: int, other: int, other_decimals: int, rules: ValueRules) -> str:
    """How far two legs disagree, each worth amount x price, in 10^-(18 + its decimals) dollars."""
    x, y = (one, other) if decimals == other_decimals else (one * 10**other_decimals, other * 10**decimals)
    larger, smaller = (x, y) if x > y else (y, x)
    if _at_most(larger, smaller, rules.price_gap_ok):
        return OK
    return SUSPECT if _at_most(larger, smaller, rules.price_gap_suspect) else REJECTED


def worse(one: str, other: str) -> str:
    """The more severe of two price checks."""
    return max(one, other, key=_SEVERITY.index)


def _worth(leg: Leg, ignored: Collection[str]) -> tuple[int, int] | None:
    """Amount x price in 10^-(18 + decimals) dollars, and the decimals."""
    if not _gives_price(leg) or leg.price is None or leg.decimals is None:
        return None
    if ignored and MONEY.get(leg.mint) in ignored:
        return None
    return abs(leg.change) * leg.price, leg.decimals


def _gives_price(leg: Leg) -> bool:
    """An amount or a price of 0 or less counts as not given."""
    return leg.change != 0 and leg.price is not None and leg.price > 0


def _at_most(larger: int, smaller: int, gap: Fraction) -> bool:
    return larger * gap.denominator <= smaller * gap.numerator


def _money_price(legs: Sequence[Leg], kind: str, rules: ValueRules) -> tuple[int, int] | None:
    """Last given price of this kind of money and its decimals; None if it cannot be valued."""
    price = decimals = None
    for mint, _, places, change, given in legs:
        if MONEY.get(mint) == kind and places is not None:
            decimals = places
            if change and given is not None and given > 0:
                price = given
    if decimals is None:
        return None
    if kind in STABLE_COINS:
        price = stable_price(price, rules)
    return None if price is None else (price, decimals)


def stable_price(given: int | None, rules: ValueRules) -> int:
    """What a stable coin counts for: one dollar, unless its own price is too far from that."""
    tolerance = rules.stable_price_tolerance
    if given is None or abs(given - PRICE) * tolerance.denominator <= tolerance.numerator * PRICE:
        return PRICE
    return given


_NANO = PRICE // USD


def nano_dollars(worth: int, decimals: int) -> int:
    """10^-(18 + decimals) dollars rounded to nano-dollars."""
    return round_half_away(worth, _NANO * 10**decimals)
