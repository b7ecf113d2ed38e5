"""From the rows of one transaction to what it left the wallet with.

A routed or split swap has a row for each hop; adding up the signed changes leaves, for people, one token and money.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple

from smart_trader.domain.kernel.money import (
    MONEY,
    RAW_LIMIT,
    SOL,
    STABLE_COINS,
    USD_LIMIT,
)
from smart_trader.domain.kernel.trades import BUY, SELL, Leg, Row, Trade
from smart_trader.domain.kernel.valuation import (
    NO_VALUE,
    ONE_SIDED,
    REJECTED,
    SOL_PRICE,
    STABLE,
    SUSPECT,
    Value,
    ValueRules,
    check_prices,
    gap_verdict,
    legs_of,
    money_value,
    nano_dollars,
    rows_with,
    stable_dollars,
    stable_price,
    token_value,
    volume_value,
    worse,
)


class NettingReason(StrEnum):
    """Why a transaction cannot be read as a trade."""

    SEVERAL_TOKENS = "several_tokens"
    TOO_LARGE = "too_large"


class Netted(NamedTuple):
    """What one transaction amounts to: trades, or a reason why there is none, or neither (money for money)."""

    trades: tuple[Trade, ...] = ()
    rejected: str | None = None
    detail: str = ""

    @property
    def is_arbitrage(self) -> bool:
        """Money only, or nothing, was left over."""
        return not self.trades and self.rejected is None


ARBITRAGE = Netted()


def net(rows: Sequence[tuple[Any, ...]], rules: ValueRules) -> Netted:
    """Net the rows of one (wallet, transaction), by index: (ins_index, inner_ins_index, event_id), nulls first.

    Each is a `Row`, or a plain tuple of its values.
    """
    plain = _plain_swap(rows[0], rules) if len(rows) == 1 else None
    return plain or net_any([Row(*row) for row in rows], rules)


def _plain_swap(row: tuple[Any, ...], rules: ValueRules) -> Netted | None:
    """What nearly every transaction is: one row, a token for money that has a price. None for all else.

    The result equals that of `net_any`, which covers every case, and takes a fraction of its time.
    """
    mint, symbol, decimals, change, price, paid_in, _, places, amount, given, _ = row
    kind = MONEY.get(paid_in)
    if kind is None:
        paid_in, _, places, amount, given, mint, symbol, decimals, change, price, _ = row
        kind = MONEY.get(paid_in)
    if kind is None or mint in MONEY or places is None or not (change > 0 > amount or change < 0 < amount):
        return None
    if given is not None and given <= 0:
        given = None
    if kind in STABLE_COINS:
        used, source = stable_price(given, rules), STABLE
    elif given is not None:
        used, source = given, SOL_PRICE
    else:
        return None
    check = ONE_SIDED
    quantity, paid = abs(change), abs(amount)
    if given is not None and price is not None and price > 0 and decimals is not None:
        check = gap_verdict(quantity * price, decimals, paid * given, places, rules)
        if check == REJECTED:
            check = SUSPECT
    usd = nano_dollars(paid * used, places)
    if quantity >= RAW_LIMIT or usd >= USD_LIMIT:
        return None
    return Netted((Trade(mint, symbol, decimals, BUY if change > 0 else SELL, quantity, usd, source, check),))


def net_any(rows: Sequence[Row], rules: ValueRules) -> Netted:
    """`net` for any rows, one case after the other as docs/pnl.md has them."""
    legs = legs_of(rows)
    tokens, money = _left_over(legs)
    if not tokens:
        return ARBITRAGE
    if len(tokens) == 1:
        trades = _one_token(rows, legs, tokens[0], money, rules)
    elif len(tokens) == 2 and tokens[0][1] * tokens[1][1] < 0 and _is_fee(legs, money, rules):
        trades = _token_for_token(rows, legs, min(tokens, key=_change), max(tokens, key=_change), money, rules)
    else:
        return Netted(rejected=NettingReason.SEVERAL_TOKENS, detail=_describe(tokens, money))
    for trade in trades:
        if trade.quantity >= RAW_LIMIT or (trade.value or 0) >= USD_LIMIT:
            return Netted(rejected=NettingReason.TOO_LARGE, detail="the quantity or the value does not fit its column")
    return Netted(trades)


def _left_over(legs: Sequence[Leg]) -> tuple[list[tuple[str, int]], dict[str, int]]:
    """Tokens, and kinds of money, whose changes do not cancel out."""
    tokens: dict[str, int] = {}
    money: dict[str, int] = {}
    for mint, _, _, change, _ in legs:
        if kind := MONEY.get(mint):
            money[kind] = money.get(kind, 0) + change
        else:
            tokens[mint] = tokens.get(mint, 0) + change
    left = [token for token in tokens.items() if token[1]]
    return left, {kind: change for kind, change in money.items() if change}


def _change(token: tuple[str, int]) -> int:
    return token[1]


def _one_token(
    rows: Sequence[Row],
    legs: Sequence[Leg],
    token: tuple[str, int],
    money: Mapping[str, int],
    rules: ValueRules,
) -> tuple[Trade, ...]:
    mint, change = token
    touching = rows_with(rows, mint)
    is_ignored = {amount > 0 for amount in money.values()} <= {change > 0}
    value = None if is_ignored else money_value(legs, money, rules)
    value = value or volume_value(touching) or token_value(touching, mint, abs(change))
    check = check_prices(touching, money if is_ignored else (), rules)
    return (_trade(touching, mint, change, value, check),)


def _token_for_token(
    rows: Sequence[Row],
    legs: Sequence[Leg],
    sold: tuple[str, int],
    bought: tuple[str, int],
    money: Mapping[str, int],
    rules: ValueRules,
) -> tuple[Trade, ...]:
    with_sold, with_bought = rows_with(rows, sold[0]), rows_with(rows, bought[0])
    value = (
        _passed_through(legs, with_sold, with_bought, rules)
        or volume_value(with_sold)
        or volume_value(with_bought)
        or token_value(with_sold, sold[0], -sold[1])
        or token_value(with_bought, *bought)
    )
    ignored = () if value and value.is_money else money
    check = worse(
        check_prices(with_sold, ignored, rules),
        check_prices(with_bought, ignored, rules),
    )
    return (
        _trade(with_sold, *sold, value, check),
        _trade(with_bought, *bought, value, check),
    )


def _passed_through(
    legs: Sequence[Leg], with_sold: Sequence[Row], with_bought: Sequence[Row], rules: ValueRules
) -> Value | None:
    """Value by the money between the two tokens, if it both came in and went out.

    Net of what went back on the same rows: gross, a loop inside the transaction could set any value.
    """
    directions = {leg.change > 0 for leg in legs if leg.mint in MONEY and leg.change}
    if len(directions) < 2:
        return None
    came_in, went_out = _left_over(legs_of(with_sold))[1], _left_over(legs_of(with_bought))[1]
    return money_value(legs, came_in, rules, sign=1) or money_value(legs, went_out, rules, sign=-1)


def _is_fee(legs: Sequence[Leg], money: Mapping[str, int], rules: ValueRules) -> bool:
    """Whether the money left beside a token-for-token swap is small enough to be fee or rent."""
    if not money:
        return True
    sol_decimals = [leg.decimals or 0 for leg in legs if MONEY.get(leg.mint) == SOL]
    sol = Fraction(abs(money.get(SOL, 0)), 10 ** max(sol_decimals, default=0))
    dollars = stable_dollars(legs, money, rules)
    return sol <= rules.fee_sol and dollars is not None and dollars <= rules.fee_stable_usd


def _trade(touching: Sequence[Row], mint: str, change: int, value: Value | None, check: str) -> Trade:
    if check == REJECTED and value and value.is_money:
        check = SUSPECT
    if check == REJECTED:
        value = None
    row = touching[-1]
    last = row.quote if row.quote.mint == mint else row.base
    side = BUY if change > 0 else SELL
    usd, source = value or (None, NO_VALUE)
    return Trade(mint, last.symbol, last.decimals, side, abs(change), usd, source, check)


def _describe(tokens: Sequence[tuple[str, int]], money: Mapping[str, int]) -> str:
    return ", ".join(f"{change:+d} {mint}" for mint, change in sorted([*tokens, *money.items()]))
