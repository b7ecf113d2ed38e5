"""silver.trades: what each transaction left a wallet with, token by token."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.columns import Streams, lists
from smart_trader.domain.kernel.netting import net
from smart_trader.domain.kernel.trades import (
    BUY,
    Leg,
    Row,
    Trade,
    swap_group_id,
    trade_id,
)
from smart_trader.domain.kernel.valuation import ValueRules
from smart_trader.domain.silver import rejected_rows
from smart_trader.domain.table import (
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
        Column("trade_id", STRING, "SHA-256 of wallet, tx_hash and mint.", nullable=False),
        Column("wallet_address", STRING, "Who traded.", nullable=False),
        Column("token_address", STRING, "Mint.", nullable=False),
        Column("token_symbol", STRING, "Hostile text."),
        Column("decimals", INT, "Decimal places of the base unit."),
        Column("side", STRING, "BUY: the token came in, SELL: it went out.", nullable=False),
        Column("quantity_raw", RAW, "Base units, above zero.", nullable=False),
        Column("value_usd", USD, "Value of the whole swap; null when unknown."),
        Column(
            "value_source",
            STRING,
            "Which leg gave the value: stable, sol, volume_usd, token_price, none.",
            False,
        ),
        Column(
            "price_check",
            STRING,
            "How far the legs' prices disagree: ok, one_sided, suspect, rejected.",
            False,
        ),
        Column("cost_known", BOOLEAN, "Whether a BUY has a value; null on a SELL."),
        Column("block_time", TIMESTAMP, "Time of the block, UTC.", nullable=False),
        Column("block_number", COUNT, "Slot; missing sorts first."),
        Column("tx_hash", STRING, "Signature of the transaction.", nullable=False),
        Column(
            "swap_group_id",
            STRING,
            "Shared by the SELL and the BUY of a token-for-token swap.",
        ),
        Column("source", STRING, "Exchange of the last row by index."),
        Column("event_ids", STRINGS, "All rows of the transaction, sorted.", nullable=False),
    ),
    clustered_by=("wallet_address",),
    checks=(
        Check("quantity_above_zero", "quantity_raw > 0"),
        *not_negative("value_usd"),
        one_of("side", "BUY", "SELL"),
        one_of("value_source", "stable", "sol", "volume_usd", "token_price", "none"),
        one_of("price_check", "ok", "one_sided", "suspect", "rejected"),
    ),
)

KNOWN = T.StructType(
    [
        T.StructField("history_complete", BOOLEAN, False),
        T.StructField("label_class", STRING, True),
        T.StructField("label_reason", STRING, True),
    ]
)
"""What is known of a wallet beside its rows; a label is a class known from outside (a pool, a listed exchange)."""
FACTS = T.StructType(
    [
        *KNOWN,
        T.StructField("transactions", COUNT, False),
        T.StructField("arbitrage_tx_count", COUNT, False),
        T.StructField("rejected_rows", COUNT, False),
    ]
)
"""What is known, and what netting knows of a wallet beside its trades."""
LINE = T.StructType([*(T.StructField(f.name, f.dataType) for f in TABLE.own_schema), T.StructField("facts", FACTS)])
"""A wallet's facts, or one of its trades: each wallet has one line of the first kind."""
REFUSED = rejected_rows.TABLE.fields(("event_id", "reason", "wallet_address", "tx_hash", "detail", "rejected_at"))
STREAMS = Streams({"line": LINE, "refused": REFUSED})

_LEG = ("address", "symbol", "decimals", "change_raw", "price")
_PLACE = ("block_time", "block_number", "source")
INPUT = (
    *("wallet_address", "tx_hash", "event_id", *_PLACE, "volume_usd"),
    *(f"{side}_{name}" for side in ("base", "quote") for name in _LEG),
)
_INDEX = ("ins_index", "inner_ins_index")
_ROWS_PER_BATCH = 2_000
_NO_TRADE = (None,) * (len(TABLE.columns) - 2)


def net_transactions(history: DataFrame, wallets: DataFrame, rules: ValueRules) -> DataFrame:
    """All rows of some wallets in `bronze.transaction_history` to the streams `line` and `refused`.

    `wallets` has their addresses and the columns of `KNOWN`; each gets its facts, also if it has no rows. All that is
    said of a wallet comes out in one partition.
    """
    known = F.struct(*KNOWN.names).cast(KNOWN.simpleString())
    lines = history.select(*INPUT, *_INDEX).unionByName(
        wallets.select("wallet_address", known.alias("known")), allowMissingColumns=True
    )
    # A wallet's own line has no transaction and comes first.
    order = ("wallet_address", "tx_hash", *_INDEX, "event_id")
    return (
        lines.repartition("wallet_address")
        .sortWithinPartitions(*(F.asc_nulls_first(name) for name in order))
        .drop(*_INDEX)
        .mapInArrow(partial(_net_partition, rules=rules), STREAMS.schema)
    )


def trades_in(lines: DataFrame) -> DataFrame:
    """The rows of `silver.trades`."""
    return lines.where(F.col("facts").isNull()).select(*TABLE.column_names)


class _Netting:
    """Nets the transactions of sorted rows, and counts them wallet by wallet."""

    def __init__(self, rules: ValueRules) -> None:
        self._rules = rules
        self.out: dict[str, list[Sequence[Any]]] = {name: [] for name in STREAMS.schema.names}
        self._wallet = ""
        self._known: tuple[Any, ...] = ()
        self._transactions = self._arbitrage = self._rejected = 0

    def open_wallet(self, wallet: str, known: Mapping[str, Any]) -> None:
        self.end_wallet()
        self._wallet, self._known = wallet, tuple(known[name] for name in KNOWN.names)

    def transaction(
        self,
        tx_hash: str,
        rows: Sequence[Row],
        block_time: int,
        block_number: int | None,
        source: str | None,
    ) -> None:
        wallet = self._wallet
        self._transactions += 1
        netted = net(rows, self._rules)
        if netted.is_arbitrage:
            self._arbitrage += 1
        elif netted.rejected:
            self._rejected += len(rows)
            self.out["refused"] += [
                (
                    row.event_id,
                    netted.rejected,
                    wallet,
                    tx_hash,
                    netted.detail,
                    block_time,
                )
                for row in rows
            ]
        event_ids = sorted([row.event_id for row in rows])
        group = swap_group_id(wallet, tx_hash) if len(netted.trades) > 1 else None
        place = (block_time, block_number, tx_hash, group, source, event_ids)
        self.out["line"] += [_trade_row(wallet, tx_hash, trade, place) for trade in netted.trades]

    def end_wallet(self) -> None:
        if self._wallet:
            counted = (*self._known, self._transactions, self._arbitrage, self._rejected)
            facts = dict(zip(FACTS.names, counted, strict=True))
            self.out["line"].append((None, self._wallet, *_NO_TRADE, facts))
        self._transactions = self._arbitrage = self._rejected = 0


def _trade_row(wallet: str, tx_hash: str, trade: Trade, place: tuple[Any, ...]) -> tuple[Any, ...]:
    cost_known = trade.value is not None if trade.side == BUY else None
    return (trade_id(wallet, tx_hash, trade.mint), wallet, *trade, cost_known, *place, None)


def _net_partition(batches: Iterator[pa.RecordBatch], rules: ValueRules) -> Iterator[pa.RecordBatch]:
    netting = _Netting(rules)
    tx_hash = ""
    rows: list[Row] = []
    place: list[Any] = []
    for batch in batches:
        for wallet, tx, known, row, *where in zip(
            *lists(batch, ("wallet_address", "tx_hash", "known")), _rows(batch), *lists(batch, _PLACE), strict=True
        ):
            if (tx != tx_hash or known) and rows:
                netting.transaction(tx_hash, rows, *place)
                rows = []
            if known:
                netting.open_wallet(wallet, known)
                continue
            tx_hash, place = tx, where
            rows.append(row)
        yield from STREAMS.batches(netting.out, _ROWS_PER_BATCH)
    if rows:
        netting.transaction(tx_hash, rows, *place)
    netting.end_wallet()
    yield from STREAMS.batches(netting.out, 1)


def _rows(batch: pa.RecordBatch) -> Iterator[Row]:
    base, quote = (map(Leg, *lists(batch, [f"{side}_{name}" for name in _LEG])) for side in ("base", "quote"))
    event_ids, volumes = lists(batch, ("event_id", "volume_usd"))
    return map(Row, event_ids, base, quote, volumes)
