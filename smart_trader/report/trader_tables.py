"""The tables in the section about one wallet: score, recent windows, tokens, sales and open lots."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from smart_trader.domain.gold.smart_traders import WINDOW_DAYS
from smart_trader.domain.kernel.marks import MarkReason
from smart_trader.domain.kernel.valuation import PriceCheck, ValueSource
from smart_trader.report import figures, numbers, trusted
from smart_trader.report.data import Row, Rules
from smart_trader.report.view import PARTS, Cell, Column, Figure, Grid, Score, Token, Transaction, unknown

_MARKS: Mapping[str, str] = {
    MarkReason.NO_DECIMALS: "nobody knows how many units the amounts are",
    MarkReason.NO_PRICE: "no snapshot of the token has a price",
    MarkReason.STALE_PRICE: "the price is too old",
    MarkReason.THIN_MARKET: "the position is too large for the market",
}
_SHORT_SOURCES: Mapping[str, str] = {
    ValueSource.STABLE: "stable coins",
    ValueSource.SOL: "SOL",
    ValueSource.VOLUME_USD: "BirdEye's volume",
    ValueSource.TOKEN_PRICE: "own price",
}
_PARTS = ("profitability", "roi", "win_rate", "activity")


def score(row: Row, rules: Rules) -> Score:
    """Total and parts, and the points that each part adds to the total."""
    parts = [row[f"{part}_score"] for part in _PARTS]
    return Score(
        figures.plain(row["smart_trader_score"], 1),
        tuple(figures.plain(part, 0) for part in parts),
        tuple(part * rules.weights[name] for part, name in zip(parts, _PARTS, strict=True)),
    )


def left_out(rows: Sequence[Row], most: int, what: str) -> str:
    """A note with the number of `what` that the page leaves out; empty if it shows all."""
    every = rows[0]["of_wallet"] if rows else 0
    left = every - min(every, most)
    return f"{left:,} of {every:,} {what} are left out here; the tables have them." if left else ""


def score_table(row: Row, rules: Rules) -> Grid:
    """Points of each part, its weight, and the points that it adds."""
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
            figures.plain(row[f"{part}_score"], 4),
            figures.percentage(100 * rules.weights[part]),
            figures.plain(share, 4),
            full[part],
        )
        for name, part, share in zip(PARTS, _PARTS, points.shares, strict=True)
    ]
    rows.append(("score", None, None, figures.plain(row["smart_trader_score"], 4), "the sum"))
    columns = (
        Column("Part"),
        Column("Points", True),
        Column("Weight", True),
        Column("Adds", True),
        Column("Full points"),
    )
    return Grid("Score", columns, rows)


def windows(row: Row) -> Grid:
    """Figures of the last days before the ranking."""
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
            figures.dollars(row[f"realized_pnl_{days}d"], signed=True),
            figures.dollars(row[f"cost_of_sold_{days}d"]),
            figures.percentage(row[f"win_rate_{days}d"], why="no matched sale in that time"),
            figures.count(row[f"matched_sales_{days}d"]),
            figures.count(row[f"trade_count_{days}d"]),
        )
        for days in WINDOW_DAYS
    ]
    return Grid("Lately", columns, rows)


def tokens(tokens: Sequence[Row], most: int) -> Grid:
    """The results of the wallet in its tokens. The tokens that moved most money come first."""
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
            trusted.beside_pnl(_token_realized(token), token),
            figures.short(figures.roi(token)),
            Figure(f"{token['winning_sales']:,}/{token['matched_sales']:,}"),
            _token_coverage(token),
            figures.count(token["trade_count"]),
            figures.dollars(token["current_position_cost_basis"], why="no open lot has a known cost"),
            _token_unrealized(token),
        )
        for token in shown
    ]
    return Grid("Tokens", columns, rows, left_out(tokens, most, "tokens"))


def sales(caption: str, sales: Sequence[Row], note: str, *, by: str) -> Grid:
    """Sales, the largest of the column `by` first."""
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
            figures.dollars(sale["proceeds_usd"], _valued(sale), why="the sale has no usable value"),
            figures.dollars(sale["cost_usd"], _matched(sale), why="no purchase of it was seen at a known value"),
            figures.dollars(sale["realized_pnl_usd"], signed=True, why="its cost or its value is unknown"),
            figures.hours(sale["holding_hours"], why="nothing was matched"),
            Transaction(sale["tx_hash"]),
        )
        for sale in ordered
    ]
    return Grid(caption, columns, rows, note)


def lots(lots: Sequence[Row]) -> Grid:
    """The open lots."""
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
            figures.dollars(lot["remaining_cost_usd"], _valued(lot), why="the purchase has no usable value"),
            Transaction(lot["tx_hash"]),
        )
        for lot in lots
    ]
    return Grid("Open lots", columns, rows, left_out(lots, len(lots), "open lots"))


def _token_realized(token: Row) -> Figure:
    pnl, cost = token["realized_pnl"], token["cost_of_sold"]
    if pnl is None or cost is None:
        return unknown("too large")
    how = f"{numbers.money(pnl + cost)} − {numbers.money(cost)}" if cost or pnl else ""
    return figures.dollars(pnl, how, signed=True)


def _token_coverage(token: Row) -> Figure:
    covered = figures.coverage(token)
    return figures.short(covered) if token["coverage_ratio"] == 1 else covered


def _token_unrealized(token: Row) -> Figure:
    refused = _MARKS.get(token["mark_reason"] or "", "no open lot has a known cost and a usable price")
    mark = token["mark_price"]
    how = f"at {numbers.price(mark)} a token" if mark is not None else ""
    return figures.dollars(token["unrealized_pnl"], how, signed=True, why=refused)


def _quantity(raw: Decimal, row: Row) -> Figure:
    return Figure(numbers.quantity(raw, row["decimals"], row["multiplier"]), f"{numbers.exact(raw)} base units")


def _valued(row: Row) -> str:
    disagrees = "its two sides disagree" if row["price_check"] == PriceCheck.SUSPECT else ""
    source = _SHORT_SOURCES.get(row["value_source"] or "", "")
    return "; ".join(filter(None, (source, disagrees, trusted.doubt(row))))


def _matched(sale: Row) -> str:
    if sale["matched_raw"] == sale["quantity_raw"]:
        return ""
    part = numbers.share(Decimal(sale["matched_raw"]) / sale["quantity_raw"])
    return f"of the {part} whose purchase is known"
