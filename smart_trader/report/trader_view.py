"""The section about one wallet: its figures, curve, tokens, sales and lots, each with its derivation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES, ValueSource
from smart_trader.report import figures, numbers, trader_tables, trusted
from smart_trader.report.data import Limits, Row, Rules
from smart_trader.report.view import Curve, Fact, Figure, Rank, Tier, Trader, Wallet, unknown

_SOURCES = {
    ValueSource.STABLE: "by stable coins",
    ValueSource.SOL: "by SOL at its price then",
    ValueSource.VOLUME_USD: "by the volume that BirdEye gives",
    ValueSource.TOKEN_PRICE: "by the token's own price",
    ValueSource.NONE: "of unknown value",
}


@dataclass(frozen=True, slots=True)
class Evidence:
    """The data of one wallet beside its row of the ranking."""

    tokens: Sequence[Row] = ()
    sales: Sequence[Row] = ()
    lots: Sequence[Row] = ()
    curve: Sequence[Row] = ()
    state: Row | None = None


def build(row: Row, rank: Rank, rules: Rules, limits: Limits, evidence: Evidence) -> Trader:
    """The section about the wallet of `row`, a row of gold.smart_traders."""
    best = next((token for token in evidence.tokens if token["is_best"]), None)
    return Trader(
        wallet=Wallet(row["wallet_address"], is_detailed=True),
        rank=rank,
        tier=Tier(row["performance_tier"]),
        remarks=figures.remarks(row, rules),
        headline=_headline(row),
        score=trader_tables.score_table(row, rules),
        facts=(
            ("Result", (*trusted.facts(row), *_result(row, best))),
            ("Since it was found", _since_discovery(row)),
            ("Consistency", _consistency(row)),
            ("Evidence", _evidence(row, evidence)),
            ("Activity", _activity(row)),
        ),
        windows=trader_tables.windows(row),
        curve=curve(evidence.curve),
        tables=(
            trader_tables.tokens(evidence.tokens, limits.tokens),
            trader_tables.sales(
                "Biggest trades",
                [s for s in evidence.sales if _is_within(s, limits.biggest, "gain_place", "loss_place")],
                "The largest gains and losses of single sales.",
                by="realized_pnl_usd",
            ),
            trader_tables.sales(
                "Newest sales",
                [s for s in evidence.sales if _is_within(s, limits.sales, "newest_place")],
                trader_tables.left_out(evidence.sales, limits.sales, "sales"),
                by="block_time",
            ),
            trader_tables.lots(evidence.lots),
        ),
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
    summary = (
        f"Realized PnL from {day_text(points[0][0])} to {day_text(points[-1][0])}, a step for each {step} of sales: "
        f"ends at {numbers.money(total, signed=True)}, highest {numbers.money(highest, signed=True)}, "
        f"lowest {numbers.money(lowest, signed=True)}, largest fall from a peak {numbers.money(fall)}."
    )
    return Curve(tuple(points), summary, fall)


def day_text(day: int) -> str:
    """A day counted from 1970."""
    return f"{datetime.fromtimestamp(0, UTC) + timedelta(days=day):%Y-%m-%d}"


def _is_within(row: Row, most: int, *places: str) -> bool:
    return any(row[place] is not None and row[place] <= most for place in places)


def _headline(row: Row) -> tuple[Fact, ...]:
    return (
        Fact("Realized PnL", figures.realized(row)),
        Fact("ROI", figures.roi(row)),
        Fact("Win rate", figures.win_rate(row)),
        Fact("Win rate of tokens, at least", figures.lower_bound(row)),
        Fact("Coverage", figures.coverage(row)),
    )


def _result(row: Row, best: Row | None) -> tuple[Fact, ...]:
    known_token = (best["token_symbol"] or best["token_address"]) if best else "its best token"
    return (
        Fact(
            "Change of PnL",
            figures.dollars(
                row["pnl_change"],
                "against the previous ranking",
                signed=True,
                why="it was not in the previous ranking, or that is too old to be read",
            ),
        ),
        Fact("Unrealized PnL", figures.unrealized(row)),
        Fact("Total PnL", figures.dollars(row["total_pnl"], "realized, and unrealized as far as known", signed=True)),
        Fact(
            "PnL without best token",
            figures.dollars(row["pnl_ex_best_token"], f"without {known_token}", signed=True, why="there is no token"),
        ),
        Fact(
            "Best token's share",
            figures.ratio(row["best_token_share"], "of all gains, losses left out", why="no token made a gain"),
        ),
        Fact(
            "Best sale",
            figures.percentage(
                row["best_trade_roi"], "largest gain of a sale, of its cost", signed=True, why="no sale has a cost"
            ),
        ),
    )


def _since_discovery(row: Row) -> tuple[Fact, ...]:
    """What following it since then has brought."""
    found_at = row["discovered_at"]
    if found_at is None:
        return (Fact("Found", unknown("it was only ever named by hand, or the ranking is older than these figures")),)
    seconds = max(0, int((row["ranked_at"] - found_at).total_seconds()))
    sales, won = row["since_discovery_sales"], row["since_discovery_winning_sales"]
    return (
        Fact(
            "Found",
            Figure(numbers.moment(found_at), how=f"{numbers.hours(Decimal(seconds) / 3600)} before the ranking"),
        ),
        Fact(
            "Profit since",
            figures.dollars(
                row["since_discovery_pnl"],
                "of following it since then: an upper bound, and the ranking can have flattered it",
                signed=True,
                why="too large",
            ),
        ),
        Fact(
            "Return since",
            figures.percentage(
                row["since_discovery_return"], "per dollar bought", signed=True, why="it has bought nothing since"
            ),
        ),
        Fact(
            "Sales since", figures.count(sales, f"of what was bought since, {won or 0:,} with a gain", why="too large")
        ),
    )


def _consistency(row: Row) -> tuple[Fact, ...]:
    return (
        Fact("Win rate of tokens", figures.token_win_rate(row)),
        Fact(
            "Holding time",
            figures.hours(
                row["avg_holding_time_hours"], "mean over the sales, weighted by cost", why="no sale has a known cost"
            ),
        ),
        Fact(
            "Trades a day",
            figures.plain(row["trade_frequency_daily"], 1, "from the first to the last trade", why="no trades"),
        ),
        Fact("Trading for", Figure(f"{row['trading_experience_days']:,} d", how=_first_to_last(row))),
    )


def _evidence(row: Row, evidence: Evidence) -> tuple[Fact, ...]:
    state = evidence.state or {}
    read_at = state.get("txns_last_fetched_at")
    kind = state.get("wallet_class")
    return (
        Fact("History", figures.history(row, state.get("oldest_trade_at"))),
        Fact(
            "Unmatched proceeds",
            figures.dollars(
                row["unmatched_proceeds"], "sold without a purchase that anybody saw; never counted as profit"
            ),
        ),
        Fact("Values", _value_sources(evidence.tokens)),
        Fact(
            "Taken for",
            Figure(kind, how=state.get("class_reason") or "") if kind else unknown("the wallet has no state"),
        ),
        Fact("Rejected rows", figures.count(row["rejected_rows"], "could not be read as a trade")),
        Fact(
            "Arbitrage",
            figures.count(row["arbitrage_tx_count"], "transactions that left money only: no trades, not in the PnL"),
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
        for source in ValueSource
    }
    every = sum(counted.values())
    if not every:
        return unknown("no trade of it is in the tables")
    by_money = Decimal(sum(counted[source] for source in TRUSTED_SOURCES)) / every
    how = ", ".join(f"{number:,} {_SOURCES[source]}" for source, number in counted.items() if number)
    return Figure(f"{numbers.share(by_money)} by money", how=f"of {every:,} trades: {how}")


def _activity(row: Row) -> tuple[Fact, ...]:
    trades = f"{row['buy_count']:,} purchases and {row['sell_count']:,} sales after netting"
    return (
        Fact("Trades", figures.count(row["trade_count"], trades)),
        Fact("Tokens", figures.count(row["tokens_traded"], "distinct tokens traded")),
        Fact("Bought", figures.dollars(row["total_bought"], "known value of all purchases", why="too large")),
        Fact("Sold", figures.dollars(row["total_sold"], "known value of all sales, matched or not", why="too large")),
        Fact(
            "Average trade", figures.dollars(row["avg_trade_size_usd"], "(bought + sold) ÷ trades", why="unknown value")
        ),
        Fact(
            "Holds, at cost",
            figures.dollars(
                row["current_position_cost_basis"], "known cost of the open lots", why="no open lot has a known cost"
            ),
        ),
        Fact(
            "Holds, worth",
            figures.dollars(
                row["current_position_value"],
                "by usable prices only",
                why="nothing that is held has a usable price",
            ),
        ),
    )


def _first_to_last(row: Row) -> str:
    first, last = row["first_transaction"], row["last_transaction"]
    return f"{numbers.moment(first)} to {numbers.moment(last)}" if first and last else ""
