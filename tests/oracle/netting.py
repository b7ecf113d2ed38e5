"""Rows of a transaction to trades, as `pnl.md` §1 says it.

Where the specification leaves room, the reading is:

* Kinds of money are SOL (native and wrapped together) and each stable coin by itself.
* A leg of amount 0 gives no price: neither a value nor one side of a price check. A leg without decimals gives none
  either, since nobody knows how many whole tokens it is; money always has its decimals.
* Fee or rent in a two-token swap: at most 0.05 SOL net *and* at most $10 of stable coins, their absolute net amounts
  added up, each at the price that values it.
* Money passed through a two-token swap when some money leg of the transaction is positive and some is negative. It is
  added up, signed, over the rows that touch the token sold; where that total is positive it came in. Else over the
  rows that touch the token bought; where that total is negative it went out.
* Ignored is the money that is left over where all of it has the token's sign, or in a two-token swap that money does
  not value. Kinds that cancelled out are not left over, hence not ignored.
* `ok` < `one_sided` < `suspect` < `rejected` is the order of "worse".
* A price is refused before it is asked whether its value fits: an absurd price makes an unknown value, not a lost row.
* Time and block number of a transaction are those of its last row by index.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from tests.oracle.numbers import Row, fraction, id_of, usd

SOL = "SOL"
SOL_MINTS = (
    "So11111111111111111111111111111111111111111",
    "So11111111111111111111111111111111111111112",
)
STABLE_MINTS = (
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
    "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo",
    "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA",
)
MONEY = (SOL, *STABLE_MINTS)

PEG_TOLERANCE = Fraction(2, 100)
FEE_SOL = Fraction(5, 100)
FEE_STABLE_USD = Fraction(10)
GAP_OK = Fraction(125, 100)
GAP_SUSPECT = Fraction(10)
WORSE = ("ok", "one_sided", "suspect", "rejected")
RAW_LIMIT = 10**38
USD_LIMIT = 10**19


@dataclass
class Netted:
    trades: list[Row]
    rejected: list[tuple[str, str]]  # (event_id, reason)
    arbitrage_count: dict[str, int]
    transaction_count: dict[str, int]  # distinct transactions, whatever became of them


@dataclass
class Leg:
    asset: str  # mint, or SOL for both of its mints
    symbol: str | None
    decimals: int | None
    change: int
    price: Fraction | None  # None where it is missing, not positive, or there is no amount to go with it

    @property
    def amount(self) -> Fraction:
        return Fraction(self.change, 10 ** (self.decimals or 0))


@dataclass
class Value:
    exact: Fraction
    source: str

    @property
    def is_money(self) -> bool:
        return self.source in ("stable", "sol")


def net(rows: Iterable[Row]) -> Netted:
    by_transaction: dict[tuple[str, str], dict[str, Row]] = defaultdict(dict)
    for row in rows:
        by_transaction[row["wallet_address"], row["tx_hash"]].setdefault(row["event_id"], row)
    result = Netted([], [], defaultdict(int), defaultdict(int))
    for (wallet, _), events in by_transaction.items():
        transaction = Transaction(list(events.values()))
        trades, reason = transaction.trades()
        result.transaction_count[wallet] += 1
        result.trades += trades
        if reason == "arbitrage":
            result.arbitrage_count[wallet] += 1
        elif reason:
            result.rejected += [(event, reason) for event in events]
    return result


class Transaction:
    def __init__(self, rows: list[Row]) -> None:
        self.rows = sorted(rows, key=_index)
        self.legs = [(_leg(row, "base"), _leg(row, "quote")) for row in self.rows]
        self.every_leg = [leg for pair in self.legs for leg in pair]
        changes: dict[str, int] = defaultdict(int)
        for leg in self.every_leg:
            changes[leg.asset] += leg.change
        self.tokens = {asset: change for asset, change in changes.items() if change and asset not in MONEY}
        self.money = [asset for asset in MONEY if changes[asset]]

    def trades(self) -> tuple[list[Row], str | None]:
        """The trades, or why there is none."""
        if not self.tokens:
            return [], "arbitrage"
        if len(self.tokens) == 1:
            return self._one_token(*self.tokens)
        if len(self.tokens) == 2:
            sold, bought = sorted(self.tokens, key=lambda mint: self.tokens[mint])
            if self.tokens[sold] < 0 < self.tokens[bought] and self._money_is_a_fee():
                return self._two_tokens(sold, bought)
        return [], "several_tokens"

    def _one_token(self, token: str) -> tuple[list[Row], str | None]:
        received = self.tokens[token] > 0
        ignored = self.money if all((self._net(kind) > 0) == received for kind in self.money) else []
        value = None
        if self.money and not ignored:
            value = self._money_value(self.every_leg, self.money)
        value = value or self._volume(token) or self._own_price(token)
        return self._checked([token], value, ignored, None)

    def _two_tokens(self, sold: str, bought: str) -> tuple[list[Row], str | None]:
        value = (
            self._passed_through(sold, bought)
            or self._volume(sold)
            or self._volume(bought)
            or self._own_price(sold)
            or self._own_price(bought)
        )
        ignored = [] if value and value.is_money else self.money
        first = self.rows[0]
        return self._checked([sold, bought], value, ignored, id_of(first["wallet_address"], first["tx_hash"]))

    def _checked(
        self, tokens: list[str], value: Value | None, ignored: list[str], group: str | None
    ) -> tuple[list[Row], str | None]:
        by_money = value is not None and value.is_money
        check = max((self._price_check(token, ignored, by_money) for token in tokens), key=WORSE.index)
        if check == "rejected":
            value = None
        if any(abs(self.tokens[token]) >= RAW_LIMIT for token in tokens):
            return [], "too_large"
        if value and usd(value.exact) >= USD_LIMIT:
            return [], "too_large"
        return [self._trade(token, value, check, group) for token in tokens], None

    def _trade(self, token: str, value: Value | None, check: str, group: str | None) -> Row:
        last = self.rows[-1]
        leg = self._last_leg(token)
        bought = self.tokens[token] > 0
        return {
            "trade_id": id_of(last["wallet_address"], last["tx_hash"], token),
            "wallet_address": last["wallet_address"],
            "token_address": token,
            "token_symbol": leg.symbol,
            "decimals": leg.decimals,
            "side": "BUY" if bought else "SELL",
            "quantity_raw": abs(self.tokens[token]),
            "value_usd": usd(value.exact) if value else None,
            "value_source": value.source if value else "none",
            "price_check": check,
            "cost_known": value is not None if bought else None,
            "block_time": last["block_time"],
            "block_number": last["block_number"],
            "tx_hash": last["tx_hash"],
            "swap_group_id": group,
            "source": last["source"],
            "event_ids": sorted(row["event_id"] for row in self.rows),
        }

    def _legs_touching(self, token: str) -> list[tuple[Leg, Leg]]:
        return [pair for pair in self.legs if token in (pair[0].asset, pair[1].asset)]

    def _last_leg(self, token: str) -> Leg:
        return [leg for leg in self.every_leg if leg.asset == token][-1]

    def _last_price(self, asset: str) -> Fraction | None:
        prices = [leg.price for leg in self.every_leg if leg.asset == asset and leg.price is not None]
        return prices[-1] if prices else None

    def _net(self, kind: str) -> Fraction:
        return sum((leg.amount for leg in self.every_leg if leg.asset == kind), Fraction(0))

    def _usd_price(self, kind: str) -> Fraction | None:
        price = self._last_price(kind)
        if kind == SOL:
            return price
        return Fraction(1) if price is None or abs(price - 1) <= PEG_TOLERANCE else price

    def _money_is_a_fee(self) -> bool:
        stable_usd = sum(abs(self._net(kind)) * (self._usd_price(kind) or 0) for kind in STABLE_MINTS)
        return abs(self._net(SOL)) <= FEE_SOL and stable_usd <= FEE_STABLE_USD

    def _money_value(self, legs: list[Leg], kinds: list[str]) -> Value | None:
        """The signed sum in USD of what `legs` move of these kinds; None without a price for one, or if it is 0."""
        in_usd: dict[str, Fraction] = {}
        for kind in kinds:
            amount = sum((leg.amount for leg in legs if leg.asset == kind), Fraction(0))
            price = self._usd_price(kind)
            if amount and price is None:
                return None
            if amount and price is not None:
                in_usd[kind] = amount * price
        total = sum(in_usd.values(), Fraction(0))
        if not total:
            return None
        stable = sum(abs(amount) for kind, amount in in_usd.items() if kind != SOL)
        is_stable = 2 * stable > sum(abs(amount) for amount in in_usd.values())
        return Value(abs(total), "stable" if is_stable else "sol")

    def _passed_through(self, sold: str, bought: str) -> Value | None:
        moved = [leg for leg in self.every_leg if leg.asset in MONEY]
        if not any(leg.change > 0 for leg in moved) or not any(leg.change < 0 for leg in moved):
            return None
        for token, sign in ((sold, 1), (bought, -1)):
            legs = [leg for pair in self._legs_touching(token) for leg in pair]
            value = self._money_value(legs, list(MONEY))
            if value and sign * self._flow_usd(legs) > 0:
                return value
        return None

    def _flow_usd(self, legs: list[Leg]) -> Fraction:
        return sum((leg.amount * (self._usd_price(leg.asset) or 0) for leg in legs if leg.asset in MONEY), Fraction(0))

    def _volume(self, token: str) -> Value | None:
        volumes = [
            fraction(row["volume_usd"])
            for row, pair in zip(self.rows, self.legs, strict=True)
            if token in (pair[0].asset, pair[1].asset)
        ]
        known = [volume for volume in volumes if volume is not None and volume > 0]
        return Value(sum(known, Fraction(0)), "volume_usd") if len(known) == len(volumes) else None

    def _own_price(self, token: str) -> Value | None:
        price = self._last_price(token)
        decimals = self._last_leg(token).decimals
        if price is None or decimals is None:
            return None
        return Value(price * Fraction(abs(self.tokens[token]), 10**decimals), "token_price")

    def _price_check(self, token: str, ignored: list[str], by_money: bool) -> str:
        gaps = []
        for base, quote in self._legs_touching(token):
            if base.price is None or quote.price is None or base.asset in ignored or quote.asset in ignored:
                continue
            values = (abs(base.amount) * base.price, abs(quote.amount) * quote.price)
            gaps.append(max(values) / min(values))
        if not gaps:
            return "one_sided"
        if max(gaps) <= GAP_OK:
            return "ok"
        return "suspect" if max(gaps) <= GAP_SUSPECT or by_money else "rejected"


def _index(row: Row) -> tuple[object, ...]:
    ins, inner = row["ins_index"], row["inner_ins_index"]
    return (ins is not None, ins or 0, inner is not None, inner or 0, row["event_id"])


def _leg(row: Row, side: str) -> Leg:
    mint, change = row[f"{side}_address"], row[f"{side}_change_raw"]
    price, decimals = fraction(row[f"{side}_price"]), row[f"{side}_decimals"]
    return Leg(
        asset=SOL if mint in SOL_MINTS else mint,
        symbol=row[f"{side}_symbol"],
        decimals=decimals,
        change=change,
        price=price if price is not None and price > 0 and change and decimals is not None else None,
    )
