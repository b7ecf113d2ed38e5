"""What a wallet earned in one token: each figure of its row of `silver.wallet_pnl`, and how the token counts."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from smart_trader.domain.evidence.figures import (
    PERCENT_UNIT,
    RAW_UNIT,
    TOKENS_UNIT,
    USD_UNIT,
    UTC_UNIT,
    Block,
    Figure,
    Row,
    exact,
    microseconds,
    moment,
    scaled,
    stored,
    to_integer,
)
from smart_trader.domain.kernel.marks import MarkReason, MarkRules, Quote, Scale, is_worthless, scale_of
from smart_trader.domain.kernel.money import MICRO, PRICE
from smart_trader.domain.kernel.skill import LEAST_RETURN, MOST_RETURN, token_return
from smart_trader.domain.kernel.totals import Inventory
from smart_trader.domain.kernel.trades import BUY, SELL
from smart_trader.domain.silver import wallet_pnl

_IS_BUY, _IS_SELL = f"trade.side == '{BUY}'", f"trade.side == '{SELL}'"
SHARED = {
    "roi": "100 * realized_pnl / cost_of_sold",
    "win_rate": "100 * winning_sales / matched_sales",
    "trade_count": "buy_count + sell_count",
    "coverage_ratio": "matched_proceeds / total_sold",
    "unmatched_proceeds": "total_sold - matched_proceeds",
    "avg_holding_time_hours": "hours_by_cost / held_cost",
    "trade_frequency_daily": "trade_count / whole_days(last_transaction - first_transaction)",
    "token_win_rate": "100 * winning_tokens / (winning_tokens + losing_tokens)",
    "win_rate_lower_bound": "wilson(winning_tokens, winning_tokens + losing_tokens)",
    "trusted_roi": "100 * trusted_pnl / trusted_cost_of_sold",
    "trusted_win_rate": "100 * trusted_winning_sales / trusted_sales",
    "trusted_ratio": "trusted_proceeds / matched_proceeds",
    "total_pnl": "realized_pnl + or_zero(unrealized_pnl)",
}
"""Formulas that are the same for a token and for all tokens."""
NOTES = {
    "roi": "unknown when nothing was sold that had cost anything",
    "coverage_ratio": "the share of the proceeds whose cost is known",
    "avg_holding_time_hours": "weighted by cost",
    "win_rate_lower_bound": "Wilson's interval at 95 %: few tokens prove little",
    "multiplier": "of the newest row or snapshot that gives one; none of a token that is not scaled",
    "trusted_pnl": "gains that no money shows are left out, losses are not",
}
_FORMULAS = {
    "realized_pnl": "sum(sale.realized_pnl_usd)",
    "unrealized_pnl": "0 if remaining_raw == 0 else"
    " known_remaining_raw * usd_per_raw - known_cost if not known(mark_reason) else None",
    "total_pnl": SHARED["total_pnl"],
    "cost_of_sold": "sum(sale.cost_usd, known(sale.realized_pnl_usd))",
    "winning_sales": "count(sale, sale.realized_pnl_usd > 0)",
    "matched_sales": "count(sale, known(sale.realized_pnl_usd))",
    "winning_tokens": "1 if outcome > 0 else 0",
    "losing_tokens": "1 if outcome < 0 else 0",
    "buy_count": f"count(trade, {_IS_BUY})",
    "sell_count": f"count(trade, {_IS_SELL})",
    "total_bought": f"sum(trade.value_usd, {_IS_BUY})",
    "total_sold": f"sum(trade.value_usd, {_IS_SELL})",
    "current_position_tokens": "0 if remaining_raw == 0 else remaining_raw * scale / 10 ** decimals"
    " if decimals <= 18 and remaining_raw * scale / 10 ** decimals < 10 ** 20 else None",
    "current_position_cost_basis": "0 if remaining_raw == 0 else known_cost",
    "current_position_value": "0 if remaining_raw == 0 else"
    " remaining_raw * usd_per_raw if not known(mark_reason) else None",
    "unmarked_cost_basis": "or_zero(known_cost) if known(mark_reason) else 0",
    "mark_price": "quoted_price if remaining_raw > 0 else None",
    "first_transaction": "min(trade.block_time)",
    "last_transaction": "max(trade.block_time)",
    "best_trade_roi": "max(100 * sale.realized_pnl_usd / sale.cost_usd)",
    "trusted_pnl": "sum(sale.result_usd, sale.is_counted)",
    "trusted_cost_of_sold": "sum(sale.cost_usd, sale.is_counted)",
    "trusted_sales": "count(sale, sale.is_counted)",
    "trusted_winning_sales": "count(sale, sale.is_counted and sale.result_usd > 0)",
    "history_complete": "",
    "multiplier": "",
    "computed_at": "",
}
_MARK_REASON = (
    f"None if remaining_raw == 0 else '{MarkReason.NO_DECIMALS}' if not known(scale) or not known(decimals)"
    f" else '{MarkReason.NO_PRICE}' if not known(usd_per_raw)"
    f" else '{MarkReason.STALE_PRICE}' if not is_fresh"
    f" else '{MarkReason.THIN_MARKET}' if not remaining_raw * usd_per_raw <="
    " setting('pnl.mark_max_share_of_liquidity') * liquidity or remaining_raw * usd_per_raw >= 10 ** 19 else None"
)


class Market(NamedTuple):
    """What the marks of a token go by: its newest snapshot then, and how many units base units are."""

    quote: Quote | None
    decimals: int | None
    multiplier: int | None
    """10^-18; None of a token that is not scaled, 0 where nobody knows it."""
    rules: MarkRules

    @property
    def scale(self) -> Scale | None:
        return scale_of(self.decimals, self.multiplier)


def token_block(row: Row, blocks: Sequence[Block], market: Market) -> Block:
    """The block of a row of `silver.wallet_pnl` of one token, above the sales, lots and trades in it."""
    own = {**SHARED, **_FORMULAS, "mark_reason": _MARK_REASON}
    figures = [
        *stored(
            wallet_pnl.TABLE, row, {name: own[name] for name in wallet_pnl.TABLE.column_names if name in own}, NOTES
        ),
    ]
    sums = _sums(blocks)
    verdict = _verdict(row, sums, market)
    return Block("token", row["token_address"], [*figures, *sums, *_mark(row, market), *verdict], blocks)


def _known(blocks: Sequence[Block], kind: str, name: str, condition: str = "") -> list[int]:
    """Known values of a figure over the blocks of a kind, of those that meet the condition, as integers."""
    of_kind = [block for block in blocks if block.kind == kind and (not condition or block.value(condition))]
    values = [block.value(name) for block in of_kind]
    places = 9 if name.endswith("_usd") else 6 if name.endswith("_hours") else 0
    return [v if isinstance(v, int) else to_integer(v, places) or 0 for v in values if isinstance(v, int | Decimal)]


def _sums(blocks: Sequence[Block]) -> list[Figure]:
    """What adds up below and is in no column."""
    sold = [block for block in blocks if block.kind == "sale"]
    hours = [
        hours * cost
        for block in sold
        if isinstance(hours := block.value("holding_hours"), Decimal)
        and isinstance(cost := block.value("cost_usd"), Decimal)
    ]
    bought = sum(_known([block for block in blocks if block.value("side") == BUY], "trade", "quantity_raw"))
    costs = _known(blocks, "lot", "remaining_cost_usd")
    usd = {
        "matched_proceeds": (_known(sold, "sale", "matched_proceeds_usd"), "sum(sale.matched_proceeds_usd)"),
        "trusted_proceeds": (
            _known(sold, "sale", "matched_proceeds_usd", "is_trusted"),
            "sum(sale.matched_proceeds_usd, sale.is_trusted)",
        ),
        "held_cost": (_known(sold, "sale", "cost_usd"), "sum(sale.cost_usd)"),
    }
    taken = _known(sold, "sale", "matched_raw") + _known(sold, "sale", "unknown_cost_raw")
    remaining, known = (_known(blocks, "lot", "remaining_raw", only) for only in ("", "cost_known"))
    return [
        *(Figure(name, scaled(sum(values), 9), formula, USD_UNIT) for name, (values, formula) in usd.items()),
        Figure("hours_by_cost", sum(hours, Decimal(0)), "sum(sale.holding_hours * sale.cost_usd)", "USD h"),
        Figure("bought_raw", bought, f"sum(trade.quantity_raw, {_IS_BUY})", RAW_UNIT),
        Figure("taken_raw", sum(taken), "sum(sale.matched_raw + sale.unknown_cost_raw)", RAW_UNIT),
        Figure("remaining_raw", sum(remaining), "sum(lot.remaining_raw)", RAW_UNIT),
        Figure("known_remaining_raw", sum(known), "sum(lot.remaining_raw, lot.cost_known)", RAW_UNIT),
        Figure("known_cost", scaled(sum(costs), 9) if costs else None, "sum_known(lot.remaining_cost_usd)", USD_UNIT),
    ]


def _mark(row: Row, market: Market) -> list[Figure]:
    """The mark that was known, and how much of it can be believed."""
    quote, scale = market.quote, market.scale
    is_priced = quote is not None and quote.price is not None and quote.price > 0 and scale is not None
    per_raw = None
    if is_priced:
        assert quote and quote.price and scale
        per_raw = exact(quote.price * scale.multiplier, PRICE * PRICE * 10**scale.decimals)
    now = microseconds(row["computed_at"])
    return [
        Figure("quoted_price", scaled(quote.price, 18) if quote else None, "", USD_UNIT, "of the newest snapshot then"),
        Figure("liquidity", scaled(quote.liquidity, 9) if quote else None, "", USD_UNIT, "of that snapshot"),
        Figure("last_trade_at", moment(quote.last_trade_at) if quote else None, "", UTC_UNIT, "of anybody"),
        Figure("decimals", market.decimals),
        Figure(
            "scale",
            None if market.multiplier == 0 else 1 if market.multiplier is None else exact(market.multiplier, PRICE),
            "1 if not known(multiplier) else multiplier if multiplier > 0 else None",
            TOKENS_UNIT,
            "units of 10 ** decimals base units",
        ),
        Figure(
            "usd_per_raw",
            per_raw,
            "quoted_price * scale / 10 ** decimals if quoted_price > 0 else None",
            USD_UNIT,
        ),
        Figure(
            "is_fresh",
            bool(quote and quote.is_fresh(now, market.rules)),
            "last_trade_at >= computed_at - days(setting('pnl.mark_max_age_hours') / 24)",
        ),
    ]


def _verdict(row: Row, sums: Sequence[Figure], market: Market) -> list[Figure]:
    """How the token counts, and why."""
    found: dict[str, Any] = {figure.name: figure.value for figure in sums}
    bought, left = int(found["bought_raw"]), int(found["remaining_raw"])
    rules, now = market.rules, microseconds(row["computed_at"])
    known_cost = to_integer(found["known_cost"], 9)
    inventory = Inventory(bought, left, int(found["known_remaining_raw"]), known_cost)
    proceeds = to_integer(found["matched_proceeds"], 9) or 0
    sold = to_integer(row["total_sold"], 9) or 0
    is_covered = proceeds >= rules.min_coverage * sold
    is_closed = bought > 0 and bought - left >= rules.closed_ratio * bought
    is_idle = microseconds(row["last_transaction"]) < now - rules.dead_after
    worthless = is_worthless(inventory, market.scale, market.quote, now, rules)
    is_dead = not is_closed and left > 0 and is_idle and worthless
    lost = scaled(known_cost or 0, 9)
    outcome = None
    if is_covered and (is_closed or is_dead):
        assert lost is not None
        outcome = row["trusted_pnl"] - (lost if is_dead else 0)
    state = "closed" if is_closed else "dead" if is_dead else "open"
    return [
        Figure(
            "is_covered",
            is_covered,
            "matched_proceeds >= setting('pnl.token_coverage_min') * total_sold",
            note="enough of its proceeds has a known cost",
        ),
        Figure(
            "is_closed",
            is_closed,
            "bought_raw > 0 and bought_raw - remaining_raw >= setting('pnl.closed_ratio') * bought_raw",
            note="hardly anything is left",
        ),
        Figure(
            "is_worthless",
            worthless,
            "not is_fresh or not known(usd_per_raw)"
            " or remaining_raw * usd_per_raw < setting('pnl.dead_value_ratio') * or_zero(known_cost)",
        ),
        Figure(
            "is_dead",
            is_dead,
            "not is_closed and remaining_raw > 0 and is_worthless"
            " and last_transaction < computed_at - days(setting('pnl.dead_after_days'))",
            note="nobody will sell the rest any more",
        ),
        Figure("state", state, "'closed' if is_closed else 'dead' if is_dead else 'open'"),
        Figure(
            "outcome",
            outcome,
            "None if not is_covered else trusted_pnl if is_closed"
            " else trusted_pnl - or_zero(known_cost) if is_dead else None",
            USD_UNIT,
            "won above 0, lost below; unknown while the token is open",
        ),
        *_return(row, outcome, known_cost if is_dead else 0),
    ]


def _return(row: Row, outcome: Decimal | None, left_cost: int | None) -> list[Figure]:
    """What a decided token says of the wallet's skill."""
    paid = to_integer(row["trusted_cost_of_sold"], 9)
    result = token_return(to_integer(row["trusted_pnl"], 9), paid, left_cost or 0) if outcome else None
    formula = f"between(100 * outcome / paid_usd, {LEAST_RETURN // MICRO}, {MOST_RETURN // MICRO})"
    return [
        Figure(
            "paid_usd",
            scaled((paid or 0) + (left_cost or 0), 9),
            "trusted_cost_of_sold + (or_zero(known_cost) if is_dead else 0)",
            USD_UNIT,
        ),
        Figure(
            "return_percent",
            scaled(result, 6),
            f"{formula} if winning_tokens + losing_tokens > 0 else None",
            PERCENT_UNIT,
            "of a decided token",
        ),
    ]
