"""What a wallet earned, in one token and in all of them: the figures of `silver.wallet_pnl` (docs/pnl.md).

Integers throughout: nano-dollars, base units, microseconds, and for percentages, ratios and hours millionths.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields
from decimal import ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from smart_trader.domain.kernel.fifo import Lot, Sale
from smart_trader.domain.kernel.money import (
    MICRO,
    PRICE,
    RAW_LIMIT,
    USD,
    USD_LIMIT,
    round_half_away,
)

NO_PRICE, STALE_PRICE, THIN_MARKET = "no_price", "stale_price", "thin_market"

MICROSECONDS_PER_DAY = 86_400 * 10**6
_POSITION_DECIMALS = 18
_Z = Decimal("1.959963984540054")
_CONTEXT = Context(prec=60)


@dataclass(frozen=True, slots=True)
class MarkRules:
    """Thresholds of marks and of decided tokens; the defaults stand in conf/defaults.toml under `pnl`."""

    max_age: int
    """Microseconds since anybody traded the token."""
    max_share_of_liquidity: Fraction
    closed_ratio: Fraction
    dead_after: int
    """Microseconds without a trade of this wallet."""
    dead_value_ratio: Fraction
    min_coverage: Fraction


@dataclass(frozen=True, slots=True)
class Quote:
    """What the newest snapshot of a token says."""

    price: int | None
    """10^-18 USD a whole token."""
    liquidity: int | None
    """Nano-dollars."""
    last_trade_at: int | None

    def is_fresh(self, now: int, rules: MarkRules) -> bool:
        return self.last_trade_at is not None and self.last_trade_at >= now - rules.max_age


@dataclass(slots=True)
class Tally:
    """What adds up over trades, and over the tokens of a wallet."""

    realized: int = 0
    cost_of_sold: int = 0
    winning_sales: int = 0
    matched_sales: int = 0
    buys: int = 0
    sells: int = 0
    total_bought: int = 0
    total_sold: int = 0
    matched_proceeds: int = 0
    hours_by_cost: int = 0
    """Sum over sales of stored holding hours x cost."""
    held_cost: int = 0
    """Sum over sales of cost, the weight of those hours."""
    winning_tokens: int = 0
    losing_tokens: int = 0
    first: int | None = None
    last: int | None = None
    best_trade_roi: int | None = None

    @property
    def trades(self) -> int:
        return self.buys + self.sells

    def add_buy(self, value: int | None, at: int) -> None:
        """Add the next trade in order, a purchase."""
        self.buys += 1
        if value:
            self.total_bought += value
        if self.first is None:
            self.first = at
        self.last = at

    def add_sale(self, sale: Sale, value: int | None, at: int) -> None:
        """Add the next trade in order, a sale."""
        self.sells += 1
        if value:
            self.total_sold += value
        if self.first is None:
            self.first = at
        self.last = at
        _, _, _, proceeds, cost, realized, _, hours = sale
        if cost is None or hours is None:
            return
        self.hours_by_cost += hours * cost
        self.held_cost += cost
        if realized is None or proceeds is None:
            return
        self.matched_sales += 1
        self.winning_sales += realized > 0
        self.realized += realized
        self.cost_of_sold += cost
        self.matched_proceeds += proceeds
        best, gain = self.best_trade_roi, 100 * MICRO * realized
        if cost and (best is None or gain > best * cost):  # a division is only worth its time for what may be the best
            self._see_roi(round_half_away(gain, cost))

    def add(self, other: "Tally") -> None:
        """Add the tally of another token of the same wallet."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        if other.first is not None and (self.first is None or other.first < self.first):
            self.first = other.first
        if other.last is not None and (self.last is None or other.last > self.last):
            self.last = other.last
        self._see_roi(other.best_trade_roi)

    def _see_roi(self, roi: int | None) -> None:
        if roi is not None and (self.best_trade_roi is None or roi > self.best_trade_roi):
            self.best_trade_roi = roi


_SUMS = tuple(f.name for f in fields(Tally) if f.name not in ("first", "last", "best_trade_roi"))


@dataclass(frozen=True, slots=True)
class Holding:
    """What is open in one token, or in all of them, and what it is worth."""

    tokens: int | None = None
    """10^-18 whole tokens."""
    cost_basis: int | None = 0
    value: int | None = 0
    unrealized: int | None = 0
    unmarked_cost_basis: int = 0
    mark_price: int | None = None
    mark_reason: str | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a wallet from outside its trades."""

    history_complete: bool
    arbitrage_tx_count: int
    rejected_rows: int


class Figures(NamedTuple):
    """One row of `silver.wallet_pnl`, column by column in declared order, without the key and the state."""

    realized_pnl: int
    unrealized_pnl: int | None
    total_pnl: int
    cost_of_sold: int
    roi: int | None
    win_rate: int | None
    winning_sales: int
    matched_sales: int
    token_win_rate: int | None
    winning_tokens: int
    losing_tokens: int
    win_rate_lower_bound: int | None
    trade_count: int
    buy_count: int
    sell_count: int
    total_bought: int
    total_sold: int
    coverage_ratio: int | None
    unmatched_proceeds: int
    avg_holding_time_hours: int | None
    trade_frequency_daily: int | None
    current_position_tokens: int | None
    current_position_cost_basis: int | None
    current_position_value: int | None
    unmarked_cost_basis: int
    mark_price: int | None
    mark_reason: str | None
    first_transaction: int | None
    last_transaction: int | None
    history_complete: bool
    arbitrage_tx_count: int | None = None
    rejected_rows: int | None = None
    pnl_ex_best_token: int | None = None
    best_token_share: int | None = None
    best_trade_roi: int | None = None


@dataclass(slots=True)
class TokenResult:
    """One token of a wallet, judged."""

    tally: Tally
    holding: Holding


@dataclass(slots=True)
class Portfolio:
    """Gathers the tokens of one wallet as they come."""

    results: list[TokenResult] = field(default_factory=list)

    def figures(self, facts: Facts) -> Figures:
        """The wallet's `ALL_TOKENS` row."""
        total = Tally()
        for result in self.results:
            total.add(result.tally)
        gains = [result.tally.realized for result in self.results]
        gross = sum(gain for gain in gains if gain > 0)
        return _figures(
            total,
            _together([result.holding for result in self.results]),
            facts.history_complete,
            arbitrage_tx_count=facts.arbitrage_tx_count,
            rejected_rows=facts.rejected_rows,
            pnl_ex_best_token=total.realized - max(gains, default=0),
            best_token_share=_ratio(max(gains), gross) if gross else None,
        )


def judge_token(
    tally: Tally,
    lots: Sequence[Lot],
    bought: int,
    decimals: int | None,
    quote: Quote | None,
    now: int,
    rules: MarkRules,
) -> TokenResult:
    """Mark what is open of a token, and decide whether the token was a win or a loss.

    `bought` counts all base units ever bought; `now` is the business time in microseconds.
    """
    remaining = sum(lot.left for lot in lots)
    holding = _hold(lots, remaining, decimals, quote, now, rules)
    outcome = None
    closed = rules.closed_ratio
    if bought and (bought - remaining) * closed.denominator >= closed.numerator * bought:
        outcome = tally.realized
    elif _is_dead(tally, holding, remaining, decimals, quote, now, rules):
        outcome = tally.realized - (holding.cost_basis or 0)
    least = rules.min_coverage
    is_covered = tally.matched_proceeds * least.denominator >= least.numerator * tally.total_sold
    if outcome is not None and is_covered:
        tally.winning_tokens = int(outcome > 0)
        tally.losing_tokens = int(outcome < 0)
    return TokenResult(tally, holding)


def token_figures(result: TokenResult, facts: Facts) -> Figures:
    """The row of one wallet and token."""
    return _figures(result.tally, result.holding, facts.history_complete)


@lru_cache(maxsize=4096)
def wilson_lower_bound(wins: int, decided: int) -> int | None:
    """Lower end of the Wilson score interval at 95 %, in millionths of a percent; None without a decision.

    Wilson, E. B. (1927), Journal of the American Statistical Association 22.
    """
    if not decided:
        return None
    c, n, p, z2 = (
        _CONTEXT,
        Decimal(decided),
        _CONTEXT.divide(Decimal(wins), Decimal(decided)),
        _CONTEXT.multiply(_Z, _Z),
    )
    spread = c.sqrt(
        c.add(
            c.divide(c.multiply(p, c.subtract(Decimal(1), p)), n),
            c.divide(z2, c.multiply(4, c.multiply(n, n))),
        )
    )
    centre = c.add(p, c.divide(z2, c.multiply(2, n)))
    lower = c.divide(c.subtract(centre, c.multiply(_Z, spread)), c.add(Decimal(1), c.divide(z2, n)))
    return max(0, int(c.multiply(lower, Decimal(100 * MICRO)).to_integral_value(ROUND_HALF_UP)))


def days_spanned(first: int, last: int) -> int:
    """Days from first to last, counted up to whole days, at least 1."""
    return max(1, -((first - last) // MICROSECONDS_PER_DAY))


def _figures(
    tally: Tally,
    holding: Holding,
    history_complete: bool,
    *,
    arbitrage_tx_count: int | None = None,
    rejected_rows: int | None = None,
    pnl_ex_best_token: int | None = None,
    best_token_share: int | None = None,
) -> Figures:
    decided = tally.winning_tokens + tally.losing_tokens
    frequency = None
    if tally.first is not None and tally.last is not None:
        frequency = _ratio(tally.trades, days_spanned(tally.first, tally.last))
    return Figures(
        realized_pnl=tally.realized,
        unrealized_pnl=holding.unrealized,
        total_pnl=tally.realized + (holding.unrealized or 0),
        cost_of_sold=tally.cost_of_sold,
        roi=_percent(tally.realized, tally.cost_of_sold),
        win_rate=_percent(tally.winning_sales, tally.matched_sales),
        winning_sales=tally.winning_sales,
        matched_sales=tally.matched_sales,
        token_win_rate=_percent(tally.winning_tokens, decided),
        winning_tokens=tally.winning_tokens,
        losing_tokens=tally.losing_tokens,
        win_rate_lower_bound=wilson_lower_bound(tally.winning_tokens, decided),
        trade_count=tally.trades,
        buy_count=tally.buys,
        sell_count=tally.sells,
        total_bought=tally.total_bought,
        total_sold=tally.total_sold,
        coverage_ratio=_ratio(tally.matched_proceeds, tally.total_sold),
        unmatched_proceeds=tally.total_sold - tally.matched_proceeds,
        avg_holding_time_hours=round_half_away(tally.hours_by_cost, tally.held_cost) if tally.held_cost else None,
        trade_frequency_daily=frequency,
        current_position_tokens=holding.tokens,
        current_position_cost_basis=holding.cost_basis,
        current_position_value=holding.value,
        unmarked_cost_basis=holding.unmarked_cost_basis,
        mark_price=holding.mark_price,
        mark_reason=holding.mark_reason,
        first_transaction=tally.first,
        last_transaction=tally.last,
        history_complete=history_complete,
        arbitrage_tx_count=arbitrage_tx_count,
        rejected_rows=rejected_rows,
        pnl_ex_best_token=pnl_ex_best_token,
        best_token_share=best_token_share,
        best_trade_roi=tally.best_trade_roi,
    )


def _hold(
    lots: Sequence[Lot],
    remaining: int,
    decimals: int | None,
    quote: Quote | None,
    now: int,
    rules: MarkRules,
) -> Holding:
    if not remaining:
        return Holding(tokens=0)
    known = [lot for lot in lots if lot.cost is not None]
    known_cost = sum(lot.left_cost for lot in known) if known else None
    value = _worth(remaining, decimals, quote)
    reason = _refusal(value, quote, now, rules)
    unrealized = None
    if reason is None and known_cost is not None:
        known_worth = _worth(sum(lot.left for lot in known), decimals, quote)
        assert known_worth is not None
        gain = known_worth - known_cost
        unrealized = round_half_away(gain.numerator, gain.denominator)
    return Holding(
        tokens=_whole_tokens(remaining, decimals),
        cost_basis=known_cost,
        value=round_half_away(value.numerator, value.denominator) if value is not None and reason is None else None,
        unrealized=unrealized,
        unmarked_cost_basis=(known_cost or 0) if reason else 0,
        mark_price=quote.price if quote else None,
        mark_reason=reason,
        is_open=True,
    )


def _worth(units: int, decimals: int | None, quote: Quote | None) -> Fraction | None:
    """Exact nano-dollars of `units` at the quoted price; None without a usable price."""
    if quote is None or quote.price is None or quote.price <= 0 or decimals is None:
        return None
    return Fraction(units * quote.price * USD, PRICE * 10**decimals)


def _refusal(value: Fraction | None, quote: Quote | None, now: int, rules: MarkRules) -> str | None:
    """Why the mark is not to be trusted; None when it is."""
    if quote is None or value is None:
        return NO_PRICE
    if not quote.is_fresh(now, rules):
        return STALE_PRICE
    if quote.liquidity is None or value > rules.max_share_of_liquidity * quote.liquidity or value >= USD_LIMIT:
        return THIN_MARKET
    return None


def _is_dead(
    tally: Tally,
    holding: Holding,
    remaining: int,
    decimals: int | None,
    quote: Quote | None,
    now: int,
    rules: MarkRules,
) -> bool:
    """Nobody will sell this any more: not traded for days, and no fresh price or nearly worthless."""
    if not holding.is_open or tally.last is None or tally.last >= now - rules.dead_after:
        return False
    worth = _worth(remaining, decimals, quote)
    if worth is None or quote is None or not quote.is_fresh(now, rules):
        return True
    return worth < rules.dead_value_ratio * (holding.cost_basis or 0)


def _whole_tokens(units: int, decimals: int | None) -> int | None:
    """In 10^-18 whole tokens; None where that does not fit DECIMAL(38,18)."""
    if decimals is None or decimals > _POSITION_DECIMALS:
        return None
    tokens: int = units * 10 ** (_POSITION_DECIMALS - decimals)
    return tokens if tokens < RAW_LIMIT else None


def _together(holdings: Iterable[Holding]) -> Holding:
    """What is open over all tokens: sums of what is known, None if something is open and nothing known."""
    is_open = [holding for holding in holdings if holding.is_open]
    if not is_open:
        return Holding()
    return Holding(
        cost_basis=_sum_known(holding.cost_basis for holding in is_open),
        value=_sum_known(holding.value for holding in is_open),
        unrealized=_sum_known(holding.unrealized for holding in is_open),
        unmarked_cost_basis=sum(holding.unmarked_cost_basis for holding in is_open),
        is_open=True,
    )


def _sum_known(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def _percent(part: int, whole: int) -> int | None:
    """100 x part / whole in millionths of a percent; None when the whole is 0."""
    return round_half_away(100 * MICRO * part, whole) if whole else None


def _ratio(part: int, whole: int) -> int | None:
    return round_half_away(MICRO * part, whole) if whole else None
