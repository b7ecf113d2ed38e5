"""The rows of one transaction to trades: swaps, what is left over, row by row (docs/pnl.md).

Rows that share a token are one swap, directly or through others; money does not connect. What a swap leaves is one
trade, a sale and a purchase, nothing, or, where it leaves something else, what each of its rows is by itself.
"""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from typing import Any, NamedTuple

from smart_trader.domain.kernel.money import (
    PRICE,
    RAW_LIMIT,
    SOL,
    SOL_PLACES,
    STABLE_PLACES,
    USD,
    USD_LIMIT,
    round_half_away,
)
from smart_trader.domain.kernel.trades import BUY, SELL
from smart_trader.domain.kernel.valuation import (
    NO_VALUE,
    ONE_SIDED,
    REJECTED,
    SOL_PRICE,
    STABLE,
    SUSPECT,
    Leg,
    MovedRow,
    Value,
    ValueRules,
    add_up,
    check_prices,
    checked,
    exceeds,
    gap_verdict,
    money_total,
    money_value,
    stable_price,
    token_value,
    volume_value,
    worse,
)

_LEFTOVER_USD = 10
"""A token that is worth more is not left over."""
_LEFTOVER_SOL = 10 ** (SOL_PLACES - 2)
_LEFTOVER_STABLE = 10**STABLE_PLACES
"""Base units of money up to which it counts as nothing, unless that is more than the next share of its flow."""
_LEFTOVER_MONEY_MOST = Fraction(1, 10)
_NANO = PRICE // USD
_FIRST = (0,)
_MULTIPLIER_PLACES = 18


class SwapRow(NamedTuple):
    """One row of `bronze.transaction_history`, as far as netting needs it: two legs side by side, and the volume."""

    base_mint: str
    base_symbol: str | None
    base_decimals: int | None
    """What the wallet knows of the mint, not what this row says; of money its own."""
    base_multiplier: int | None
    """Of a scaled token, in 10^-18; None where the token is not scaled, 0 where nobody knows it."""
    base_change: int
    base_price: int | None
    """10^-18 dollars a unit, as served."""
    quote_mint: str
    quote_symbol: str | None
    quote_decimals: int | None
    quote_multiplier: int | None
    quote_change: int
    quote_price: int | None
    volume: int | None
    """Nano-dollars, as served."""


class Trade(NamedTuple):
    """What a swap brought or took of one mint."""

    mint: str
    symbol: str | None
    decimals: int | None
    side: str
    quantity: int
    """Base units, above zero."""
    value: int | None
    """Nano-dollars; None when unknown."""
    value_source: str
    price_check: str
    rows: tuple[int, ...]
    """Places of the rows of the swap, in their order."""
    pair: str | None = None
    """The token sold, on both sides of a swap of two tokens that is valued once."""
    is_second: bool = False
    """A SELL of a swap that is also a BUY of the mint."""


class Netted(NamedTuple):
    """What one transaction amounts to."""

    trades: tuple[Trade, ...] = ()
    is_arbitrage: bool = False
    """No trade, and money that both went out and came in, in a swap that left no token."""
    rejected: tuple[int, ...] = ()
    """Places of the rows of swaps whose quantities do not fit."""


class Part(NamedTuple):
    """A trade, or what one row adds to one."""

    token: str
    change: int
    value: Value | None
    check: str
    pair: str | None = None
    place: int | None = None
    """Of the row alone that it comes from; None if it is what the whole swap leaves."""


def net(rows: Sequence[tuple[Any, ...]], rules: ValueRules) -> Netted:
    """Net the rows of one (wallet, transaction), by index: (ins_index, inner_ins_index, event_id), nulls first.

    Each is a `SwapRow`, or a plain tuple of its values.
    """
    plain = _plain_swap(rows[0], rules) if len(rows) == 1 else None
    return plain or net_any([SwapRow(*row) for row in rows], rules)


def _plain_swap(row: tuple[Any, ...], rules: ValueRules) -> Netted | None:
    """What nearly every transaction is: one row, a token for money that has a price. None for all else.

    The same answer as that of `net_any`, which knows every case, in a fraction of its time.
    """
    mint, symbol, decimals, multiplier, change, price, paid_in, _, _, _, amount, given, _ = row
    money = rules.money
    kind = money.get(paid_in)
    if kind is None:
        paid_in, _, _, _, amount, given, mint, symbol, decimals, multiplier, change, price, _ = row
        kind = money.get(paid_in)
    if kind is None or mint in money or multiplier is not None or not (change > 0 > amount or change < 0 < amount):
        return None
    if given is not None and given <= 0:
        given = None
    if kind != SOL:
        used, places, source = stable_price(given, rules), STABLE_PLACES, STABLE
    elif given is not None and rules.sol_price_min <= given <= rules.sol_price_max:
        used, places, source = given, SOL_PLACES, SOL_PRICE
    else:
        return None
    check = ONE_SIDED
    quantity, paid = abs(change), abs(amount)
    if given is not None and price is not None and price > 0 and decimals is not None:
        check = gap_verdict(quantity * price, decimals, paid * given, places, rules)
        if check == REJECTED:
            check = SUSPECT
    usd = round_half_away(paid * used, _NANO * 10**places)
    if quantity >= RAW_LIMIT or usd >= USD_LIMIT:
        return None
    side = BUY if change > 0 else SELL
    return Netted((Trade(mint, symbol, decimals, side, quantity, usd, source, check, _FIRST),))


def net_any(rows: Sequence[SwapRow], rules: ValueRules) -> Netted:
    """`net` for any rows."""
    moved = moved_rows(rows, rules)
    trades, rejected, is_loop = list[Trade](), list[int](), False
    for swap in swaps_in(moved, rules):
        is_loop = is_loop or (not swap.tokens and swap.is_loop(moved))
        found = _trades(swap.legs, swap.parts(), swap.places)
        if any(trade.quantity >= RAW_LIMIT for trade in found):
            rejected += swap.places
        else:
            trades += found
    return Netted(tuple(trades), is_loop and not trades, tuple(rejected))


def moved_rows(rows: Sequence[SwapRow], rules: ValueRules) -> list[MovedRow]:
    """The rows as far as they moved something, with the prices that count as given."""
    return [_moved_row(row, rules) for row in rows]


def swaps_in(moved: Sequence[MovedRow], rules: ValueRules) -> Iterator["Swap"]:
    """The swaps of a transaction: its rows that share a token."""
    for places in _swaps(moved):
        yield Swap([moved[place] for place in places], tuple(places), rules)


def _moved_row(row: SwapRow, rules: ValueRules) -> MovedRow:
    legs = [_leg(rules, *leg) for leg in (row[:6], row[6:12]) if leg[4]]
    return MovedRow(tuple(legs), row.volume if row.volume and row.volume > 0 else None)


def _leg(
    rules: ValueRules,
    mint: str,
    symbol: str | None,
    decimals: int | None,
    multiplier: int | None,
    change: int,
    price: int | None,
) -> Leg:
    kind = rules.money.get(mint)
    if kind is not None:
        decimals, multiplier = SOL_PLACES if kind == SOL else STABLE_PLACES, None
    if price is not None and (price <= 0 or decimals is None or multiplier == 0):
        price = None
    if kind == SOL and price is not None and not rules.sol_price_min <= price <= rules.sol_price_max:
        price = None
    places = decimals or 0
    if multiplier is not None:
        price, places = None if price is None else price * multiplier, places + _MULTIPLIER_PLACES
    return Leg(kind or mint, kind is not None, symbol, decimals, change, price, places)


def _swaps(rows: Sequence[MovedRow]) -> list[list[int]]:
    """Places of the rows that share a token, swap by swap; rows of money only are in none."""
    groups: list[tuple[set[str], list[int]]] = []
    for place, row in enumerate(rows):
        tokens = {leg.asset for leg in row.legs if not leg.is_money}
        if not tokens:
            continue
        places = [place]
        apart = []
        for group in groups:
            if tokens.isdisjoint(group[0]):
                apart.append(group)
            else:
                tokens |= group[0]
                places += group[1]
        groups = [*apart, (tokens, places)]
    return [sorted(places) for _, places in groups]


class Swap:
    """What a swap moved, and what of it remains. `places` are those of its rows in the transaction."""

    def __init__(self, rows: Sequence[MovedRow], places: tuple[int, ...], rules: ValueRules) -> None:
        self._rows, self.places, self._rules = rows, places, rules
        self.legs = [leg for row in rows for leg in row.legs]
        self.tokens: dict[str, int] = {}
        self.money: dict[str, int] = {}
        """What remains, signed."""
        self._both_ways: set[str] = set()
        money, came_in, went_out = set(), dict[str, int](), dict[str, int]()
        for asset, is_money, _, _, change, _, _ in self.legs:
            flows = came_in if change > 0 else went_out
            flows[asset] = flows.get(asset, 0) + abs(change)
            if is_money:
                money.add(asset)
        for asset in came_in | went_out:
            arrived, left = came_in.get(asset, 0), went_out.get(asset, 0)
            if arrived and left:
                self._both_ways.add(asset)
                if self._is_left_over(asset, abs(arrived - left), max(arrived, left), is_money=asset in money):
                    continue
            (self.money if asset in money else self.tokens)[asset] = arrived - left

    def _is_left_over(self, asset: str, rest: int, flow: int, *, is_money: bool) -> bool:
        """Whether `rest` is nothing, or no more than dust of `flow`."""
        if not rest:
            return True
        is_little = not exceeds(rest, flow, self._rules.leftover_ratio)
        if is_money:
            most = _LEFTOVER_SOL if asset == SOL else _LEFTOVER_STABLE
            return (is_little or rest <= most) and not exceeds(rest, flow, _LEFTOVER_MONEY_MOST)
        own = token_value(self.legs, asset, rest) if is_little else None
        return is_little and (own is None or own.numerator <= _LEFTOVER_USD * own.denominator)

    def is_loop(self, moved: Sequence[MovedRow]) -> bool:
        """Whether a kind of money went out and came in, in this swap and the rows of money only among `moved`."""
        money_only = [leg for row in moved if all(leg.is_money for leg in row.legs) for leg in row.legs]
        ways = {(leg.asset, leg.change > 0) for leg in (*self.legs, *money_only) if leg.is_money}
        return any((asset, not is_in) in ways for asset, is_in in ways)

    def parts(self) -> list[Part]:
        """The trades, in which a row-by-row swap may have several of one token and side."""
        if not self.tokens:
            return []
        if len(self.tokens) == 1:
            ((token, change),) = self.tokens.items()
            paid = money_total(self.legs, self.money, self._rules)
            if self.money and self._is_paid(change, paid):
                return [self._one_token(token, change, money_value(paid))]
            if not self.money and token not in self._both_ways:
                return [self._one_token(token, change, None)]
        if len(self.tokens) == 2 and not self.money:
            sold, bought = sorted(self.tokens, key=self.tokens.__getitem__)
            if self.tokens[sold] < 0 < self.tokens[bought]:
                return self._pair(sold, bought)
        rows = zip(self.places, self._rows, strict=True)
        return [part._replace(place=place) for place, row in rows for part in _parts_of_row(row, self._rules)]

    def _is_paid(self, change: int, paid: tuple[int, str] | None) -> bool:
        """Whether the money that remains went the other way than the token; by its amounts if it has no worth."""
        if paid is not None and paid[0]:
            return paid[0] * change < 0
        return all(amount * change < 0 for amount in self.money.values())

    def _touching(self, token: str) -> list[MovedRow]:
        return [row for row in self._rows if row.touches(token)]

    def _one_token(self, token: str, change: int, by_money: Value | None) -> Part:
        rows = self._touching(token)
        value = by_money or volume_value(rows, token, change) or token_value(self.legs, token, abs(change))
        return Part(token, change, *checked(value, check_prices(rows, self._rules)))

    def _pair(self, sold: str, bought: str) -> list[Part]:
        with_sold, with_bought = self._touching(sold), self._touching(bought)
        value = (
            self._passed_through(sold, with_sold)
            or volume_value(with_sold, sold, -1)
            or volume_value(with_bought, bought, 1)
            or token_value(self.legs, sold, -self.tokens[sold])
            or token_value(self.legs, bought, self.tokens[bought])
        )
        check = worse(check_prices(with_sold, self._rules), check_prices(with_bought, self._rules))
        return [Part(token, self.tokens[token], *checked(value, check), sold) for token in (sold, bought)]

    def _passed_through(self, sold: str, with_sold: Sequence[MovedRow]) -> Value | None:
        """Value of the token sold by the money of its rows, if these carry at least half of it."""
        paid = [row for row in with_sold if row.has_money]
        quantity, carried = -self.tokens[sold], -sum(row.moved(sold) for row in paid)
        if 2 * carried < quantity:
            return None
        found = money_total(self.legs, money_in(paid), self._rules)
        if found is None or found[0] <= 0:
            return None
        return Value(found[0] * quantity, PRICE * 10**9 * carried, found[1])


def money_in(rows: Sequence[MovedRow]) -> dict[str, int]:
    """What the rows moved of each kind of money, as far as anything remains of it."""
    amounts: dict[str, int] = {}
    for leg in (leg for row in rows for leg in row.legs if leg.is_money):
        amounts[leg.asset] = amounts.get(leg.asset, 0) + leg.change
    return {kind: amount for kind, amount in amounts.items() if amount}


def _parts_of_row(row: MovedRow, rules: ValueRules) -> list[Part]:
    tokens = [leg for leg in row.legs if not leg.is_money]
    if len(tokens) == 2:
        return _two_tokens(row, tokens, rules)
    (token,) = tokens
    paid = {leg.asset: leg.change for leg in row.legs if leg.is_money and leg.change * token.change < 0}
    value = money_value(money_total(row.legs, paid, rules)) if paid else None
    value = (
        value or volume_value([row], token.asset, token.change) or token_value([token], token.asset, abs(token.change))
    )
    check = check_prices([row], rules) if paid else ONE_SIDED
    return [Part(token.asset, token.change, *checked(value, check))]


def _two_tokens(row: MovedRow, tokens: Sequence[Leg], rules: ValueRules) -> list[Part]:
    check = check_prices([row], rules)
    if tokens[0].change * tokens[1].change > 0:
        return [Part(leg.asset, leg.change, *checked(None, check)) for leg in tokens]
    sold, bought = sorted(tokens, key=lambda leg: leg.change)
    value = (
        volume_value([row], sold.asset, sold.change)
        or volume_value([row], bought.asset, bought.change)
        or token_value([sold], sold.asset, -sold.change)
        or token_value([bought], bought.asset, bought.change)
    )
    return [Part(leg.asset, leg.change, *checked(value, check)) for leg in (sold, bought)]


def _trades(legs: Sequence[Leg], parts: Sequence[Part], places: tuple[int, ...]) -> list[Trade]:
    """One trade for each token and side."""
    sides: dict[tuple[str, bool], list[Part]] = {}
    for part in parts:
        sides.setdefault((part.token, part.change > 0), []).append(part)
    trades = []
    for (token, is_buy), same in sides.items():
        value, check = (
            (same[0].value, same[0].check)
            if len(same) == 1
            else add_up([(abs(part.change), part.value, part.check) for part in same])
        )
        usd = None if value is None else value.nano_dollars
        if usd is not None and usd >= USD_LIMIT:
            value = usd = None
        last = next(leg for leg in reversed(legs) if leg.asset == token)
        trades.append(
            Trade(
                mint=token,
                symbol=last.symbol,
                decimals=last.decimals,
                side=BUY if is_buy else SELL,
                quantity=sum(abs(part.change) for part in same),
                value=usd,
                value_source=NO_VALUE if value is None else value.source,
                price_check=check,
                rows=places,
                pair=same[0].pair,
                is_second=not is_buy and (token, True) in sides,
            )
        )
    return trades
