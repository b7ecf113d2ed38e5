"""The client against the simulator: every fault it knows, on the first, a middle and the last page."""

import time
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from smart_trader.domain.bronze.token_metrics import TokenCriteria
from smart_trader.errors import (
    AccessDenied,
    KeyRefused,
    LimitReached,
    NotFound,
    QuotaExhausted,
    SourceRejected,
    SourceUnavailable,
)
from smart_trader.io.birdeye import client as birdeye
from smart_trader.io.http.client import HttpPolicy
from smart_trader.io.machine.clock import SystemClock
from smart_trader.simulator.addresses import address
from smart_trader.simulator.faults import ANSWERS, CONNECTION, Fault, Faults
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.io.birdeye.rows import as_served

WALLET, OTHER = address("wallet"), address("other")
NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
ROWS = [{"block_unix_time": int(NOW.timestamp()) - 1 - nth, "tx_hash": f"t{nth}"} for nth in range(450)]
MARKET = Market.of_payloads(trades={WALLET: ROWS, OTHER: ROWS}, now=NOW)

ALL = TokenCriteria(Decimal(0), Decimal(10**15), Decimal(0), Decimal(-100), Decimal(-100), 0)
LASTING = {
    **dict.fromkeys(("400", "422", "success-false", "null-data", "redirect"), SourceRejected),
    **dict.fromkeys(("gzip-bomb", "oversized", "oversized-stream"), SourceRejected),
    **dict.fromkeys(("401", "403"), AccessDenied),
    "404": NotFound,
    "quota-400": QuotaExhausted,
}
HARMLESS_ONCE = {"endless-cursor", "endless-rows"}
PASSING = sorted({*ANSWERS, *CONNECTION} - LASTING.keys() - HARMLESS_ONCE)
OUTAGES = {"refused": 0.2, "connect-timeout": 0.3, "trickle": 0.02}
POLICY = HttpPolicy(
    connect_timeout_seconds=0.2,
    read_timeout_seconds=0.2,
    total_timeout_seconds=0.5,
    attempts=12,
    max_retry_wait_seconds=0.2,
    max_body_bytes=1_000_000,
)
UNHURRIED = replace(POLICY, connect_timeout_seconds=60, read_timeout_seconds=60, total_timeout_seconds=120)
"""For faults that are not about time: a busy machine may take long to unpack what is too large."""


def fault(kind, **where):
    seconds = 0 if kind.startswith("429") else OUTAGES.get(kind)
    return Faults(Fault(kind, endpoint="trades", address=WALLET, seconds=seconds, **where))


def client_of(simulator, policy=POLICY, **options):
    options = {"compute_units_per_run": None, "api_key": "right", "requests_per_second": Decimal(10_000)} | options
    return birdeye.connect(
        base_url=simulator.url,
        concurrent_requests=2,
        units={"token_list": 60, "token_holder": 50, "trader_txs": 10},
        clock=SystemClock(),
        policy=policy,
        **options,
    )


def read(client, wallet=WALLET):
    pages = client.trade_pages(wallet, before=NOW, fetched_at=NOW)
    return [item for page in pages for item in as_served(page.rows)]


@pytest.mark.parametrize("page", ["first", "middle", "last"])
@pytest.mark.parametrize("kind", [*PASSING, *sorted(HARMLESS_ONCE)])
def test_after_a_passing_fault_every_row_came_once(kind, page):
    with Simulator(MARKET, faults=fault(kind, page=page), api_key="right") as simulator:
        assert read(client_of(simulator)) == ROWS


@pytest.mark.parametrize("page", ["first", "middle", "last"])
@pytest.mark.parametrize(("kind", "error"), LASTING.items())
def test_a_refusal_is_asked_once_and_the_pages_before_it_stay(kind, error, page):
    with Simulator(MARKET, faults=fault(kind, page=page), api_key="right") as simulator:
        client, rows = client_of(simulator, UNHURRIED), []
        with pytest.raises(error) as caught:
            for served in client.trade_pages(WALLET, before=NOW, fetched_at=NOW):
                rows += as_served(served.rows)
        assert type(caught.value) is (KeyRefused if error is AccessDenied and page == "first" else error)
        assert rows == ROWS[: {"first": 0, "middle": 100, "last": 400}[page]]
        assert len(simulator.requests) == client.usage().calls == len(rows) // 100 + 1
        assert all(seen.headers["host"].startswith("127.0.0.1") for seen in simulator.requests)


def test_a_list_whose_empty_pages_promise_more_is_read_whole():
    with Simulator(MARKET, faults=fault("endless-cursor", times=None), api_key="right") as simulator:
        assert read(client_of(simulator)) == ROWS


@pytest.mark.parametrize("kind", sorted({*PASSING, "endless-rows", "trickle"} - (OUTAGES.keys() - {"trickle"})))
def test_a_fault_for_ever_ends_and_the_next_wallet_is_read(kind):
    policy = HttpPolicy(
        connect_timeout_seconds=0.2,
        read_timeout_seconds=0.1,
        total_timeout_seconds=0.2,
        attempts=3,
        max_retry_wait_seconds=0.1,
        max_body_bytes=1_000_000,
    )
    with Simulator(MARKET, faults=fault(kind, times=None), api_key="right") as simulator:
        client, started = client_of(simulator, policy), time.monotonic()
        with pytest.raises(SourceRejected if kind in HARMLESS_ONCE else SourceUnavailable, match=WALLET):
            read(client)
        assert time.monotonic() - started < 3
        assert len(simulator.requests) <= (8 if kind in HARMLESS_ONCE else 3)
        assert read(client, OTHER) == ROWS


def test_a_wrong_key():
    with Simulator(MARKET, api_key="right") as simulator, pytest.raises(AccessDenied, match=r"birdeye\.api_key"):
        read(client_of(simulator, api_key="wrong"))


def test_the_budget_ends_the_reading():
    with Simulator(MARKET, api_key="right") as simulator:
        with pytest.raises(LimitReached, match=r"birdeye\.compute_units_per_run"):
            read(client_of(simulator, compute_units_per_run=35))
        assert len(simulator.requests) == 3


def test_a_server_that_counts_calls_a_second_is_not_called_too_fast():
    with Simulator(MARKET, api_key="right", requests_per_second=20) as simulator:
        client = client_of(simulator, requests_per_second=Decimal(18))
        for _ in range(6):
            assert read(client) == ROWS
        assert {seen.status for seen in simulator.requests} == {200}


def test_a_generated_market():
    market = Market.generate(3, tokens=4, wallets=40, trade_rows=2_000)
    wallet = max(market.trades, key=lambda owner: len(market.rows(owner)))
    with Simulator(market) as simulator:
        client = client_of(simulator)
        pages = client.trade_pages(wallet, before=market.now, fetched_at=market.now)
        served = [item for page in pages for item in as_served(page.rows)]
        assert served == market.rows(wallet)
        mint = max(market.holders, key=lambda name: len(market.holders[name]))
        assert len(client.holder_accounts(mint, limit=500, fetched_at=NOW)) == len(market.holders[mint])
        listed = [token for token in market.tokens if token.fields["price_change_24h_percent"] is not None]
        assert 0 < len(list(client.tokens(ALL, fetched_at=NOW))) == len(listed) < len(market.tokens)
