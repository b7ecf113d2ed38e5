"""history and restore: what a table was, and how the next pipeline makes anew what going back has taken away."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from deltalake import DeltaTable, Field

from smart_trader import failpoints
from smart_trader.domain.bronze import rejected_rows as bronze_rejected_rows
from smart_trader.domain.bronze import token_metrics, transaction_history, whale_holders
from smart_trader.domain.gold import rank_history, rankings, smart_traders
from smart_trader.domain.silver import (
    open_lots,
    realized_sales,
    rejected_rows,
    tracked_tokens,
    tracked_whales,
    trades,
    wallet_pnl,
)
from smart_trader.domain.tables import digests
from smart_trader.domain.tables.table import Table
from smart_trader.errors import SchemaMismatch, StorageError, UsageError
from smart_trader.failpoints import FailpointReached
from smart_trader.simulator.server import Simulator
from tests.filled import MARKET
from tests.lake import DATA_TABLES, Lake
from tests.reliability import lakes

SILVER = (trades.TABLE, rejected_rows.TABLE, realized_sales.TABLE, open_lots.TABLE, wallet_pnl.TABLE)
BRONZE = (token_metrics.TABLE, whale_holders.TABLE, transaction_history.TABLE, bronze_rejected_rows.TABLE)
GOLD = (smart_traders.TABLE, rank_history.TABLE, rankings.TABLE)
TRACKED = (tracked_tokens.TABLE, tracked_whales.TABLE)
HISTORY, WHALES = transaction_history.TABLE, tracked_whales.TABLE
OF_THE_RUN = digests.OF_THE_RUN
"""Columns that say which commit or run a row came from."""


def contents(lake: Lake) -> dict[str, str]:
    """Digests of all tables as they are after an undisturbed run."""
    return {table.name: lake.digest(table, without=OF_THE_RUN) for table in DATA_TABLES}


@pytest.fixture(scope="module")
def undisturbed(filled: Lake) -> dict[str, str]:
    """The contents of the lake before anything was taken away."""
    return contents(filled)


def restore(lake: Lake, table: Table, **options: Any) -> dict[str, Any]:
    document = lake.run("restore", as_of=MARKET.now, table=table.name, yes=True, **options)["restore"].document
    assert document is not None
    return document


def is_sound(lake: Lake) -> bool:
    document = lake.run("validate", as_of=MARKET.now)["validate"].document
    return document is not None and document["failures"] == []


@pytest.mark.long
@pytest.mark.parametrize("tables", [(*SILVER, *GOLD), BRONZE, TRACKED], ids=["silver and gold", "bronze", "tracked"])
def test_the_next_pipeline_makes_anew_what_going_back_has_taken_away(
    undisturbed: dict[str, str], copied: Callable[[str], Lake], tables: Sequence[Table]
) -> None:
    lake = copied("lake")
    for table in tables:
        restore(lake, table, version=0)
        assert lake.tables.read(table).isEmpty()
    assert is_sound(lake), "no state refers to what is gone"

    with Simulator(MARKET) as simulator:
        lake.run(as_of=MARKET.now, simulator=simulator)

    assert contents(lake) == undisturbed
    assert is_sound(lake)


def test_going_back_that_fails_at_any_commit_leaves_no_state_without_its_rows_and_is_repeated(
    copied: Callable[[str], Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake, failed = copied("lake"), set[str]()
    read = {row.wallet_address for row in lake.rows(HISTORY)}

    def fail_once(point: str) -> str | None:
        if point in failed:
            return None
        failed.add(point)
        return "raise"

    monkeypatch.setattr(failpoints, "plan", fail_once)
    for _ in range(10):
        try:
            restore(lake, transaction_history.TABLE, version=0)
            break
        except FailpointReached:
            lakes.no_status_refers_to_missing_rows(lakes.content_of(lake.root))
    points = {f"restore.{when}_commit:{t}" for when in ("before", "after") for t in (HISTORY.name, WHALES.name)}
    assert failed == points
    assert lake.tables.read(HISTORY).isEmpty()
    pending = "txns_fetch_status = 'pending' AND pnl_processing_status = 'pending'"
    assert read <= {row.wallet_address for row in lake.rows(WHALES, pending)}


def test_going_back_that_is_stopped_right_after_its_commit_is_finished_when_it_is_repeated(
    copied: Callable[[str], Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The version before the newest says of wallets that their trades were read, and is not believed."""
    lake, undisturbed = copied("lake"), copied("undisturbed")
    earlier = lake.versions()[WHALES.name] - 1
    restore(undisturbed, WHALES, version=earlier)
    assert undisturbed.rows(WHALES, "txns_fetch_status = 'pending'")

    monkeypatch.setattr(failpoints, "plan", lambda point: "raise" if point.startswith("restore.after") else None)
    with pytest.raises(FailpointReached):
        restore(lake, WHALES, version=earlier)
    monkeypatch.undo()
    assert lake.digest(WHALES) != undisturbed.digest(WHALES)
    restore(lake, WHALES, version=earlier)
    assert lake.digest(WHALES) == undisturbed.digest(WHALES)


def test_going_back_says_what_it_changes_and_does_it_only_when_told(copied: Callable[[str], Lake]) -> None:
    lake = copied("lake")
    before, sales = lake.versions(), len(lake.rows(realized_sales.TABLE))
    sellers = lake.tables.read(realized_sales.TABLE).select("wallet_address").distinct().count()

    with pytest.raises(UsageError) as said:
        lake.run("restore", as_of=MARKET.now, table=realized_sales.TABLE.name, version=0)

    assert f"0 rows come back, 0 change, {sales} go" in str(said.value)
    assert f"pnl_processing_status of {sellers} wallets in silver.tracked_whales" in str(said.value)
    assert str(said.value).endswith("Nothing was changed; add --yes to do it.")
    assert lake.versions() == before

    document = restore(lake, realized_sales.TABLE, version=0)
    assert (document["rows_deleted"], document["states"][0]["count"]) == (sales, sellers)
    assert len(lake.rows(tracked_whales.TABLE, "pnl_processing_status = 'pending'")) >= sellers
    again = lake.versions()
    restore(lake, realized_sales.TABLE, version=0)
    assert lake.versions() == again, "a second time changes nothing"

    document = restore(lake, realized_sales.TABLE, version=before[realized_sales.TABLE.name])
    assert (document["rows_inserted"], document["rows_deleted"]) == (sales, 0)
    assert len(lake.rows(realized_sales.TABLE)) == sales

    history = lake.run("history", as_of=MARKET.now, table=realized_sales.TABLE.name)["history"].document
    assert history is not None
    assert [(c["operation"], c["job"]) for c in history["commits"][:2]] == [("RESTORE", "restore")] * 2
    written = history["commits"][2]
    assert (written["operation"], written["job"], written["run_id"]) == ("WRITE", "silver_pnl", "run-3")
    assert written["rows"] == sales


def test_a_version_that_is_not_as_declared_is_refused_before_any_state_is_set_back(
    copied: Callable[[str], Lake],
) -> None:
    lake = copied("lake")
    DeltaTable(lake.root / WHALES.path).alter.add_columns([Field("of_others", "string")])
    altered = lake.versions()[WHALES.name]
    restore(lake, WHALES, version=0)
    before = lake.versions()

    with pytest.raises(SchemaMismatch, match=f"version {altered} is not as declared.*\n.*of_others: stored string"):
        restore(lake, WHALES, version=altered)

    assert lake.versions() == before


def test_rows_are_read_as_of_a_version_or_a_time_as_far_back_as_the_retention(
    copied: Callable[[str], Lake], monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = copied("lake")
    name, now = wallet_pnl.TABLE.name, lake.tables.version(wallet_pnl.TABLE)
    commits = lake.run("history", as_of=MARKET.now, table=name)["history"].document
    assert commits is not None
    unseen = lake.run("history", as_of=MARKET.now, table=name, version=1, limit=2)["history"].document
    newest = lake.run("history", as_of=MARKET.now, table=name, time=datetime.now(UTC) + timedelta(days=1), limit=1)[
        "history"
    ].document
    assert unseen is not None
    assert newest is not None

    assert commits["oldest_readable"] == 0
    assert [row["moved_to_gold"] for row in unseen["rows"]] == [False, False]
    assert unseen["rows_in_all"] == len(lake.rows(wallet_pnl.TABLE))
    assert newest["version"] == now
    assert [row["moved_to_gold"] for row in newest["rows"]] == [True]
    with pytest.raises(UsageError, match=f"has no version 99; the newest is {now}"):
        lake.run("history", as_of=MARKET.now, table=name, version=99)

    monkeypatch.setattr("smart_trader.io.machine.clock.SystemClock.now", lambda self: MUCH_LATER)
    for asked in ({"version": 0}, {"time": MUCH_LATER - timedelta(days=3650)}):
        with pytest.raises(StorageError, match=f"the oldest readable version is {now} of"):
            lake.run("history", as_of=MARKET.now, table=name, **asked)


MUCH_LATER = MARKET.now + timedelta(days=4000)
