"""What must add up between the tables of one wallet's trading, from the rows as served to its figures.

Sums are exact, or null where they do not fit: a sum that is not known breaks no rule.
"""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.bronze import rejected_rows as unread_rows
from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.bronze.rejected_rows import still_counts, unread_trades
from smart_trader.domain.invariants.wallets import Rows
from smart_trader.domain.kernel.trades import Side
from smart_trader.domain.silver import open_lots, realized_sales, rejected_rows, trades, wallet_pnl
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.domain.tables.row_rules import Examination, Rule, exact_sum, together

EVENTS_USE = (transaction_history.TABLE, unread_rows.TABLE, trades.TABLE, rejected_rows.TABLE, wallet_pnl.TABLE)
POSITIONS_USE = (trades.TABLE, realized_sales.TABLE, open_lots.TABLE, wallet_pnl.TABLE)
_TRANSACTION = ("wallet_address", "tx_hash")
_POSITION = ("wallet_address", "token_address")
_LINKED = (*_POSITION, "trade_id")


def examine_events(read: Rows, consistent: DataFrame) -> Examination:
    """A trade of a consistent wallet names rows that were served, which no other swap names, and none that is rejected.

    A row need not be in a trade: a swap can leave nothing. Only rows up to the business time of the wallet's PnL count.
    An example names one transaction of its wallet.
    """
    consistent = F.broadcast(consistent)
    portfolios = (
        read(wallet_pnl.TABLE)
        .where(F.col("token_address") == ALL_TOKENS)
        .join(consistent, "wallet_address")
        .select("wallet_address", "arbitrage_tx_count", "rejected_rows", "counted_rejected")
    )
    transactions = _transactions(_events(read).join(consistent, "wallet_address"))
    # A stopped run may have rejected more rows than the wallet's state counts, and so its PnL.
    differs = (
        (F.col("without_trade") < F.col("arbitrage_tx_count"))
        | (F.col("rejected") + F.col("counted_rejected") != F.col("rejected_rows"))
        | (F.col("unread") < F.col("counted_rejected"))
    )
    return Examination(
        _by_wallet(together(transactions, portfolios)),
        _TRANSACTION,
        (
            Rule(trades.TABLE.name, "rows_are_those_served", F.col("wrong_trade")),
            Rule(rejected_rows.TABLE.name, "rows_are_those_served", F.col("wrong_rejection")),
            Rule(wallet_pnl.TABLE.name, "counts_are_those_of_the_rows", differs),
        ),
    )


def _events(read: Rows) -> DataFrame:
    """The rows of all transactions, from each table that has any of them."""
    landed_at = F.col("ingested_at").alias("landed_at")
    return together(
        read(transaction_history.TABLE).select(*_TRANSACTION, "event_id", "block_time", landed_at),
        unread_trades(read(unread_rows.TABLE)),
        read(trades.TABLE).select(*_TRANSACTION, F.col("event_ids").alias("traded")),
        read(rejected_rows.TABLE).select(*_TRANSACTION, F.col("event_id").alias("rejected")),
    )


def _transactions(events: DataFrame) -> DataFrame:
    """One row per transaction: how many of its rows were rejected, and whether what was made of them is wrong."""
    is_served = F.col("block_time") <= F.col("computed_at")
    gathered = events.groupBy(*_TRANSACTION).agg(
        F.collect_list(F.when(is_served, F.col("event_id"))).alias("served"),
        F.collect_list("rejected").alias("rejected"),
        F.collect_set("traded").alias("swaps"),
        F.collect_list("rejected_at").alias("unread"),
        F.max("landed_at").alias("landed_at"),
    )
    traded, has_trade = F.flatten("swaps"), F.size("swaps") > 0
    is_wrong = (F.size(F.array_distinct(traded)) != F.size(traded)) | F.exists("swaps", lambda rows: F.size(rows) == 0)
    return gathered.select(
        *_TRANSACTION,
        F.size("rejected").alias("rejected"),
        F.size(F.filter("unread", lambda at: still_counts(at, F.col("landed_at")))).alias("unread"),
        (~has_trade & (F.size("served") > 0)).cast("int").alias("without_trade"),
        (is_wrong | (F.size(F.array_except(traded, "served")) > 0)).alias("wrong_trade"),
        (
            (F.size(F.array_except("rejected", "served")) > 0) | (F.size(F.array_intersect("rejected", traded)) > 0)
        ).alias("wrong_rejection"),
    )


def _by_wallet(rows: DataFrame) -> DataFrame:
    """One row per wallet, from its transactions and its portfolio, with one transaction that is wrong."""
    is_wrong = F.coalesce(F.col("wrong_trade") | F.col("wrong_rejection"), F.lit(False))
    return rows.groupBy("wallet_address").agg(
        F.min(F.when(is_wrong, F.col("tx_hash"))).alias("tx_hash"),
        *(F.bool_or(name).alias(name) for name in ("wrong_trade", "wrong_rejection")),
        *(exact_sum(F.col(name)).alias(name) for name in ("without_trade", "rejected", "unread")),
        *(F.max(name).alias(name) for name in ("counted_rejected", "arbitrage_tx_count", "rejected_rows")),
    )


def examine_positions(read: Rows, consistent: DataFrame) -> Examination:
    """Trades, sales, lots and figures of each token of a consistent wallet agree to the last unit and the last digit.

    An example names one trade where a single one is at fault.
    """
    rows = _linked(read).join(F.broadcast(consistent.select("wallet_address")), "wallet_address", "left_semi")
    has_trades, has_figures = F.col("trade_count") > 0, F.col("figures").isNotNull()
    accounted = F.try_add(F.try_add("matched_raw", "unknown_cost_raw"), "remaining_raw")
    # The sum of two DECIMAL(38, 9) would be rounded to eight places.
    costs = F.col("cost").try_cast("DECIMAL(37, 9)") + F.col("remaining_cost").try_cast("DECIMAL(37, 9)")
    costs_differ = (F.col("too_large") == 0) & (F.col("total_bought") != costs)
    return Examination(
        _positions(rows),
        _LINKED,
        (
            Rule(trades.TABLE.name, "sale_has_its_result", F.col("sale_missing")),
            Rule(realized_sales.TABLE.name, "sale_is_that_of_its_trade", F.col("sale_differs")),
            Rule(open_lots.TABLE.name, "lot_is_that_of_its_trade", F.col("lot_differs")),
            Rule(open_lots.TABLE.name, "bought_is_sold_or_left", F.col("bought_raw") != accounted),
            Rule(realized_sales.TABLE.name, "costs_add_up", costs_differ),
            Rule(wallet_pnl.TABLE.name, "token_has_trades_and_figures", has_trades != has_figures),
            Rule(wallet_pnl.TABLE.name, "figures_are_those_of_the_trades", has_figures & _figures_differ()),
        ),
    )


def _linked(read: Rows) -> DataFrame:
    """Trades with their sales and lots by `trade_id`, and the figures of each position."""
    figures = read(wallet_pnl.TABLE).where(F.col("token_address") != ALL_TOKENS)
    return together(
        read(trades.TABLE).select(*_LINKED, F.struct(*_TRADE).alias("trade")),
        read(realized_sales.TABLE).select(*_LINKED, F.struct(*_SALE).alias("sale")),
        read(open_lots.TABLE).select(*_LINKED, F.struct(*_LOT).alias("lot")),
        figures.select(*_POSITION, F.struct(*_FIGURES).alias("figures")),
    )


def _positions(rows: DataFrame) -> DataFrame:
    """One row per position: what its trades add up to, its figures, and one trade that is at fault."""
    each = rows.groupBy(*_LINKED).agg(*(F.max(name).alias(name) for name in ("trade", "sale", "lot", "figures")))
    broken = _broken_links()
    judged = each.withColumns({name: F.coalesce(is_so, F.lit(False)) for name, is_so in broken.items()})
    is_broken = F.col("sale_missing") | F.col("sale_differs") | F.col("lot_differs")
    return judged.groupBy(*_POSITION).agg(
        F.min(F.when(is_broken, F.col("trade_id"))).alias("trade_id"),
        *(F.bool_or(name).alias(name) for name in broken),
        *(exact_sum(value).alias(name) for name, value in _sums().items()),
        F.min("trade.block_time").alias("first"),
        F.max("trade.block_time").alias("last"),
        F.max("figures").alias("figures"),
    )


_TRADE = ("side", "quantity_raw", "value_usd", "cost_known", "block_time")
_SALE = (
    *("block_time", "quantity_raw", "matched_raw", "unknown_cost_raw"),
    *("proceeds_usd", "matched_proceeds_usd", "cost_usd", "realized_pnl_usd"),
)
_LOT = ("acquired_at", "bought_raw", "remaining_raw", "cost_known", "remaining_cost_usd")
_COUNTS = ("trade_count", "buy_count", "sell_count", "matched_sales", "winning_sales")
_MONEY = ("total_bought", "total_sold", "realized_pnl", "cost_of_sold", "unmatched_proceeds")
_FIGURES = (*_COUNTS, *_MONEY, "current_position_cost_basis", "first_transaction", "last_transaction")


def _is_side(side: Side) -> Column:
    return F.coalesce(F.col("trade.side") == side, F.lit(False))


def _broken_links() -> dict[str, Column]:
    """Per trade: whether its sale is missing, and whether its sale or its lot differs from it."""
    sale, lot = F.col("sale"), F.col("lot")
    return {
        "sale_missing": _is_side(Side.SELL) & sale.isNull(),
        "sale_differs": sale.isNotNull()
        & (
            ~_is_side(Side.SELL)
            | (F.col("sale.quantity_raw") != F.col("trade.quantity_raw"))
            | (F.col("sale.block_time") != F.col("trade.block_time"))
            | ~F.col("sale.proceeds_usd").eqNullSafe(F.col("trade.value_usd"))
        ),
        "lot_differs": lot.isNotNull()
        & (
            ~_is_side(Side.BUY)
            | (F.col("lot.bought_raw") != F.col("trade.quantity_raw"))
            | (F.col("lot.acquired_at") != F.col("trade.block_time"))
            | (F.col("lot.cost_known") != F.col("trade.cost_known"))
        ),
    }


def _sums() -> dict[str, Column]:
    """What is added up over the trades of a position."""
    is_matched = (F.col("sale.matched_raw") > 0) & F.col("sale.proceeds_usd").isNotNull()
    return {
        "bought_raw": F.when(_is_side(Side.BUY), F.col("trade.quantity_raw")),
        "matched_raw": F.col("sale.matched_raw"),
        "unknown_cost_raw": F.col("sale.unknown_cost_raw"),
        "remaining_raw": F.col("lot.remaining_raw"),
        "cost": F.col("sale.cost_usd"),
        "remaining_cost": F.col("lot.remaining_cost_usd"),
        "too_large": F.when((F.col("sale.matched_raw") > 0) & F.col("sale.cost_usd").isNull(), 1),
        "trade_count": F.when(F.col("trade").isNotNull(), 1),
        "buy_count": F.when(_is_side(Side.BUY), 1),
        "sell_count": F.when(_is_side(Side.SELL), 1),
        "matched_sales": F.when(is_matched, 1),
        "winning_sales": F.when(F.col("sale.realized_pnl_usd") > 0, 1),
        "total_bought": F.when(_is_side(Side.BUY), F.col("trade.value_usd")),
        "total_sold": F.when(_is_side(Side.SELL), F.col("trade.value_usd")),
        "realized_pnl": F.col("sale.realized_pnl_usd"),
        "cost_of_sold": F.when(is_matched, F.col("sale.cost_usd")),
        "unmatched_proceeds": F.col("sale.proceeds_usd") - F.coalesce("sale.matched_proceeds_usd", F.lit(0)),
        "current_position_cost_basis": F.col("lot.remaining_cost_usd"),
    }


def _figures_differ() -> Column:
    """Figures that do not fit their column are null, and so is a cost basis of which nothing is known."""
    differs = (F.col("figures.first_transaction") != F.col("first")) | (
        F.col("figures.last_transaction") != F.col("last")
    )
    for name in (*_COUNTS, *_MONEY, "current_position_cost_basis"):
        differs = differs | (F.col(f"figures.{name}") != F.col(name))
    return (F.col("too_large") == 0) & differs
