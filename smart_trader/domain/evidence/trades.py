"""A trade down to the rows that were served: how they were netted, which leg gave the value, what prices were compared.

Netted and valued by the kernel, from the rows of the trade's swap.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from smart_trader.domain.evidence.figures import (
    RAW_UNIT,
    TOKENS_UNIT,
    USD_UNIT,
    UTC_UNIT,
    Block,
    Figure,
    Row,
    exact,
    is_one_of,
    scaled,
    stored,
    to_integer,
)
from smart_trader.domain.kernel.money import PRICE, SOL, SOL_PLACES, STABLE_PLACES
from smart_trader.domain.kernel.swaps import Part, Swap, SwapRow, money_in, moved_rows, swaps_in
from smart_trader.domain.kernel.trades import BUY
from smart_trader.domain.kernel.valuation import (
    TOKEN_PRICE,
    TRUSTED_SOURCES,
    VOLUME_USD,
    Leg,
    MovedRow,
    ValueRules,
    money_price,
)
from smart_trader.domain.silver import trades
from smart_trader.domain.silver.units import WalletUnits

_LEG = ("address", "symbol", "decimals", "multiplier", "change_raw", "price")
_SIDES = ("base", "quote")
_INDEX = ("ins_index", "inner_ins_index")
_KEPT = {
    "side": "",
    "quantity_raw": "",
    "value_usd": "",
    "value_source": "",
    "price_check": "",
    "token_symbol": "",
    "decimals": "last(leg.decimals, leg.asset == token_address)",
    "block_time": "last(row.block_time)",
    "block_number": "last(row.block_number)",
    "source": "last(row.source)",
    "swap_group_id": "",
}
_NOTES = {
    "price_check": "by the worst of the rows' gaps: up to pnl.price_gap_ok ok, up to pnl.price_gap_suspect suspect,"
    " beyond rejected (suspect if money gave the value); one_sided where no row has two prices",
    "swap_group_id": "shared by the two sides of a swap of two tokens",
}


@dataclass(frozen=True, slots=True)
class Netting:
    """What a wallet's rows are netted by."""

    units: WalletUnits
    rules: ValueRules
    with_raw: bool = False
    """Whether rows show their text as served."""


def in_order(rows: Sequence[Row]) -> list[Row]:
    """Rows of a transaction by index: (ins_index, inner_ins_index, event_id), nulls first."""
    places = [tuple((row[name] is not None, row[name] or 0) for name in _INDEX) for row in rows]
    return [row for _, row in sorted(zip(places, rows, strict=True), key=lambda pair: (pair[0], pair[1]["event_id"]))]


def swap_row(row: Row, units: WalletUnits) -> SwapRow:
    """A row of `bronze.transaction_history` as netting takes it."""
    legs = [_kernel_value(name, row[f"{side}_{name}"]) for side in _SIDES for name in _LEG]
    plain = (*legs, to_integer(row["volume_usd"], 9))
    return SwapRow(*(units.known_row(plain, row["event_id"]) if units else plain))


def _kernel_value(name: str, value: Any) -> Any:
    if name == "change_raw":
        return int(value)
    return to_integer(value, 18) if name in ("multiplier", "price") else value


def trade_block(trade: Row, rows: Sequence[Row], by: Netting, links: dict[str, tuple[str, str]]) -> Block:
    """The block of a row of `silver.trades`, given the rows of its swap."""
    served = in_order(rows)
    known = [swap_row(row, by.units) for row in served]
    swaps = list(swaps_in(moved_rows(known, by.rules), by.rules))
    parts = [
        part
        for swap in swaps
        for part in swap.parts()
        if part.token == trade["token_address"] and (part.change > 0) == (trade["side"] == BUY)
    ]
    seen = _Seen(trade, served, known, by)
    if len(swaps) != 1 or not parts or len(rows) != len(trade["event_ids"]):
        found = f"{len(rows)} of its {len(trade['event_ids'])} rows are in bronze.transaction_history"
        return seen.block([Figure("rows", len(rows), note=found)], seen.all_rows(), {}, links)
    if parts[0].place is not None:
        return _row_by_row(seen, swaps[0], parts, links)
    figures, money, formulas = _valued(seen, swaps[0], parts[0], "trade")
    formulas["quantity_raw"] = "abs(sum(leg.change_raw, leg.asset == token_address))"
    return seen.block(figures, [*money, *seen.all_rows(swaps[0], parts[0])], formulas, links)


def arbitrage_block(tx_hash: str, rows: Sequence[Row], by: Netting) -> Block:
    """The block of a transaction that left no token, given its rows in their order."""
    seen = _Seen({}, rows, [swap_row(row, by.units) for row in rows], by)
    return Block("arbitrage", tx_hash, [Figure("tx_hash", tx_hash)], seen.all_rows())


class _Seen:
    """The rows of a transaction or a swap, as served and as netting sees them."""

    def __init__(self, trade: Row, served: Sequence[Row], known: Sequence[SwapRow], by: Netting) -> None:
        self.trade, self._served, self._known, self.by = trade, served, known, by
        self.moved = moved_rows(known, by.rules)

    def block(
        self,
        figures: Sequence[Figure],
        blocks: Sequence[Block],
        formulas: dict[str, str],
        links: dict[str, tuple[str, str]],
    ) -> Block:
        trade = self.trade
        own = stored(trades.TABLE, trade, (_KEPT if formulas else dict.fromkeys(_KEPT, "")) | formulas, _NOTES)
        more = [
            Figure("token_address", trade["token_address"]),
            Figure("tx_hash", trade["tx_hash"]),
            Figure("is_trusted", trade["value_source"] in TRUSTED_SOURCES, is_one_of("value_source", TRUSTED_SOURCES)),
        ]
        if trade["side"] == BUY:
            more.append(Figure("cost_known", trade["cost_known"], "known(value_usd)"))
        return Block("trade", trade["trade_id"], [*own, *more, *figures], blocks, links)

    def all_rows(self, swap: Swap | None = None, part: Part | None = None) -> list[Block]:
        return [self.row(place, swap, part) for place in range(len(self._served))]

    def row(self, place: int, swap: Swap | None = None, part: Part | None = None) -> Block:
        """A served row, with what the valuation of `part` looks at in it."""
        row, moved = self._served[place], self.moved[place]
        figures = [
            Figure("block_time", row["block_time"], unit=UTC_UNIT),
            Figure("block_number", row["block_number"]),
            Figure("tx_hash", row["tx_hash"]),
            *(Figure(name, row[name]) for name in (*_INDEX, "source", "pool_address")),
            Figure("volume_usd", scaled(moved.volume, 9), unit=USD_UNIT),
            Figure("fetched_at", row["fetched_at"], unit=UTC_UNIT),
            Figure("batch_id", row["batch_id"], note="the run that fetched it"),
        ]
        value = part.value if part else None
        if value is not None and value.source == VOLUME_USD and value.of and moved.touches(value.of):
            moves = "sum(leg.change_raw, leg.asset == value_of)"
            figures.append(Figure("moved", moved.moved(value.of), moves, RAW_UNIT))
        prices = [leg for leg in moved.legs if leg.price is not None]
        if len(prices) == 2 == len(moved.legs):
            gap = "max(leg.worth_usd) / min(leg.worth_usd)"
            figures.append(Figure("price_gap", _gap(moved.legs), gap, "times"))
        if self.by.with_raw:
            figures.append(Figure("raw", row["raw"], note="as served"))
        is_paid = bool(part and swap and _passed_through(part) and moved.has_money and moved.touches(part.pair or ""))
        return Block("row", row["event_id"], figures, _legs(self._known[place], moved, is_paid=is_paid))


def _gap(legs: Sequence[Leg]) -> Any:
    worths = sorted(_worth(leg) for leg in legs)
    low, high = worths
    if not low:
        return None
    twice = 2 * 10**6 * high / low + 1
    return scaled(int(twice) // 2, 6)


def _worth(leg: Leg) -> Any:
    assert leg.price is not None
    return exact(abs(leg.change) * leg.price, PRICE * 10**leg.places)


def _legs(row: SwapRow, moved: MovedRow, *, is_paid: bool) -> list[Block]:
    """The legs that moved something."""
    served = [side for side in (row[:6], row[6:12]) if side[4]]
    return [_leg(side, leg, number, is_paid) for number, (side, leg) in enumerate(zip(served, moved.legs, strict=True))]


def _leg(side: tuple[Any, ...], leg: Leg, number: int, is_paid: bool) -> Block:
    mint, symbol, decimals, multiplier, change, price = side
    scale = PRICE if leg.is_money or multiplier is None else multiplier
    is_known = leg.decimals is not None and scale > 0
    units = exact(abs(change) * scale, PRICE * 10 ** (leg.decimals or 0)) if is_known else None
    figures = [
        Figure("number", number),
        Figure("mint", mint),
        Figure("asset", leg.asset, note="native and wrapped SOL are the same money"),
        Figure("symbol", symbol),
        Figure("change_raw", change, unit=RAW_UNIT),
        Figure("decimals", leg.decimals if leg.is_money else decimals),
        Figure(
            "multiplier", exact(scale, PRICE) if scale else None, note="unknown of a scaled token whose rows do not say"
        ),
        Figure("units", units, "abs(change_raw) * multiplier / 10 ** decimals", TOKENS_UNIT),
        Figure("price", None if leg.price is None else exact(price, PRICE), unit=USD_UNIT),
        Figure("is_money", leg.is_money),
    ]
    if leg.price is None and price is not None:
        figures.append(Figure("refused_price", exact(price, PRICE), unit=USD_UNIT, note="counts as not given"))
    if leg.price is not None:
        figures.append(Figure("worth_usd", _worth(leg), "units * price", USD_UNIT))
    if is_paid:
        figures.append(Figure("is_paid", True, note="its row has money and the token sold"))
    return Block("leg", f"{number}", figures)


def _passed_through(part: Part) -> bool:
    return part.pair is not None and part.value is not None and part.value.is_money


def _row_by_row(seen: _Seen, swap: Swap, parts: Sequence[Part], links: dict[str, tuple[str, str]]) -> Block:
    """A trade that is the sum of what single rows are by themselves."""
    blocks, used = list[tuple[int, Block]](), set[tuple[int, int]]()
    for number, part in enumerate(parts):
        assert part.place is not None
        leg = _leg_of(seen.moved[part.place], part, [at for place, at in used if place == part.place])
        used.add((part.place, leg))
        figures, money, formulas = _valued(seen, swap, part, "part")
        value = part.value
        worth = None if value is None else exact(value.numerator, value.denominator)
        own = [
            Figure("leg_number", leg),
            Figure("quantity_raw", abs(part.change), "abs(sum(leg.change_raw, leg.number == leg_number))", RAW_UNIT),
            Figure("worth_usd", worth, formulas.get("value_usd", ""), USD_UNIT),
            Figure("source", value.source if value else None),
            Figure("price_check", part.check),
        ]
        below = [*money, seen.row(part.place, swap, part)]
        blocks.append((part.place, Block("part", f"{number}", [*own, *figures], below)))
    of_parts = {place for place, _ in used}
    others = [(place, block) for place, block in enumerate(seen.all_rows()) if place not in of_parts]
    in_turn = [block for _, block in sorted([*blocks, *others], key=itemgetter(0))]
    formulas = {"quantity_raw": "sum(part.quantity_raw)"}
    if seen.trade["value_usd"] is not None:
        formulas["value_usd"] = "sum(part.worth_usd)"
    note = "the swap leaves more than one token and its money: each row counts by itself"
    return seen.block([Figure("netting", "row by row", note=note)], in_turn, formulas, links)


def _leg_of(moved: MovedRow, part: Part, used: Sequence[int]) -> int:
    """The leg of its row that a part is."""
    alike = enumerate(leg.asset == part.token and leg.change == part.change for leg in moved.legs)
    return next(at for at, is_it in alike if is_it and at not in used)


def _valued(seen: _Seen, swap: Swap, part: Part, scope: str) -> tuple[list[Figure], list[Block], dict[str, str]]:
    """The figures, the money and the formula of `value_usd` of a part, which is the block of kind `scope`."""
    value, trade = part.value, seen.trade
    if value is None or (scope == "trade" and trade["value_usd"] is None):
        return [], [], {}
    if value.is_money:
        return _by_money(seen, swap, part, scope)
    if part.place is not None:
        legs = seen.moved[part.place].legs
        if len({leg.asset for leg in legs}) < len(legs):  # a token for itself: which leg gave the value, no name tells
            return [], [], {}
        swap = Swap([seen.moved[part.place]], (part.place,), seen.by.rules)
    of = Figure("value_of", value.of, note="the token whose volume or price gave the value")
    if value.source == VOLUME_USD:
        sign = "" if _direction(part, value.of) > 0 else "-"
        with_it, against = f"{sign}row.moved >= 0", f"{sign}row.moved < 0"
        return [of], [], {"value_usd": f"sum(row.volume_usd, {with_it}) - sum(row.volume_usd, {against})"}
    assert value.source == TOKEN_PRICE
    priced = "leg.asset == value_of and known(leg.price)"
    last = next(leg for leg in reversed(swap.legs) if leg.asset == value.of and leg.price is not None)
    per_raw = Figure("usd_per_raw", exact(last.price or 0, PRICE * 10**last.places), "", USD_UNIT)
    formula = f"last(leg.price * leg.multiplier / 10 ** leg.decimals, {priced})"
    amount = "abs(sum(leg.change_raw, leg.asset == value_of)) * usd_per_raw"
    return [of, per_raw._replace(formula=formula)], [], {"value_usd": amount}


def _direction(part: Part, of: str | None) -> int:
    """Which way the token went whose volume counts."""
    is_other = part.token != of
    return -part.change if is_other else part.change


def _by_money(seen: _Seen, swap: Swap, part: Part, scope: str) -> tuple[list[Figure], list[Block], dict[str, str]]:
    assert part.value is not None
    rules, legs, condition = seen.by.rules, swap.legs, "leg.asset == asset"
    figures: list[Figure] = []
    formula = "abs(sum(money.worth_usd))"
    if part.place is not None:
        row = seen.moved[part.place]
        legs = list(row.legs)
        amounts = {leg.asset: leg.change for leg in row.legs if leg.is_money and leg.change * part.change < 0}
    elif part.pair is not None:
        paid = [row for row in seen.moved if row.has_money and row.touches(part.pair)]
        amounts, condition = money_in(paid), f"{condition} and leg.is_paid"
        sold = "abs(sum(leg.change_raw, leg.asset == sold_token))"
        carried = "abs(sum(leg.change_raw, leg.asset == sold_token and leg.is_paid))"
        figures = [
            Figure("sold_token", part.pair),
            Figure("sold_raw", -swap.tokens[part.pair], sold, RAW_UNIT),
            Figure("carried_raw", abs(sum(row.moved(part.pair) for row in paid)), carried, RAW_UNIT),
        ]
        formula = "sum(money.worth_usd) * sold_raw / carried_raw"
    else:
        amounts = swap.money
    return (
        figures,
        [_money(kind, n, legs, rules, scope, condition) for kind, n in amounts.items()],
        {"value_usd": formula},
    )


def _money(kind: str, amount: int, legs: Sequence[Leg], rules: ValueRules, scope: str, condition: str) -> Block:
    """What remains of a kind of money, and what it counts for."""
    places, price = SOL_PLACES if kind == SOL else STABLE_PLACES, money_price(legs, kind, rules)
    assert price is not None
    inside = condition.replace("leg.", f"{scope}.leg.")
    given = f"last({scope}.leg.price, {scope}.leg.asset == asset and known({scope}.leg.price))"
    is_near = f"abs({given} - 1) <= setting('pnl.stable_price_tolerance')"
    used = f"{given} if known({given}) and not {is_near} and 0.5 <= {given} <= 2 else 1"
    figures = [
        Figure("asset", kind),
        Figure("amount_raw", amount, f"sum({scope}.leg.change_raw, {inside})", RAW_UNIT),
        Figure("decimals", places),
        Figure("price", exact(price, PRICE), given if kind == SOL else used, USD_UNIT),
        Figure("worth_usd", exact(amount * price, PRICE * 10**places), "amount_raw / 10 ** decimals * price", USD_UNIT),
    ]
    return Block("money", kind, figures)
