"""Lakes to measure with: bronze trade rows of wallets whose sizes follow a Pareto law, made from a seed."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.random import Generator, default_rng
from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from benchmarks import session
from benchmarks.session import Cost
from smart_trader.cli import Options
from smart_trader.config.settings import load
from smart_trader.domain import catalog
from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.kernel.money import SOL
from smart_trader.domain.silver import tracked_whales
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.machine.clock import SystemClock
from smart_trader.run.app import App

NOW = datetime(2026, 11, 1, 9, tzinfo=UTC)
TOKENS_PER_WALLET = 40
_CHUNK = 250_000
_BASE58 = np.frombuffer(b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", np.uint8)
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_SPAN_SECONDS = 180 * 86_400


@dataclass(frozen=True, slots=True)
class Shape:
    """How many trades, spread over how many wallets."""

    trades: int
    one_wallet: int = 0
    """Trades of one wallet that has them all to itself, in one token."""
    rows_per_wallet: int = 1300
    """On average."""
    seed: int = 20261120


class _StillClock(SystemClock):
    """Spark compiles the time of a run into its code: with another time each try would compile all anew."""

    def now(self) -> datetime:
        return NOW


@dataclass(frozen=True, slots=True)
class Lake:
    """A generated lake."""

    spark: SparkSession
    folder: Path
    shape: Shape

    @property
    def tables(self) -> DeltaStore:
        return open_store(self.spark, self.folder / "lake")

    def fill(self) -> None:
        """Make bronze rows, one a transaction, and wallets whose PnL is pending."""
        rng = default_rng(self.shape.seed)
        wallets = _texts(rng, max(2, self.shape.trades // self.shape.rows_per_wallet), 44, _BASE58)
        self.tables.create(catalog.TABLES)
        files = self.folder / "generated"
        files.mkdir(parents=True)
        sizes = _sizes(rng, len(wallets), self.shape)
        for nth, rows in enumerate(_chunks(rng, wallets, sizes, single=self.shape.one_wallet > 0)):
            pq.write_table(rows, files / f"{nth:04}.parquet")
        _land(self.tables, self.spark, files)
        shutil.rmtree(files)  # gigabytes
        _track(self.tables, self.spark, zip(wallets.to_pylist(), sizes.tolist(), strict=True))

    def run(self, job: ModuleType) -> None:
        """Run a job on its tables, in this session."""
        run_job(self.spark, self.tables, job, [("warehouse.root", str(self.folder / "lake"))])

    def measure(self, name: str, work: Callable[[], Any]) -> Cost:
        return session.measure(self.spark, self.folder.parent, f"{self.shape.trades:,} trades: {name}", work)


def arguments(folder: Path) -> tuple[str, ...]:
    """What a job is told so that it works on the lake in `folder`."""
    settings = ("--set", f"warehouse.root={folder / 'lake'}", "--set", f"logs.folder={folder / 'logs'}")
    return ("--as-of", f"{NOW:%Y-%m-%dT%H:%M:%SZ}", *settings)


def open_store(spark: SparkSession, root: Path) -> DeltaStore:
    """The tables of a warehouse, of which old versions are kept a week."""
    retention = dict.fromkeys((table.layer for table in catalog.TABLES), 7)
    return DeltaStore(spark, str(root), clock=_StillClock(), run_id="bench", retention_days=retention)


def run_job(spark: SparkSession, tables: DeltaStore, job: ModuleType, settings: Sequence[tuple[str, str]]) -> None:
    """Run a job on `tables`, in this session."""
    name = job.__name__.rpartition(".")[2]
    chosen = load("local", overrides=settings, environ={})
    maintenance = DeltaMaintenance(spark, tables.path)
    app = App(Options(job=name), chosen, NOW, "bench", spark, tables, maintenance, SystemClock())
    with tables.committing_as(name, "bench"):
        job.run(app)


def add_trades(tables: DeltaStore, spark: SparkSession, wallets: list[str], rows_each: int, scratch: Path) -> None:
    """Newer trades of some wallets, as a later fetch brings them, and the mark that their PnL is pending."""
    rng = default_rng(1)
    scratch.mkdir(parents=True, exist_ok=True)
    owners = np.repeat(np.arange(len(wallets)), rows_each)
    rows = _rows(rng, pa.array(wallets), owners, since=_SPAN_SECONDS, seconds=3600)
    pq.write_table(rows, scratch / "news.parquet")
    _land(tables, spark, scratch)
    pending = [{"wallet_address": wallet, "pnl_processing_status": "pending"} for wallet in wallets]
    state = tables.frame(tracked_whales.TABLE.fields(("wallet_address", "pnl_processing_status")), pending)
    tables.update(tracked_whales.TABLE, state, on=("wallet_address",))


def _land(tables: DeltaStore, spark: SparkSession, files: Path) -> None:
    rows = spark.read.parquet(str(files))
    declared = transaction_history.TABLE.own_schema
    full = rows.select(
        *(F.col(f.name) if f.name in rows.columns else F.lit(None).cast(f.dataType).alias(f.name) for f in declared)
    )
    tables.append(transaction_history.TABLE, full)


def _track(tables: DeltaStore, spark: SparkSession, wallets: Iterable[tuple[str, int]]) -> None:
    """Wallets, and how many rows each has."""
    columns = tracked_whales.TABLE.own_schema
    rows = spark.createDataFrame(list(wallets), "wallet_address string, trade_rows bigint")
    known = {
        "whale_id": F.sha2("wallet_address", 256),
        "wallet_address": F.col("wallet_address"),
        "whale_tier": F.lit("MINIMAL"),
        "is_current": F.lit(True),
        "discovered_at": F.lit(NOW),
        "txns_fetch_status": F.lit("completed"),
        "txns_last_fetched_at": F.lit(NOW),
        "history_complete": F.lit(True),
        "trade_rows": F.col("trade_rows"),
        "attempts": F.lit(0),
        "pnl_processing_status": F.lit("pending"),
    }
    values = [known.get(f.name, F.lit(None)).cast(f.dataType).alias(f.name) for f in columns]
    tables.append(tracked_whales.TABLE, rows.select(*values))


def _sizes(rng: Generator, wallets: int, shape: Shape) -> np.ndarray:
    weights = 1 + rng.pareto(1.16, wallets)
    sizes = rng.multinomial(shape.trades - shape.one_wallet, weights / weights.sum())
    sizes[0] += shape.one_wallet
    return sizes


def _chunks(rng: Generator, wallets: pa.Array, sizes: np.ndarray, *, single: bool) -> Iterator[pa.Table]:
    """Wallet by wallet, as fetching lands them."""
    owners = np.repeat(np.arange(len(wallets)), sizes)
    for start in range(0, len(owners), _CHUNK):
        yield _rows(rng, wallets, owners[start : start + _CHUNK], since=0, seconds=_SPAN_SECONDS, single=single)


def _rows(
    rng: Generator, wallets: pa.Array, owners: np.ndarray, *, since: int, seconds: int, single: bool = False
) -> pa.Table:
    count = len(owners)
    mints = _texts(default_rng(7), 2000, 44, _BASE58)
    token = (owners * 17 + rng.integers(0, TOKENS_PER_WALLET, count)) % len(mints)
    if single:
        token[owners == 0] = 0
    start = int(NOW.timestamp()) - _SPAN_SECONDS - 7200
    time = start + since + rng.integers(0, seconds, count)
    buys = rng.random(count) < 0.55
    quantity = rng.integers(10**6, 10**13, count)
    dollars = (quantity * 10.0**-9 * np.exp(rng.normal(0, 0.5, count)) * 10**9).astype(np.int64) + 1
    sol = dollars // 190  # of nine decimals each, at 190 dollars
    sign = np.where(buys, 1, -1)
    texts = {
        "event_id": _texts(rng, count, 64, _HEX),
        "wallet_address": wallets.take(pa.array(owners)),
        "tx_hash": _texts(rng, count, 88, _BASE58),
        "pool_address": mints.take(pa.array((token + 1) % len(mints))),
        "base_address": mints.take(pa.array(token)),
    }
    constant = {
        "source": "raydium",
        "tx_type": "swap",
        "base_symbol": "TKN",
        "quote_symbol": "SOL",
        "quote_address": SOL,
        "raw": "{}",
    }
    stamps = pa.array(time * 10**6, pa.timestamp("us", tz="UTC"))
    return pa.table(
        {
            **texts,
            **{
                name: pa.array([value], pa.string()).take(pa.array(np.zeros(count, np.int32)))
                for name, value in constant.items()
            },
            "block_time": stamps,
            "fetched_at": stamps,
            "transaction_date": stamps.cast(pa.date32()),
            "block_number": pa.array(time * 5 // 2),
            "ins_index": pa.array(rng.integers(0, 8, count).astype(np.int32)),
            "base_decimals": pa.array(np.full(count, 6, np.int32)),
            "quote_decimals": pa.array(np.full(count, 9, np.int32)),
            "base_change_raw": _decimals(sign * quantity, 38, 0),
            "quote_change_raw": _decimals(-sign * sol, 38, 0),
            "quote_price": _repeated(pa.array([Decimal(190)], pa.decimal128(38, 18)), count),
            "volume_usd": _decimals(dollars, 28, 9),
        }
    )


def _texts(rng: Generator, count: int, length: int, alphabet: np.ndarray) -> pa.Array:
    letters = alphabet[rng.integers(0, len(alphabet), count * length, dtype=np.uint8)]
    offsets = np.arange(0, (count + 1) * length, length, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets.tobytes()), pa.py_buffer(letters.tobytes()))


def _decimals(values: np.ndarray, precision: int, scale: int) -> pa.Array:
    """Unscaled 64-bit integers as a decimal column."""
    halves = np.stack([values, values >> 63], axis=1).astype(np.int64)
    kind = pa.decimal128(precision, scale)
    return pa.Array.from_buffers(kind, len(values), [None, pa.py_buffer(halves.tobytes())])


def _repeated(one: pa.Array, count: int) -> pa.Array:
    return one.take(pa.array(np.zeros(count, np.int32)))
