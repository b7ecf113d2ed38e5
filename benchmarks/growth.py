"""`silver_pnl` on lakes of growing size, started as a user starts it. What the figures were: docs/scale.md."""

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyspark.sql import SparkSession
from pyspark.sql import functions as F

from benchmarks import command, lakes, session
from benchmarks.command import Ran
from benchmarks.lakes import Lake, Shape
from benchmarks.session import Figure
from smart_trader.domain.silver import tracked_whales

_NEWS_WALLETS, _NEWS_ROWS = 100, 10
_LINEAR = 1.1
"""Times the growth of the lake: how much the time may grow."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What the lake of one size took."""

    trades: int
    full: Ran
    full_bytes: int
    news: Ran
    news_bytes: int


def run(scratch: Path, sizes: Sequence[int]) -> None:
    """Print what each size takes, and the largest over the one that is a tenth of it (else over the smallest)."""
    environ = dict(os.environ)
    measured = [_measure(scratch / f"{size}", size, environ) for size in sorted(sizes)]
    print("\n| trades | full | bytes written | news of 100 wallets | bytes written |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for one in measured:
        written = (f"{bytes_ / 10**6:,.1f} MB" for bytes_ in (one.full_bytes, one.news_bytes))
        print(f"| {one.trades:,} | {one.full} | {next(written)} | {one.news} | {next(written)} |")
    session.show(_figures(measured))


def _measure(folder: Path, size: int, environ: Mapping[str, str]) -> Measured:
    """Make a lake, compute it whole, then its news; it is deleted afterwards, since the largest take most of a disk."""
    with _spark(folder / "fill") as spark:
        Lake(spark, folder, Shape(size)).fill()
    full, full_bytes = _compute(folder, size, "full", environ)
    with _spark(folder / "news") as spark:
        lake = Lake(spark, folder, Shape(size))
        rows = lake.tables.read(tracked_whales.TABLE).orderBy(F.xxhash64("wallet_address")).limit(_NEWS_WALLETS)
        wallets = [row.wallet_address for row in rows.collect()]
        lakes.add_trades(lake.tables, spark, wallets, _NEWS_ROWS, folder / "added")
    news, news_bytes = _compute(folder, size, f"news of {len(wallets)} wallets", environ)
    shutil.rmtree(folder)
    return Measured(size, full, full_bytes, news, news_bytes)


@contextmanager
def _spark(folder: Path) -> Iterator[SparkSession]:
    spark = session.start(folder)
    try:
        yield spark
    finally:
        spark.stop()


def _compute(folder: Path, size: int, what: str, environ: Mapping[str, str]) -> tuple[Ran, int]:
    """What the job takes, and how many bytes it adds to the lake: it deletes no file."""
    before = _bytes(folder / "lake")
    ran = command.run("silver_pnl", *lakes.arguments(folder), environ=environ)
    written = _bytes(folder / "lake") - before
    print(f"  {size:,} trades: {what:<24} {ran}, {written / 10**6:,.1f} MB written", flush=True)
    return ran, written


def _bytes(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def _figures(measured: Sequence[Measured]) -> list[Figure]:
    large = measured[-1]
    small = next((one for one in measured if one.trades * 10 == large.trades), measured[0])
    growth = large.trades / small.trades
    over = f"{large.trades:,} over {small.trades:,} trades"
    return [
        Figure(f"time, {over}", large.full.seconds / small.full.seconds, _LINEAR * growth),
        Figure(f"memory of the JVM, {over}", large.full.java_mb / small.full.java_mb, 1.2),
        Figure(f"memory of Python, {over}", large.full.python_mb / small.full.python_mb, 1.2),
        Figure(f"bytes written, {over}", large.full_bytes / small.full_bytes, _LINEAR * growth),
        Figure(f"news, {over}", large.news.seconds / small.news.seconds, 2.0),
        Figure(f"bytes of news, {over}", large.news_bytes / small.news_bytes, 2.0),
    ]
