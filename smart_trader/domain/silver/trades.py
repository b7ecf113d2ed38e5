"""silver.trades: what each transaction left a wallet with, token by token."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.arrow import (
    Batches,
    arrow_type,
    build_column,
    nullable,
    run_starts,
    stateful_arrow_udf,
    to_list,
)
from smart_trader.domain.kernel.swaps import Trade, net
from smart_trader.domain.kernel.trades import Side, trade_id
from smart_trader.domain.kernel.valuation import PriceCheck, ValueRules, ValueSource
from smart_trader.domain.silver.rejected_rows import RejectedReason
from smart_trader.domain.silver.units import UNITS, WalletUnits
from smart_trader.domain.tables.state_flags import PNL_COMPUTED
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    INT,
    RAW,
    STRING,
    STRINGS,
    TIMESTAMP,
    USD,
    Check,
    Column,
    Table,
    not_negative,
    one_of,
)

TABLE = Table(
    name="silver.trades",
    grain="one row per wallet, transaction and token after netting",
    key=("trade_id",),
    job="silver_pnl",
    columns=(
        Column(
            "trade_id",
            STRING,
            "SHA-256 of wallet, tx_hash and mint; of a SELL beside a BUY of the mint in the transaction with `|SELL`.",
            nullable=False,
        ),
        Column("wallet_address", STRING, "Who traded.", nullable=False),
        Column("token_address", STRING, "Mint.", nullable=False),
        Column("token_symbol", STRING, "Hostile text."),
        Column("decimals", INT, "Decimal places of the base unit."),
        Column("side", STRING, "BUY: the token came in, SELL: it went out.", nullable=False),
        Column("quantity_raw", RAW, "Base units, above zero.", nullable=False),
        Column("value_usd", USD, "Value of this side of the swap; null when unknown."),
        Column(
            "value_source",
            STRING,
            f"What gave the value: {', '.join(ValueSource)}.",
            False,
        ),
        Column(
            "price_check",
            STRING,
            f"How far the legs' prices disagree: {', '.join(PriceCheck)}.",
            False,
        ),
        Column("cost_known", BOOLEAN, "Whether a BUY has a value; null on a SELL."),
        Column("block_time", TIMESTAMP, "Time of the block, UTC.", nullable=False),
        Column("block_number", COUNT, "Slot; missing sorts first."),
        Column("tx_hash", STRING, "Signature of the transaction.", nullable=False),
        Column("swap_group_id", STRING, "Shared by the SELL and the BUY of a swap of two tokens: the SELL's trade_id."),
        Column("source", STRING, "Exchange of the swap's last row by index."),
        Column("event_ids", STRINGS, "All rows of the swap, sorted.", nullable=False),
    ),
    clustered_by=("wallet_address",),
    checks=(
        Check("quantity_above_zero", "quantity_raw > 0"),
        *not_negative("value_usd"),
        one_of("side", Side),
        one_of("value_source", ValueSource),
        one_of("price_check", PriceCheck),
    ),
    reset_on_restore=(PNL_COMPUTED,),
)

KNOWN = T.StructType(
    [
        T.StructField("history_complete", BOOLEAN, False),
        T.StructField("label_class", STRING, True),
        T.StructField("label_reason", STRING, True),
        T.StructField("units", UNITS, True),
        T.StructField("rejected_rows", COUNT, False),
    ]
)
"""What is known of a wallet beside its rows; a label is a class known from outside (a pool, a listed exchange), the
rejected rows are those of which bronze could read nothing. `units` are null if each row has its own."""
FACTS = T.StructType(
    [
        *KNOWN,
        T.StructField("transactions", COUNT, False),
        T.StructField("arbitrage_tx_count", COUNT, False),
    ]
)
"""What is known of a wallet beside its rows, and what netting counts; `rejected_rows` has what netting rejects too."""
_FOUND = (
    *("trade_id", "token_address", "token_symbol", "decimals", "side", "quantity_raw", "value_usd"),
    *("value_source", "price_check", "swap_group_id", "event_ids"),
)
LINE = T.StructType([*nullable(TABLE.fields(_FOUND)), T.StructField("facts", FACTS)])
"""What netting finds out about a trade, or a wallet's facts. `event_ids` is null if the swap has one row."""
NETTED = T.StructType([T.StructField("lines", T.ArrayType(LINE, False)), T.StructField("reason", STRING)])
"""The result of netting for a row: trades at the last row of a swap, or at each row why it is rejected."""

_LEG = ("address", "symbol", "decimals", "multiplier", "change_raw", "price")
_PLACE = ("block_time", "block_number", "source")
_AROUND = ("wallet_address", "tx_hash", "event_id", *_PLACE)
_SWAP = ("volume_usd", *(f"{side}_{name}" for side in ("base", "quote") for name in _LEG))
INPUT = (*_AROUND, *_SWAP)
_INDEX = ("ins_index", "inner_ins_index")
_ROWS_PER_BATCH = 5_000
_NO_TRADE = (None,) * len(_FOUND)
_TOO_LARGE_MEANS = "a quantity of its swap does not fit its column"
_NOTHING: tuple[Any, ...] = ((), None)
_TOO_LARGE: tuple[Any, ...] = ((), RejectedReason.TOO_LARGE.value)
_NETTED = arrow_type(NETTED)


def net_transactions(history: DataFrame, wallets: DataFrame, rules: ValueRules) -> DataFrame:
    """The rows of some wallets in `bronze.transaction_history` that have a result of netting, with that result.

    `wallets` has their addresses, the columns of `KNOWN` and the `multipliers` of `units.with_units`; each gets its
    facts, also if it has no rows. All rows of a wallet are in one partition.
    """
    facts = F.struct(*KNOWN.names).cast(KNOWN.simpleString()).alias("facts")
    known = F.struct("wallet_address", facts, "multipliers")
    # A struct travels as it is, while the decimals of plain columns are taken apart at every step.
    rows = history.select(*_AROUND, *_INDEX, F.struct(*_SWAP).alias("swap")).unionByName(
        wallets.select("wallet_address", known.alias("known")), allowMissingColumns=True
    )
    # A wallet's own line has no transaction and comes first: that is how its end and the next one's beginning are seen.
    order = ("wallet_address", "tx_hash", *_INDEX, "event_id")
    inputs = ("tx_hash", "known", "event_id", *(f"swap.{name}" for name in _SWAP))
    result = stateful_arrow_udf(partial(_net_partition, rules=rules), NETTED)(*inputs)
    return (
        rows.repartition("wallet_address")
        .sortWithinPartitions(*(F.asc_nulls_first(name) for name in order))
        .select(
            *_AROUND,
            result.alias("result"),
        )
        .where((F.size("result.lines") > 0) | F.col("result.reason").isNotNull())
        # One column: keeping a frame looks at every value of every column to compress it.
        .select(F.struct(*_AROUND, "result.*").alias("row"))
    )


def lines_in(netted: DataFrame) -> DataFrame:
    """The rows of `silver.trades`, and for each wallet one that has its `facts` and no trade."""
    cost_known = F.when(F.col("side") == Side.BUY, F.col("value_usd").isNotNull())
    return (
        netted.select(*(f"row.{name}" for name in _AROUND), F.inline("row.lines"))
        .withColumns({"cost_known": cost_known, "event_ids": F.coalesce("event_ids", F.array("event_id"))})
        .select(*TABLE.column_names, "facts")
    )


def trades_in(netted: DataFrame) -> DataFrame:
    """The rows of `silver.trades`."""
    return lines_in(netted).where(F.col("facts").isNull()).drop("facts")


def rejected_in(netted: DataFrame) -> DataFrame:
    """The rows of `silver.rejected_rows`, without their text."""
    return netted.where("row.reason IS NOT NULL").select(
        *(f"row.{name}" for name in ("event_id", "reason", "wallet_address", "tx_hash")),
        F.lit(_TOO_LARGE_MEANS).alias("detail"),
        F.col("row.block_time").alias("rejected_at"),
    )


class _Netting:
    """Nets the transactions of sorted rows, and counts them wallet by wallet."""

    def __init__(self, rules: ValueRules) -> None:
        self._rules = rules
        self.results: list[tuple[Any, ...]] = []
        """Row by row, as far as it is known: not of the transaction under way."""
        self._wallet = ""
        self._known: list[Any] = []
        self._units = WalletUnits((), ())
        self._tx_hash: str | None = None
        self._rows: list[tuple[Any, ...]] = []
        self._event_ids: list[str] = []
        self._transactions = self._arbitrage = self._rejected = 0

    def read(self, batch: tuple[pa.Array, ...]) -> None:
        hashes, known, event_ids, volumes, *legs = batch
        rows = list(zip(*map(to_list, (*legs, volumes)), strict=True))
        tx_hashes, ids, is_known = to_list(hashes), to_list(event_ids), to_list(known.is_valid())
        for start, end in pairwise([*run_starts(hashes), len(rows)]):
            if is_known[start]:
                self.end_wallet()
                self._open_wallet(**known[start].as_py())
            elif tx_hashes[start] == self._tx_hash:
                self._rows += rows[start:end]
                self._event_ids += ids[start:end]
            else:
                self._end_transaction()
                self._tx_hash, self._rows, self._event_ids = tx_hashes[start], rows[start:end], ids[start:end]

    def _open_wallet(
        self, wallet_address: str, facts: Mapping[str, Any], multipliers: Sequence[Mapping[str, Any]] | None
    ) -> None:
        self._wallet = wallet_address
        self._units = WalletUnits(facts["units"] or (), multipliers or ())
        *self._known, self._rejected = ({**facts, "units": self._units.of_mints}[name] for name in KNOWN.names)
        self.results.append(_NOTHING)

    def _end_transaction(self) -> None:
        tx_hash, rows = self._tx_hash, self._rows
        if tx_hash is None:
            return
        self._tx_hash = None
        self._transactions += 1
        if self._units:
            rows = [self._units.known_row(*row) for row in zip(rows, self._event_ids, strict=True)]
        trades, is_arbitrage, rejected = net(rows, self._rules)
        self._arbitrage += is_arbitrage
        if len(rows) == 1 and trades:
            self.results.append(([self._line(tx_hash, trade, None) for trade in trades], None))
            return
        found = [_NOTHING] * len(rows)
        for trade in trades:
            ids = sorted([self._event_ids[place] for place in trade.rows]) if len(trade.rows) > 1 else None
            others, reason = found[trade.rows[-1]]
            found[trade.rows[-1]] = ([*others, self._line(tx_hash, trade, ids)], reason)
        for place in rejected:
            found[place] = _TOO_LARGE
        self._rejected += len(rejected)
        self.results += found

    def _line(self, tx_hash: str, trade: Trade, event_ids: list[str] | None) -> tuple[Any, ...]:
        *told, _, pair, is_second = trade
        own_id = trade_id(self._wallet, tx_hash, trade.mint, is_second=is_second)
        group = pair and trade_id(self._wallet, tx_hash, pair)
        return (own_id, *told, group, event_ids, None)

    def end_wallet(self) -> None:
        self._end_transaction()
        if self._wallet:
            facts = (*self._known, self._rejected, self._transactions, self._arbitrage)
            lines, reason = self.results[-1]
            self.results[-1] = ([*lines, (*_NO_TRADE, facts)], reason)
        self._wallet = ""
        self._transactions = self._arbitrage = self._rejected = 0

    def take(self, keep: int) -> pa.Array:
        """The results of all rows but the last `keep`, whose results may still change."""
        whole, self.results = self.results[: len(self.results) - keep], self.results[len(self.results) - keep :]
        return build_column(whole, _NETTED)


def _net_partition(batches: Batches, rules: ValueRules) -> Iterator[pa.Array]:
    netting = _Netting(rules)
    for batch in batches:
        for start in range(0, len(batch[0]), _ROWS_PER_BATCH):
            netting.read(tuple(column[start : start + _ROWS_PER_BATCH] for column in batch))
            if len(netting.results) > _ROWS_PER_BATCH:
                yield netting.take(keep=1)
    netting.end_wallet()
    yield netting.take(keep=0)
