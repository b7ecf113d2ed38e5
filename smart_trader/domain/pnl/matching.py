"""Sales matched to purchases, many positions at a time, as sums and look-ups over columns (numpy).

The formulas are those of docs/pnl.md. All units ever bought lie on one axis, purchase after purchase and position after
position: a purchase owns a stretch of it, and so does a sale, as far as it sold what had been bought. What two
stretches have in common is a match.

Columns are 64-bit integers. What could add up to more is matched trade by trade (`kernel/fifo.py`), which gives the
same at any width. Products are always Python's integers.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from smart_trader.domain.kernel.fifo import Lot, Position, Sale

Numbers = NDArray[Any]
"""Integers: int64 or, where that is too narrow, Python's own (dtype object)."""
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

_LIMIT = 2.0**62
"""What columns of 64-bit integers may add up to: a difference of two such sums, and twice such a sum, fit too."""
_MICROSECONDS_PER_MICROHOUR = 3_600
_FEW = 10_000


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Columns of the trades of whole positions (one wallet in one mint each), in their total order."""

    starts: Places
    """The first trade of each position; the first is 0."""
    is_buy: Flags
    quantity: Numbers
    """Base units."""
    value: Numbers
    """Nano-dollars; 0 where nobody knows."""
    has_value: Flags
    is_trusted: Flags
    """Whether money shows the value (`valuation.TRUSTED_SOURCES`)."""
    time: Places
    """Microseconds."""

    def __len__(self) -> int:
        return len(self.is_buy)

    @property
    def ends(self) -> Places:
        """Behind the last trade of each position."""
        return np.append(self.starts, len(self))[1:]

    @property
    def lengths(self) -> Places:
        """Trades of each position."""
        return self.ends - self.starts

    def total(self, numbers: Numbers) -> Numbers:
        """The sum over each position."""
        return np.add.reduceat(numbers if _fit(numbers) else numbers.astype(object), self.starts)

    def of(self, rows: Flags) -> "Trades":
        """Those of some whole positions."""
        starts = (np.cumsum(rows) - 1)[self.starts[rows[self.starts]]]
        return Trades(starts, *(column[rows] for column in self.columns))

    @property
    def columns(self) -> tuple[Numbers, ...]:
        """All but `starts`."""
        return (self.is_buy, self.quantity, self.value, self.has_value, self.is_trusted, self.time)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What became of each trade, in columns beside those of `Trades`. 0 where a column does not apply."""

    matched: Numbers
    """Of a sale: units out of lots of known cost."""
    untrusted: Numbers
    """Of a sale: those of the matched units that were bought in trades that are not trusted."""
    unknown_cost: Numbers
    """Of a sale: units out of lots of unknown cost."""
    unmatched: Numbers
    """Of a sale: units never seen bought."""
    matched_proceeds: Numbers
    """Of a sale: the matched share of its value. 0 without a value."""
    cost: Numbers
    """Of a sale: what the matched units cost."""
    acquired_at: Places
    """Of a sale with matched units: when they were bought, weighted by quantity."""
    holding_hours: Places
    """Of a sale with matched units: hours from then, in millionths."""
    left: Numbers
    """Of a purchase: units not sold."""
    left_cost: Numbers
    """Of a purchase: what those cost; 0 where that is unknown."""


_SALE_COLUMNS = tuple(field.name for field in fields(Matches) if field.name in Sale._fields)
_columns_of = attrgetter(*_SALE_COLUMNS)


def match(trades: Trades) -> Matches:
    """Match the sales of each position to its purchases, oldest first, exactly as `kernel/fifo.py` does."""
    is_wide = np.repeat(_are_wide(trades), trades.lengths)
    if not is_wide.any():
        numbers = (trades.quantity.astype(np.int64), trades.value.astype(np.int64))
        return match_columns(replace(trades, quantity=numbers[0], value=numbers[1]))
    found = [(rows, way(trades.of(rows))) for rows, way in ((is_wide, match_in_turn), (~is_wide, match)) if rows.any()]
    whole = _nothing(len(trades), np.result_type(*(matches.cost for _, matches in found)))
    for rows, matches in found:
        for field in fields(Matches):
            getattr(whole, field.name)[rows] = getattr(matches, field.name)
    return whole


def _fit(numbers: Numbers) -> bool:
    """Whether all sums of some of them are 64-bit integers."""
    return bool(np.abs(numbers.astype(float)).sum() < _LIMIT)


def _are_wide(trades: Trades) -> Flags:
    """The positions without which the sums of all others fit."""
    if _fit(trades.quantity) and _fit(trades.value):
        return np.zeros(len(trades.starts), bool)
    sums = (np.add.reduceat(numbers.astype(float), trades.starts) for numbers in (trades.quantity, trades.value))
    totals = np.maximum(*sums)
    wide: Flags = totals >= _LIMIT / len(totals)
    return wide


def _nothing(count: int, kind: Any) -> Matches:
    times = ("acquired_at", "holding_hours")
    return Matches(*(np.zeros(count, np.int64 if field.name in times else kind) for field in fields(Matches)))


def match_in_turn(trades: Trades) -> Matches:
    """The same trade by trade, for sums of any width."""
    try:
        return _walk(trades, trades.quantity.dtype)
    except OverflowError:  # the cost of a sale, from lots that are narrow each
        return _walk(trades, object)


def _walk(trades: Trades, kind: Any) -> Matches:
    found = _nothing(len(trades), kind)
    position, begins = Position(), set(trades.starts.tolist())
    for row, (is_buy, quantity, value, has_value, is_trusted, time) in enumerate(_in_turn(trades)):
        if row in begins:
            _note_left(position, found)
            position = Position()
        if is_buy:
            position.buy(Lot(row, time, quantity, value if has_value else None, is_trusted=is_trusted))
            continue
        sale = position.sell(quantity, value if has_value else None, time)
        for name, number in zip(_SALE_COLUMNS, _columns_of(sale), strict=True):
            getattr(found, name)[row] = number or 0
    _note_left(position, found)
    return found


def _in_turn(trades: Trades) -> Iterator[tuple[Any, ...]]:
    """Row by row in Python's own numbers, of which few are made at a time."""
    for start in range(0, len(trades), _FEW):
        yield from zip(*(column[start : start + _FEW].tolist() for column in trades.columns), strict=True)


def _note_left(position: Position, found: Matches) -> None:
    for lot in position.lots:
        found.left[lot.name], found.left_cost[lot.name] = lot.left, lot.left_cost


@dataclass(frozen=True, slots=True, eq=False)
class _Lots:
    """The purchases of all positions in order, after one of nothing that ends where the axis begins."""

    end: Numbers
    size: Numbers
    cost: Numbers
    is_known: Flags
    is_trusted: Flags
    time: Places

    def rest_cost(self, lots: Places, rest: Numbers) -> Numbers:
        """What the last `rest` units of some lots cost, rounded half down: what was paid before them is rounded up."""
        cost, size = self.cost[lots], self.size[lots]
        found = np.where(rest == size, cost, 0)
        inside = np.flatnonzero((rest > 0) & (rest < size))
        c, s, r = cost[inside].astype(object), size[inside].astype(object), rest[inside]
        found[inside] = -((s - 2 * c * r) // (2 * s))
        return found


def match_columns(trades: Trades) -> Matches:
    """The same by sums over columns. Sums of quantities, and of values, must fit the type of their column."""
    is_buy, quantity = trades.is_buy, trades.quantity
    bought = np.where(is_buy, quantity, 0)
    sold = quantity - bought
    bought_so_far, sold_so_far = np.cumsum(bought), np.cumsum(sold)
    lengths = trades.lengths
    origin = np.repeat((bought_so_far - bought)[trades.starts], lengths)
    sold_before = np.repeat((sold_so_far - sold)[trades.starts], lengths)
    never_bought = np.maximum.accumulate(np.maximum(sold_so_far - (bought_so_far - origin), sold_before))
    # Where on the axis the stretch of the last sale ends, after each trade.
    until = origin + sold_so_far - never_bought
    lots = _lots(trades, bought_so_far)
    left, left_cost = np.zeros_like(quantity), np.zeros_like(quantity)
    buys = np.flatnonzero(is_buy)
    gone = np.repeat(until[trades.ends - 1], lengths)[buys]
    left[buys] = np.clip(lots.end[1:] - gone, 0, lots.size[1:])
    left_cost[buys] = lots.rest_cost(np.arange(1, len(buys) + 1), left[buys])
    return Matches(*(*_sales(trades, lots, origin, until), left, left_cost))


def _lots(trades: Trades, bought_so_far: Numbers) -> _Lots:
    buys = trades.is_buy
    columns = (bought_so_far, trades.quantity, trades.value, trades.has_value, trades.is_trusted, trades.time)
    return _Lots(*(np.insert(column[buys], 0, 0) for column in columns))


def _sales(trades: Trades, lots: _Lots, origin: Numbers, until: Numbers) -> tuple[Numbers, ...]:
    """The columns of `Matches` about sales. `until` is where on the axis the stretch of each ends."""
    sales = np.flatnonzero(~trades.is_buy)
    since = np.insert(until, 0, 0)[:-1]
    since[trades.starts] = origin[trades.starts]
    begin, end, quantity = since[sales], until[sales], trades.quantity[sales]
    last = np.searchsorted(lots.end, end)
    matched, untrusted, cost = _matched(lots, begin, end, last)
    acquired_at = np.where(matched > 0, _acquired(lots, begin, end, last, matched), 0)
    held = np.where(matched > 0, trades.time[sales] - acquired_at, 0)
    found = (
        *(matched, untrusted, end - begin - matched, quantity - (end - begin)),
        *(_proceeds(trades.value[sales], matched, quantity), cost, acquired_at),
        (2 * held + _MICROSECONDS_PER_MICROHOUR) // (2 * _MICROSECONDS_PER_MICROHOUR),
    )
    return tuple(_scattered(sales, values, len(trades)) for values in found)


def _matched(lots: _Lots, begin: Numbers, end: Numbers, last: Places) -> tuple[Numbers, Numbers, Numbers]:
    """Units of known cost in each stretch, those of them bought untrusted, and what the first cost.

    `last` is the purchase in which a stretch ends.
    """
    is_first = np.ones(len(begin), bool)
    is_first[1:] = begin[1:] != end[:-1]
    first_begins = np.searchsorted(lots.end, begin[is_first])
    rest = lots.end[last] - end

    def inside(of_lots: Numbers, in_rest: Numbers) -> Numbers:
        """What the lots have in each stretch: their sum where it ends less that where it begins, which is where the
        one before ended, or where the position begins."""
        so_far = np.cumsum(of_lots)
        to_end = so_far[last] - in_rest
        to_begin = np.insert(to_end, 0, 0)[:-1]
        to_begin[is_first] = so_far[first_begins]
        found: Numbers = to_end - to_begin
        return found

    def units(is_counted: Flags) -> Numbers:
        return inside(np.where(is_counted, lots.size, 0), np.where(is_counted[last], rest, 0))

    is_doubtful = lots.is_known & ~lots.is_trusted
    untrusted = units(is_doubtful) if is_doubtful.any() else np.zeros_like(rest)
    return units(lots.is_known), untrusted, inside(lots.cost, lots.rest_cost(last, rest))


def _proceeds(value: Numbers, matched: Numbers, quantity: Numbers) -> Numbers:
    """The share of each value that the matched units have in the quantity."""
    proceeds = np.where(matched == quantity, value, 0)
    part = np.flatnonzero((matched > 0) & (matched < quantity))
    proceeds[part] = _rounded(value[part].astype(object) * matched[part], quantity[part])
    return proceeds


def _scattered(rows: Places, values: Numbers, count: int) -> Numbers:
    """A column of `count` numbers with `values` in some rows and 0 elsewhere."""
    column = np.zeros(count, values.dtype)
    column[rows] = values
    return column


def _acquired(lots: _Lots, begin: Numbers, end: Numbers, last: Places, matched: Numbers) -> Places:
    """When the matched units of each stretch were bought, weighted by quantity, rounded down."""
    first = np.searchsorted(lots.end, begin, side="right")
    found = lots.time[last]
    many = np.flatnonzero((matched > 0) & (first < last))
    if not len(many):
        return found
    counts = (last - first)[many] + 1
    starts = np.cumsum(counts) - counts
    lot = np.repeat(first[many] - starts, counts) + np.arange(counts.sum())
    begins = np.maximum(lots.end[lot] - lots.size[lot], np.repeat(begin[many], counts))
    units = np.minimum(lots.end[lot], np.repeat(end[many], counts)) - begins
    oldest = lots.time[first[many]]
    later = lots.time[lot] - np.repeat(oldest, counts)
    weighted = np.add.reduceat(np.where(lots.is_known[lot], units, 0).astype(object) * later, starts)
    found[many] = oldest + (weighted // matched[many]).astype(np.int64)
    return found


def _rounded(numerator: Numbers, denominator: Numbers) -> Numbers:
    """Not negative, to the nearest, a half up."""
    rounded: Numbers = (2 * numerator + denominator) // (2 * denominator)
    return rounded
