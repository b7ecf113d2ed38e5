"""What a swap was worth: its money, else its volume, else its own price (docs/pnl.md).

Anybody can make up the price of a token, and a volume is often computed from one. So only money within sane bounds is
trusted; the others are named for what they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import NamedTuple

from smart_trader.domain.kernel.money import PRICE, SOL, SOL_PLACES, STABLE_PLACES, USD, round_half_away


class ValueSource(StrEnum):
    """Which part of a swap gave its value, the most trusted one first."""

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

_STABLE_PRICE_MIN, _STABLE_PRICE_MAX = PRICE // 2, 2 * PRICE
"""A stable coin's own price counts within these bounds only."""
_VOLUME_LEFT = Fraction(1, 10)
"""Of volumes that nearly cancel out, less than this share is no volume."""
_UNKNOWN_PART = Fraction(2, 100)
"""Share of a trade's quantity whose value may be unknown."""
_MONEY_SCALE = PRICE * 10**SOL_PLACES
"""One dollar of money: a raw amount of SOL times its price."""
_FROM_STABLE = 10 ** (SOL_PLACES - STABLE_PLACES)


@dataclass(frozen=True, slots=True)
class ValueRules:
    """Thresholds of netting and valuation; the defaults stand in conf/defaults.toml under `pnl`."""

    money: Mapping[str, str]
    """Money mints, each with the one under which it is added up."""
    leftover_ratio: Fraction
    """Of what moved both ways, at most so much counts as nothing."""
    sol_price_min: int
    sol_price_max: int
    """10^-18 dollars; a price of SOL outside of these bounds is not given."""
    stable_price_tolerance: Fraction
    """How far from 1 a stable coin's own price may be before it is used."""
    price_gap_ok: Fraction
    price_gap_suspect: Fraction


class Leg(NamedTuple):
    """One side of a row that moved something."""

    asset: str
    """The mint, or the kind of money."""
    is_money: bool
    symbol: str | None
    decimals: int | None
    change: int
    """Base units, signed: below zero left the wallet."""
    price: int | None
    """Dollars of 10^`places` base units, in 10^-18; None where no price is given or nobody knows the units."""
    places: int


class Value(NamedTuple):
    """`numerator` / `denominator` dollars, and which of the sources says so."""

    numerator: int
    denominator: int
    source: str
    of: str | None = None
    """The token whose volume or price it is; None of money."""

    @property
    def is_money(self) -> bool:
        return self.source in (STABLE, SOL_PRICE)

    @property
    def nano_dollars(self) -> int:
        return round_half_away(self.numerator * USD, self.denominator)


class MovedRow(NamedTuple):
    """A row of a swap: its legs that moved something, and the volume that it carries."""

    legs: tuple[Leg, ...]
    volume: int | None
    """Nano-dollars, above zero; None where none is given."""

    def moved(self, asset: str) -> int:
        return sum([leg.change for leg in self.legs if leg.asset == asset])

    @property
    def has_money(self) -> bool:
        return any(leg.is_money for leg in self.legs)

    def touches(self, asset: str) -> bool:
        return asset in [leg.asset for leg in self.legs]


def money_total(legs: Sequence[Leg], amounts: Mapping[str, int], rules: ValueRules) -> tuple[int, str] | None:
    """Signed worth of `amounts` of money at the prices of `legs`, in 10^-27 dollars, and its source.

    None if a kind has no price.
    """
    total = stable = absolute = 0
    for kind, amount in amounts.items():
        price = money_price(legs, kind, rules)
        if price is None:
            return None
        worth = amount * price
        if kind != SOL:
            worth *= _FROM_STABLE
            stable += abs(worth)
        total += worth
        absolute += abs(worth)
    return total, STABLE if 2 * stable > absolute else SOL_PRICE


def money_price(legs: Sequence[Leg], kind: str, rules: ValueRules) -> int | None:
    """What a unit of that kind of money counts for, by the last price of `legs`; None if SOL has none."""
    price = _last_price(legs, kind)
    return price if kind == SOL else stable_price(price, rules)


def money_value(found: tuple[int, str] | None) -> Value | None:
    """The worth that `money_total` found, whatever its sign; None if it found none, or nothing is left of it."""
    return Value(abs(found[0]), _MONEY_SCALE, found[1]) if found and found[0] else None


def stable_price(given: int | None, rules: ValueRules) -> int:
    """What a stable coin counts for: one dollar, unless its own price is off and still sane."""
    if given is None or not exceeds(abs(given - PRICE), PRICE, rules.stable_price_tolerance):
        return PRICE
    return given if _STABLE_PRICE_MIN <= given <= _STABLE_PRICE_MAX else PRICE


def volume_value(rows: Sequence[MovedRow], token: str, direction: int) -> Value | None:
    """Volumes of the rows that move `token` in the trade's direction, less those of the rows against it.

    None unless all `rows`, which touch the token, carry one, and enough is left of them.
    """
    left = total = 0
    for row in rows:
        if row.volume is None:
            return None
        left += row.volume if row.moved(token) * direction >= 0 else -row.volume
        total += row.volume
    return Value(left, USD, VOLUME_USD, token) if exceeds(left, total, _VOLUME_LEFT) else None


def token_value(legs: Sequence[Leg], token: str, quantity: int) -> Value | None:
    """`quantity` base units at the last price that the token's own legs carry."""
    for leg in reversed(legs):
        if leg.asset == token and leg.price is not None:
            return Value(quantity * leg.price, PRICE * 10**leg.places, TOKEN_PRICE, token)
    return None


def check_prices(rows: Sequence[MovedRow], rules: ValueRules) -> str:
    """How far the two legs of the worst of `rows` disagree."""
    worst: str | None = None
    for row in rows:
        if len(row.legs) == 2:
            one, other = row.legs
            if one.price is not None and other.price is not None:
                verdict = gap_verdict(
                    abs(one.change) * one.price, one.places, abs(other.change) * other.price, other.places, rules
                )
                worst = verdict if worst is None else worse(worst, verdict)
    return worst or ONE_SIDED


def gap_verdict(one: int, places: int, other: int, other_places: int, rules: ValueRules) -> str:
    """How far two legs disagree, each worth amount x price, in 10^-(18 + its places) dollars."""
    x, y = (one, other) if places == other_places else (one * 10**other_places, other * 10**places)
    larger, smaller = (x, y) if x > y else (y, x)
    if not exceeds(larger, smaller, rules.price_gap_ok):
        return OK
    return REJECTED if exceeds(larger, smaller, rules.price_gap_suspect) else SUSPECT


def worse(one: str, other: str) -> str:
    """The more severe of two price checks."""
    return max(one, other, key=_SEVERITY.index)


def checked(value: Value | None, check: str) -> tuple[Value | None, str]:
    """A value that the prices contradict is none, unless it is money: then it is suspect."""
    if check != REJECTED:
        return value, check
    return (value, SUSPECT) if value is not None and value.is_money else (None, REJECTED)


def _last_price(legs: Sequence[Leg], kind: str) -> int | None:
    for leg in reversed(legs):
        if leg.asset == kind and leg.price is not None:
            return leg.price
    return None


def exceeds(part: int, whole: int, share: Fraction) -> bool:
    """Whether `part` is more than `share` of `whole`."""
    return part * share.denominator > whole * share.numerator


def add_up(parts: Sequence[tuple[int, Value | None, str]]) -> tuple[Value | None, str]:
    """Value and price check of parts of one trade (quantity, value, check): unknown if too much of it has no value."""
    known = [(value, check) for _, value, check in parts if value is not None]
    checks = [check for _, check in known] or [check for _, _, check in parts]
    worst = max(checks, key=_SEVERITY.index)
    unknown = sum(quantity for quantity, value, _ in parts if value is None)
    if not known or exceeds(unknown, sum(quantity for quantity, _, _ in parts), _UNKNOWN_PART):
        return None, worst
    sums: dict[str, Fraction] = {}
    for value, _ in known:
        sums[value.source] = sums.get(value.source, Fraction(0)) + Fraction(value.numerator, value.denominator)
    total = sum(sums.values(), Fraction(0))
    return Value(total.numerator, total.denominator, _source_of(sums)), worst


def _source_of(sums: Mapping[str, Fraction]) -> str:
    if sums.keys() <= {STABLE, SOL_PRICE}:
        return STABLE if sums.get(STABLE, -1) > sums.get(SOL_PRICE, -1) else SOL_PRICE
    return VOLUME_USD if VOLUME_USD in sums else TOKEN_PRICE
