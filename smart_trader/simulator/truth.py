"""The truth about a wallet, by the rules of profit and loss, written to be read and not to be fast.

Works on trade rows as parsed from the served text (decimals, no floats), with integers and fractions and a plain queue of
lots. It shares nothing with the production code: it is what that code is checked against.

    rows -> fills (one per row) -> transactions -> trades (one per token) -> queue of lots -> sales, open lots, sums
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

from smart_trader.simulator import addresses

SOL_MINTS = {addresses.NATIVE_SOL, addresses.WRAPPED_SOL}
STABLE_MINTS = {addresses.USDC, addresses.USDT, addresses.PYUSD, addresses.USDS}
MONEY_MINTS = SOL_MINTS | STABLE_MINTS
FEE_SOL = Fraction(5, 100)
FEE_STABLE_USD = Fraction(10)
SEVERITY = ("ok", "one_sided", "suspect", "rejected")
_WIDE = Context(prec=120)


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


@dataclass(frozen=True, slots=True)
class Sale:
    trade: Trade
    matched: int
    unknown_cost: int
    unmatched: int
    cost: Decimal | None
    matched_proceeds: Decimal | None
    realized_pnl: Decimal | None


@dataclass(frozen=True, slots=True)
class OpenLot:
    trade: Trade
    remaining: int
    remaining_cost: Decimal | None


@dataclass(frozen=True, slots=True)
class TokenTruth:
    """Sums over one token, or over all of a wallet (`token` is `ALL_TOKENS`, `remaining` then None)."""

    token: str
    realized_pnl: Decimal
    cost_of_sold: Decimal
    unmatched_proceeds: Decimal
    total_bought: Decimal
    total_sold: Decimal
    trade_count: int
    buy_count: int
    sell_count: int
    matched_sales: int
    winning_sales: int
    remaining: int | None
    remaining_cost: Decimal

    @property
    def roi(self) -> Decimal | None:
        return _percent(self.realized_pnl, self.cost_of_sold)

    @property
    def win_rate(self) -> Decimal | None:
        return _percent(self.winning_sales, self.matched_sales)

    @property
    def coverage_ratio(self) -> Decimal | None:
        matched = Fraction(self.total_sold) - Fraction(self.unmatched_proceeds)
        return rounded(matched / Fraction(self.total_sold), 6) if self.total_sold else None


@dataclass(frozen=True, slots=True)
class WalletTruth:
    wallet: str
    kind: str
    total: TokenTruth
    tokens: Mapping[str, TokenTruth]
    arbitrage_tx_count: int
    rejected_rows: int
    """Rows of transactions that are no trade although something other than money is left over."""
    unreadable_rows: int
    trades: tuple[Trade, ...]
    """In the order in which they count."""
    sales: tuple[Sale, ...]
    open_lots: tuple[OpenLot, ...]


def true_wallet(wallet: str, kind: str, rows: Sequence[Mapping[str, Any]]) -> WalletTruth:
    """The truth from `rows`, given in the order in which they were served."""
    fills: dict[str, Fill] = {}
    unreadable = 0
    for row in rows:
        fill = read_fill(wallet, row)
        if fill is None:
            unreadable += 1
        else:
            fills.setdefault(fill.event_id, fill)  # the first one served stays

    by_transaction = defaultdict(list)
    for fill in fills.values():
        by_transaction[fill.tx_hash].append(fill)
    trades, arbitrages, rejected = list[Trade](), 0, 0
    for transaction in by_transaction.values():
        transaction.sort(key=Fill.index)
        left = left_over(transaction)
        if not left.tokens:
            arbitrages += 1
            continue
        found = trades_of(transaction, left)
        trades += found
        rejected += 0 if found else len(transaction)

    trades.sort(key=lambda trade: _order(wallet, trade))
    sales, lots = list[Sale](), list[OpenLot]()
    for token in sorted({trade.token for trade in trades}):
        token_sales, token_lots = match_first_in_first_out([trade for trade in trades if trade.token == token])
        sales += token_sales
        lots += token_lots
    tokens = {token: _summed(token, trades, sales, lots) for token in sorted({trade.token for trade in trades})}
    total = _summed("ALL_TOKENS", trades, sales, lots)
    return WalletTruth(
        wallet, kind, total, tokens, arbitrages, rejected, unreadable, tuple(trades), tuple(sales), tuple(lots)
    )


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
        """Order of rows in a transaction; what is missing comes first."""
        first = -1 if self.ins_index is None else self.ins_index
        second = -1 if self.inner_ins_index is None else self.inner_ins_index
        return first, second, self.event_id

    def touches(self, token: str) -> bool:
        return any(side.mint == token for side in self.sides)


def read_fill(wallet: str, row: Mapping[str, Any]) -> Fill | None:
    """None if the row is no swap of `wallet`, or its time, hash, mints or amounts cannot be read."""
    try:
        if row.get("tx_type", "swap") != "swap" or row.get("owner", wallet) != wallet:
            return None
        base, quote = (_read_side(row[name]) for name in ("base", "quote"))
        identity = (
            wallet, row["tx_hash"], row.get("ins_index"), row.get("inner_ins_index"), row.get("address"),
            base.mint, quote.mint, base.raw, quote.raw,
        )  # fmt: skip
        return Fill(
            event_id=_hash(*identity),
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
    """Exact base units: an integer where the API sends one, else what the display figure must mean."""
    display = leg["ui_change_amount"]
    for given in (leg["change_amount"], leg["amount"]):
        if isinstance(given, int) or (isinstance(given, str) and given.lstrip("-").isdigit()):
            return abs(int(given)) if display > 0 else -abs(int(given))
    return int(rounded(Fraction(display) * 10 ** leg["decimals"], 0))


def _positive(value: Any, digits: int) -> Fraction | None:
    stored = None if value is None else Fraction(rounded(Fraction(value), digits))
    return stored if stored is not None and stored > 0 else None


# ---- from a transaction to trades ----


@dataclass(frozen=True, slots=True)
class LeftOver:
    """Net changes of a transaction, without what cancels. Both kinds of SOL are one money."""

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
    """What the money is worth; nothing if there is none, one kind has no price, or it adds up to 0."""
    usd: dict[str, Fraction] = {}
    for name, change in money.items():
        price = _money_price(transaction, name)
        if price is None:
            return None, "none"
        usd[name] = change * price
    total, gross = abs(sum(usd.values())), sum(abs(part) for part in usd.values())
    stable = sum(abs(part) for name, part in usd.items() if name != "SOL")
    return (total, "stable" if stable * 2 > gross else "sol") if total else (None, "none")


def _money_price(transaction: Iterable[Fill], name: str) -> Fraction | None:
    """USD for one: the last price that a row gives; a stable coin is 1 unless that is more than 2 % off."""
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
    own = [(side.price, side.decimals) for fill in transaction for side in fill.sides if side.mint == token and side.price]
    if not own:
        return None, "none"
    price, decimals = own[-1]
    return price * abs(change) / 10**decimals, "token_price"


def _value_of_swap(
    transaction: Sequence[Fill], left: LeftOver, sold: str, bought: str
) -> tuple[Fraction | None, str]:
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


# ---- lots ----


@dataclass(slots=True)
class _Lot:
    buy: Trade
    taken: int = 0

    def cost_of_first(self, units: int) -> Decimal:
        """Rounded once: the cost of units in between is a difference of two of these, so costs add up."""
        return rounded(Fraction(self.buy.value or 0) * units / self.buy.quantity, 9)

    def take(self, units: int) -> Decimal:
        """Cost of the next `units`."""
        self.taken += units
        return self.cost_of_first(self.taken) - self.cost_of_first(self.taken - units)


def match_first_in_first_out(trades: Iterable[Trade]) -> tuple[list[Sale], list[OpenLot]]:
    """Sales and open lots of one token, from its trades in order."""
    queue, sales = list[_Lot](), list[Sale]()
    for trade in trades:
        if trade.side == "BUY":
            queue.append(_Lot(trade))
            continue
        wanted, matched, unknown, cost = trade.quantity, 0, 0, Decimal(0)
        while wanted and queue:
            lot = queue[0]
            units = min(wanted, lot.buy.quantity - lot.taken)
            cost += lot.take(units)
            wanted -= units
            if lot.buy.value is None:
                unknown += units
            else:
                matched += units
            if lot.taken == lot.buy.quantity:
                queue.pop(0)
        proceeds = None
        if matched and trade.value is not None:
            proceeds = rounded(Fraction(trade.value) * matched / trade.quantity, 9)
        sales.append(
            Sale(
                trade=trade,
                matched=matched,
                unknown_cost=unknown,
                unmatched=wanted,
                cost=cost if matched else None,
                matched_proceeds=proceeds,
                realized_pnl=None if proceeds is None else proceeds - cost,
            )
        )
    return sales, [_open_lot(lot) for lot in queue]


def _open_lot(lot: _Lot) -> OpenLot:
    remaining = lot.buy.quantity - lot.taken
    return OpenLot(lot.buy, remaining, None if lot.buy.value is None else lot.take(remaining))


# ---- sums ----


def _summed(token: str, trades: list[Trade], sales: list[Sale], lots: list[OpenLot]) -> TokenTruth:
    is_total = token == "ALL_TOKENS"  # noqa: S105  not a password
    trades = [trade for trade in trades if is_total or trade.token == token]
    sales = [sale for sale in sales if is_total or sale.trade.token == token]
    lots = [lot for lot in lots if is_total or lot.trade.token == token]
    won = [(sale.realized_pnl, sale.cost or Decimal(0)) for sale in sales if sale.realized_pnl is not None]
    sold = _total(trade.value for trade in trades if trade.side == "SELL")
    return TokenTruth(
        token=token,
        realized_pnl=_total(pnl for pnl, _ in won),
        cost_of_sold=_total(cost for _, cost in won),
        unmatched_proceeds=_WIDE.subtract(sold, _total(sale.matched_proceeds for sale in sales)),
        total_bought=_total(trade.value for trade in trades if trade.side == "BUY"),
        total_sold=sold,
        trade_count=len(trades),
        buy_count=sum(trade.side == "BUY" for trade in trades),
        sell_count=sum(trade.side == "SELL" for trade in trades),
        matched_sales=len(won),
        winning_sales=sum(pnl > 0 for pnl, _ in won),
        remaining=None if is_total else sum(lot.remaining for lot in lots),
        remaining_cost=_total(lot.remaining_cost for lot in lots),
    )


def _total(values: Iterable[Decimal | None]) -> Decimal:
    """Exact sum of what is known, with nine digits."""
    return rounded(sum((Fraction(value) for value in values if value is not None), Fraction(0)), 9)


def _percent(part: Decimal | int, whole: Decimal | int) -> Decimal | None:
    return rounded(100 * Fraction(part) / Fraction(whole), 6) if whole else None


def _order(wallet: str, trade: Trade) -> tuple[int, int, int, str]:
    block = -1 if trade.block is None else trade.block
    return trade.time, block, 0 if trade.side == "BUY" else 1, _hash(wallet, trade.tx_hash, trade.token)


def _hash(*parts: object) -> str:
    return hashlib.sha256("|".join("" if part is None else str(part) for part in parts).encode()).hexdigest()


def rounded(value: Fraction, digits: int) -> Decimal:
    """`value` with `digits` decimals, half away from zero, from the exact fraction."""
    scaled = abs(value) * 10**digits
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    return Decimal(whole if value >= 0 else -whole).scaleb(-digits, _WIDE)
