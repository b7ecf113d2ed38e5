"""The part of the page about one wallet: its figures, curve, tokens, sales and lots, each with how it came about."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from smart_trader.domain.gold.evidence import VALUE_SOURCES
from smart_trader.domain.gold.smart_traders import WINDOW_DAYS
from smart_trader.io.report import numbers, words
from smart_trader.io.report.collected import Limits, Row, Rules
from smart_trader.io.report.view import (
    FEES,
    PARTS,
    Cell,
    Column,
    Curve,
    Fact,
    Figure,
    Grid,
    Rank,
    Score,
    Tier,
    Token,
    Trader,
    Transaction,
    Wallet,
    unknown,
)

_MARKS = {
    "no_price": "no snapshot of the token has a price",
    "stale_price": "the price is too old",
    "thin_market": "the position is too large for the market",
}
_SOURCES = {
    "stable": "by stable coins",
    "sol": "by SOL at its price then",
    "volume_usd": "by the volume that BirdEye gives",
    "token_price": "by the token's own price",
    "none": "of unknown value",
}
_SHORT_SOURCES = {"stable": "stable coins", "sol": "SOL", "volume_usd": "BirdEye's volume", "token_price": "own price"}
_PARTS = ("profitability", "roi", "win_rate", "activity")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was read about one wallet beside its row of the ranking."""

    tokens: Sequence[Row] = ()
    sales: Sequence[Row] = ()
    lots: Sequence[Row] = ()
    curve: Sequence[Row] = ()
    state: Row | None = None


def build(row: Row, rank: Rank, rules: Rules, limits: Limits, evidence: Evidence) -> Trader:
    """The part about the wallet of `row`, a row of gold.smart_traders."""
    best = next((token for token in evidence.tokens if token["is_best"]), None)
    return Trader(
        wallet=Wallet(row["wallet_address"], is_detailed=True),
        rank=rank,
        tier=Tier(row["performance_tier"]),
        remarks=words.remarks(row, rules),
        headline=_headline(row),
        score=_score_grid(row, rules),
        facts=(
            ("Result", _result(row, best)),
            ("Consistency", _consistency(row)),
            ("Evidence", _evidence(row, evidence)),
            ("Activity", _activity(row)),
        ),
        windows=_windows(row),
        curve=curve(evidence.curve),
        tables=(
            _tokens(evidence.tokens, limits.tokens),
            _sales(
                "Biggest trades",
                [s for s in evidence.sales if _is_within(s, limits.biggest, "gain_place", "loss_place")],
                "The largest gains and losses of single sales.",
                by="realized_pnl_usd",
            ),
            _sales(
                "Newest sales",
                [s for s in evidence.sales if _is_within(s, limits.sales, "newest_place")],
                _left_out(evidence.sales, limits.sales, "sales"),
                by="block_time",
            ),
            _lots(evidence.lots),
        ),
    )


def score(row: Row, rules: Rules) -> Score:
    """Total and parts, and how many points of the total each part brings."""
    parts = [row[f"{part}_score"] for part in _PARTS]
    return Score(
        words.plain(row["smart_trader_score"], 1),
        tuple(words.plain(part, 0) for part in parts),
        tuple(part * rules.weights[name] for part, name in zip(parts, _PARTS, strict=True)),
    )


def curve(rows: Sequence[Row]) -> Curve | None:
    """Sums of `gained` in the order of time; None for a wallet without a sale of known PnL."""
    if not rows:
        return None
    days = rows[0]["days"]
    points, total, peak, fall = [(rows[0]["first_day"] - 1, Decimal(0))], Decimal(0), Decimal(0), Decimal(0)
    for row in rows:
        total += row["gained"]
        peak = max(peak, total)
        fall = max(fall, peak - total)
        points.append((row["first_day"] + days * (row["step"] + 1) - 1, total))
    step = "day" if days == 1 else f"{days} days"
    lowest, highest = min(value for _, value in points), max(value for _, value in points)
    told = (
        f"Realized PnL from {day_text(points[0][0])} to {day_text(points[-1][0])}, a step for each {step} of sales: "
        f"ends at {numbers.money(total, signed=True)}, highest {numbers.money(highest, signed=True)}, "
        f"lowest {numbers.money(lowest, signed=True)}, largest fall from a peak {numbers.money(fall)}."
    )
    return Curve(tuple(points), told, fall)


def day_text(day: int) -> str:
    """A day counted from 1970."""
    return f"{datetime.fromtimestamp(0, UTC) + timedelta(days=day):%Y-%m-%d}"


def _is_within(row: Row, most: int, *places: str) -> bool:
    return any(row[place] is not None and row[place] <= most for place in places)


def _left_out(rows: Sequence[Row], most: int, what: str) -> str:
    every = rows[0]["of_wallet"] if rows else 0
    left = every - min(every, most)
    return f"{left:,} of {every:,} {what} are left out here; the tables have them." if left else ""


def _headline(row: Row) -> tuple[Fact, ...]:
    return (
        Fact("Realized PnL", words.realized(row)),
        Fact("ROI", words.roi(row)),
        Fact("Win rate", words.win_rate(row)),
        Fact("Win rate of tokens, at least", words.lower_bound(row)),
        Fact("Coverage", words.coverage(row)),
    )


def _result(row: Row, best: Row | None) -> tuple[Fact, ...]:
    known_token = (best["token_symbol"] or best["token_address"]) if best else "its best token"
    return (
        Fact(
            "Change of PnL",
            words.dollars(
                row["pnl_change"],
                "against the previous ranking",
                signed=True,
                why="it was not in the previous ranking, or that is too old to be read",
            ),
        ),
        Fact("Unrealized PnL", words.unrealized(row)),
        Fact("Total PnL", words.dollars(row["total_pnl"], "realized, and unrealized as far as known", signed=True)),
        Fact(
            "PnL without best token",
            words.dollars(row["pnl_ex_best_token"], f"without {known_token}", signed=True, why="there is no token"),
        ),
        Fact(
            "Best token's share",
            words.ratio(row["best_token_share"], "of all gains, losses left out", why="no token made a gain"),
        ),
        Fact(
            "Best sale",
            words.percentage(
                row["best_trade_roi"], "largest gain of a sale, of its cost", signed=True, why="no sale has a cost"
            ),
        ),
    )


def _consistency(row: Row) -> tuple[Fact, ...]:
    return (
        Fact("Win rate of tokens", words.token_win_rate(row)),
        Fact(
            "Holding time",
            words.hours(
                row["avg_holding_time_hours"], "mean over the sales, weighted by cost", why="no sale has a known cost"
            ),
        ),
        Fact(
            "Trades a day",
            words.plain(row["trade_frequency_daily"], 1, "from the first to the last trade", why="no trades"),
        ),
        Fact("Trading for", Figure(f"{row['trading_experience_days']:,} d", how=_first_to_last(row))),
    )


def _evidence(row: Row, evidence: Evidence) -> tuple[Fact, ...]:
    state = evidence.state or {}
    read_at = state.get("txns_last_fetched_at")
    kind = state.get("wallet_class")
    return (
        Fact("History", words.history(row, state.get("oldest_trade_at"))),
        Fact(
            "Unmatched proceeds",
            words.dollars(
                row["unmatched_proceeds"], "sold without a purchase that anybody saw; never counted as profit"
            ),
        ),
        Fact("Values", _value_sources(evidence.tokens)),
        Fact(
            "Taken for",
            Figure(kind, how=state.get("class_reason") or "") if kind else unknown("the wallet has no state"),
        ),
        Fact("Rejected rows", words.count(row["rejected_rows"], "could not be read as a trade")),
        Fact(
            "Arbitrage",
            words.count(row["arbitrage_tx_count"], "transactions that left money only: no trades, not in the PnL"),
        ),
        Fact(
            "Trades read",
            Figure(numbers.moment(read_at), how="business time of the last fetch")
            if read_at
            else unknown("the wallet was never fetched"),
        ),
    )


def _value_sources(tokens: Sequence[Row]) -> Figure:
    counted = {
        source: next((t[f"all_from_{source}"] for t in tokens if t[f"all_from_{source}"] is not None), 0)
        for source in VALUE_SOURCES
    }
    every = sum(counted.values())
    if not every:
        return unknown("no trade of it is in the tables")
    trusted = Decimal(counted["stable"] + counted["sol"]) / every
    how = ", ".join(f"{number:,} {_SOURCES[source]}" for source, number in counted.items() if number)
    return Figure(f"{numbers.share(trusted)} by money", how=f"of {every:,} trades: {how}")


def _activity(row: Row) -> tuple[Fact, ...]:
    trades = f"{row['buy_count']:,} purchases and {row['sell_count']:,} sales after netting"
    return (
        Fact("Trades", words.count(row["trade_count"], trades)),
        Fact("Tokens", words.count(row["tokens_traded"], "distinct tokens traded")),
        Fact("Bought", words.dollars(row["total_bought"], "known value of all purchases", why="too large")),
        Fact("Sold", words.dollars(row["total_sold"], "known value of all sales, matched or not", why="too large")),
        Fact(
            "Average trade", words.dollars(row["avg_trade_size_usd"], "(bought + sold) ÷ trades", why="unknown value")
        ),
        Fact(
            "Holds, at cost",
            words.dollars(
                row["current_position_cost_basis"], "known cost of the open lots", why="no open lot has a known cost"
            ),
        ),
        Fact(
            "Holds, worth",
            words.dollars(
                row["current_position_value"],
                "by usable prices only",
                why="nothing that is held has a usable price",
            ),
        ),
    )


def _first_to_last(row: Row) -> str:
    first, last = row["first_transaction"], row["last_transaction"]
    return f"{numbers.moment(first)} to {numbers.moment(last)}" if first and last else ""


def _score_grid(row: Row, rules: Rules) -> Grid:
    full = {
        "profitability": f"100 at {numbers.money(rules.full_score['pnl'])} of PnL",
        "roi": f"100 at {numbers.percent(rules.full_score['roi'])}",
        "win_rate": "as it is",
        "activity": f"100 at {rules.full_score['trades']} trades",
    }
    points = score(row, rules)
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            words.plain(row[f"{part}_score"], 4),
            words.percentage(100 * rules.weights[part]),
            words.plain(share, 4),
            full[part],
        )
        for name, part, share in zip(PARTS, _PARTS, points.shares, strict=True)
    ]
    rows.append(("score", None, None, words.plain(row["smart_trader_score"], 4), "the sum"))
    columns = (
        Column("Part"),
        Column("Points", True),
        Column("Weight", True),
        Column("Adds", True),
        Column("Full points"),
    )
    return Grid("Score", columns, rows)


def _windows(row: Row) -> Grid:
    columns = (
        Column("Before the ranking"),
        Column("Realized PnL", True),
        Column("Cost of sold", True),
        Column("Win rate", True),
        Column("Matched sales", True),
        Column("Trades", True),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            f"{days} days",
            words.dollars(row[f"realized_pnl_{days}d"], signed=True),
            words.dollars(row[f"cost_of_sold_{days}d"]),
            words.percentage(row[f"win_rate_{days}d"], why="no matched sale in that time"),
            words.count(row[f"matched_sales_{days}d"]),
            words.count(row[f"trade_count_{days}d"]),
        )
        for days in WINDOW_DAYS
    ]
    return Grid("Lately", columns, rows, FEES)


def _tokens(tokens: Sequence[Row], most: int) -> Grid:
    columns = (
        Column("Token"),
        Column("Realized PnL", True, "matched proceeds − cost"),
        Column("ROI", True),
        Column("Wins", True, "of matched sales"),
        Column("Coverage", True),
        Column("Trades", True),
        Column("Held, at cost", True),
        Column("Unrealized", True),
    )
    shown = [token for token in tokens if token["place"] <= most]
    rows: list[tuple[Cell, ...]] = [
        (
            Token(token["token_address"], token["token_symbol"], token.get("token_name")),
            _token_realized(token),
            words.short(words.roi(token)),
            Figure(f"{token['winning_sales']:,}/{token['matched_sales']:,}"),
            _token_coverage(token),
            words.count(token["trade_count"]),
            words.dollars(token["current_position_cost_basis"], why="no open lot has a known cost"),
            _token_unrealized(token),
        )
        for token in shown
    ]
    return Grid("Tokens", columns, rows, _left_out(tokens, most, "tokens"))


def _token_realized(token: Row) -> Figure:
    pnl, cost = token["realized_pnl"], token["cost_of_sold"]
    if pnl is None or cost is None:
        return unknown("too large")
    how = f"{numbers.money(pnl + cost)} − {numbers.money(cost)}" if cost or pnl else ""
    return words.dollars(pnl, how, signed=True)


def _token_coverage(token: Row) -> Figure:
    covered = words.coverage(token)
    return words.short(covered) if token["coverage_ratio"] == 1 else covered


def _token_unrealized(token: Row) -> Figure:
    refused = _MARKS.get(token["mark_reason"] or "", "no open lot has a known cost and a usable price")
    mark = token["mark_price"]
    how = f"at {numbers.price(mark)} a token" if mark is not None else ""
    return words.dollars(token["unrealized_pnl"], how, signed=True, why=refused)


def _sales(caption: str, sales: Sequence[Row], note: str, *, by: str) -> Grid:
    columns = (
        Column("Sold"),
        Column("Token"),
        Column("Quantity", True),
        Column("Proceeds", True, "and what valued them"),
        Column("Cost", True, "first in, first out"),
        Column("Realized PnL", True),
        Column("Held", True),
        Column("Transaction"),
    )
    ordered = sorted(sales, key=lambda sale: (sale[by] is not None, sale[by], sale["trade_id"]), reverse=True)
    rows: list[tuple[Cell, ...]] = [
        (
            sale["block_time"],
            Token(sale["token_address"], sale["token_symbol"], is_known_above=True),
            _quantity(sale["quantity_raw"], sale),
            words.dollars(sale["proceeds_usd"], _valued(sale), why="the sale has no trusted value"),
            words.dollars(sale["cost_usd"], _matched(sale), why="no purchase of it was seen at a known value"),
            words.dollars(sale["realized_pnl_usd"], signed=True, why="its cost or its value is unknown"),
            words.hours(sale["holding_hours"], why="nothing was matched"),
            Transaction(sale["tx_hash"]),
        )
        for sale in ordered
    ]
    return Grid(caption, columns, rows, note)


def _lots(lots: Sequence[Row]) -> Grid:
    columns = (
        Column("Bought"),
        Column("Token"),
        Column("Quantity", True),
        Column("Left", True),
        Column("Cost of what is left", True, "and what valued it"),
        Column("Transaction"),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            lot["acquired_at"],
            Token(lot["token_address"], lot["token_symbol"], is_known_above=True),
            _quantity(lot["bought_raw"], lot),
            _quantity(lot["remaining_raw"], lot),
            words.dollars(lot["remaining_cost_usd"], _valued(lot), why="the purchase has no trusted value"),
            Transaction(lot["tx_hash"]),
        )
        for lot in lots
    ]
    return Grid("Open lots", columns, rows, _left_out(lots, len(lots), "open lots"))


def _quantity(raw: Decimal, row: Row) -> Figure:
    return Figure(numbers.quantity(raw, row["decimals"]), f"{numbers.exact(raw)} base units")


def _valued(row: Row) -> str:
    doubt = "; its two sides disagree" if row["price_check"] == "suspect" else ""
    return f"{_SHORT_SOURCES.get(row['value_source'] or '', '')}{doubt}"


def _matched(sale: Row) -> str:
    if sale["matched_raw"] == sale["quantity_raw"]:
        return ""
    part = numbers.share(Decimal(sale["matched_raw"]) / sale["quantity_raw"])
    return f"of the {part} whose purchase is known"
