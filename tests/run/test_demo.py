"""The demonstration's market as a process of its own."""

import multiprocessing
from collections.abc import Iterator
from datetime import datetime

import pytest
import requests

from smart_trader.errors import SmartTraderError
from smart_trader.run import demo
from smart_trader.simulator.market import Market


@pytest.fixture(scope="module", autouse=True)
def _elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("demo"))  # it keeps its webhooks in the folder where it is started
        yield


@pytest.fixture(scope="module")
def market() -> Market:
    return demo.generate_market()


@pytest.fixture(scope="module")
def served(_elsewhere: None) -> Iterator[demo.Demo]:
    with demo.serve() as served:
        yield served
    assert multiprocessing.active_children() == []


def test_it_serves_its_market_and_tells_the_truth_about_what_was_read(served: demo.Demo, market: Market) -> None:
    wallet = max(market.trades, key=lambda name: len(market.rows(name)))
    times = sorted(row["block_unix_time"] for row in market.rows(wallet))
    middle = datetime.fromtimestamp(times[len(times) // 2], demo.NOW.tzinfo)

    order = {"sort_by": "liquidity", "sort_type": "desc"}
    page = requests.get(f"{served.url}/defi/v3/token/list", params=order, timeout=30)
    whole, cut = (served.ask({wallet: oldest}) for oldest in (None, middle))

    assert page.json()["success"] is True
    assert whole.totals == {wallet: market.truth[wallet].total}
    assert cut.totals[wallet].trade_count < whole.totals[wallet].trade_count
    assert whole.skilled == {name for name, kind in market.kinds.items() if kind == "skilled"}


def test_it_serves_what_was_to_be_seen_at_an_earlier_time(served: demo.Demo, market: Market) -> None:
    early = demo.PAST[0]
    wallet = max(market.trades, key=lambda name: len(market.rows(name)))
    query = {"address": wallet, "before_time": int(demo.NOW.timestamp()) + 1, "limit": 1}
    served_at = {}

    for time in (early, demo.NOW):
        served.serve_at(time)
        page = requests.get(f"{served.url}/trader/txs/seek_by_time", params=query, timeout=30).json()
        served_at[time] = page["data"]["items"][0]["block_unix_time"]

    assert served_at[early] <= early.timestamp() < served_at[demo.NOW] <= demo.NOW.timestamp()


def test_a_market_that_has_ended_is_told_and_not_waited_for() -> None:
    before = multiprocessing.active_children()
    with demo.serve() as served:
        (simulator,) = [child for child in multiprocessing.active_children() if child not in before]
        simulator.kill()
        with pytest.raises(SmartTraderError, match="has ended"):
            served.ask({})
