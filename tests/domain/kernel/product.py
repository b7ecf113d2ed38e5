"""The kernel driven over dictionaries of rows, so that what it makes can be laid beside what the oracle makes.

Sorting and grouping are Spark's part in the program and plain Python's here; every number comes from the kernel.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np

from smart_trader.config import thresholds
from smart_trader.config.settings import load
from smart_trader.domain.kernel import marks, performance, ranking, wallets
from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES
from smart_trader.domain.pnl import matching, totals
from tests.oracle.fifo import order
from tests.oracle.numbers import DAY
from tests.oracle.performance import ALL_TOKENS

Table = list[dict[str, Any]]

DEFAULTS = load(environ={})
VALUE_RULES = thresholds.value_rules(DEFAULTS.pnl)
MARK_RULES = thresholds.mark_rules(DEFAULTS.pnl)
CLASS_RULES = thresholds.class_rules(DEFAULTS.classify)
RANKING_RULES = thresholds.ranked_by(DEFAULTS.ranking).rules

_PRICES = {"current_position_tokens", "mark_price"}
_COUNTS = {
    *("winning_sales", "matched_sales", "winning_tokens", "losing_tokens", "trade_count", "buy_count", "sell_count"),
    *("trusted_sales", "trusted_winning_sales"),
    *("first_transaction", "last_transaction", "history_complete", "arbitrage_tx_count", "rejected_rows"),
    "mark_reason",
}
_MILLIONTHS = {
    *("roi", "win_rate", "token_win_rate", "win_rate_lower_bound", "coverage_ratio", "avg_holding_time_hours"),
    *("trade_frequency_daily", "best_token_share", "best_trade_roi"),
    *("trusted_roi", "trusted_win_rate", "trusted_ratio"),
}


def scaled(number: Decimal | None, digits: int) -> int | None:
    if number is None:
        return None
    exact = Fraction(number) * 10**digits
    assert exact.denominator == 1, f"{number} has more than {digits} digits"
    return int(exact.numerator)


def decimal(number: int | None, digits: int) -> Decimal | None:
    return None if number is None else Decimal((number < 0, tuple(map(int, str(abs(number)))), -digits))


def assert_same(actual: Table, expected: Table, *key: str) -> None:
    """The same rows, whatever their order. What differs is named cell by cell, the kernel's figure first."""
    tables = [{tuple(row[column] for column in key): row for row in rows} for rows in (actual, expected)]
    assert [len(table) for table in tables] == [len(actual), len(expected)], "a key stands twice"
    ours, theirs = tables
    assert ours.keys() == theirs.keys()
    for place, row in ours.items():
        assert row.keys() == theirs[place].keys()
        differing = {c: (row[c], theirs[place][c]) for c in row if row[c] != theirs[place][c]}
        assert not differing, f"{place}: {differing}"


def match(trades: Iterable[dict[str, Any]]) -> tuple[Table, Table]:
    """Sales and lots, which are the same whichever way they are found."""
    rows, columns = _columns(trades)
    wide = replace(columns, quantity=columns.quantity.astype(object), value=columns.value.astype(object))
    found = [
        _tables(rows, matches)
        for matches in (matching.match(columns), matching.match_in_turn(columns), matching.match_columns(wide))
    ]
    assert found[0] == found[1] == found[2]
    return found[0]


def _tables(rows: Table, matches: matching.Matches) -> tuple[Table, Table]:
    sales = [_sale_row(row, matches, place) for place, row in enumerate(rows) if row["side"] == "SELL"]
    lots = [_lot_row(row, matches, place) for place, row in enumerate(rows) if matches.left[place]]
    return sales, lots


def wallet_pnl(
    trades: Iterable[dict[str, Any]],
    snapshots: Mapping[str, dict[str, Any]],
    facts: Mapping[str, dict[str, Any]],
    now: int,
) -> Table:
    rows, columns = _columns(trades)
    matches = matching.match(columns)
    last = [rows[end - 1] for end in columns.ends]
    results = performance.judge_tokens(
        totals.trade_totals(columns, matches),
        totals.inventories(columns, matches),
        [marks.scale_of(row["decimals"], None) for row in last],
        [_quote(snapshots[row["token_address"]]) if row["token_address"] in snapshots else None for row in last],
        now,
        MARK_RULES,
    )
    known = {
        wallet: performance.WalletFacts(fact["history_complete"], fact["arbitrage_tx_count"], fact["rejected_rows"])
        for wallet, fact in facts.items()
    }
    of_tokens = performance.token_figures(results, [known[row["wallet_address"]].history_complete for row in last])
    owners = [row["wallet_address"] for row in last]
    parts = [slice(bisect_left(owners, wallet), bisect_right(owners, wallet)) for wallet in known]
    wholes = [results.part(part).whole() for part in parts]
    of_wallets = performance.wallet_figures(
        performance.join([results.part(slice(0, 0)), *wholes]), list(known.values())
    )
    names = [(row["wallet_address"], row["token_address"]) for row in last]
    return _pnl_rows(names, of_tokens, now) + _pnl_rows([(wallet, ALL_TOKENS) for wallet in known], of_wallets, now)


def wallet_class(wallet: str, trades: Iterable[dict[str, Any]], facts: dict[str, Any]) -> str:
    own, columns = _columns(trade for trade in trades if trade["wallet_address"] == wallet)
    matches = matching.match(columns)
    held = [
        row["block_time"] - int(matches.acquired_at[place])
        for place, row in enumerate(own)
        if matches.matched[place] and row["value_usd"] is not None
    ]
    label = "pool" if facts["is_pool_of_a_row"] else facts["listed_as"]
    activity = wallets.Activity(
        trades=len(own),
        active_days=len({trade["block_time"] // DAY for trade in own}),
        holding_times=held,
        transactions=facts["transaction_count"],
        arbitrage=facts["arbitrage_tx_count"],
    )
    return wallets.classify(activity, CLASS_RULES, label=(label, "listed") if label else None)[0]


def judged(
    portfolio: dict[str, Any], wallet_class: str, pnl_basis: str, rules: ranking.RankingRules = RANKING_RULES
) -> dict[str, Any]:
    by = ranking.RANKED_FIGURES[ranking.PnlBasis(pnl_basis)]
    record = ranking.Record(
        pnl=scaled(portfolio[by.pnl], 9),
        roi=scaled(portfolio[by.roi], 6),
        win_rate=scaled(portfolio[by.win_rate], 6),
        trades=portfolio["trade_count"],
        token_win_rate=scaled(portfolio["token_win_rate"], 6),
        coverage=scaled(portfolio["coverage_ratio"], 6),
        trusted=scaled(portfolio["trusted_ratio"], 6),
        pnl_ex_best_token=scaled(portfolio["pnl_ex_best_token"], 9),
        history_complete=portfolio["history_complete"],
        wallet_class=wallet_class,
    )
    score = ranking.score(record, rules.scoring)
    return {
        "qualifies": ranking.qualifies(record),
        "performance_tier": ranking.tier(record, rules),
        "smart_trader_score": decimal(score.total, 4),
        "profitability_score": decimal(score.profitability, 4),
        "roi_score": decimal(score.roi, 4),
        "win_rate_score": decimal(score.win_rate, 4),
        "activity_score": decimal(score.activity, 4),
        "gate_failures": ranking.gate_failures(record, rules.gate),
    }


def index_of(row: dict[str, Any]) -> tuple[object, ...]:
    indexes = (row["ins_index"], row["inner_ins_index"])
    return (*((index is not None, index or 0) for index in indexes), row["event_id"])


def _columns(trades: Iterable[dict[str, Any]]) -> tuple[Table, matching.Trades]:
    """The trades in order, pair after pair, and the same as columns."""

    def pair(trade: dict[str, Any]) -> tuple[str, str]:
        return trade["wallet_address"], trade["token_address"]

    rows = sorted(sorted(trades, key=order), key=pair)
    values = [scaled(row["value_usd"], 9) for row in rows]
    return rows, matching.Trades(
        starts=np.array([i for i, row in enumerate(rows) if not i or pair(row) != pair(rows[i - 1])], np.int64),
        is_buy=np.array([row["side"] == "BUY" for row in rows], bool),
        quantity=_numbers([row["quantity_raw"] for row in rows]),
        value=_numbers([value or 0 for value in values]),
        has_value=np.array([value is not None for value in values], bool),
        is_trusted=np.array([row["value_source"] in TRUSTED_SOURCES for row in rows], bool),
        time=np.array([row["block_time"] for row in rows], np.int64),
    )


def _numbers(values: list[int]) -> matching.Numbers:
    return np.array(values, np.int64 if max(values, default=0) < 2**63 else object)


def _sale_row(trade: dict[str, Any], matches: matching.Matches, place: int) -> dict[str, Any]:
    same = ("trade_id", "wallet_address", "token_address", "block_time", "block_number", "quantity_raw")
    matched, proceeds, cost = (
        int(column[place]) for column in (matches.matched, matches.matched_proceeds, matches.cost)
    )
    has_value = trade["value_usd"] is not None
    return {column: trade[column] for column in same} | {
        "matched_raw": matched,
        "untrusted_raw": int(matches.untrusted[place]),
        "unknown_cost_raw": int(matches.unknown_cost[place]),
        "unmatched_raw": int(matches.unmatched[place]),
        "proceeds_usd": trade["value_usd"],
        "matched_proceeds_usd": decimal(proceeds, 9) if matched and has_value else None,
        "cost_usd": decimal(cost, 9) if matched else None,
        "realized_pnl_usd": decimal(proceeds - cost, 9) if matched and has_value else None,
        "acquired_at": int(matches.acquired_at[place]) if matched else None,
        "holding_hours": decimal(int(matches.holding_hours[place]), 6) if matched else None,
    }


def _lot_row(trade: dict[str, Any], matches: matching.Matches, place: int) -> dict[str, Any]:
    return {
        "trade_id": trade["trade_id"],
        "wallet_address": trade["wallet_address"],
        "token_address": trade["token_address"],
        "acquired_at": trade["block_time"],
        "block_number": trade["block_number"],
        "bought_raw": trade["quantity_raw"],
        "remaining_raw": int(matches.left[place]),
        "cost_known": trade["value_usd"] is not None,
        "remaining_cost_usd": None if trade["value_usd"] is None else decimal(int(matches.left_cost[place]), 9),
    }


def _quote(snapshot: dict[str, Any]) -> marks.Quote:
    return marks.Quote(
        price=scaled(snapshot["price"], 18),
        liquidity=scaled(snapshot["liquidity_usd"], 9),
        last_trade_at=snapshot["last_trade_at"],
    )


def _pnl_rows(names: list[tuple[str, str]], figures: performance.Figures, now: int) -> Table:
    rows: Table = []
    for (wallet, token), *numbers in zip(names, *figures.values(), strict=True):
        row: dict[str, Any] = {"wallet_address": wallet, "token_address": token, "computed_at": now}
        for column, number in zip(figures, numbers, strict=True):
            if column in _COUNTS:
                row[column] = number
            else:
                row[column] = decimal(number, 18 if column in _PRICES else 6 if column in _MILLIONTHS else 9)
        rows.append(row)
    return rows
