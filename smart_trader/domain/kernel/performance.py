"""What a wallet earned, in one token and in all of them: the figures of `silver.wallet_pnl` (docs/pnl.md).

Integers throughout: nano-dollars, base units, microseconds, and for percentages, ratios and hours millionths.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from itertools import chain
from operator import add, sub
from typing import Any, NamedTuple

from smart_trader.domain.kernel.marks import Holding, MarkRules, Quote, Scale, is_worthless, mark_position, together
from smart_trader.domain.kernel.money import MICRO, round_half_away
from smart_trader.domain.kernel.statistics import DECIMALS, Z_95
from smart_trader.domain.kernel.totals import Inventory, TradeTotals

MICROSECONDS_PER_DAY = 86_400 * 10**6


@dataclass(frozen=True, slots=True)
class WalletFacts:
    """What is known of a wallet from outside its trades."""

    history_complete: bool
    arbitrage_tx_count: int
    rejected_rows: int


Figures = Mapping[str, Sequence[Any]]
"""Figures by their column of `silver.wallet_pnl`: one for each position, or for each wallet."""


class Results(NamedTuple):
    """Tokens judged, as columns: one figure for each position, or for each wallet."""

    totals: TradeTotals
    holdings: list[Holding]
    won: list[int]
    """Tokens that are a win."""
    lost: list[int]
    best_gain: list[int | None]
    """Realized PnL of the best token; None without any."""
    gross_gain: list[int]
    """Realized PnL of the tokens with one above 0."""

    def part(self, rows: slice) -> "Results":
        """Some of the rows."""
        return Results(
            TradeTotals._make(column[rows] for column in self.totals),
            *(self.holdings[rows], self.won[rows], self.lost[rows], self.best_gain[rows], self.gross_gain[rows]),
        )

    def whole(self) -> "Results":
        """All of it in one figure for each column."""
        tokens = [gain for gain in self.best_gain if gain is not None]
        return Results(
            self.totals.whole(),
            [together(self.holdings)],
            [sum(self.won)],
            [sum(self.lost)],
            [max(tokens, default=None)],
            [sum(self.gross_gain)],
        )


def join(parts: Sequence[Results]) -> Results:
    """The rows of all of them (at least one), part after part."""
    all_totals, *columns = zip(*parts, strict=True)
    return Results._make((TradeTotals._make(_chained(all_totals)), *_chained(zip(*columns, strict=True))))


def _chained(parts: Iterable[tuple[Any, ...]]) -> list[list[Any]]:
    """Each column through all parts."""
    return [list(chain.from_iterable(column)) for column in zip(*parts, strict=True)]


def judge_tokens(
    totals: TradeTotals,
    positions: Sequence[Inventory],
    scales: Sequence[Scale | None],
    quotes: Sequence[Quote | None],
    now: int,
    rules: MarkRules,
) -> Results:
    """Mark what is open of each token, and decide whether the token was a win or a loss.

    A token counts by what it brought once hardly anything is left of it, or once nobody will sell the rest any more;
    gains that no money shows do not count. `now` is the business time in microseconds.
    """
    holdings, outcomes = [], []
    closed, least = rules.closed_ratio, rules.min_coverage
    columns = (totals.trusted_pnl, totals.matched_proceeds, totals.total_sold, totals.last, positions, scales, quotes)
    for gained, matched, sold, last, position, scale, quote in zip(*columns, strict=True):
        outcome = 0
        bought, left = position.bought, position.left
        if matched * least.denominator >= least.numerator * sold:
            if bought and (bought - left) * closed.denominator >= closed.numerator * bought:
                outcome = gained
            elif left and last < now - rules.dead_after and is_worthless(position, scale, quote, now, rules):
                outcome = gained - (position.known_cost or 0)
        holdings.append(mark_position(position, scale, quote, now, rules))
        outcomes.append(outcome)
    gains = totals.realized
    gross = [max(gain, 0) for gain in gains]
    return Results(totals, holdings, [int(o > 0) for o in outcomes], [int(o < 0) for o in outcomes], list(gains), gross)


def token_figures(results: Results, history_complete: Sequence[bool]) -> Figures:
    """The rows of positions."""
    unknown = [None] * len(history_complete)
    return _figures(results) | {
        "history_complete": history_complete,
        "arbitrage_tx_count": unknown,
        "rejected_rows": unknown,
        "pnl_ex_best_token": unknown,
        "best_token_share": unknown,
    }


def wallet_figures(wholes: Results, facts: Sequence[WalletFacts]) -> Figures:
    """The `ALL_TOKENS` rows of wallets."""
    best = [gain or 0 for gain in wholes.best_gain]
    return _figures(wholes) | {
        "history_complete": [of_wallet.history_complete for of_wallet in facts],
        "arbitrage_tx_count": [of_wallet.arbitrage_tx_count for of_wallet in facts],
        "rejected_rows": [of_wallet.rejected_rows for of_wallet in facts],
        "pnl_ex_best_token": list(map(sub, wholes.totals.realized, best)),
        "best_token_share": _shares(MICRO, best, wholes.gross_gain),
    }


@lru_cache(maxsize=4096)
def wilson_lower_bound(wins: int, decided: int) -> int | None:
    """Lower end of the Wilson score interval at 95 %, in millionths of a percent; None without a decision.

    Wilson, E. B. (1927), Journal of the American Statistical Association 22.
    """
    if not decided:
        return None
    c, n, p, z2 = (
        DECIMALS,
        Decimal(decided),
        DECIMALS.divide(Decimal(wins), Decimal(decided)),
        DECIMALS.multiply(Z_95, Z_95),
    )
    spread = c.sqrt(
        c.add(
            c.divide(c.multiply(p, c.subtract(Decimal(1), p)), n),
            c.divide(z2, c.multiply(4, c.multiply(n, n))),
        )
    )
    centre = c.add(p, c.divide(z2, c.multiply(2, n)))
    lower = c.divide(c.subtract(centre, c.multiply(Z_95, spread)), c.add(Decimal(1), c.divide(z2, n)))
    return max(0, int(c.multiply(lower, Decimal(100 * MICRO)).to_integral_value(ROUND_HALF_UP)))


def days_spanned(first: int, last: int) -> int:
    """Days from first to last, counted up to whole days, at least 1."""
    return max(1, -((first - last) // MICROSECONDS_PER_DAY))


def _figures(results: Results) -> dict[str, Sequence[Any]]:
    """What is known of tokens and of wallets alike."""
    return (
        _of_sales(results.totals)
        | _of_trusted_sales(results.totals)
        | _of_trades(results.totals)
        | _of_decisions(results.won, results.lost)
        | _of_holdings(results.totals.realized, results.holdings)
    )


def _of_sales(totals: TradeTotals) -> dict[str, Sequence[Any]]:
    return {
        "realized_pnl": totals.realized,
        "cost_of_sold": totals.cost_of_sold,
        "roi": _shares(100 * MICRO, totals.realized, totals.cost_of_sold),
        "win_rate": _shares(100 * MICRO, totals.winning_sales, totals.matched_sales),
        "winning_sales": totals.winning_sales,
        "matched_sales": totals.matched_sales,
        "coverage_ratio": _shares(MICRO, totals.matched_proceeds, totals.total_sold),
        "unmatched_proceeds": list(map(sub, totals.total_sold, totals.matched_proceeds)),
        "avg_holding_time_hours": _shares(1, totals.hours_by_cost, totals.held_cost),
        "best_trade_roi": totals.best_trade_roi,
    }


def _of_trusted_sales(totals: TradeTotals) -> dict[str, Sequence[Any]]:
    """Figures that rank: without what was gained in sales whose values no money shows."""
    return {
        "trusted_pnl": totals.trusted_pnl,
        "trusted_cost_of_sold": totals.trusted_cost_of_sold,
        "trusted_sales": totals.trusted_sales,
        "trusted_winning_sales": totals.trusted_winning_sales,
        "trusted_roi": _shares(100 * MICRO, totals.trusted_pnl, totals.trusted_cost_of_sold),
        "trusted_win_rate": _shares(100 * MICRO, totals.trusted_winning_sales, totals.trusted_sales),
        "trusted_ratio": _shares(MICRO, totals.trusted_proceeds, totals.matched_proceeds),
    }


def _of_trades(totals: TradeTotals) -> dict[str, Sequence[Any]]:
    trades = list(map(add, totals.buys, totals.sells))
    spans = [
        None if first is None or last is None else days_spanned(first, last)
        for first, last in zip(totals.first, totals.last, strict=True)
    ]
    return {
        "trade_count": trades,
        "buy_count": totals.buys,
        "sell_count": totals.sells,
        "total_bought": totals.total_bought,
        "total_sold": totals.total_sold,
        "trade_frequency_daily": _shares(MICRO, trades, spans),
        "first_transaction": totals.first,
        "last_transaction": totals.last,
    }


def _of_decisions(won: Sequence[int], lost: Sequence[int]) -> dict[str, Sequence[Any]]:
    decided = list(map(add, won, lost))
    return {
        "token_win_rate": _shares(100 * MICRO, won, decided),
        "winning_tokens": won,
        "losing_tokens": lost,
        "win_rate_lower_bound": [wilson_lower_bound(*counts) for counts in zip(won, decided, strict=True)],
    }


def _of_holdings(realized: Sequence[int], holdings: Sequence[Holding]) -> dict[str, Sequence[Any]]:
    unrealized = [holding.unrealized for holding in holdings]
    return {
        "unrealized_pnl": unrealized,
        "total_pnl": [gain + (more or 0) for gain, more in zip(realized, unrealized, strict=True)],
        "current_position_tokens": [holding.tokens for holding in holdings],
        "current_position_cost_basis": [holding.cost_basis for holding in holdings],
        "current_position_value": [holding.value for holding in holdings],
        "unmarked_cost_basis": [holding.unmarked_cost_basis for holding in holdings],
        "mark_price": [holding.mark_price for holding in holdings],
        "mark_reason": [holding.mark_reason for holding in holdings],
    }


def _shares(unit: int, parts: Sequence[int], wholes: Sequence[int | None]) -> list[int | None]:
    """`unit` x part / whole; None where the whole is 0 or unknown."""
    return [round_half_away(unit * part, whole) if whole else None for part, whole in zip(parts, wholes, strict=True)]
