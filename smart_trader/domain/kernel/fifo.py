"""First-in-first-out matching of sales to the purchases that paid for them, as the closed form of docs/pnl.md.

All units ever bought lie on one axis, purchase after purchase and position after position: a purchase owns a stretch of
it, and so does a sale, as far as it sold what had been bought. What two stretches have in common is a match. So nothing
is walked through: many positions are matched by a few sums and look-ups over whole columns.

Columns are 64-bit integers where no sum over them can exceed that, else Python's integers, which are exact at any
width; the code is the same. Products always are Python's.

A sale larger than what is held is not an error: the history that we see has a beginning, and transfers are not in
it. That part has an unknown cost, which is neither zero nor profit.
"""

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
"""Integers: int64 or, where that is too narrow, Python's own (dtype object)."""
Flags = NDArray[np.bool_]
Places = NDArray[np.int64]

_LIMIT = 2.0**62
"""What columns of 64-bit integers may add up to: a difference of two such sums, and twice such a sum, fit too."""
_LONG = 100_000
"""Trades that are matched at once of a position."""
_MICROSECONDS_PER_MICROHOUR = 3_600


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
        return (self.is_buy, self.quantity, self.value, self.has_value, self.time)


@dataclass(frozen=True, slots=True, eq=False)
class Matches:
    """What became of each trade, in columns beside those of `Trades`. 0 where there is nothing to say."""

    matched: Numbers
    """Of a sale: units out of lots of known cost."""
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


_LOT_COLUMNS = ("left", "left_cost")
_TIMES = ("acquired_at", "holding_hours")
_SALE_COLUMNS = tuple(field.name for field in fields(Matches) if field.name not in _LOT_COLUMNS)


def match(trades: Trades) -> Matches:
    """Match the sales of each position to its purchases, oldest first.

    Costs are rounded once, at the point between two sales: what was paid up to it, half up. So costs add up to the last
    digit.
    """
    lengths = trades.lengths
    is_long, is_wide = lengths > _LONG, _are_wide(trades)
    ways = [(_match, is_wide & ~is_long), (_match, ~is_wide & ~is_long)]
    ways += [(_match_in_pieces, np.arange(len(lengths)) == place) for place in np.flatnonzero(is_long)]
    parts = [(np.repeat(positions, lengths), match_part) for match_part, positions in ways if positions.any()]
    found = [(rows, match_part(trades.of(rows))) for rows, match_part in parts]
    if len(found) == 1:
        return found[0][1]
    whole = _nothing(len(trades), np.result_type(trades.quantity, *(matches.cost for _, matches in found)))
    for rows, matches in found:
        for name in (*_SALE_COLUMNS, *_LOT_COLUMNS):
            getattr(whole, name)[rows] = getattr(matches, name)
    return whole


def _fit(numbers: Numbers) -> bool:
    """Whether all sums of some of them are 64-bit integers."""
    return bool(np.abs(numbers.astype(float)).sum() < _LIMIT)


def _are_wide(trades: Trades) -> Flags:
    """The positions that would make all others wide too. The sums of the rest fit."""
    if _fit(trades.quantity) and _fit(trades.value):
        return np.zeros(len(trades.starts), bool)
    totals = np.maximum(*(trades.total(numbers.astype(float)) for numbers in (trades.quantity, trades.value)))
    return totals >= _LIMIT / len(totals)


def _nothing(count: int, kind: Any) -> Matches:
    """Columns of zeros, wide enough for numbers of that kind."""
    return Matches(*(np.zeros(count, np.int64 if name in _TIMES else kind) for name in (*_SALE_COLUMNS, *_LOT_COLUMNS)))


def _match_in_pieces(trades: Trades) -> Matches:
    """One long position piece by piece, so that sums fit and little memory is needed.

    What is left of it goes into the next piece as it was bought, followed by a sale of what is gone of that.
    """
    whole = _nothing(len(trades), trades.quantity.dtype if _fit(trades.value) else object)
    held, begin = np.empty(0, np.int64), 0
    while begin < len(trades):
        rows = np.append(held, np.arange(begin, min(len(trades), begin + max(_LONG, len(held)))))
        gone = (trades.quantity[held] - whole.left[held]).sum()
        sale = (False, gone, 0, False, 0)
        columns = (
            np.insert(column[rows], len(held), value) for column, value in zip(trades.columns, sale, strict=True)
        )
        found = _match(Trades(np.zeros(1, np.int64), *columns))
        for name in _LOT_COLUMNS:
            getattr(whole, name)[rows] = np.delete(getattr(found, name), len(held))
        for name in _SALE_COLUMNS:
            getattr(whole, name)[rows[len(held) :]] = getattr(found, name)[len(held) + 1 :]
        begin = rows[-1] + 1
        held = rows[whole.left[rows] > 0]
    return whole


@dataclass(frozen=True, slots=True, eq=False)
class _Lots:
    """The purchases of all positions in order, after one of nothing that ends where the axis begins."""

    end: Numbers
    size: Numbers
    cost: Numbers
    is_known: Flags
    time: Places

    @property
    def known_size(self) -> Numbers:
        return np.where(self.is_known, self.size, 0)

    def rest_cost(self, lots: Places, rest: Numbers) -> Numbers:
        """What the last `rest` units of some lots cost, rounded half down: what was paid before them is rounded up."""
        cost, size = self.cost[lots], self.size[lots]
        found = np.where(rest == size, cost, 0)
        inside = np.flatnonzero((rest > 0) & (rest < size))
        c, s, r = cost[inside].astype(object), size[inside].astype(object), rest[inside]
        found[inside] = -((s - 2 * c * r) // (2 * s))
        return found


def _match(trades: Trades) -> Matches:
    """Match positions whose numbers add up to what columns can hold."""
    kind = np.int64 if _fit(trades.quantity) and _fit(trades.value) else object
    quantity, value = trades.quantity.astype(kind), trades.value.astype(kind)
    trades = replace(trades, quantity=quantity, value=value)
    is_buy = trades.is_buy
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
    columns = (bought_so_far, trades.quantity, trades.value, trades.has_value, trades.time)
    return _Lots(*(np.insert(column[buys], 0, 0) for column in columns))


def _sales(trades: Trades, lots: _Lots, origin: Numbers, until: Numbers) -> tuple[Numbers, ...]:
    """The columns of `Matches` about sales. `until` is where on the axis the stretch of each ends."""
    sales = np.flatnonzero(~trades.is_buy)
    since = np.insert(until, 0, 0)[:-1]
    since[trades.starts] = origin[trades.starts]
    begin, end, quantity, value = since[sales], until[sales], trades.quantity[sales], trades.value[sales]
    is_first = np.ones(len(sales), bool)
    is_first[1:] = begin[1:] != end[:-1]
    last = np.searchsorted(lots.end, end)
    rest = lots.end[last] - end

    def up_to_begin(at_end: Numbers, at_lots_end: Numbers) -> Numbers:
        """The same sum where the stretch begins: where the one before ended, or where the position begins."""
        before = np.insert(at_end, 0, 0)[:-1]
        before[is_first] = at_lots_end[np.searchsorted(lots.end, begin[is_first])]
        return before

    paid, known = np.cumsum(lots.cost), np.cumsum(lots.known_size)
    paid_to_end = paid[last] - lots.rest_cost(last, rest)
    known_to_end = known[last] - np.where(lots.is_known[last], rest, 0)
    cost = paid_to_end - up_to_begin(paid_to_end, paid)
    matched = known_to_end - up_to_begin(known_to_end, known)
    proceeds = np.where(matched == quantity, value, 0)
    part = np.flatnonzero((matched > 0) & (matched < quantity))
    proceeds[part] = _rounded(value[part].astype(object) * matched[part], quantity[part])
    acquired_at = np.where(matched > 0, _acquired(lots, begin, end, last, matched), 0)
    held = np.where(matched > 0, trades.time[sales] - acquired_at, 0)
    hours = (2 * held + _MICROSECONDS_PER_MICROHOUR) // (2 * _MICROSECONDS_PER_MICROHOUR)
    found = matched, end - begin - matched, quantity - (end - begin), proceeds, cost, acquired_at, hours
    columns = []
    for values in found:
        column = np.zeros(len(trades), values.dtype)
        column[sales] = values
        columns.append(column)
    return tuple(columns)


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
