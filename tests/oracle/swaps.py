"""The rows of a wallet to trades: swaps, what is left over, row by row.

Written to be compared with the definition sentence by sentence, with exact fractions and no thought of speed.

Where the definition leaves room, the reading is:

* Rows are ordered by (block_time, block_number, ins_index, inner_ins_index, event_id), nulls first. "Newest", "nearest
  earlier" and "nearest later" are meant in this order.
* A row that has a token twice counts as two legs of it.
* The limit of $10 is for tokens. Money has the limits that are said of money.
* A leftover token has "its own price" if its last priced leg has units.
* The units of a trade valued by its own price are those of the leg that gives the price.
* In a swap of two tokens the money of the rows of the token sold is added up with its signs, and so is what these rows
  move of the token. Both have to show a sale.
* The value of a trade that is added up row by row is the sum of the exact values, rounded once.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracle.numbers import Row, fraction, id_of, usd
from tests.oracle.units import MONEY_DECIMALS, SOL, SOL_MINTS, STABLE_MINTS, Leg, Scales, index_of, order_of

LEFTOVER = Fraction(2, 100)
LEFTOVER_USD = 10
LEFTOVER_MONEY = {SOL: Fraction(1, 100)}
"""Whole ones, of SOL; of a stable coin one."""
LEFTOVER_MONEY_AT_MOST = Fraction(1, 10)
PEG_TOLERANCE = Fraction(2, 100)
PEG_PRICES = (Fraction(1, 2), Fraction(2))
VOLUME_LEFT = Fraction(1, 10)
UNKNOWN_PART = Fraction(2, 100)
GAP_OK, GAP_SUSPECT = Fraction(125, 100), Fraction(10)
WORSE = ("ok", "one_sided", "suspect", "rejected")
BY_MONEY = ("stable", "sol")
RAW_LIMIT, USD_LIMIT = 10**38, 10**19


@dataclass(frozen=True)
class Event:
    row: Row
    legs: tuple[Leg, ...]
    """Without those that moved nothing."""

    @property
    def tokens(self) -> set[str]:
        return {leg.asset for leg in self.legs if not leg.is_money}

    def moved(self, asset: str) -> int:
        return sum(leg.raw for leg in self.legs if leg.asset == asset)

    def touches(self, asset: str) -> bool:
        return any(leg.asset == asset for leg in self.legs)


@dataclass(frozen=True)
class Value:
    exact: Fraction
    source: str


@dataclass(frozen=True)
class Part:
    """A trade, or what one row adds to a trade."""

    token: str
    change: int
    value: Value | None
    check: str
    pair: str | None = None
    """The token sold of a swap of two tokens."""


@dataclass
class Netted:
    trades: list[Row] = field(default_factory=list)
    rejected: list[tuple[str, str]] = field(default_factory=list)
    """Event and reason."""
    arbitrage_count: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    transaction_count: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    """Distinct ones, whatever became of them."""


def net(rows: Iterable[Row], listed_decimals: Mapping[str, int] | None = None) -> Netted:
    """Trades of all wallets in `rows`. `listed_decimals`: what the token list says of a mint."""
    wallets: dict[str, dict[str, Row]] = defaultdict(dict)
    for row in rows:
        wallets[row["wallet_address"]].setdefault(row["event_id"], row)
    result = Netted()
    for wallet, by_event in wallets.items():
        own = sorted(by_event.values(), key=order_of)
        scales = Scales(own, listed_decimals or {})
        transactions: dict[str, list[Event]] = defaultdict(list)
        for place, row in enumerate(own):
            legs = (scales.leg(row, side, place) for side in ("base", "quote"))
            transactions[row["tx_hash"]].append(Event(row, tuple(leg for leg in legs if leg.raw)))
        for events in transactions.values():
            _net_transaction(wallet, sorted(events, key=lambda event: index_of(event.row)), scales, result)
    return result


def _net_transaction(wallet: str, events: list[Event], scales: Scales, result: Netted) -> None:
    result.transaction_count[wallet] += 1
    money_only = [event for event in events if not event.tokens]
    found: list[Row] = []
    is_loop = False
    for swap in _swaps(events):
        parts, loops = Swap(swap, money_only).parts()
        is_loop = is_loop or loops
        trades = _trades(wallet, swap, parts, scales)
        if any(trade["quantity_raw"] >= RAW_LIMIT for trade in trades):
            result.rejected += [(event.row["event_id"], "too_large") for event in swap]
        else:
            found += trades
    result.trades += found
    result.arbitrage_count[wallet] += is_loop and not found


def _swaps(events: list[Event]) -> list[list[Event]]:
    """Events that share a token, directly or through others, in the order of the first of them."""
    groups: list[tuple[set[str], list[Event]]] = []
    for event in events:
        if not event.tokens:
            continue
        tokens, members = set(event.tokens), [event]
        apart = []
        for other in groups:
            if other[0] & tokens:
                tokens |= other[0]
                members += other[1]
            else:
                apart.append(other)
        groups = [*apart, (tokens, members)]
    return [sorted(members, key=lambda event: index_of(event.row)) for _, members in groups]


class Swap:
    def __init__(self, events: list[Event], money_only: list[Event]) -> None:
        self.events, self.money_only = events, money_only
        self.legs = [leg for event in events for leg in event.legs]
        assets = {leg.asset for leg in self.legs}
        money = {leg.asset for leg in self.legs if leg.is_money}
        net = {asset: self._net(asset) for asset in assets}
        left = {asset: change for asset, change in net.items() if change and not self._is_leftover(asset, change)}
        self.tokens = {asset: change for asset, change in left.items() if asset not in money}
        self.money = {asset: change for asset, change in left.items() if asset in money}

    def parts(self) -> tuple[list[Part], bool]:
        """The trades, and whether the swap is a loop."""
        if not self.tokens:
            return [], self._is_loop()
        if len(self.tokens) == 1:
            ((token, change),) = self.tokens.items()
            if self.money and self._is_paid(change):
                return [self._trade(token, change, self._money_value(self.legs, self.money))], False
            if not self.money and not self._moved_both_ways(token):
                return [self._trade(token, change, None)], False
        if len(self.tokens) == 2 and not self.money:
            sold, bought = sorted(self.tokens, key=lambda token: self.tokens[token])
            if self.tokens[sold] < 0 < self.tokens[bought]:
                return self._pair(sold, bought), False
        return [part for event in self.events for part in _parts_of_row(event)], False

    def _net(self, asset: str) -> int:
        return sum(leg.raw for leg in self.legs if leg.asset == asset)

    def _flows(self, asset: str) -> tuple[int, int]:
        came_in = sum(leg.raw for leg in self.legs if leg.asset == asset and leg.raw > 0)
        return came_in, came_in - self._net(asset)

    def _moved_both_ways(self, asset: str) -> bool:
        return all(self._flows(asset))

    def _is_leftover(self, asset: str, change: int) -> bool:
        if not self._moved_both_ways(asset):
            return False
        flow = max(self._flows(asset))
        if asset == SOL or asset in STABLE_MINTS:
            decimals = MONEY_DECIMALS[SOL_MINTS[0] if asset == SOL else asset]
            least = LEFTOVER_MONEY.get(asset, Fraction(1)) * 10**decimals
            return abs(change) <= min(max(LEFTOVER * flow, least), LEFTOVER_MONEY_AT_MOST * flow)
        own = self._own_price(asset, change)
        return abs(change) <= LEFTOVER * flow and (own is None or own.exact <= LEFTOVER_USD)

    def _is_loop(self) -> bool:
        """Whether a kind of money went out and came in, rows of money only counted in."""
        legs = [*self.legs, *(leg for event in self.money_only for leg in event.legs)]
        kinds = {leg.asset for leg in legs if leg.is_money}
        return any({leg.raw > 0 for leg in legs if leg.asset == kind} == {True, False} for kind in kinds)

    def _is_paid(self, change: int) -> bool:
        """Whether the money that remains went the other way than the token."""
        total = self._money_total(self.legs, self.money)
        if total:
            return total * change < 0
        return all(amount * change < 0 for amount in self.money.values())

    def _trade(self, token: str, change: int, value: Value | None) -> Part:
        touching = [event for event in self.events if event.touches(token)]
        value = value or _volume(touching, token, change) or self._own_price(token, change)
        return _checked(token, change, value, _price_check(touching))

    def _pair(self, sold: str, bought: str) -> list[Part]:
        with_sold, with_bought = ([e for e in self.events if e.touches(token)] for token in (sold, bought))
        value = (
            self._passed_through(sold)
            or _volume(with_sold, sold, -1)
            or _volume(with_bought, bought, 1)
            or self._own_price(sold, self.tokens[sold])
            or self._own_price(bought, self.tokens[bought])
        )
        check = max(_price_check(with_sold), _price_check(with_bought), key=WORSE.index)
        return [_checked(token, self.tokens[token], value, check, sold) for token in (sold, bought)]

    def _passed_through(self, sold: str) -> Value | None:
        paid = [e for e in self.events if e.touches(sold) and any(leg.is_money for leg in e.legs)]
        quantity, carried = -self.tokens[sold], -sum(event.moved(sold) for event in paid)
        if 2 * carried < quantity:
            return None
        legs = [leg for event in paid for leg in event.legs]
        amounts = {
            leg.asset: sum(other.raw for other in legs if other.asset == leg.asset) for leg in legs if leg.is_money
        }
        amounts = {kind: amount for kind, amount in amounts.items() if amount}
        total = self._money_total(self.legs, amounts)
        value = self._money_value(self.legs, amounts)
        if value is None or total is None or total < 0:
            return None
        return Value(value.exact * quantity / carried, value.source)

    def _money_total(self, legs: list[Leg], amounts: Mapping[str, int]) -> Fraction | None:
        worths = _money_worths(legs, amounts)
        return None if worths is None else sum(worths.values(), Fraction(0))

    def _money_value(self, legs: list[Leg], amounts: Mapping[str, int]) -> Value | None:
        return _money_value(legs, amounts)

    def _own_price(self, token: str, change: int) -> Value | None:
        return _own_price(self.legs, token, change)


def _parts_of_row(event: Event) -> list[Part]:
    tokens = [leg for leg in event.legs if not leg.is_money]
    if len(tokens) == 2:
        one, other = tokens
        if one.raw * other.raw > 0:
            return [_checked(leg.asset, leg.raw, None, _price_check([event])) for leg in tokens]
        sold, bought = sorted(tokens, key=lambda leg: leg.raw)
        value = (
            _volume([event], sold.asset, sold.raw)
            or _volume([event], bought.asset, bought.raw)
            or _own_price([sold], sold.asset, sold.raw)
            or _own_price([bought], bought.asset, bought.raw)
        )
        return [_checked(leg.asset, leg.raw, value, _price_check([event])) for leg in (sold, bought)]
    (token,) = tokens
    paid = {leg.asset: leg.raw for leg in event.legs if leg.is_money and leg.raw * token.raw < 0}
    seen = event if paid else Event(event.row, (token,))
    value = (
        _money_value(list(event.legs), paid)
        or _volume([event], token.asset, token.raw)
        or _own_price([token], token.asset, token.raw)
    )
    return [_checked(token.asset, token.raw, value, _price_check([seen]))]


def _checked(token: str, change: int, value: Value | None, check: str, pair: str | None = None) -> Part:
    if check == "rejected":
        if value is not None and value.source in BY_MONEY:
            check = "suspect"
        else:
            value = None
    return Part(token, change, value, check, pair)


def _money_worths(legs: Iterable[Leg], amounts: Mapping[str, int]) -> dict[str, Fraction] | None:
    """Dollars of each kind, signed; None if one of them has no price."""
    legs = list(legs)
    worths = {}
    for kind, amount in amounts.items():
        prices = [leg.price for leg in legs if leg.asset == kind and leg.price is not None]
        price = prices[-1] if prices else None
        if kind != SOL:
            is_used = price is not None and abs(price - 1) > PEG_TOLERANCE and PEG_PRICES[0] <= price <= PEG_PRICES[1]
            price = price if is_used else Fraction(1)
        if price is None:
            return None
        worths[kind] = Fraction(amount, 10 ** (9 if kind == SOL else 6)) * price
    return worths


def _money_value(legs: Iterable[Leg], amounts: Mapping[str, int]) -> Value | None:
    worths = _money_worths(legs, amounts)
    total = sum(worths.values(), Fraction(0)) if worths else Fraction(0)
    if not worths or not total:
        return None
    stable = sum(abs(worth) for kind, worth in worths.items() if kind != SOL)
    return Value(abs(total), "stable" if 2 * stable > sum(map(abs, worths.values())) else "sol")


def _volume(touching: list[Event], token: str, direction: int) -> Value | None:
    """Volumes of rows in the direction of the trade, less those of rows against it."""
    added = subtracted = Fraction(0)
    for event in touching:
        volume = fraction(event.row["volume_usd"])
        if volume is None or volume <= 0:
            return None
        if event.moved(token) * direction >= 0:
            added += volume
        else:
            subtracted += volume
    left = added - subtracted
    return Value(left, "volume_usd") if touching and left > VOLUME_LEFT * (added + subtracted) else None


def _own_price(legs: Iterable[Leg], token: str, change: int) -> Value | None:
    priced = [leg for leg in legs if leg.asset == token and leg.worth is not None]
    if not priced:
        return None
    leg = priced[-1]
    assert leg.worth is not None
    return Value(leg.worth * abs(change) / abs(leg.raw), "token_price")


def _price_check(touching: list[Event]) -> str:
    gaps = []
    for event in touching:
        worths = [leg.worth for leg in event.legs if leg.worth]
        if len(worths) == 2:
            gaps.append(max(worths) / min(worths))
    if not gaps:
        return "one_sided"
    return "ok" if max(gaps) <= GAP_OK else "suspect" if max(gaps) <= GAP_SUSPECT else "rejected"


def _trades(wallet: str, swap: list[Event], parts: list[Part], scales: Scales) -> list[Row]:
    last = swap[-1].row
    tx_hash = last["tx_hash"]
    sides: dict[tuple[str, bool], list[Part]] = defaultdict(list)
    for part in parts:
        sides[part.token, part.change > 0].append(part)
    rows = []
    for (token, is_buy), same in sides.items():
        both = (token, not is_buy) in sides
        value, check = _added_up(same)
        exact = None if value is None else usd(value.exact)
        if exact is not None and exact >= USD_LIMIT:
            value = exact = None
        symbols = [leg.symbol for event in swap for leg in event.legs if leg.asset == token]
        rows.append(
            {
                "trade_id": id_of(wallet, tx_hash, token, *(("SELL",) if both and not is_buy else ())),
                "wallet_address": wallet,
                "token_address": token,
                "token_symbol": symbols[-1],
                "decimals": scales.decimals(token),
                "side": "BUY" if is_buy else "SELL",
                "quantity_raw": sum(abs(part.change) for part in same),
                "value_usd": exact,
                "value_source": "none" if value is None else value.source,
                "price_check": check,
                "cost_known": exact is not None if is_buy else None,
                "block_time": last["block_time"],
                "block_number": last["block_number"],
                "tx_hash": tx_hash,
                "swap_group_id": id_of(wallet, tx_hash, same[0].pair) if same[0].pair else None,
                "source": last["source"],
                "event_ids": sorted(event.row["event_id"] for event in swap),
            }
        )
    return rows


def _added_up(parts: list[Part]) -> tuple[Value | None, str]:
    known = [part for part in parts if part.value is not None]
    check = max((part.check for part in known or parts), key=WORSE.index)
    unknown = sum(abs(part.change) for part in parts if part.value is None)
    if not known or unknown > UNKNOWN_PART * sum(abs(part.change) for part in parts):
        return None, check
    sums: dict[str, Fraction] = defaultdict(Fraction)
    for part in known:
        if part.value is not None:
            sums[part.value.source] += part.value.exact
    if set(sums) <= set(BY_MONEY):
        source = max(sums, key=lambda kind: (sums[kind], kind == "sol"))
    else:
        source = "volume_usd" if "volume_usd" in sums else "token_price"
    return Value(sum(sums.values(), Fraction(0)), source), check
