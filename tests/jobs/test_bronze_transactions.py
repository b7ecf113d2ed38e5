"""bronze_transactions over HTTP: what a run leaves for the next one, and what a crash leaves behind."""

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import DataFrame

from smart_trader.domain.bronze import rejected_rows, transaction_history
from smart_trader.domain.bronze.records import Rejected
from smart_trader.domain.silver import tracked_whales
from smart_trader.domain.tables.table import Table
from smart_trader.errors import Interrupted, LimitReached
from smart_trader.io.birdeye.fields import json_text
from smart_trader.io.birdeye.trades import parse_trade
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.http.json_body import parse_json
from smart_trader.io.machine.clock import SystemClock
from smart_trader.run.app import Report
from smart_trader.simulator.addresses import address, signature
from smart_trader.simulator.faults import Fault, Faults
from smart_trader.simulator.market import DEMO_NOW, Market
from smart_trader.simulator.planned import Row
from smart_trader.simulator.server import Simulator
from tests.frames import collected
from tests.io.birdeye import rows
from tests.io.birdeye.rows import trade
from tests.io.birdeye.test_shapes import SHAPES
from tests.lake import Lake

LONG, FAILING, QUIET = (address(name) for name in ("long", "failing", "quiet"))
HISTORY, WHALES = transaction_history.TABLE, tracked_whales.TABLE


def trades(wallet: str, *seconds_before: int) -> list[dict[str, Any]]:
    """Rows of a wallet, newest first."""
    start = int(DEMO_NOW.timestamp())
    return [
        trade({"owner": wallet, "block_unix_time": start - seconds, "tx_hash": signature(wallet, nth)})
        for nth, seconds in enumerate(seconds_before)
    ]


def market(wallets: Mapping[str, Sequence[Mapping[str, Any]]], now: datetime = DEMO_NOW) -> Market:
    return Market.of_payloads(trades=wallets, now=now)


class Wallets:
    """Jobs run on some wallets, named in a file as a user would."""

    def __init__(self, lake: Lake, folder: Path, *wallets: str) -> None:
        self.lake, self.named = lake, folder / "wallets.txt"
        self.named.write_text("\n".join(wallets))

    def fetch(
        self,
        simulator: Simulator,
        *,
        as_of: datetime,
        limit: int = 1_000,
        clock: SystemClock | None = None,
        settings: Sequence[tuple[str, str]] = (),
    ) -> Report:
        job, chosen = "bronze_transactions", [("transactions.max_trades_per_wallet", str(limit)), *settings]
        reports = self.lake.run(job, as_of=as_of, simulator=simulator, settings=chosen, clock=clock, wallets=self.named)
        return reports[job]

    def state(self, wallet: str) -> dict[str, Any]:
        (row,) = collected(self.lake.tables.read(WHALES).where(f"wallet_address = '{wallet}'"))
        return row

    def read(self, wallet: str) -> list[int]:
        """Seconds before the demo's time of the rows in the table."""
        rows = collected(self.lake.tables.read(HISTORY).where(f"wallet_address = '{wallet}'"))
        return sorted(int((DEMO_NOW - row["block_time"]).total_seconds()) for row in rows)


def said(state: Mapping[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(state[name] for name in names)


def test_a_cut_history_goes_on_and_a_failed_wallet_waits_while_the_others_are_done(lake: Lake, tmp_path: Path) -> None:
    wallets = Wallets(lake, tmp_path, LONG, FAILING, QUIET)
    rows = {LONG: trades(LONG, 1, 2, 3, 4, 4, 5, 6, 7, 8), FAILING: trades(FAILING, 1)}
    faults = Faults(Fault("404", endpoint="trades", address=FAILING))
    fetched = ("txns_fetch_status", "txns_last_fetched_at", "attempts")
    with Simulator(market(rows), faults=faults) as simulator:
        report = wallets.fetch(simulator, as_of=DEMO_NOW, limit=5)
        long, failing, quiet = map(wallets.state, (LONG, FAILING, QUIET))

        assert wallets.read(LONG) == [1, 2, 3], "the oldest second of five rows waits"
        assert said(long, *fetched, "history_complete") == ("completed", DEMO_NOW, 0, False)
        assert long["oldest_trade_at"] == DEMO_NOW - timedelta(seconds=3)
        assert said(failing, *fetched, "trade_rows") == ("pending", None, 1, 0)
        assert "404" in failing["last_error"]
        assert said(quiet, *fetched, "history_complete") == ("completed", DEMO_NOW, 0, True)
        assert {row["pnl_processing_status"] for row in (long, failing, quiet)} == {"pending"}
        assert report.work is not None
        assert (report.work.due, report.work.done, report.work.failed) == (3, 2, 1)

        asked, later = len(simulator.requests), DEMO_NOW + timedelta(hours=12)
        wallets.fetch(simulator, as_of=later, limit=5)
        failing = wallets.state(FAILING)

        assert wallets.read(LONG) == [1, 2, 3, 4, 4, 5]
        assert {request.query["address"] for request in simulator.requests[asked:]} == {LONG, FAILING}
        assert said(failing, *fetched, "last_error", "trade_rows") == ("completed", later, 0, None, 1)

        wallets.fetch(simulator, as_of=later, limit=5)
        assert wallets.read(LONG) == [1, 2, 3, 4, 4, 5, 6, 7, 8]
        assert said(wallets.state(LONG), "history_complete", "trade_rows") == (True, 9)

        before, asked = lake.versions([HISTORY, WHALES]), len(simulator.requests)
        report = wallets.fetch(simulator, as_of=later, limit=5)
        assert report.warnings == ["no wallet is due: no trades were fetched"]
        assert (lake.versions([HISTORY, WHALES]), len(simulator.requests)) == (before, asked)


def test_rows_that_a_crashed_run_landed_make_the_pnl_due(
    lake: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wallets = Wallets(lake, tmp_path, LONG)
    later = DEMO_NOW + timedelta(days=14)
    old, new = trades(LONG, 1, 2), trades(LONG, 3, 4, -60)[2:]
    with Simulator(market({LONG: old})) as simulator:
        wallets.fetch(simulator, as_of=DEMO_NOW)
        computed = lake.tables.frame(
            WHALES.fields(("wallet_address", "pnl_processing_status")),
            [{"wallet_address": LONG, "pnl_processing_status": "completed"}],
        )
        lake.tables.update(WHALES, computed, on=("wallet_address",))
        simulator.market = market({LONG: [*new, *old]}, later)

        with monkeypatch.context() as broken:
            broken.setattr(DeltaStore, "update", _fail)
            with pytest.raises(OSError, match="killed here"):
                wallets.fetch(simulator, as_of=later)
        landed = lake.tables.version(HISTORY)
        assert wallets.read(LONG) == [-60, 1, 2]
        assert said(wallets.state(LONG), "txns_last_fetched_at", "trade_rows") == (DEMO_NOW, 2), "never the mark first"

        wallets.fetch(simulator, as_of=later)

    assert lake.tables.version(HISTORY) == landed, "no row was new"
    marks = ("txns_last_fetched_at", "trade_rows", "pnl_processing_status")
    assert said(wallets.state(LONG), *marks) == (later, 3, "pending")


def test_a_history_that_costs_more_than_a_run_may_spend_is_read_over_several_runs(lake: Lake, tmp_path: Path) -> None:
    wallets, units = (
        Wallets(lake, tmp_path, LONG),
        [("birdeye.compute_units_per_run", "20"), ("birdeye.units.trader_txs", "10")],
    )
    with Simulator(market({LONG: trades(LONG, *range(1, 251))})) as simulator:
        with pytest.raises(LimitReached, match="are spent"):
            wallets.fetch(simulator, as_of=DEMO_NOW, settings=units)
        assert wallets.read(LONG) == list(range(1, 200))
        assert said(wallets.state(LONG), "txns_fetch_status", "history_complete") == ("completed", False)

        wallets.fetch(simulator, as_of=DEMO_NOW, settings=units)
        assert wallets.read(LONG) == list(range(1, 251))
        assert said(wallets.state(LONG), "history_complete", "trade_rows") == (True, 250)


def _fail(store: DeltaStore, table: Table, rows: DataFrame, *, on: tuple[str, ...] = ()) -> None:
    raise OSError("killed here")


def test_what_was_fetched_when_the_time_is_up_is_committed_and_a_call_that_hangs_is_left_behind(
    lake: Lake, tmp_path: Path
) -> None:
    clock, wallets = SystemClock(), Wallets(lake, tmp_path, LONG, FAILING)
    hanging = Faults(Fault("read-timeout", endpoint="trades", address=FAILING, times=None, seconds=60))
    with Simulator(market({LONG: trades(LONG, 1, 2)}), faults=hanging) as simulator:

        def stop_when_all_are_asked() -> None:
            while len(simulator.requests) < 2:
                time.sleep(0.05)
            time.sleep(1)
            stopped.append(time.monotonic())
            clock.stop("The time budget is spent")

        stopped: list[float] = []
        threading.Thread(target=stop_when_all_are_asked, daemon=True).start()
        with pytest.raises(Interrupted, match="time budget is spent"):
            wallets.fetch(simulator, as_of=DEMO_NOW, clock=clock)
        assert time.monotonic() - stopped[0] < 25, "the call alone takes 30 seconds"

    assert said(wallets.state(LONG), "txns_fetch_status", "trade_rows") == ("completed", 2)
    assert said(wallets.state(FAILING), "txns_fetch_status", "attempts") == ("pending", 0)


def test_rejected_rows_land_in_their_table_and_good_ones_beside_them_in_the_history(lake: Lake, tmp_path: Path) -> None:
    """Every shape, over HTTP and in one page after the other."""
    items = [rows.trade(shape) if isinstance(shape, dict) and shape else shape for shape, _ in SHAPES.values()]
    items += [rows.trade({"tx_hash": signature(nth)}) for nth in range(len(items))]
    parsed = [
        parse_trade(
            parse_json(json_text(item).encode()), wallet=rows.WALLET, fetched_at=DEMO_NOW, now=SystemClock().now()
        )
        for item in items
    ]
    good = {row["event_id"] for row in parsed if isinstance(row, dict) and row["block_time"] <= DEMO_NOW}
    rejected = {row.raw_sha256: (row.reason, row.raw) for row in parsed if isinstance(row, Rejected)}
    served = replace(market({}), trades={rows.WALLET: [Row(None, json_text(item)) for item in items]})

    with Simulator(served) as simulator:
        report = Wallets(lake, tmp_path, rows.WALLET).fetch(simulator, as_of=DEMO_NOW)

    assert {row.event_id for row in lake.rows(HISTORY)} == good
    stored = lake.rows(rejected_rows.TABLE)
    assert {row.raw_sha256: (row.reason, row.raw) for row in stored} == rejected
    assert {(row.source, row.wallet_address) for row in stored} == {("trader_txs", rows.WALLET)}
    assert report.rows_rejected == sum(isinstance(row, Rejected) for row in parsed) > 35
