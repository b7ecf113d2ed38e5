"""silver.trades to silver.realized_sales, silver.open_lots, silver.wallet_pnl and the class of each wallet.

One pass: the trades of a wallet come token by token in their total order, and are matched some positions at a time.
Why so: docs/decisions/pnl-engine.md.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain.arrow import (
    Batches,
    arrow_type,
    numbers,
    run_starts,
    scatter,
    stateful_arrow_udf,
    unscaled,
)
from smart_trader.domain.kernel.marks import MarkRules, Multiplier, Quote, newest_multiplier, scale_of
from smart_trader.domain.kernel.performance import (
    MICROSECONDS_PER_DAY,
    Results,
    WalletFacts,
    join,
    judge_tokens,
    token_figures,
    wallet_figures,
)
from smart_trader.domain.kernel.trades import Side
from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES
from smart_trader.domain.kernel.wallets import Activity, ClassRules, classify
from smart_trader.domain.pnl.matching import Matches, Trades, match
from smart_trader.domain.pnl.results import (
    MATCHED,
    figures_of_positions,
    lot_results,
    pnl_rows,
    sale_results,
)
from smart_trader.domain.pnl.totals import inventories, trade_totals
from smart_trader.domain.silver import open_lots
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.domain.tables.table import PRICE

_AROUND = ("wallet_address", "token_address", "block_time")
_PAYLOAD = ("trade_id", "block_number", "quantity_raw", "value_usd")
TRADE_COLUMNS = (*_AROUND, *_PAYLOAD, "side", "decimals", "value_source")
"""Columns of a trade that the engine reads."""
_TRADE = (*(f"trade.{name}" for name in _AROUND), "trade.payload.*")
_ROWS_PER_BATCH = 20_000
_MATCHED_FIELDS = list(arrow_type(MATCHED))


@dataclass(frozen=True, slots=True)
class EngineRules:
    """All that the figures depend on beside the trades. `now` is the business time in microseconds."""

    now: int
    quotes: Mapping[str, Quote]
    """By mint, from the newest snapshots."""
    marks: MarkRules
    classes: ClassRules


def to_lines(lines: DataFrame) -> DataFrame:
    """The lines of netting (`TRADE_COLUMNS`, and the `facts` of wallets) as `match_trades` takes them.

    Columns that the order of rows does not need lie in the struct `payload`: Spark takes plain decimals apart at every
    step, and looks at each plain column of a persisted frame to compress it. So make lines before a shuffle.
    """
    flags = {"is_sale": F.col("side") == Side.SELL, "is_trusted": F.col("value_source").isin(*TRUSTED_SOURCES)}
    named = (flag.alias(name) for name, flag in flags.items())
    return lines.select(*_AROUND, *named, F.struct(*_PAYLOAD).alias("payload"), "decimals", "facts")


def match_trades(lines: DataFrame, rules: EngineRules) -> DataFrame:
    """Trades with their `sale`, `lot` or `figures`, as far as they have any.

    All lines of a wallet must be in one partition. A wallet without trades gets its `ALL_TOKENS` row.
    """
    # A wallet's facts have no token and come first: that is how its end and the next one's beginning are seen.
    order = (*_AROUND, "payload.block_number", "is_sale", "payload.trade_id")
    result = stateful_arrow_udf(partial(_match_partition, rules=rules), MATCHED)(
        *("token_address", "block_time", "is_sale", "is_trusted", "payload.quantity_raw", "payload.value_usd"),
        *("decimals", "facts"),
    )
    figures = F.when(F.col("result.figures").isNotNull(), F.struct("wallet_address", "result.figures.*"))
    return (
        lines.sortWithinPartitions(*(F.asc_nulls_first(name) for name in order))
        .select(*_AROUND, "payload", result.alias("result"))
        .select(F.struct(*_AROUND, "payload").alias("trade"), "result.sale", "result.lot", figures.alias("figures"))
        .where("sale IS NOT NULL OR lot IS NOT NULL OR figures IS NOT NULL")
    )


def sales_in(matched: DataFrame) -> DataFrame:
    """The rows of `silver.realized_sales`."""
    sales = matched.where("sale IS NOT NULL").select(*_TRADE, "sale.*")
    return sales.withColumnRenamed("value_usd", "proceeds_usd")


def lots_in(matched: DataFrame) -> DataFrame:
    """The rows of `silver.open_lots`."""
    derived = {
        "acquired_at": F.col("block_time"),
        "bought_raw": F.col("quantity_raw"),
        "cost_known": F.col("value_usd").isNotNull(),
    }
    lots = matched.where("lot IS NOT NULL").select(*_TRADE, "lot.*")
    return lots.withColumns(derived).select(*open_lots.TABLE.column_names)


def pnl_in(matched: DataFrame, rules: EngineRules) -> DataFrame:
    """The rows of `silver.wallet_pnl`."""
    state = {
        "computed_at": F.timestamp_micros(F.lit(rules.now)),
        "moved_to_gold": F.lit(False),
        "gold_processed_at": F.lit(None).cast("timestamp"),
    }
    return (
        matched.where("figures IS NOT NULL")
        .select("figures.wallet_address", F.inline("figures.pnl"))
        .withColumns(state)
    )


def classes_in(matched: DataFrame) -> DataFrame:
    """The class of each wallet, and why."""
    return matched.where("figures.wallet_class IS NOT NULL").select(
        "figures.wallet_address", "figures.wallet_class", "figures.class_reason"
    )


@dataclass(slots=True)
class _Wallet:
    """What is gathered of the wallet whose positions are passing."""

    known: Mapping[str, Any]
    results: list[Results] = field(default_factory=list)
    trades: int = 0
    days: set[int] = field(default_factory=set)
    holding_times: list[int] = field(default_factory=list)

    @property
    def facts(self) -> WalletFacts:
        return WalletFacts(*(self.known[name] for name in ("history_complete", "arbitrage_tx_count", "rejected_rows")))

    def whole(self) -> Results:
        return join(self.results).whole()

    def see(self, results: Results, times: NDArray[np.int64], holding_times: NDArray[np.int64]) -> None:
        """Add some positions, their trades' times, and the holding times of their realized sales."""
        self.results.append(results)
        self.trades += len(times)
        self.days.update(np.unique(times // MICROSECONDS_PER_DAY).tolist())
        self.holding_times += holding_times.tolist()

    def verdict(self, rules: ClassRules) -> tuple[str, str]:
        known = self.known
        label = (known["label_class"], known["label_reason"]) if known["label_class"] else None
        arbitrage = known["arbitrage_tx_count"]
        activity = Activity(self.trades, len(self.days), self.holding_times, known["transactions"], arbitrage)
        return classify(activity, rules, label=label)


def _multipliers_of(known: Mapping[str, Any]) -> dict[str | None, Multiplier]:
    return {
        unit["token_address"]: Multiplier(unscaled(unit["multiplier"], PRICE.scale), unit["multiplier_at"])
        for unit in known["units"] or ()
        if unit["multiplier"] is not None
    }


class _Engine:
    """Matches the trades of one wallet after the other, some whole positions at a time."""

    def __init__(self, rules: EngineRules) -> None:
        self._rules = rules
        self._wallet: _Wallet | None = None

    def match_lines(self, lines: tuple[pa.Array, ...], *, ends_wallet: bool) -> Iterator[pa.Array]:
        """A row of `MATCHED` for each line, in batches. `ends_wallet` says whether the last line is a wallet's last."""
        tokens, times, is_sale, is_trusted, quantities, values, *_ = lines
        # A wallet's own line is a position of its own, in which nothing was bought.
        trades = Trades(
            starts=np.array(run_starts(tokens)),
            is_buy=~is_sale.fill_null(False).to_numpy(zero_copy_only=False),
            quantity=numbers(quantities),
            value=numbers(values),
            has_value=values.is_valid().to_numpy(zero_copy_only=False),
            is_trusted=is_trusted.fill_null(False).to_numpy(zero_copy_only=False),
            time=numbers(times),
        )
        matches = match(trades)
        figures = scatter(self._close(lines, trades, matches, ends_wallet), trades.ends - 1, len(trades))
        for start in range(0, len(trades), _ROWS_PER_BATCH):
            rows = slice(start, start + _ROWS_PER_BATCH)
            result = (sale_results(trades, matches, rows), lot_results(trades, matches, rows), figures[rows])
            yield pa.StructArray.from_arrays(result, fields=_MATCHED_FIELDS)

    def _close(
        self, lines: tuple[pa.Array, ...], trades: Trades, matches: Matches, ends_wallet: bool
    ) -> pa.StructArray:
        """The figures of each position: those of its token, but for a wallet's own line. At the last one of a wallet
        also those of the wallet and its class."""
        *_, facts = lines
        is_own = facts.is_valid().to_numpy(zero_copy_only=False)[trades.starts]
        mints, multipliers, results = self._judge(lines, trades, matches, is_own)
        complete: list[bool] = []
        ended: dict[int, _Wallet] = {}
        for begin, end, wallet in self._gather(facts, is_own, trades, matches, results):
            complete += [wallet.facts.history_complete] * (end - begin)
            if end < len(is_own) or ends_wallet:
                ended[end - 1] = wallet
        wholes = join([results.part(slice(0, 0)), *(wallet.whole() for wallet in ended.values())])
        of_wallets = wallet_figures(wholes, [wallet.facts for wallet in ended.values()])
        rows = pnl_rows(
            (mints, {**token_figures(results, complete), "multiplier": multipliers}),
            ([ALL_TOKENS] * len(ended), {**of_wallets, "multiplier": [None] * len(ended)}),
        )
        return figures_of_positions(
            rows, is_own, {place: wallet.verdict(self._rules.classes) for place, wallet in ended.items()}
        )

    def _judge(
        self, lines: tuple[pa.Array, ...], trades: Trades, matches: Matches, is_own: NDArray[np.bool_]
    ) -> tuple[list[str | None], list[int | None], Results]:
        """The mint of each position, its newest multiplier, and what became of it."""
        tokens, *_, decimals, facts = lines
        rules = self._rules
        mints = tokens.take(pa.array(trades.starts)).to_pylist()
        places = decimals.take(pa.array(trades.ends - 1)).to_pylist()
        quotes = [rules.quotes.get(mint) for mint in mints]
        known = self._multipliers(facts, trades.starts, is_own)
        multipliers = [newest_multiplier(k.get(m), q) for k, m, q in zip(known, mints, quotes, strict=True)]
        results = judge_tokens(
            trade_totals(trades, matches),
            inventories(trades, matches),
            list(map(scale_of, places, multipliers)),
            quotes,
            rules.now,
            rules.marks,
        )
        return mints, multipliers, results

    def _multipliers(
        self, facts: pa.Array, starts: NDArray[np.int64], is_own: NDArray[np.bool_]
    ) -> Iterator[Mapping[str | None, Multiplier]]:
        """For each position the multipliers that its wallet knows, by mint."""
        known = _multipliers_of(self._wallet.known) if self._wallet else {}
        for start, own in zip(starts.tolist(), is_own.tolist(), strict=True):
            if own:
                known = _multipliers_of(facts[start].as_py())
            yield known

    def _gather(
        self, facts: pa.Array, is_own: NDArray[np.bool_], trades: Trades, matches: Matches, results: Results
    ) -> Iterator[tuple[int, int, _Wallet]]:
        """Each wallet with its first position and the one behind its last, after these have been added to it."""
        is_realized = (matches.matched > 0) & trades.has_value
        first = [place for place, own in enumerate(is_own.tolist()) if own or not place]
        for begin, end in pairwise([*first, len(is_own)]):
            if is_own[begin]:
                self._wallet = _Wallet(facts[trades.starts[begin]].as_py())
            assert self._wallet, "a wallet's own line comes first"
            skipped = int(is_own[begin])
            rows = slice(trades.starts[begin] + skipped, trades.ends[end - 1])
            held = (trades.time[rows] - matches.acquired_at[rows])[is_realized[rows]]
            self._wallet.see(results.part(slice(begin + skipped, end)), trades.time[rows], held)
            yield begin, end, self._wallet


def _match_partition(batches: Batches, rules: EngineRules) -> Iterator[pa.Array]:
    engine = _Engine(rules)
    for lines, ends_wallet in _whole_positions(batches):
        yield from engine.match_lines(lines, ends_wallet=ends_wallet)


def _whole_positions(batches: Batches) -> Iterator[tuple[tuple[pa.Array, ...], bool]]:
    """The lines as they come, parted only where a position begins, and whether each part ends a wallet."""
    waiting: list[tuple[pa.Array, ...]] = []
    for batch in batches:
        tokens, *_, facts = batch
        if not len(tokens):
            continue
        cut = run_starts(tokens)[-1]
        if cut or (waiting and (facts[0].is_valid or waiting[-1][0][-1] != tokens[0])):
            waiting.append(tuple(column[:cut] for column in batch))
            yield _together(waiting), facts[cut].is_valid
        waiting.append(tuple(column[cut:] for column in batch))
    if waiting:
        yield _together(waiting), True


def _together(batches: list[tuple[pa.Array, ...]]) -> tuple[pa.Array, ...]:
    """One batch of all, which are then forgotten column by column: they may be many."""
    columns = list(zip(*batches, strict=True))
    batches.clear()
    return tuple(pa.concat_arrays(columns.pop(0)) for _ in range(len(columns)))
