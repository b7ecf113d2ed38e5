"""helius_webhooks: who is on the webhook, what is said, and what an idle run asks."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from pyspark.sql import types as T

from smart_trader.domain.gold import smart_traders
from smart_trader.domain.ops import runs
from smart_trader.errors import ConfigurationError, SourceUnavailable
from smart_trader.jobs.helius_webhooks import JOB
from smart_trader.run.app import Report
from smart_trader.simulator.addresses import address
from smart_trader.simulator.faults import Fault, Faults
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.lake import Lake

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
WALLETS = [address("trader", rank) for rank in range(1, 6)]
KEY = ("helius.api_key", "Qx7-helius-key")
URL = ("helius.webhook_url", "https://example.org/hook")
EMPTY: dict[type[T.DataType], Any] = {
    T.DecimalType: Decimal(0),
    T.LongType: 0,
    T.IntegerType: 0,
    T.StringType: "QUALIFIED",
    T.BooleanType: True,
    T.TimestampType: NOW,
    T.ArrayType: [],
}


def trader(wallet: str, rank: int, *, recommended: bool = True) -> dict[str, Any]:
    filled = {c.name: EMPTY[type(c.type)] for c in smart_traders.TABLE.columns if not c.nullable}
    return filled | {"wallet_address": wallet, "overall_rank": rank, "recommended": recommended}


def record(nth: int, document: dict[str, Any] | None) -> dict[str, Any]:
    """A row of ops.runs, as the run `nth` leaves it."""
    filled = {c.name: EMPTY[type(c.type)] for c in runs.TABLE.columns if not c.nullable}
    told = {"outcome": "ok", "job": JOB, "run_id": f"run-{nth}", "started_at": NOW.replace(minute=nth)}
    return filled | told | {"document": document and json.dumps(document)}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(Market.of_payloads()) as running:
        yield running


def keep_up(lake: Lake, simulator: Simulator, *settings: tuple[str, str]) -> Report:
    at = ("helius.base_url", simulator.helius_url)
    return lake.run(JOB, as_of=NOW, settings=(KEY, URL, at, ("helius.max_addresses", "3"), *settings))[JOB]


def asked(simulator: Simulator) -> list[str]:
    methods = [request.method for request in simulator.requests]
    simulator.requests.clear()
    return methods


def watched(simulator: Simulator) -> list[set[str]]:
    return [set(webhook["accountAddresses"]) for webhook in simulator.helius.webhooks.values()]


def test_the_best_recommended_wallets_are_watched_and_an_idle_run_asks_once(lake: Lake, simulator: Simulator) -> None:
    first, second, third, fourth, fifth = WALLETS
    ranking = [trader(fifth, 5), trader(first, 1), trader(third, 3), trader(fourth, 4)]
    lake.fill(smart_traders.TABLE, [*ranking, trader(second, 2, recommended=False)])

    made = keep_up(lake, simulator)
    assert watched(simulator) == [{first, third, fourth}]
    assert asked(simulator) == ["GET", "POST", "GET"]
    assert made.notes == ["the webhook watches 3 wallets: 3 added, 0 removed, 100 credits"]
    assert (made.rows_in, made.warnings) == (3, [])
    lake.fill(runs.TABLE, [record(1, made.document), record(2, None)])
    before = lake.versions([runs.TABLE, smart_traders.TABLE])

    idle = keep_up(lake, simulator)
    assert asked(simulator) == ["GET"]
    assert idle.notes == ["the webhook watches 3 wallets: 0 added, 0 removed, 0 credits"]
    assert idle.document == made.document | {"credits": 0} if made.document else False
    assert lake.versions([runs.TABLE, smart_traders.TABLE]) == before

    fewer = keep_up(lake, simulator, ("helius.max_addresses", "2"))
    assert watched(simulator) == [{first, third}]
    assert asked(simulator) == ["GET", "PUT", "GET"]
    assert fewer.notes == ["the webhook watches 2 wallets: 0 added, 1 removed, 100 credits"]

    lake.fill(runs.TABLE, [record(3, {"webhook_id": "gone", "wallets": [], "credits": 0})])
    next(iter(simulator.helius.webhooks.values()))["active"] = False
    found = keep_up(lake, simulator, ("helius.max_addresses", "2"))
    assert asked(simulator) == ["GET", "GET", "GET"]
    assert "switched off" in found.warnings[0]


def test_nobody_to_recommend_leaves_the_webhook_as_it_is(lake: Lake, simulator: Simulator) -> None:
    lake.fill(smart_traders.TABLE, [trader(WALLETS[0], 1, recommended=False)])
    report = keep_up(lake, simulator)
    assert report.warnings == ["no wallet is recommended: the webhook stays as it is"]
    assert (report.document, asked(simulator)) == (None, [])


@pytest.mark.parametrize(
    ("given", "missing"), [((URL,), "SMART_TRADER_HELIUS__API_KEY"), ((KEY,), "SMART_TRADER_HELIUS__WEBHOOK_URL")]
)
def test_without_its_settings_it_is_left_out_of_the_pipeline_and_refused_alone(
    lake: Lake, given: tuple[tuple[str, str], ...], missing: str
) -> None:
    report = lake.run("init", JOB, as_of=NOW, settings=given)[JOB]
    assert len(report.notes) == 1 and missing in report.notes[0] and "\n" not in report.notes[0]
    with pytest.raises(ConfigurationError, match=missing):
        lake.run(JOB, as_of=NOW, settings=given)


def test_what_a_failed_write_may_have_cost_is_said(lake: Lake) -> None:
    lake.fill(smart_traders.TABLE, [trader(WALLETS[0], 1)])
    faults = Faults(Fault("not-stored", endpoint="webhooks", call=2))
    wait = ("helius.max_retry_wait_seconds", "0.1")
    with Simulator(Market.of_payloads(), faults=faults) as simulator, pytest.raises(SourceUnavailable):
        keep_up(lake, simulator, wait)
    assert lake.report.notes == ["up to 100 credits were spent"]
