"""What a transaction was planned to amount to, and the exact figures of it.

Whoever plans a transaction says which trades it is. Nothing here works that out from rows, so the netting of rows is
compared with an intention and not with another netting.
"""

import hashlib
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction

from smart_trader.simulator.wire import Coin

WIDE = Context(prec=120)
"""More digits than any sum of amounts has."""
USD_DIGITS, PRICE_DIGITS = 9, 18
"""Decimal places that money and prices are kept with."""


@dataclass(frozen=True, slots=True)
class Hop:
    """One coin given for another in one pool, or in several if `parts` is above 1."""

    given: Coin
    given_raw: int
    taken: Coin
    taken_raw: int
    parts: int = 1
    on_order_book: bool = False
    usd: float = 0.0
    """What the provider takes it to be worth, where neither coin is money."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """A trade that a transaction amounts to."""

    coin: Coin
    change: int
    """Signed base units."""
    money: tuple[tuple[Coin, int], ...] = ()
    """What it cost or brought, in base units. None: nothing but the volumes of `hops` says what it was worth."""
    share: Fraction = Fraction(1)
    """How many times that money it was worth, if only a part of it was paid for."""
    hops: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Deal:
    """A transaction as it is planned."""

    hops: tuple[Hop, ...]
    trades: tuple[Outcome, ...] = ()
    is_arbitrage: bool = False


@dataclass(frozen=True, slots=True)
class Trade:
    """A trade that happened."""

    token: str
    side: str
    quantity: int
    value: Decimal | None
    value_source: str
    price_check: str
    time: int
    block: int
    tx_hash: str
    trade_id: str

    @property
    def is_trusted(self) -> bool:
        """Whether money shows what it was worth."""
        return self.value_source in ("stable", "sol")


@dataclass(frozen=True, slots=True)
class Row:
    """A trade row as served."""

    time: int | None
    """None if the text has no readable time."""
    text: str


@dataclass(frozen=True, slots=True)
class Transaction:
    """A transaction that happened: the rows that tell of it, and what it was planned to amount to."""

    time: int
    rows: tuple[Row, ...]
    trades: tuple[Trade, ...]
    is_arbitrage: bool


def name_hash(*parts: object) -> str:
    """SHA-256 of the parts joined by a bar."""
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def rounded(value: Fraction, digits: int) -> Decimal:
    """`value` with `digits` decimals, half away from zero, from the exact fraction."""
    scaled = abs(value) * 10**digits
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-digits, WIDE)


def stored(text: str, digits: int) -> Fraction:
    """The number of `text` as it is kept, with `digits` decimals."""
    return Fraction(Decimal(text).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, WIDE))
