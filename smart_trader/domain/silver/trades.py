"""silver.trades: what each transaction left a wallet with, token by token."""

from collections.abc import Iterator, Sequence
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

FACTS = T.StructType(
    [
        T.StructField("wallet_address", STRING, False),
        T.StructField("transactions", COUNT, False),
        T.StructField("arbitrage_tx_count", COUNT, False),
        T.StructField("rejected_rows", COUNT, False),
    ]
)
"""What netting knows of a wallet beside its trades."""
REFUSED = rejected_rows.TABLE.fields(("event_id", "reason", "wallet_address", "tx_hash", "detail", "rejected_at"))
STREAMS = Streams({"trade": TABLE.own_schema, "refused": REFUSED, "facts": FACTS})

_LEG = ("address", "symbol", "decimals", "change_raw", "price")
_ROW = (
    "wallet_address",
    "tx_hash",
    "event_id",
    "block_time",
    "block_number",
    "source",
    "volume_usd",
)
_INPUT = (*_ROW, *(f"{side}_{name}" for side in ("base", "quote") for name in _LEG))
_ROWS_PER_BATCH = 10_000


def net_transactions(history: DataFrame, rules: ValueRules) -> DataFrame:
    """All rows of some wallets in `bronze.transaction_history` to the streams `trade`, `refused` and `facts`."""
    by_index = (
        F.asc_nulls_first("ins_index"),
        F.asc_nulls_first("inner_ins_index"),
        F.asc("event_id"),
    )
    return (
        history.select(*_INPUT, "ins_index", "inner_ins_index")
        .repartition("wallet_address")
        .sortWithinPartitions("wallet_address", "tx_hash", *by_index)
        .drop("ins_index", "inner_ins_index")
        .mapInArrow(partial(_net_partition, rules=rules), STREAMS.schema)
    )


class _Netting:
    """Nets the transactions of sorted rows, and counts them wallet by wallet."""

    def __init__(self, rules: ValueRules) -> None:
        self._rules = rules
        self.out: dict[str, list[Sequence[Any]]] = {
            "trade": [],
            "refused": [],
            "facts": [],
        }
        self._transactions = self._arbitrage = self._rejected = 0

    def transaction(
        self,
        wallet: str,
        tx_hash: str,
        rows: Sequence[Row],
        block_time: int,
        block_number: int | None,
        source: str | None,
    ) -> None:
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
        event_ids = sorted(row.event_id for row in rows)
        group = swap_group_id(wallet, tx_hash) if len(netted.trades) > 1 else None
        place = (block_time, block_number, tx_hash, group, source, event_ids)
        self.out["trade"] += [_trade_row(wallet, tx_hash, trade, place) for trade in netted.trades]

    def end_wallet(self, wallet: str) -> None:
        self.out["facts"].append((wallet, self._transactions, self._arbitrage, self._rejected))
        self._transactions = self._arbitrage = self._rejected = 0

    def batches(self, at_least: int) -> Iterator[pa.RecordBatch]:
        for name, rows in self.out.items():
            if len(rows) >= at_least:
                yield STREAMS.batch(name, rows)
                rows.clear()


def _trade_row(wallet: str, tx_hash: str, trade: Trade, place: tuple[Any, ...]) -> tuple[Any, ...]:
    cost_known = trade.value is not None if trade.side == BUY else None
    return (trade_id(wallet, tx_hash, trade.mint), wallet, *trade, cost_known, *place)


def _net_partition(batches: Iterator[pa.RecordBatch], rules: ValueRules) -> Iterator[pa.RecordBatch]:
    netting = _Netting(rules)
    wallet = tx_hash = ""
    rows: list[Row] = []
    place: tuple[Any, ...] = ()
    for batch in batches:
        for w, tx, event_id, time, block, source, volume, *legs in zip(*lists(batch, _INPUT), strict=True):
            if tx != tx_hash or w != wallet:
                if rows:
                    netting.transaction(wallet, tx_hash, rows, *place)
                if w != wallet and wallet:
                    netting.end_wallet(wallet)
                wallet, tx_hash, rows = w, tx, []
            rows.append(Row(event_id, Leg(*legs[:5]), Leg(*legs[5:]), volume))
            place = (time, block, source)
        yield from netting.batches(_ROWS_PER_BATCH)
    if rows:
        netting.transaction(wallet, tx_hash, rows, *place)
        netting.end_wallet(wallet)
    yield from netting.batches(1)
