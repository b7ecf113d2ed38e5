"""The report of many traders, made as a user makes it. What the figures were: docs/performance.md."""

import os
from collections.abc import Mapping
from pathlib import Path

from benchmarks import command, lakes, session
from benchmarks.lakes import Lake, Shape
from benchmarks.session import Figure
from smart_trader.domain.gold import smart_traders
from smart_trader.jobs import gold_traders, silver_pnl

_TRADERS = 1_000


def run(scratch: Path) -> None:
    """Rank a lake, make the page of its best thousand, and print how long that took and how large it is."""
    environ = dict(os.environ)
    spark = session.start(scratch)
    lake = Lake(spark, scratch / "ranked", Shape(trades=400_000, rows_per_wallet=200))
    lake.fill()
    lake.run(silver_pnl)
    lake.run(gold_traders)
    ranked = lake.tables.read(smart_traders.TABLE).count()
    if ranked < _TRADERS:
        raise SystemExit(f"only {ranked} traders were ranked: make the lake larger")
    print(f"  {ranked:,} traders from {lake.shape.trades:,} trades", flush=True)
    spark.stop()
    page = scratch / "report.html"
    session.show(
        [
            Figure(
                f"report of {_TRADERS:,} traders, beyond Spark's start", _seconds(lake, page, environ), 10, unit=" s"
            ),
            Figure("its size", page.stat().st_size / 10**6, 3, unit=" MB"),
        ]
    )


def _seconds(lake: Lake, page: Path, environ: Mapping[str, str]) -> float:
    return command.run("report", "--out", str(page), *lakes.arguments(lake.folder), environ=environ).seconds
