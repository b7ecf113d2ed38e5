"""Every way in which the API can fail, on the first, a middle and the last page, through the jobs.

`tests/io/birdeye/test_simulator.py` shows that the client gets over a fault that passes. Here each fault lasts.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from smart_trader.domain.bronze import token_metrics, transaction_history, whale_holders
from smart_trader.domain.silver import tracked_tokens, tracked_whales
from smart_trader.errors import SmartTraderError
from smart_trader.io.birdeye.client import PAGE_SIZE
from smart_trader.run import outcomes
from smart_trader.simulator.addresses import address, signature
from smart_trader.simulator.faults import ANSWERS, CONNECTION, Fault, Faults
from smart_trader.simulator.market import DEMO_NOW, Market
from smart_trader.simulator.server import Simulator
from tests.io.birdeye.rows import trade
from tests.jobs.test_bronze_tokens import item
from tests.lake import Lake
from tests.reliability import lakes

PAGES = ("first", "middle", "last")
ITEMS = 2 * PAGE_SIZE + 1
"""Three pages."""
STOPPING = {"401": 77, "403": 77, "quota-400": 75}
"""Faults after which no call can succeed, and the exit status of the run."""
OUTAGES = ("refused", "connect-timeout")
"""Faults that hit whoever calls at that time."""
KINDS = [kind for kind in (*ANSWERS, *CONNECTION) if kind not in STOPPING]
ATTEMPTS = 2
IN_A_HURRY = (
    *((f"birdeye.{name}_timeout_seconds", "0.3") for name in ("connect", "read", "total")),
    ("birdeye.attempts", str(ATTEMPTS)),
    ("birdeye.max_retry_wait_seconds", "0.02"),
    ("birdeye.max_body_bytes", "2000000"),
    ("transactions.wallets_per_commit", "1000"),
    ("whales.holders_per_token", "1000"),
    ("tokens.per_run", "1000"),
)
NAMED = [(kind, page) for kind in KINDS if kind not in OUTAGES for page in PAGES]


def fault(kind: str, **where: Any) -> Fault:
    return Fault(kind, times=None, seconds=0 if kind.startswith("429") else 0.1, **where)


def trades(wallet: str, count: int) -> list[dict[str, Any]]:
    start = int(DEMO_NOW.timestamp())
    return [
        trade({"owner": wallet, "block_unix_time": start - 1 - nth, "tx_hash": signature(wallet, nth)})
        for nth in range(count)
    ]


def accounts(mint: str, count: int) -> list[dict[str, Any]]:
    return [
        {
            "amount": str(1000 + nth),
            "decimals": 3,
            "mint": mint,
            "owner": address(mint, "owner", nth),
            "token_account": address(mint, "account", nth),
        }
        for nth in range(count)
    ]


def in_turns(kind: str) -> tuple[list[str], list[str]]:
    """Addresses for `NAMED`, and as many others: one of each in turn in the order in which they are fetched."""
    sorted_ones = sorted(address(kind, nth) for nth in range(2 * len(NAMED)))
    return sorted_ones[1::2], sorted_ones[::2]


def lasting(endpoint: str, hit: Sequence[str]) -> Faults:
    return Faults(
        *(
            fault(kind, endpoint=endpoint, address=name, page=page)
            for (kind, page), name in zip(NAMED, hit, strict=True)
        )
    )


def calls_are_bounded(simulator: Simulator, hit: Sequence[str]) -> None:
    for (kind, page), name in zip(NAMED, hit, strict=True):
        calls = sum(request.query.get("address") == name for request in simulator.requests)
        assert calls <= PAGES.index(page) + 1 + (5 if kind.startswith("endless") else ATTEMPTS), (kind, page)


def is_noticed(kind: str, page: str) -> bool:
    """That a list goes on shows only where it should end, and an empty page is its end."""
    return kind != "endless-cursor" and (page == "last" or not kind.startswith("endless"))


def state_of(rows: lakes.Rows, key: str, status: str) -> dict[str, tuple[str, int, bool]]:
    """Status, failed attempts, and whether the error names the entity."""
    return {row[key]: (row[status], row["attempts"], row[key] in (row["last_error"] or "")) for row in rows}


def expected(hit: Sequence[str], spared: Sequence[str]) -> dict[str, tuple[str, int, bool]]:
    done, failed = ("completed", 0, False), ("pending", 1, True)
    named = zip(NAMED, hit, strict=True)
    return dict.fromkeys(spared, done) | {name: failed if is_noticed(*fault) else done for fault, name in named}


def test_a_wallet_that_fails_waits_with_its_reason_and_all_others_are_done(lake: Lake, tmp_path: Path) -> None:
    hit, spared = in_turns("wallets")
    market = Market.of_payloads(
        trades={**{w: trades(w, ITEMS) for w in hit}, **{w: trades(w, 1) for w in spared}},
    )
    named = tmp_path / "wallets"
    named.write_text("\n".join([*hit, *spared]))

    def run(simulator: Simulator) -> Any:
        job = "bronze_transactions"
        return lake.run(job, as_of=DEMO_NOW, simulator=simulator, settings=IN_A_HURRY, wallets=named)[job]

    with Simulator(market, faults=lasting("trades", hit)) as simulator:
        began = time.monotonic()
        report = run(simulator)
        assert time.monotonic() - began < 120
        calls_are_bounded(simulator, hit)
    wanted = expected(hit, spared)
    whales = lakes.rows_of(lake.root, tracked_whales.TABLE)
    assert state_of(whales, "wallet_address", "txns_fetch_status") == wanted
    landed = {row["wallet_address"] for row in lakes.rows_of(lake.root, transaction_history.TABLE)}
    came_on = {wallet for (_, page), wallet in zip(NAMED, hit, strict=True) if page != "first"}
    waiting = {wallet for wallet, (status, _, _) in wanted.items() if status == "pending"}
    assert landed == (wanted.keys() - waiting) | came_on, "pages before the fault are kept"
    assert report.work.failed == len(waiting) > 70
    assert outcomes.judge(report.work)[0] == 0, "not more than half of them failed"
    lakes.check(lake.root)

    with Simulator(market) as simulator:
        run(simulator)
    rows = lakes.rows_of(lake.root, transaction_history.TABLE)
    assert len(rows) == len({row["event_id"] for row in rows}) == ITEMS * len(hit) + len(spared)
    whales = lakes.rows_of(lake.root, tracked_whales.TABLE)
    assert set(state_of(whales, "wallet_address", "txns_fetch_status").values()) == {("completed", 0, False)}
    lakes.check(lake.root)


def test_a_token_that_fails_waits_with_its_reason_and_all_others_are_done(lake: Lake) -> None:
    hit, spared = in_turns("tokens")
    holders = {**{mint: accounts(mint, ITEMS) for mint in hit}, **{mint: accounts(mint, 1) for mint in spared}}
    market = Market.of_payloads(tokens=[item(mint, 200_000) for mint in holders], holders=holders)
    jobs = ("bronze_tokens", "silver_tokens", "bronze_whales")
    with Simulator(market, faults=lasting("holders", hit)) as simulator:
        report = lake.run(*jobs, as_of=DEMO_NOW, simulator=simulator, settings=IN_A_HURRY)["bronze_whales"]
        calls_are_bounded(simulator, hit)
    tokens = lakes.rows_of(lake.root, tracked_tokens.TABLE)
    assert state_of(tokens, "token_address", "whale_fetch_status") == expected(hit, spared)
    assert report.work is not None
    assert report.work.failed > 70
    lakes.check(lake.root)

    with Simulator(market) as simulator:
        lake.run("bronze_whales", as_of=DEMO_NOW, simulator=simulator, settings=IN_A_HURRY)
    assert len(lakes.rows_of(lake.root, whale_holders.TABLE)) == ITEMS * len(hit) + len(spared)
    tokens = lakes.rows_of(lake.root, tracked_tokens.TABLE)
    assert set(state_of(tokens, "token_address", "whale_fetch_status").values()) == {("completed", 0, False)}


@pytest.mark.parametrize("page", PAGES)
def test_without_a_whole_token_list_the_run_ends_and_nothing_is_written(lake: Lake, page: str) -> None:
    lake.make_tables()
    market = Market.of_payloads(tokens=[item(address("mint", nth), 200_000 + nth) for nth in range(ITEMS)])

    def status(kind: str) -> int:
        faults = Faults(fault(kind, endpoint="tokens", page=page))
        own = Lake(lake.spark.newSession(), lake.root)  # a run has its settings of Spark for itself
        with Simulator(market, faults=faults) as simulator:
            began = time.monotonic()
            with pytest.raises(SmartTraderError) as ended:
                own.run("bronze_tokens", as_of=DEMO_NOW, simulator=simulator, settings=IN_A_HURRY)
            assert time.monotonic() - began < 30, kind
            assert len(simulator.requests) <= PAGES.index(page) + 5, kind
            return ended.value.exit_status

    kinds = [*(kind for kind in KINDS if is_noticed(kind, page)), *STOPPING]
    with ThreadPoolExecutor(4) as pool:
        ended = dict(zip(kinds, pool.map(status, kinds), strict=True))
    at_the_start = dict.fromkeys(("401", "403"), 78) if page == "first" else {}
    assert ended == dict.fromkeys(kinds, 69) | STOPPING | at_the_start
    assert lake.tables.version(token_metrics.TABLE) == 0


@pytest.mark.parametrize("kind", OUTAGES)
def test_an_api_that_is_gone_ends_the_run_after_few_calls(lake: Lake, tmp_path: Path, kind: str) -> None:
    wallets = sorted(address(kind, nth) for nth in range(40))
    (tmp_path / "wallets").write_text("\n".join(wallets))
    market = Market.of_payloads(trades={wallet: trades(wallet, 1) for wallet in wallets})
    gone = Faults(Fault(kind, endpoint="trades", call=6, times=None, seconds=60))
    with Simulator(market, faults=gone) as simulator, pytest.raises(SmartTraderError) as ended:
        settings = (*IN_A_HURRY, ("birdeye.concurrent_requests", "2"))
        lake.run(
            "bronze_transactions", as_of=DEMO_NOW, simulator=simulator, settings=settings, wallets=tmp_path / "wallets"
        )
    assert ended.value.exit_status == 69
    states = lakes.rows_of(lake.root, tracked_whales.TABLE)
    done = [row for row in states if row["txns_fetch_status"] == "completed"]
    asked = [row for row in states if row["attempts"]]
    assert 1 <= len(done) <= 5
    assert 10 <= len(asked) <= 14, "the rest is not asked for"
    lakes.check(lake.root)


def test_what_no_call_can_get_over_ends_the_run_and_what_was_fetched_stays(lake: Lake, tmp_path: Path) -> None:
    """Each kind on another page; the client's own tests have each on all three."""
    plan, groups = [], {}
    for kind, page in zip(STOPPING, PAGES, strict=True):
        group = sorted(address(kind, page, nth) for nth in range(30))
        groups[kind, page] = group
        plan.append(Fault(kind, endpoint="trades", address=group[1], page=page))
    wallets = {
        wallet: trades(wallet, ITEMS if nth == 1 else 1) for g in groups.values() for nth, wallet in enumerate(g)
    }
    market = Market.of_payloads(trades=wallets)
    settings = (*IN_A_HURRY, ("birdeye.concurrent_requests", "1"), ("transactions.wallets_per_commit", "3"))
    with Simulator(market, faults=Faults(*plan)) as simulator:
        for (kind, page), group in groups.items():
            named = tmp_path / f"{kind}-{page}"
            named.write_text("\n".join(group))
            asked = len(simulator.requests)
            with pytest.raises(SmartTraderError) as ended:
                lake.run("bronze_transactions", as_of=DEMO_NOW, simulator=simulator, settings=settings, wallets=named)
            assert ended.value.exit_status == STOPPING[kind], (kind, page)
            in_flight = 3
            assert len(simulator.requests) - asked <= 2 + PAGES.index(page) + in_flight
            rows = lakes.rows_of(lake.root, tracked_whales.TABLE)
            done = {row["wallet_address"] for row in rows if row["history_complete"]} & set(group)
            assert group[0] in done and group[1] not in done and len(done) < 4, (kind, page)
        everybody = tmp_path / "all"
        everybody.write_text("\n".join(wallets))
        lake.run("bronze_transactions", as_of=DEMO_NOW, simulator=simulator, settings=IN_A_HURRY, wallets=everybody)
    assert len(lakes.rows_of(lake.root, transaction_history.TABLE)) == len(groups) * (ITEMS + 29)
    lakes.check(lake.root)
