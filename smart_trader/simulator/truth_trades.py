"""From the rows of a wallet to its trades: valid rows, the net of a transaction, its value.

Works on rows as parsed from the served text (decimals, no floats), with integers and fractions. It shares nothing with
the production code, which is tested against it.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from typing import Any

from smart_trader.simulator import addresses

SOL_MINTS = {addresses.NATIVE_SOL, addresses.WRAPPED_SOL}
STABLE_MINTS = {addresses.USDC, addresses.USDT, addresses.PYUSD, addresses.USDS}
MONEY_MINTS = SOL_MINTS | STABLE_MINTS
FEE_SOL = Fraction(5, 100)
FEE_STABLE_USD = Fraction(10)
SEVERITY = ("ok", "one_sided", "suspect", "rejected")
WIDE = Context(prec=120)
"""More digits than any sum of amounts has."""


@dataclass(frozen=True, slots=True)
class Trade:
    token: str
    side: str
    quantity: int
    value: Decimal | None
    value_source: str
    price_check: str
    time: int
    block: int | None
    tx_hash: str


# ---- from a row to a fill ----


@dataclass(frozen=True, slots=True)
class Side:
    """One coin of a row."""

    mint: str
    decimals: int
    raw: int
    price: Fraction | None
    """As stored: 18 decimals; None if not given or not positive."""

    @property
    def amount(self) -> Fraction:
        return Fraction(self.raw, 10**self.decimals)


@dataclass(frozen=True, slots=True)
class Fill:
    event_id: str
    tx_hash: str
    time: int
    block: int | None
    ins_index: int | None
    inner_ins_index: int | None
    sides: tuple[Side, Side]
    volume_usd: Fraction | None
    """As stored: nine decimals; None if not given or not positive."""

    def index(self) -> tuple[int, int, str]:
        """Order of rows in a transaction; a missing index comes first."""
        first = -1 if self.ins_index is None else self.ins_index
        second = -1 if self.inner_ins_index is None else self.inner_ins_index
        return first, second, self.event_id

    def touches(self, token: str) -> bool:
        return any(side.mint == token for side in self.sides)


def read_fill(wallet: str, row: Mapping[str, Any]) -> Fill | None:
    """The fill of a row. None if it is no swap of `wallet`, or its time, hash, mints or amounts cannot be read."""
    try:
        if row.get("tx_type", "swap") != "swap" or row.get("owner", wallet) != wallet:
            return None
        base, quote = (_read_side(row[name]) for name in ("base", "quote"))
        identity = (
            wallet, row["tx_hash"], row.get("ins_index"), row.get("inner_ins_index"), row.get("address"),
            base.mint, quote.mint, base.raw, quote.raw,
        )  # fmt: skip
        return Fill(
            event_id=name_hash(*identity),
            tx_hash=row["tx_hash"],
            time=int(row["block_unix_time"]),
            block=row.get("block_number"),
            ins_index=row.get("ins_index"),
            inner_ins_index=row.get("inner_ins_index"),
            sides=(base, quote),
            volume_usd=_positive(row.get("volume_usd"), 9),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError):
        return None


def _read_side(leg: Mapping[str, Any]) -> Side:
    return Side(leg["address"], leg["decimals"], _raw_change(leg), _positive(leg.get("price"), 18))


def _raw_change(leg: Mapping[str, Any]) -> int:
    """Exact base units: the integer if the API sends one, else the rounded display figure."""
    display = leg["ui_change_amount"]
    for given in (leg["change_amount"], leg["amount"]):
        if isinstance(given, int) or (isinstance(given, str) and given.lstrip("-").isdigit()):
            return abs(int(given)) if display > 0 else -abs(int(given))
    return int(rounded(Fraction(display) * 10 ** leg["decimals"], 0))


def _positive(value: Any, digits: int) -> Fraction | None:
    if value is None:
        return None
    stored = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP, WIDE)
    return Fraction(stored) if stored > 0 else None


# ---- from a transaction to trades ----


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Net changes of a transaction that are not 0. Both kinds of SOL are one money."""

    tokens: dict[str, int]
    money: dict[str, Fraction]
    """Amounts of SOL and of stable coins."""


def left_over(transaction: Iterable[Fill]) -> LeftOver:
    net: dict[str, Fraction] = defaultdict(Fraction)
    raw: dict[str, int] = defaultdict(int)
    for fill in transaction:
        for side in fill.sides:
            if side.mint in MONEY_MINTS:
                net[_money_name(side.mint)] += side.amount
            else:
                raw[side.mint] += side.raw
    return LeftOver(
        {mint: change for mint, change in raw.items() if change},
        {name: change for name, change in net.items() if change},
    )


def trades_of(transaction: Sequence[Fill], left: LeftOver) -> list[Trade]:
    """One trade, two for a token given for another, none if the transaction cannot be understood."""
    if len(left.tokens) == 1:
        (token,) = left.tokens
        sign = 1 if left.tokens[token] > 0 else -1
        is_ignored = all(change * sign > 0 for change in left.money.values())
        value, source = _value_for_money(transaction, {} if is_ignored else left.money)
        if value is None:
            value, source = _value_of_token(transaction, token, left.tokens[token])
        ignored = set(left.money) if is_ignored else set()
        return [_trade(transaction, left, token, value, source, price_check(transaction, token, ignored))]
    if len(left.tokens) == 2 and sum(change > 0 for change in left.tokens.values()) == 1 and _is_fee(left.money):
        sold, bought = sorted(left.tokens, key=lambda token: left.tokens[token])
        value, source = _value_of_swap(transaction, left, sold, bought)
        check = max((price_check(transaction, token, set()) for token in (sold, bought)), key=SEVERITY.index)
        return [_trade(transaction, left, token, value, source, check) for token in (sold, bought)]
    return []


def _trade(
    transaction: Sequence[Fill], left: LeftOver, token: str, value: Fraction | None, source: str, check: str
) -> Trade:
    if check == "rejected" and source in ("stable", "sol"):
        check = "suspect"
    if check == "rejected" or value is None:
        value, source = None, "none"
    return Trade(
        token=token,
        side="BUY" if left.tokens[token] > 0 else "SELL",
        quantity=abs(left.tokens[token]),
        value=None if value is None else rounded(value, 9),
        value_source=source,
        price_check=check,
        time=transaction[0].time,
        block=transaction[0].block,
        tx_hash=transaction[0].tx_hash,
    )


def _is_fee(money: Mapping[str, Fraction]) -> bool:
    sol = abs(money.get("SOL", Fraction(0)))
    stable = sum(abs(change) for name, change in money.items() if name != "SOL")
    return sol <= FEE_SOL and stable <= FEE_STABLE_USD


def _value_for_money(transaction: Sequence[Fill], money: Mapping[str, Fraction]) -> tuple[Fraction | None, str]:
    """The value of the money and its source; None if there is none, one kind has no price, or it adds up to 0."""
    usd: dict[str, Fraction] = {}
    for name, change in money.items():
        price = _money_price(transaction, name)
        if price is None:
            return None, "none"
        usd[name] = change * price
    total, gross = (abs(sum(usd.values(), Fraction(0))), sum(abs(part) for part in usd.values()))
    stable = sum(abs(part) for name, part in usd.items() if name != "SOL")
    return (total, "stable" if stable * 2 > gross else "sol") if total else (None, "none")


def _money_price(transaction: Iterable[Fill], name: str) -> Fraction | None:
    """USD for one: the last price in the rows. A stable coin is 1, unless that price is more than 2 % off."""
    given = [side.price for fill in transaction for side in fill.sides if _money_name(side.mint) == name and side.price]
    if name == "SOL":
        return given[-1] if given else None
    return given[-1] if given and abs(given[-1] - 1) > Fraction(2, 100) else Fraction(1)


def _value_of_token(transaction: Sequence[Fill], token: str, change: int) -> tuple[Fraction | None, str]:
    volume = _volume(transaction, token)
    if volume is not None:
        return volume, "volume_usd"
    return _own_price_value(transaction, token, change)


def _volume(transaction: Iterable[Fill], token: str) -> Fraction | None:
    volumes = [fill.volume_usd for fill in transaction if fill.touches(token)]
    return sum((volume for volume in volumes if volume), Fraction(0)) if all(volumes) else None


def _own_price_value(transaction: Iterable[Fill], token: str, change: int) -> tuple[Fraction | None, str]:
    own = [
        (side.price, side.decimals) for fill in transaction for side in fill.sides if side.mint == token and side.price
    ]
    if not own:
        return None, "none"
    price, decimals = own[-1]
    return price * abs(change) / 10**decimals, "token_price"


def _value_of_swap(transaction: Sequence[Fill], left: LeftOver, sold: str, bought: str) -> tuple[Fraction | None, str]:
    for token, sign in ((sold, 1), (bought, -1)):
        passed = _money_through(transaction, token, sign)
        if passed and _money_through(transaction, None, -sign):
            value, source = _value_for_money(transaction, passed)
            if value is not None:
                return value, source
    for token in (sold, bought):
        volume = _volume(transaction, token)
        if volume is not None:
            return volume, "volume_usd"
    for token in (sold, bought):
        value, source = _own_price_value(transaction, token, left.tokens[token])
        if value is not None:
            return value, source
    return None, "none"


def _money_through(transaction: Iterable[Fill], token: str | None, sign: int) -> dict[str, Fraction]:
    """Money of one direction, in the rows that touch `token` or in all."""
    passed: dict[str, Fraction] = defaultdict(Fraction)
    for fill in transaction:
        for side in fill.sides:
            if side.mint in MONEY_MINTS and side.raw * sign > 0 and (token is None or fill.touches(token)):
                passed[_money_name(side.mint)] += side.amount
    return passed


def price_check(transaction: Iterable[Fill], token: str, ignored_money: set[str]) -> str:
    """How far the two legs of a row disagree about its value, in the worst row that touches `token`."""
    worst = None
    for fill in transaction:
        worths = [abs(side.amount) * (side.price or 0) for side in fill.sides]
        is_ignored = any(_money_name(side.mint) in ignored_money for side in fill.sides)
        if fill.touches(token) and all(worths) and not is_ignored:
            worst = max(worst or Fraction(0), max(worths) / min(worths))
    if worst is None:
        return "one_sided"
    return "ok" if worst <= Fraction(5, 4) else "suspect" if worst <= 10 else "rejected"


def _money_name(mint: str) -> str:
    return "SOL" if mint in SOL_MINTS else mint


# ---- figures ----


def name_hash(*parts: object) -> str:
    """SHA-256 of the parts joined by a bar; None counts as the empty text."""
    return hashlib.sha256("|".join("" if part is None else str(part) for part in parts).encode()).hexdigest()


def rounded(value: Fraction, digits: int) -> Decimal:
    """`value` with `digits` decimals, half away from zero, from the exact fraction."""
    scaled = abs(value) * 10**digits
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-digits, WIDE)
