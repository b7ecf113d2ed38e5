"""The kernel driven over dictionaries of rows, so that what it makes can be laid beside what the oracle makes.

Sorting and grouping are Spark's part in the program and plain Python's here; every number comes from the kernel.
"""

from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import Any

from smart_trader import rules
from smart_trader.domain.kernel import fifo, netting, performance, ranking, wallets
from smart_trader.domain.kernel.trades import Row, swap_group_id, trade_id
from smart_trader.settings import load
from tests.oracle import netting as by_oracle
from tests.oracle.fifo import order
from tests.oracle.numbers import DAY
from tests.oracle.performance import ALL_TOKENS

Table = list[dict[str, Any]]

DEFAULTS = load(environ={})
VALUE_RULES = rules.value_rules(DEFAULTS.pnl)
MARK_RULES = rules.mark_rules(DEFAULTS.pnl)
CLASS_RULES = rules.class_rules(DEFAULTS.classify)
RANKING_RULES = rules.ranked_by(DEFAULTS.ranking).rules

_PRICES = {"current_position_tokens", "mark_price"}
_COUNTS = {
    *("winning_sales", "matched_sales", "winning_tokens", "losing_tokens", "trade_count", "buy_count", "sell_count"),
    *("first_transaction", "last_transaction", "history_complete", "arbitrage_tx_count", "rejected_rows"),
    "mark_reason",
}
_MILLIONTHS = {
    *("roi", "win_rate", "token_win_rate", "win_rate_lower_bound", "coverage_ratio", "avg_holding_time_hours"),
    *("trade_frequency_daily", "best_token_share", "best_trade_roi"),
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


def net(rows: Iterable[dict[str, Any]]) -> by_oracle.Netted:
    def transaction(row: dict[str, Any]) -> tuple[str, str]:
        return row["wallet_address"], row["tx_hash"]

    result = by_oracle.Netted([], [], {}, {})
    events = {row["event_id"]: row for row in rows}.values()
    for (wallet, tx_hash), group in groupby(sorted(events, key=transaction), transaction):
        ordered = sorted(group, key=index_of)
        netted = netting.net([row_of(row) for row in ordered], VALUE_RULES)
        result.transaction_count[wallet] = result.transaction_count.get(wallet, 0) + 1
        if netted.is_arbitrage:
            result.arbitrage_count[wallet] = result.arbitrage_count.get(wallet, 0) + 1
        if netted.rejected:
            result.rejected += [(row["event_id"], netted.rejected) for row in ordered]
        result.trades += [
            {
                "trade_id": trade_id(wallet, tx_hash, trade.mint),
                "wallet_address": wallet,
                "token_address": trade.mint,
                "token_symbol": trade.symbol,
                "decimals": trade.decimals,
                "side": trade.side,
                "quantity_raw": trade.quantity,
                "value_usd": decimal(trade.value, 9),
                "value_source": trade.value_source,
                "price_check": trade.price_check,
                "cost_known": trade.value is not None if trade.side == "BUY" else None,
                "block_time": ordered[-1]["block_time"],
                "block_number": ordered[-1]["block_number"],
                "tx_hash": tx_hash,
                "swap_group_id": swap_group_id(wallet, tx_hash) if len(netted.trades) == 2 else None,
                "source": ordered[-1]["source"],
                "event_ids": sorted(row["event_id"] for row in ordered),
            }
            for trade in netted.trades
        ]
    return result


def match(trades: Iterable[dict[str, Any]]) -> tuple[Table, Table]:
    sales: Table = []
    lots: Table = []
    for _, pair in _pairs(trades):
        position = fifo.Position()
        sales += [row for row, _, _ in _play(pair, position, performance.Tally())]
        block_numbers = {trade["trade_id"]: trade["block_number"] for trade in pair}
        lots += [_lot_row(pair[0], lot) | {"block_number": block_numbers.get(lot.name)} for lot in position.lots]
    return sales, lots


def wallet_pnl(
    trades: Iterable[dict[str, Any]], marks: Mapping[str, dict[str, Any]], facts: Mapping[str, dict[str, Any]], now: int
) -> Table:
    portfolios = {wallet: performance.Portfolio() for wallet in facts}
    known = {
        wallet: performance.Facts(fact["history_complete"], fact["arbitrage_tx_count"], fact["rejected_rows"])
        for wallet, fact in facts.items()
    }
    rows: Table = []
    for (wallet, token), pair in _pairs(trades):
        tally, position = performance.Tally(), fifo.Position()
        list(_play(pair, position, tally))
        bought = sum(trade["quantity_raw"] for trade in pair if trade["side"] == "BUY")
        quote = _quote(marks[token]) if token in marks else None
        lots = position.lots
        result = performance.judge_token(tally, lots, bought, pair[-1]["decimals"], quote, now, MARK_RULES)
        portfolios[wallet].results.append(result)
        rows.append(_pnl_row(wallet, token, performance.token_figures(result, known[wallet]), now))
    for wallet, portfolio in portfolios.items():
        rows.append(_pnl_row(wallet, ALL_TOKENS, portfolio.figures(known[wallet]), now))
    return rows


def wallet_class(wallet: str, trades: Iterable[dict[str, Any]], facts: dict[str, Any]) -> str:
    own = [trade for trade in trades if trade["wallet_address"] == wallet]
    held = [
        row["block_time"] - sale.acquired_at
        for _, pair in _pairs(own)
        for row, sale, value in _play(pair, fifo.Position(), performance.Tally())
        if sale.acquired_at is not None and value is not None
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


def judged(portfolio: dict[str, Any], wallet_class: str, pnl_basis: str) -> dict[str, Any]:
    record = ranking.Record(
        pnl=scaled(portfolio[f"{pnl_basis}_pnl"], 9),
        roi=scaled(portfolio["roi"], 6),
        win_rate=scaled(portfolio["win_rate"], 6),
        trades=portfolio["trade_count"],
        coverage=scaled(portfolio["coverage_ratio"], 6),
        history_complete=portfolio["history_complete"],
        wallet_class=wallet_class,
    )
    score = ranking.score(record, RANKING_RULES.scoring)
    return {
        "qualifies": ranking.qualifies(record),
        "performance_tier": ranking.tier(record, RANKING_RULES),
        "smart_trader_score": decimal(score.total, 4),
        "profitability_score": decimal(score.profitability, 4),
        "roi_score": decimal(score.roi, 4),
        "win_rate_score": decimal(score.win_rate, 4),
        "activity_score": decimal(score.activity, 4),
        "gate_failures": ranking.gate_failures(record, RANKING_RULES.gate),
    }


def index_of(row: dict[str, Any]) -> tuple[object, ...]:
    indexes = (row["ins_index"], row["inner_ins_index"])
    return (*((index is not None, index or 0) for index in indexes), row["event_id"])


def row_of(row: dict[str, Any]) -> Row:
    base, quote = (
        (
            row[f"{side}_address"],
            row[f"{side}_symbol"],
            row[f"{side}_decimals"],
            row[f"{side}_change_raw"],
            scaled(row[f"{side}_price"], 18),
        )
        for side in ("base", "quote")
    )
    return Row(*base, *quote, scaled(row["volume_usd"], 9))


def _pairs(trades: Iterable[dict[str, Any]]) -> list[tuple[tuple[str, str], Table]]:
    def pair(trade: dict[str, Any]) -> tuple[str, str]:
        return trade["wallet_address"], trade["token_address"]

    return [(key, sorted(group, key=order)) for key, group in groupby(sorted(trades, key=pair), pair)]


def _play(
    pair: Table, position: fifo.Position, tally: performance.Tally
) -> list[tuple[dict[str, Any], fifo.Sale, int | None]]:
    sales = []
    for trade in pair:
        value, at = scaled(trade["value_usd"], 9), trade["block_time"]
        if trade["side"] == "BUY":
            position.buy(fifo.Lot(trade["trade_id"], at, trade["quantity_raw"], value))
            tally.add_buy(value, at)
        else:
            sale = position.sell(trade["quantity_raw"], value, at)
            tally.add_sale(sale, value, at)
            sales.append((_sale_row(trade, sale), sale, value))
    return sales


def _sale_row(trade: dict[str, Any], sale: fifo.Sale) -> dict[str, Any]:
    same = ("trade_id", "wallet_address", "token_address", "block_time", "block_number", "quantity_raw")
    return {column: trade[column] for column in same} | {
        "matched_raw": sale.matched,
        "unknown_cost_raw": sale.unknown_cost,
        "unmatched_raw": sale.unmatched,
        "proceeds_usd": trade["value_usd"],
        "matched_proceeds_usd": decimal(sale.matched_proceeds, 9),
        "cost_usd": decimal(sale.cost, 9),
        "realized_pnl_usd": decimal(sale.realized, 9),
        "acquired_at": sale.acquired_at,
        "holding_hours": decimal(sale.holding_hours, 6),
    }


def _lot_row(trade: dict[str, Any], lot: fifo.Lot) -> dict[str, Any]:
    return {
        "trade_id": lot.name,
        "wallet_address": trade["wallet_address"],
        "token_address": trade["token_address"],
        "acquired_at": lot.bought_at,
        "bought_raw": lot.bought,
        "remaining_raw": lot.left,
        "cost_known": lot.cost is not None,
        "remaining_cost_usd": None if lot.cost is None else decimal(lot.left_cost, 9),
    }


def _quote(snapshot: dict[str, Any]) -> performance.Quote:
    return performance.Quote(
        price=scaled(snapshot["price"], 18),
        liquidity=scaled(snapshot["liquidity_usd"], 9),
        last_trade_at=snapshot["last_trade_at"],
    )


def _pnl_row(wallet: str, token: str, figures: performance.Figures, now: int) -> dict[str, Any]:
    row: dict[str, Any] = {"wallet_address": wallet, "token_address": token, "computed_at": now}
    for column, number in figures._asdict().items():
        if column in _COUNTS:
            row[column] = number
        else:
            row[column] = decimal(number, 18 if column in _PRICES else 6 if column in _MILLIONTHS else 9)
    return row
