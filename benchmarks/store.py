"""The pipeline on the market of the demonstration: tables in an S3 server of this machine over tables in a folder. What
the figures were: docs/scale.md."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import command, session
from benchmarks.command import Ran
from benchmarks.session import Figure
from smart_trader.run import demo
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.store.server import BINARY, BUCKET, KEY, SECRET, Server


def run(scratch: Path, *, trades: int, tries: int) -> None:
    """Print what a first run and one without news take on a market of `trades` rows, in turn in a folder and a store:
    the least of some tries."""
    if not BINARY.is_file():
        raise SystemExit("the S3 server is missing: .ci/store builds it")
    market = Market.generate(demo.SEED, trade_rows=trades)
    server = Server(scratch / "s3")
    server.start()
    try:
        with Simulator(market) as simulator:
            pairs = [_pair(scratch, server, simulator, nth) for nth in range(tries)]
    finally:
        server.stop()
    names = ("first run", "run without news")
    session.show(
        Figure(f"{name}, in a store over in a folder", _ratio(pairs, nth), 1.6) for nth, name in enumerate(names)
    )


def _ratio(pairs: Sequence[tuple[Sequence[Ran], Sequence[Ran]]], nth: int) -> float:
    return min(store[nth].seconds for _, store in pairs) / min(folder[nth].seconds for folder, _ in pairs)


def _pair(scratch: Path, server: Server, simulator: Simulator, nth: int) -> tuple[list[Ran], list[Ran]]:
    """A first run and one without news, in a folder and in the store."""
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    store = {"warehouse.root": f"s3a://{BUCKET}/{nth}", "warehouse.s3_endpoint": server.url}
    folder = {"warehouse.root": str(scratch / f"lake-{nth}")}
    here = _twice(scratch, simulator, folder, {})
    return here, _twice(scratch, simulator, store, keys)


def _twice(scratch: Path, simulator: Simulator, place: Mapping[str, str], keys: Mapping[str, str]) -> list[Ran]:
    settings = {
        "birdeye.base_url": simulator.url,
        "birdeye.requests_per_second": "500",
        "logs.folder": str(scratch / "logs"),
        **place,
    }
    given = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    out = ("--out", str(scratch / "report.html"))
    environ = {**os.environ, **keys, "SMART_TRADER_BIRDEYE__API_KEY": "simulated-birdeye-key"}
    profile = ("--profile", "s3" if keys else "local")
    as_of = ("--as-of", simulator.market.now.isoformat())
    runs = [command.run("pipeline", *profile, *as_of, *out, *given, environ=environ) for _ in range(2)]
    print(f"  {place['warehouse.root']}: first {runs[0]}; without news {runs[1]}", flush=True)
    return runs
