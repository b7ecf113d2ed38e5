"""silver.wallet_pnl and the class of a wallet, as `pnl.md` §3 says it.

`marks`: token -> newest snapshot: `price`, `last_trade_at` (microseconds), `liquidity_usd`, each of them or None.
`multipliers`: (wallet, token) -> the newest multiplier of a scaled token, None where nobody knows it. Of a multiplier
of 1 nobody can tell here whether the token is scaled, so only others are in the result.
`facts`: wallet -> what other tables know: `history_complete`, `arbitrage_tx_count`, `rejected_rows`,
`transaction_count` (distinct transactions), `listed_as` ("pool", "exchange" or None: the shipped lists) and
`is_pool_of_a_row`. Each wallet that was read is in it.

Where the specification leaves room, the reading is:

* A mark price that is missing, 0 or less is `no_price` (and shown as it is); one without a time of its last trade is
  `stale_price`. Reasons in the order no_decimals, no_price, stale_price, thin_market. What is compared with the
  liquidity is the whole open position.
* `unrealized_pnl` is rounded once, from mark value - cost. On ALL_TOKENS, Σ adds up the figures of the token rows.
* On ALL_TOKENS, "something is open and none is known" looks at open tokens only: the 0 of a flat token is no knowledge.
* A trade exactly 7 days old is inside the window of 7 days, so its token is not dead.
* What a dead token is worth is what all that is open is worth at a young price, even in a thin market.
* Token rows carry winning and losing tokens of one token (0 or 1), and the rates of it.
* Thresholds are compared with exact figures, not with rounded ones. Exactly the limit is: closed, covered.
* `avg_holding_time_hours` includes sales without a value, as their cost is stored.
* `history_complete` of a token row is that of its wallet.
* A sale without a value and with a matched part is a sale for 0 in the trusted figures, also where its cost is 0.
"""

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal
from fractions import Fraction
from math import ceil
from statistics import median

from tests.oracle.fifo import is_trusted
from tests.oracle.numbers import DAY, Row, fraction, percent, quotient, rounded, usd

ALL_TOKENS = "ALL_TOKENS"
Z = Decimal("1.959963984540054")
COVERED = Fraction(8, 10)
CLOSED = Fraction(98, 100)
DEAD_WORTH = Fraction(10, 100)
LIQUIDITY_SHARE = Fraction(2, 100)


def wallet_pnl(
    trades: Iterable[Row],
    sales: Iterable[Row],
    lots: Iterable[Row],
    marks: Mapping[str, Row],
    facts: Mapping[str, Row],
    now: int,
    multipliers: Mapping[tuple[str, str], Fraction | None] | None = None,
) -> list[Row]:
    trades, sales, lots = list(trades), list(sales), list(lots)
    rows = []
    for wallet in sorted(facts.keys() | {trade["wallet_address"] for trade in trades}):
        own = [[row for row in table if row["wallet_address"] == wallet] for table in (trades, sales, lots)]
        tokens = []
        for token in sorted({trade["token_address"] for trade in own[0]}):
            of_token = [[row for row in table if row["token_address"] == token] for table in own]
            scale = (multipliers or {}).get((wallet, token), Fraction(1))
            tokens.append(_token_row(wallet, token, of_token, marks.get(token), facts[wallet], now, scale))
        rows += tokens
        rows.append(_portfolio_row(wallet, own[0], own[1], tokens, facts[wallet], now))
    return rows


def _token_row(
    wallet: str,
    token: str,
    tables: list[list[Row]],
    snapshot: Row | None,
    facts: Row,
    now: int,
    multiplier: Fraction | None,
) -> Row:
    trades, sales, lots = tables
    decimals = max(trades, key=lambda trade: (trade["block_time"], trade["trade_id"]))["decimals"]
    row = _figures(wallet, token, trades, sales, facts, now)
    is_known = decimals is not None and multiplier is not None
    whole = 10 ** (decimals or 0) / (multiplier or Fraction(1))
    held = sum(lot["remaining_raw"] for lot in lots) / Fraction(whole)
    held_known = sum(lot["remaining_raw"] for lot in lots if lot["cost_known"]) / Fraction(whole)
    cost = sum((Fraction(lot["remaining_cost_usd"]) for lot in lots if lot["cost_known"]), Fraction(0))
    price, reason = _mark(snapshot, held, now)
    if not is_known:
        reason = "no_decimals"
    unrealized: Decimal | None = None
    value: Decimal | None = None
    if not lots:
        unrealized = value = usd(Fraction(0))
        price = reason = None
    elif reason is None and price is not None:
        value = usd(price * held)
        unrealized = usd(price * held_known - cost) if held_known else None

    bought = sum(trade["quantity_raw"] for trade in trades if trade["side"] == "BUY")
    remaining = sum(lot["remaining_raw"] for lot in lots)
    is_closed = bought > 0 and Fraction(bought - remaining, bought) >= CLOSED
    is_young = reason in (None, "thin_market")
    is_worthless = not is_young or (price is not None and price * held < DEAD_WORTH * cost)
    is_dead = not is_closed and row["last_transaction"] < now - 7 * DAY and is_worthless
    coverage = _coverage(sales)
    is_covered = coverage is None or coverage >= COVERED
    result = Fraction(row["trusted_pnl"]) - (cost if is_dead else 0)
    counts = is_covered and (is_closed or is_dead)
    fits = not lots or (is_known and decimals <= 18 and held < 10**20)
    scaling = {} if multiplier == 1 else {"multiplier": rounded(multiplier or Fraction(0), 18)}
    return (
        row
        | scaling
        | {
            "unrealized_pnl": unrealized,
            "total_pnl": usd(Fraction(row["realized_pnl"]) + Fraction(unrealized or 0)),
            **_token_wins(int(counts and result > 0), int(counts and result < 0)),
            "current_position_tokens": rounded(held, 18) if fits else None,
            "current_position_cost_basis": usd(cost) if held_known or not lots else None,
            "current_position_value": value,
            "unmarked_cost_basis": usd(cost if reason else Fraction(0)),
            "mark_price": None if price is None else rounded(price, 18),
            "mark_reason": reason,
            "arbitrage_tx_count": None,
            "rejected_rows": None,
            "pnl_ex_best_token": None,
            "best_token_share": None,
        }
    )


def _portfolio_row(wallet: str, trades: list[Row], sales: list[Row], tokens: list[Row], facts: Row, now: int) -> Row:
    row = _figures(wallet, ALL_TOKENS, trades, sales, facts, now)
    is_open = [token for token in tokens if _is_open(token)]
    unrealized = _known_sum(is_open, "unrealized_pnl")
    realized = [Fraction(token["realized_pnl"]) for token in tokens]
    gains = sum((pnl for pnl in realized if pnl > 0), Fraction(0))
    best = max(realized, default=Fraction(0))
    return row | {
        "unrealized_pnl": unrealized,
        "total_pnl": usd(Fraction(row["realized_pnl"]) + Fraction(unrealized or 0)),
        **_token_wins(
            sum(token["winning_tokens"] for token in tokens), sum(token["losing_tokens"] for token in tokens)
        ),
        "current_position_tokens": None,
        "current_position_cost_basis": _known_sum(is_open, "current_position_cost_basis"),
        "current_position_value": _known_sum(is_open, "current_position_value"),
        "unmarked_cost_basis": usd(sum((Fraction(token["unmarked_cost_basis"]) for token in tokens), Fraction(0))),
        "mark_price": None,
        "mark_reason": None,
        "arbitrage_tx_count": facts["arbitrage_tx_count"],
        "rejected_rows": facts["rejected_rows"],
        "pnl_ex_best_token": usd(sum(realized, Fraction(0)) - best),
        "best_token_share": quotient(best, gains),
    }


def _figures(wallet: str, token: str, trades: list[Row], sales: list[Row], facts: Row, now: int) -> Row:
    """What token rows and ALL_TOKENS have in common."""
    matched = [sale for sale in sales if sale["realized_pnl_usd"] is not None]
    realized = sum((Fraction(sale["realized_pnl_usd"]) for sale in matched), Fraction(0))
    cost = sum((Fraction(sale["cost_usd"]) for sale in matched), Fraction(0))
    winning = sum(sale["realized_pnl_usd"] > 0 for sale in matched)
    proceeds, matched_proceeds = _proceeds(sales)
    coverage = _coverage(sales)
    times = [trade["block_time"] for trade in trades]
    returns = [
        100 * Fraction(sale["realized_pnl_usd"]) / Fraction(sale["cost_usd"]) for sale in matched if sale["cost_usd"]
    ]
    return {
        "wallet_address": wallet,
        "token_address": token,
        "realized_pnl": usd(realized),
        "cost_of_sold": usd(cost),
        "roi": quotient(100 * realized, cost),
        "win_rate": quotient(100 * winning, len(matched)),
        "winning_sales": winning,
        "matched_sales": len(matched),
        "trade_count": len(trades),
        "buy_count": sum(trade["side"] == "BUY" for trade in trades),
        "sell_count": sum(trade["side"] == "SELL" for trade in trades),
        "total_bought": _volume(trades, "BUY"),
        "total_sold": _volume(trades, "SELL"),
        "coverage_ratio": None if coverage is None else percent(coverage),
        "unmatched_proceeds": usd(proceeds - matched_proceeds),
        "avg_holding_time_hours": _average_holding(sales),
        "trade_frequency_daily": quotient(len(trades), days(times)) if trades else None,
        "first_transaction": min(times, default=None),
        "last_transaction": max(times, default=None),
        "history_complete": facts["history_complete"],
        "best_trade_roi": percent(max(returns)) if returns else None,
        **_trusted_figures(trades, sales),
        "computed_at": now,
    }


def _trusted_figures(trades: list[Row], sales: list[Row]) -> Row:
    by_money = {trade["trade_id"] for trade in trades if is_trusted(trade)}
    results, costs = [], []
    of_trusted = of_all = Fraction(0)
    for sale in sales:
        if not sale["matched_raw"]:
            continue
        trusted = sale["trade_id"] in by_money and sale["untrusted_raw"] == 0
        cost = Fraction(sale["cost_usd"])
        if sale["proceeds_usd"] is None:
            results.append(-cost)
            costs.append(cost)
            continue
        proceeds = Fraction(sale["matched_proceeds_usd"])
        of_all += proceeds
        if trusted:
            of_trusted += proceeds
        if trusted or proceeds < cost:
            results.append(proceeds - cost)
            costs.append(cost)
    winning = sum(result > 0 for result in results)
    return {
        "trusted_pnl": usd(sum(results, Fraction(0))),
        "trusted_cost_of_sold": usd(sum(costs, Fraction(0))),
        "trusted_sales": len(results),
        "trusted_winning_sales": winning,
        "trusted_roi": quotient(100 * sum(results, Fraction(0)), sum(costs, Fraction(0))),
        "trusted_win_rate": quotient(100 * winning, len(results)),
        "trusted_ratio": quotient(of_trusted, of_all),
    }


def days(times: list[int]) -> int:
    """From the first to the last, begun days counted whole, at least 1."""
    return max(1, ceil(Fraction(max(times) - min(times), DAY)))


def wilson_lower_bound(winning: int, losing: int) -> Decimal | None:
    n = winning + losing
    if not n:
        return None
    share, z2 = Fraction(winning, n), Fraction(Z) ** 2
    margin = Fraction(Z) * _root(share * (1 - share) / n + z2 / (4 * n * n))
    return percent(100 * (share + z2 / (2 * n) - margin) / (1 + z2 / n))


def wallet_class(wallet: str, trades: Iterable[Row], sales: Iterable[Row], facts: Row) -> str:
    trades = [trade for trade in trades if trade["wallet_address"] == wallet]
    if facts["is_pool_of_a_row"] or facts["listed_as"] == "pool":
        return "pool"
    if facts["listed_as"] == "exchange":
        return "exchange"
    active_days = {trade["block_time"] // DAY for trade in trades}
    held = [
        Fraction(sale["block_time"] - sale["acquired_at"], 1_000_000)
        for sale in sales
        if sale["wallet_address"] == wallet and sale["realized_pnl_usd"] is not None
    ]
    transactions = facts["transaction_count"]
    is_bot = (
        len(trades) > 200 * len(active_days)
        or (len(held) >= 20 and median(held) < 60)
        or (transactions >= 50 and Fraction(facts["arbitrage_tx_count"], transactions) > Fraction(20, 100))
    )
    return "bot" if is_bot else "person"


def _mark(snapshot: Row | None, held: Fraction, now: int) -> tuple[Fraction | None, str | None]:
    price = fraction(snapshot["price"]) if snapshot else None
    if snapshot is None or price is None or price <= 0:
        return price, "no_price"
    if snapshot["last_trade_at"] is None or now - snapshot["last_trade_at"] > DAY:
        return price, "stale_price"
    liquidity = fraction(snapshot["liquidity_usd"])
    if liquidity is None or price * held > LIQUIDITY_SHARE * liquidity:
        return price, "thin_market"
    return price, None


def _is_open(token: Row) -> bool:
    """An open token without a mark has a reason, one with a mark a price; a flat token has neither."""
    return token["mark_reason"] is not None or token["mark_price"] is not None


def _known_sum(tokens: list[Row], figure: str) -> Decimal | None:
    known = [Fraction(token[figure]) for token in tokens if token[figure] is not None]
    return usd(sum(known, Fraction(0))) if known or not tokens else None


def _token_wins(winning: int, losing: int) -> Row:
    return {
        "winning_tokens": winning,
        "losing_tokens": losing,
        "token_win_rate": quotient(100 * winning, winning + losing),
        "win_rate_lower_bound": wilson_lower_bound(winning, losing),
    }


def _proceeds(sales: list[Row]) -> tuple[Fraction, Fraction]:
    valued = [sale for sale in sales if sale["proceeds_usd"] is not None]
    proceeds = sum((Fraction(sale["proceeds_usd"]) for sale in valued), Fraction(0))
    return proceeds, sum((Fraction(sale["matched_proceeds_usd"] or 0) for sale in valued), Fraction(0))


def _coverage(sales: list[Row]) -> Fraction | None:
    proceeds, matched = _proceeds(sales)
    return matched / proceeds if proceeds else None


def _volume(trades: list[Row], side: str) -> Decimal:
    return usd(sum((Fraction(trade["value_usd"] or 0) for trade in trades if trade["side"] == side), Fraction(0)))


def _average_holding(sales: list[Row]) -> Decimal | None:
    with_cost = [sale for sale in sales if sale["cost_usd"] is not None]
    cost = sum((Fraction(sale["cost_usd"]) for sale in with_cost), Fraction(0))
    weighted = sum((Fraction(sale["holding_hours"]) * Fraction(sale["cost_usd"]) for sale in with_cost), Fraction(0))
    return quotient(weighted, cost)


def _root(square: Fraction) -> Fraction:
    exact = Context(prec=60)
    return Fraction(exact.sqrt(exact.divide(Decimal(square.numerator), Decimal(square.denominator))))
