"""The PnL engine over floors and peers. What the figures mean and what they were: docs/performance.md."""

import random
from collections.abc import Iterator
from contextlib import suppress
from decimal import Decimal
from functools import partial
from pathlib import Path

from delta.tables import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from benchmarks import lakes, peers, session
from benchmarks.lakes import Lake, Shape
from benchmarks.session import Cost, Figure
from smart_trader.config.settings import load
from smart_trader.config.thresholds import class_rules, mark_rules
from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.pnl import engine as pnl_engine
from smart_trader.domain.silver import open_lots, realized_sales, tracked_whales, trades, units, wallet_pnl
from smart_trader.domain.tables.table import Table
from smart_trader.io.delta.store import DeltaStore
from smart_trader.jobs import silver_pnl
from smart_trader.rows import persisted

_BY_PANDAS = {"sale": "sales", "lot": "lots", "pnl": "rows of PnL"}
_OUT = (realized_sales.TABLE, open_lots.TABLE, wallet_pnl.TABLE)


def run(scratch: Path, *, small: int, large: int, warm_up: int, tries: int) -> None:
    """Print every figure of docs/performance.md."""
    spark = session.start(scratch)
    print("to warm up, since the first piece of work would else pay for what all have compiled:", flush=True)
    first = Lake(spark, scratch / "first", Shape(warm_up))
    _full(first, tries, with_pandas=False)
    _incremental(first)
    print("measured:", flush=True)
    small_figures, small_job = _full(Lake(spark, scratch / "small", Shape(small)), tries, with_pandas=True)
    large_lake = Lake(spark, scratch / "large", Shape(large))
    large_figures, large_job = _full(large_lake, tries, with_pandas=False)
    incremental = _incremental(large_lake)
    single = _one_wallet(Lake(spark, scratch / "single", Shape(2 * small, one_wallet=small)))
    figures = [
        *large_figures,
        *small_figures,
        Figure("news of 1 % of the wallets over the full job", incremental.seconds / large_job.seconds, 0.15),
        Figure(f"full job, {large:,} over {small:,} trades", large_job.seconds / small_job.seconds, 5.5),
        Figure(f"longest task with {small:,} trades of one wallet", single.longest_task, 60, unit=" s"),
    ]
    session.show(figures)
    spark.stop()


def _full(lake: Lake, tries: int, *, with_pandas: bool) -> tuple[list[Figure], Cost]:
    lake.fill()
    job = lake.measure("full silver_pnl", partial(lake.run, silver_pnl))
    rows = {table.name: lake.tables.read(table).count() for table in (trades.TABLE, *_OUT)}
    print(f"    rows out {rows}, commits {sum(lake.tables.version(table) for table in (trades.TABLE, *_OUT))}")
    history = lake.tables.read(transaction_history.TABLE).select(*trades.INPUT)
    whole_floor = lake.measure("floor from bronze", lambda: _floor(lake, history, "tx_hash", sum(rows.values())))
    engine, floor, duck = _in_turn(lake, sum(rows[table.name] for table in _OUT), tries)
    size = f"{lake.shape.trades:,} trades"
    figures = [
        Figure(f"engine over floor, {size}", engine / floor, 2.0),
        Figure(f"whole job over floor, {size}", job.seconds / whole_floor.seconds, 3.0),
        Figure(f"engine (three tables) over DuckDB (sales), {size}", engine / duck, 2.0),
    ]
    if with_pandas:
        pandas = lake.measure("applyInPandas by wallet, three tables", partial(_usual_way, lake))
        ratio = pandas.seconds / engine
        _compare(lake)
        figures.append(Figure(f"applyInPandas (three tables) over engine, {size}", ratio, 10, at_least=True))
    return figures, job


def _in_turn(lake: Lake, written: int, tries: int) -> tuple[float, float, float]:
    """Seconds of the engine, of a floor that writes as many rows, and of DuckDB: the least of some tries each.

    In turn, since the machine's speed changes from one minute to the next, and what is compiled grows with every try.
    """
    rows = lake.tables.read(trades.TABLE)
    files = [file.removeprefix("file://") for file in rows.inputFiles()]
    target = lake.folder / "duckdb.parquet"
    ours = lake.tables.read(realized_sales.TABLE).agg(F.count("*"), F.sum("cost_usd")).collect()[0]
    found: list[tuple[int, int]] = []
    costs = []
    for nth in range(tries):
        fresh = Lake(lake.spark, lake.folder / f"engine_{nth}", lake.shape).tables
        fresh.create(_OUT)
        engine = lake.measure(f"engine from silver.trades, try {nth + 1}", partial(_engine, lake, fresh))
        columns = rows.select(*pnl_engine.TRADE_COLUMNS)
        floor = lake.measure(
            f"floor from silver.trades, try {nth + 1}", partial(_floor, lake, columns, "token_address", written, nth)
        )
        duck = lake.measure(
            f"DuckDB, sales only, try {nth + 1}",
            lambda: found.append(peers.duckdb_sales(files, target, session.CORES)),
        )
        costs.append((engine.seconds, floor.seconds, duck.seconds))
    same = found[0] == (ours[0], int(Decimal(ours[1]).scaleb(9)))
    print(f"    DuckDB finds {found[0][0]:,} sales and the {'same' if same else 'ANOTHER'} sum of costs")
    engines, floors, ducks = zip(*costs, strict=True)
    return min(engines), min(floors), min(ducks)


def _usual_way(lake: Lake) -> None:
    """`silver.trades` to sales, lots and PnL, with pandas."""
    matched = peers.pandas_matched(lake.tables.read(trades.TABLE)).persist()
    key = ("wallet_address", "token_address")
    trade = (*key, "trade_id", "block_time", "block_number", "quantity")
    sale = ("matched", "unmatched", "value", "proceeds", "cost", "realized", "acquired_at", "holding_hours")
    columns_of = {"sale": (*trade, *sale), "lot": (*trade, "matched", "value", "cost"), "pnl": (*key, "pnl.*")}
    for kind, columns in columns_of.items():
        rows = matched.where(F.col("kind") == kind).select(*columns)
        rows.write.format("delta").save(str(lake.folder / "pandas" / kind))
    matched.unpersist()


def _compare(lake: Lake) -> None:
    """Print in how many rows the PnL by pandas, which rounds at each lot, is another than ours."""
    found = {kind: lake.spark.read.format("delta").load(str(lake.folder / "pandas" / kind)) for kind in _BY_PANDAS}
    ours, theirs = lake.tables.read(wallet_pnl.TABLE).alias("a"), found["pnl"].alias("b")
    both = ours.join(theirs, list(wallet_pnl.TABLE.key), "full_outer")
    is_same = F.lit(True)
    for name, kind in theirs.dtypes:
        if name in peers.FIGURES:
            a, b = F.col(f"a.{name}"), F.col(f"b.{name}")
            near = a == b if kind == "timestamp" else F.abs(a - b) < 0.00001
            is_same = is_same & F.coalesce(near, a.isNull() & b.isNull())
    counts = ", ".join(f"{rows.count():,} {_BY_PANDAS[kind]}" for kind, rows in found.items())
    print(f"    pandas finds {counts}; of these {both.where(~is_same).count()} are others than ours")


def _engine(lake: Lake, target: DeltaStore) -> None:
    """`silver.trades` to sales, lots and PnL in fresh tables."""
    source = lake.tables
    settings = load("local", environ={})
    rules = pnl_engine.EngineRules(
        now=int(lakes.NOW.timestamp()) * 10**6,
        quotes={},
        marks=mark_rules(settings.pnl),
        classes=class_rules(settings.classify),
    )
    rows = source.read(trades.TABLE).select(*pnl_engine.TRADE_COLUMNS)
    facts = source.read(tracked_whales.TABLE).select(
        "wallet_address",
        F.lit(True).alias("history_complete"),
        F.lit(None).cast("string").alias("label_class"),
        F.lit(None).cast("string").alias("label_reason"),
        F.lit(None).cast(units.UNITS).alias("units"),
        F.col("trade_rows").alias("transactions"),
        F.lit(0).cast("bigint").alias("arbitrage_tx_count"),
        F.lit(0).cast("bigint").alias("rejected_rows"),
    )
    lines = rows.unionByName(
        facts.select("wallet_address", F.struct(*trades.FACTS.names).alias("facts")), allowMissingColumns=True
    )
    matched = pnl_engine.match_trades(pnl_engine.to_lines(lines).repartition("wallet_address"), rules)
    with persisted(matched, made_from=lake.shape.trades) as results:
        rows_of = (pnl_engine.sales_in(results), pnl_engine.lots_in(results), pnl_engine.pnl_in(results, rules))
        target.replace_each(list(zip(_OUT, rows_of, strict=True)))


def _floor(lake: Lake, rows: DataFrame, within: str, count: int, nth: int = 0) -> None:
    """Read, shuffle by wallet, sort and write as many rows once, to a table of its own for each `nth` try."""
    copies = -(-count // lake.shape.trades)
    share = count / lake.shape.trades / copies
    ordered = rows.repartition("wallet_address").sortWithinPartitions("wallet_address", within, "block_time")
    repeated = ordered.withColumn("_copy", F.explode(F.sequence(F.lit(1), F.lit(copies))))
    chosen = repeated.where(F.pmod(F.xxhash64("wallet_address", "block_time", "_copy"), F.lit(10_000)) < 10_000 * share)
    chosen.write.format("delta").save(str(lake.folder / f"floor_{within}_{nth}"))


def _incremental(lake: Lake) -> Cost:
    """One wallet in a hundred gets ten newer trades."""
    wallets = sorted(row[0] for row in lake.tables.read(wallet_pnl.TABLE).select("wallet_address").distinct().collect())
    chosen = random.Random(1).sample(wallets, max(1, len(wallets) // 100))
    lakes.add_trades(lake.tables, lake.spark, chosen, 10, lake.folder / "news")
    cost = lake.measure(f"news of {len(chosen)} wallets", partial(lake.run, silver_pnl))
    for table in (trades.TABLE, *_OUT):
        print(f"    {table.name:<24} {_last_commit(lake, table)}")
    return cost


def _last_commit(lake: Lake, table: Table) -> str:
    commit = DeltaTable.forPath(lake.spark, lake.tables.path(table)).history(1).collect()[0]
    wanted = ("numOutputRows", "numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")
    kept = {name: commit.operationMetrics[name] for name in wanted if name in commit.operationMetrics}
    copied = commit.operationMetrics.get("numTargetRowsCopied", "0")
    return f"{commit.operation}: {kept}, rows copied {copied}"


def _one_wallet(lake: Lake) -> Cost:
    lake.fill()
    _forget_peaks()
    cost = lake.measure(f"{lake.shape.one_wallet:,} of one wallet", partial(lake.run, silver_pnl))
    print(f"    largest Python worker {_largest_worker():.0f} MB beside a JVM of 2 GB")
    return cost


def _workers() -> Iterator[Path]:
    """Where the kernel tells of each Python worker that Spark keeps."""
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has just ended
            if b"pyspark.daemon" in (process / "cmdline").read_bytes():
                yield process


def _forget_peaks() -> None:
    """Spark uses its workers again: what the peer in pandas needed is not the engine's."""
    for process in _workers():
        with suppress(OSError):
            (process / "clear_refs").write_text("5", encoding="ascii")  # VmHWM starts anew, says proc(5)


def _largest_worker() -> float:
    """Peak resident MB of the workers."""
    peaks = [0.0]
    for process in _workers():
        with suppress(OSError, KeyError):
            lines = dict(line.split(":", 1) for line in (process / "status").read_text(encoding="utf-8").splitlines())
            peaks.append(int(lines["VmHWM"].split()[0]) / 1024)
    return max(peaks)
