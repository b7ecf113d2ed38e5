"""A dry run that fetches says what the run then does: row by row, over twenty seeded worlds, and touches nothing.

The worlds share one lake, so that two runs see all of them; they have no wallet and no mint in common but those of
exchanges. What happens to each between the runs depends on its seed.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from smart_trader.domain.bronze import transaction_history
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.domain.tables.changes import TableChange
from smart_trader.domain.tables.table import BATCH_ID, INGESTED_AT, Table
from smart_trader.io.delta.clones import CloneStore
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.helius.planned import WebhookChange
from smart_trader.run.prediction import Move, Prediction
from smart_trader.simulator.addresses import EXCHANGES
from smart_trader.simulator.faults import Fault, Faults
from smart_trader.simulator.market import Entry, Market, Row
from smart_trader.simulator.server import Seen, Simulator
from smart_trader.simulator.wire import json_text
from tests.lake import DATA_TABLES, PIPELINE, Lake
from tests.warehouse_files import fingerprint

SEEDS = range(20)
KNOWN = 15
"""So many are there from the beginning."""
FALLEN, REQUEUED, REFUSED = ([seed for seed in SEEDS if seed % 4 == kind] for kind in range(3))
"""A token loses its liquidity; a wallet is to be read again; the API refuses a wallet. The others just go on."""
SETTINGS = (
    ("tokens.min_liquidity_usd", "1000"),
    ("tokens.per_run", "80"),
    ("helius.webhook_url", "https://example.org/hook"),
    ("helius.api_key", "a-key"),
    ("transactions.wallets_per_run", "80"),
    ("birdeye.attempts", "1"),
)
FETCHING = ("bronze_tokens", "bronze_whales", "bronze_transactions")
LATER_SETTINGS = (("ranking.elite.min_pnl_usd", "3000"), ("helius.max_addresses", "6"))

Contents = Mapping[str, Mapping[tuple[Any, ...], Mapping[str, Any]]]


def contents(store: DeltaStore) -> Contents:
    """All rows by table and key, without what names the run."""
    return {table.name: _by_key(table, store) for table in DATA_TABLES}


def _by_key(table: Table, store: DeltaStore) -> Mapping[tuple[Any, ...], Mapping[str, Any]]:
    rows = [row.asDict() for row in store.read(table).collect()]
    own = [name for name in table.schema.names if name not in (BATCH_ID.name, INGESTED_AT.name)]
    return {tuple(row[name] for name in table.key): {name: row[name] for name in own} for row in rows}


def difference(table: str, before: Contents, after: Contents) -> TableChange:
    old, new = before.get(table, {}), after[table]
    updated = sum(new[key] != row for key, row in old.items() if key in new)
    deleted = len(old.keys() - new.keys())
    unchanged = len(old) - updated - deleted
    return TableChange(
        table=table, inserted=len(new.keys() - old.keys()), updated=updated, deleted=deleted, unchanged=unchanged
    )


def tiers(held: Contents) -> dict[str, str]:
    rows = held.get(smart_traders.TABLE.name, {}).values()
    return {row["wallet_address"]: row["performance_tier"] for row in rows}


def moves(before: Contents, after: Contents) -> set[Move]:
    old, new = tiers(before), tiers(after)
    return {
        Move(wallet, old.get(wallet), new.get(wallet))
        for wallet in old.keys() | new.keys()
        if old.get(wallet) != new.get(wallet)
    }


def together(markets: Iterable[Market]) -> Market:
    """One market that serves all of them."""
    markets = list(markets)
    trades: dict[str, list[Row]] = {}
    for market in markets:
        for wallet, rows in market.trades.items():
            trades.setdefault(wallet, []).extend(rows)
    return Market(
        now=markets[0].now,
        tokens=[token for market in markets for token in market.tokens],
        holders={mint: texts for market in markets for mint, texts in market.holders.items()},
        trades={wallet: sorted(rows, key=lambda row: (-(row.time or 0), row.text)) for wallet, rows in trades.items()},
        kinds={},
    )


def without_liquidity(market: Market) -> Market:
    """The same with a first token that nobody can sell any more."""
    fields = {**market.tokens[0].fields, "liquidity": 50_000}
    tokens = [Entry(fields, json_text(fields)), *market.tokens[1:]]
    return Market(now=market.now, tokens=tokens, holders=market.holders, trades=market.trades, kinds=market.kinds)


def asked(requests: Iterable[Seen]) -> Counter[tuple[str, ...]]:
    return Counter((seen.method, seen.path, *sorted(f"{k}={v}" for k, v in seen.query.items())) for seen in requests)


@dataclass
class Rounds:
    """A lake on which each run is tried dry before it is made."""

    lake: Lake
    simulator: Simulator
    held: Contents = field(default_factory=dict)

    def plan(self, as_of: datetime, *settings: tuple[str, str]) -> Prediction:
        """What the jobs that fetch would ask, by a dry run without a call."""
        files, seen = fingerprint(self.lake.root), len(self.simulator.requests)
        found = self.lake.dry_run(*FETCHING, as_of=as_of, simulator=self.simulator, settings=self._all(settings))
        assert len(self.simulator.requests) == seen
        assert fingerprint(self.lake.root) == files
        return found

    def play(self, as_of: datetime, *settings: tuple[str, str]) -> Prediction:
        """A dry run that fetches, and the run; what was found, once it is what was done."""
        files, seen, watched = fingerprint(self.lake.root), len(self.simulator.requests), self._watched()
        rehearsed: list[Contents] = []

        def look(tables: CloneStore) -> None:
            rehearsed.append(contents(tables))

        given: dict[str, Any] = {"as_of": as_of, "simulator": self.simulator, "settings": self._all(settings)}
        found = self.lake.dry_run(*PIPELINE, "validate", look=look, fetch=True, **given)
        dry = self.simulator.requests[seen:]
        assert {request.method for request in dry} == {"GET"}
        assert fingerprint(self.lake.root) == files
        assert self._watched() == watched
        assert {path.name for path in self.lake.root.parent.iterdir()} <= {self.lake.root.name, "wallets"}

        self.lake.run(**given)
        real = self.simulator.requests[seen + len(dry) :]
        after, now = contents(self.lake.tables), self._watched()
        assert rehearsed == [after]
        assert _birdeye(asked(dry)) == _birdeye(asked(real))
        assert found.webhook == WebhookChange(tuple(sorted(now - watched)), tuple(sorted(watched - now)))
        self._compare(found, after)
        return found

    def begin(self, as_of: datetime) -> None:
        """A first run, of which nothing was foretold."""
        self.lake.run(as_of=as_of, simulator=self.simulator, settings=self._all(()))
        self.held = contents(self.lake.tables)

    def requeue(self, as_of: datetime, wallets: list[str]) -> None:
        named = self.lake.root.parent / "wallets"
        named.write_text("\n".join(wallets))
        given: dict[str, Any] = {"as_of": as_of, "wallets": named, "stage": "transactions", "from_start": True}
        found = self.lake.dry_run("requeue", **given)
        self.lake.run("requeue", **given)
        self._compare(found, contents(self.lake.tables))

    def _compare(self, found: Prediction, after: Contents) -> None:
        before, self.held = self.held, after
        assert [_counts(change) for change in found.tables] == [
            difference(table.name, before, after) for table in DATA_TABLES
        ]
        assert set(found.moves) == moves(before, after)
        assert found.tiers == Counter(tiers(after).values())

    def _all(self, settings: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return (*SETTINGS, ("helius.base_url", self.simulator.helius_url), *settings)

    def _watched(self) -> set[str]:
        return {wallet for hook in self.simulator.helius.webhooks.values() for wallet in hook["accountAddresses"]}


def _birdeye(calls: Counter[tuple[str, ...]]) -> Counter[tuple[str, ...]]:
    return Counter({call: count for call, count in calls.items() if not call[1].startswith("/v0/")})


def _counts(change: TableChange) -> TableChange:
    """Whether tables are new is not seen in rows."""
    return replace(change, is_new=False, new_columns=())


@pytest.fixture(scope="module")
def worlds() -> list[Market]:
    return [Market.generate(seed, tokens=2, wallets=6, trade_rows=60) for seed in SEEDS]


def holders_of(market: Market) -> list[str]:
    """Its own wallets that hold a token; exchanges hold tokens of every world."""
    owners = {json.loads(text)["owner"] for texts in market.holders.values() for text in texts}
    return sorted(owner for owner in owners if owner in market.trades and owner not in EXCHANGES)


@pytest.mark.long
def test_what_a_dry_run_finds_is_what_the_run_does(spark: SparkSession, worlds: list[Market], tmp_path: Path) -> None:
    """After a first run over three quarters of the worlds; the others are new to the second."""
    start = worlds[0].now
    refused = {holders_of(worlds[seed])[0] for seed in REFUSED}
    faults = Faults(*(Fault("404", address=wallet, times=None) for wallet in refused))
    with Simulator(together(worlds[:KNOWN]), faults=faults) as simulator:
        rounds = Rounds(Lake(spark, tmp_path / "lake"), simulator)
        rounds.begin(start)
        of_requeued = {wallet for seed in REQUEUED for wallet in holders_of(worlds[seed])}
        read = rounds.lake.rows(tracked_whales.TABLE, "txns_fetch_status = 'completed' AND is_current")
        requeued = {row.wallet_address for row in read} & of_requeued
        rounds.requeue(start, sorted(requeued))
        later = [world.advance(days=4) for world in worlds]
        later = [without_liquidity(m) if seed in FALLEN else m for seed, m in zip(SEEDS, later, strict=True)]
        simulator.market = together(later)

        planned = rounds.plan(later[0].now, *LATER_SETTINGS)
        found = rounds.play(later[0].now, *LATER_SETTINGS)

        assert requeued and requeued <= set(planned.plans["bronze_transactions"].about)
        assert tuple(planned.plans) == FETCHING
        failed = {row.wallet_address for row in rounds.lake.rows(tracked_whales.TABLE, "last_error IS NOT NULL")}
        assert failed and failed <= refused
        changes = {change.table: change for change in found.tables}
        assert changes[transaction_history.TABLE.name].inserted
        assert changes[tracked_whales.TABLE.name].inserted and changes[tracked_whales.TABLE.name].updated
        fallen = {worlds[seed].tokens[0].fields["address"] for seed in FALLEN if seed < KNOWN}
        minimal = rounds.lake.rows(tracked_tokens.TABLE, "liquidity_tier = 'MINIMAL'")
        assert fallen <= {row.token_address for row in minimal}
        assert {move.before is None for move in found.moves} == {True, False}
        assert found.webhook is not None and found.webhook.removed
