"""The simulator over HTTP, as any client sees it."""

import gzip
import http.client
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests

from smart_trader.simulator.addresses import address
from smart_trader.simulator.birdeye import HOLDERS, TOKENS, TRADES
from smart_trader.simulator.market import DEMO_NOW, Market
from smart_trader.simulator.server import Simulator

WALLET, MINT = address("wallet"), address("mint")
NOW = int(DEMO_NOW.timestamp())
LIST = {"sort_by": "liquidity", "sort_type": "desc"}


@pytest.fixture(scope="module")
def simulator(small: Market) -> Iterator[Simulator]:
    with Simulator(small) as running:
        yield running


def get(simulator: Simulator, path: str, **query: Any) -> requests.Response:
    return requests.get(simulator.url + path, params=query, timeout=10)


def items(simulator: Simulator, path: str, **query: Any) -> list[dict[str, Any]]:
    response = get(simulator, path, **query)
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["data"]["items"]
    return found


def busiest(market: Market) -> str:
    return max(market.trades, key=lambda wallet: len(market.trades[wallet]))


def liveliest(market: Market) -> str:
    """A wallet of several pages to which most is about to happen."""
    long = [wallet for wallet in market.trades if len(market.trades[wallet]) > 150]
    return max(long, key=lambda wallet: sum((row.time or 0) > NOW for row in market.trades[wallet]))


def numbered(count: int, *, newest: int = NOW) -> Market:
    """A wallet with so many rows, a second apart."""
    return Market.of_payloads(trades={WALLET: [{"block_unix_time": newest - nth, "nth": nth} for nth in range(count)]})


def test_pages_with_a_fixed_time_give_each_row_once_and_tell_the_end(simulator: Simulator, small: Market) -> None:
    wallet, read, more = busiest(small), list[Any](), True
    while more:
        data = get(simulator, TRADES, address=wallet, before_time=NOW, offset=len(read)).json()["data"]
        assert list(data) == ["items", "has_next"]
        read, more = read + data["items"], data["has_next"]
    assert [row["tx_hash"] for row in read] == [row["tx_hash"] for row in small.rows(wallet)]


def test_the_last_full_page_says_that_nothing_follows() -> None:
    with Simulator(numbered(200)) as simulator:
        assert get(simulator, TRADES, address=WALLET, offset=99).json()["data"]["has_next"]
        assert not get(simulator, TRADES, address=WALLET, offset=100).json()["data"]["has_next"]
        assert items(simulator, TRADES, address=WALLET, offset=200) == []


def test_time_bounds_are_exclusive_or_inclusive_as_told() -> None:
    for inclusive, newest, oldest in ((False, 11, 9), (True, 10, 10)):
        with Simulator(numbered(20), inclusive_bounds=inclusive) as simulator:
            assert items(simulator, TRADES, address=WALLET, before_time=NOW - 10)[0]["nth"] == newest
            assert items(simulator, TRADES, address=WALLET, after_time=NOW - 10)[-1]["nth"] == oldest


def test_without_a_fixed_time_new_trades_push_pages(simulator: Simulator, small: Market) -> None:
    wallet = liveliest(small)
    first, second = (items(simulator, TRADES, address=wallet, offset=offset) for offset in (0, 100))
    shared = {row["tx_hash"] for row in first} & {row["tx_hash"] for row in second}
    assert 1 <= len(shared) <= 20
    assert first[0]["block_unix_time"] <= NOW < items(simulator, TRADES, address=wallet)[0]["block_unix_time"]
    assert all(row["block_unix_time"] < NOW for row in items(simulator, TRADES, address=wallet, before_time=NOW))


def test_the_market_can_be_exchanged_for_a_later_one(small: Market) -> None:
    later, wallet = small.advance(days=2), liveliest(small)
    with Simulator(small) as simulator:
        before = items(simulator, TRADES, address=wallet, before_time=NOW)
        simulator.market = later
        assert items(simulator, TRADES, address=wallet, before_time=NOW) == before
        after = items(simulator, TRADES, address=wallet, before_time=int(later.now.timestamp()))
        assert after[0]["block_unix_time"] > NOW


def test_filters_sort_and_pages_of_the_token_list(simulator: Simulator) -> None:
    every = items(simulator, TOKENS, **LIST)
    assert [entry["liquidity"] for entry in every] == sorted((entry["liquidity"] for entry in every), reverse=True)
    assert [entry["symbol"] for entry in every[:2]] == ["SOL", "USDC"]
    assert items(simulator, TOKENS, **LIST, offset=2, limit=3) == every[2:5]
    bounded = items(simulator, TOKENS, **LIST, min_liquidity="150000", max_liquidity="330000")
    assert bounded == [entry for entry in every if 150_000 <= entry["liquidity"] <= 330_000]
    rising = items(simulator, TOKENS, **LIST, min_price_change_24h_percent=30)
    assert rising == [entry for entry in every if (entry["price_change_24h_percent"] or 0) >= 30]
    by_age = items(simulator, TOKENS, sort_by="recent_listing_time", sort_type="asc")
    ages = [entry["recent_listing_time"] for entry in by_age]
    known = [age for age in ages if age is not None]
    assert ages == sorted(known) + [None] * (len(ages) - len(known))


def test_holders_have_no_paging_flag_and_unknown_addresses_are_empty(simulator: Simulator, small: Market) -> None:
    mint = next(iter(small.holders))
    assert list(get(simulator, HOLDERS, address=mint).json()["data"]) == ["items"]
    assert len(items(simulator, HOLDERS, address=mint, offset=100)) == len(small.holders[mint]) - 100 == 40
    assert items(simulator, HOLDERS, address=MINT) == []
    assert get(simulator, TRADES, address=WALLET).json() == {"success": True, "data": {"items": [], "has_next": False}}


@pytest.mark.parametrize(
    ("path", "query", "status", "message"),
    [
        (TOKENS, {}, 400, "sort_by invalid format"),
        (TOKENS, {"sort_by": "price", "sort_type": "desc"}, 400, "sort_by invalid format"),
        (TOKENS, {"sort_by": "liquidity", "sort_type": "up"}, 400, "sort_type invalid format"),
        (TOKENS, LIST | {"min_holders": "1"}, 400, "min_holders is not a filter"),
        (TOKENS, LIST | {"max_volume_1h_usd": "1"}, 400, "max_volume_1h_usd is not a filter"),
        (TOKENS, LIST | {"min_liquidity": "much"}, 400, "min_liquidity invalid format"),
        (TOKENS, LIST | {"limit": "101"}, 400, "limit should be integer, range 1-100"),
        (HOLDERS, {"address": MINT, "limit": "0"}, 400, "limit should be integer, range 1-100"),
        (HOLDERS, {"address": "0x1"}, 400, "address is invalid format"),
        (TRADES, {}, 400, "address is invalid format"),
        (TRADES, {"address": WALLET, "offset": "9901"}, 400, "offset + limit should be less than or equal to 10000"),
        (TRADES, {"address": WALLET, "offset": "-1"}, 400, "offset should be integer, range 0-10000"),
        (TRADES, {"address": WALLET, "tx_type": "buy"}, 400, "tx_type invalid format"),
        (TRADES, {"address": WALLET, "before_time": "2025-01-01"}, 400, None),
        (TRADES, {"address": WALLET, "before_time": "2", "after_time": "1"}, 422, None),
        ("/defi/v3/token/lists", {}, 404, "Not found"),
    ],
)
def test_what_the_api_refuses(
    simulator: Simulator, path: str, query: dict[str, str], status: int, message: str | None
) -> None:
    response = get(simulator, path, **query)
    assert (response.status_code, response.json()["success"]) == (status, False)
    assert message is None or response.json()["message"] == message


def test_a_key_is_checked_and_never_kept() -> None:
    with Simulator(numbered(1), api_key="secret-key") as simulator:
        address = f"{simulator.url}{TRADES}?address={WALLET}"
        assert requests.get(address, timeout=10).status_code == 401
        assert requests.get(address, headers={"X-API-KEY": "wrong"}, timeout=10).status_code == 401
        assert requests.get(address, headers={"X-API-KEY": "secret-key"}, timeout=10).status_code == 200
        assert [seen.status for seen in simulator.requests] == [401, 401, 200]
        assert simulator.requests[-1].headers["x-api-key"] == "***"
        assert "secret-key" not in str(simulator.requests)


def test_a_client_without_a_name_is_blocked(simulator: Simulator) -> None:
    connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"), timeout=10)
    connection.request("GET", TOKENS)
    response = connection.getresponse()
    assert (response.status, response.getheader("Content-Type")) == (403, "text/html")
    connection.close()


def test_a_connection_is_kept_and_bodies_are_compressed_only_on_request(simulator: Simulator, small: Market) -> None:
    connection = http.client.HTTPConnection(simulator.url.removeprefix("http://"), timeout=10)
    bodies = []
    for encoding in ("identity", "gzip"):
        path = f"{TRADES}?address={busiest(small)}&before_time={NOW}"
        connection.request("GET", path, headers={"User-Agent": "test", "Accept-Encoding": encoding})
        local = connection.sock.getsockname()
        response = connection.getresponse()
        body = response.read()
        assert int(response.headers["Content-Length"]) == len(body)
        bodies.append(gzip.decompress(body) if response.headers["Content-Encoding"] == "gzip" else body)
        assert connection.sock.getsockname() == local
    assert bodies[0] == bodies[1]
    assert json.loads(bodies[0])["success"] is True
    connection.close()


@pytest.mark.parametrize("told", ["seconds", "date", "none"])
def test_more_calls_than_allowed_in_a_second_are_refused(told: Any) -> None:
    with Simulator(numbered(1), requests_per_second=3, retry_after=told) as simulator:
        with requests.Session() as session:
            answers = [session.get(f"{simulator.url}{TRADES}?address={WALLET}", timeout=10) for _ in range(8)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused
        assert {answer.headers["x-ratelimit-limit"] for answer in answers} == {"3"}
        assert answers[0].headers["x-ratelimit-remaining"] == "2"
        hint = refused[0].headers.get("Retry-After")
        if told == "date":
            assert abs(parsedate_to_datetime(str(hint)) - datetime.now(UTC)) < timedelta(seconds=5)
        else:
            assert hint == ("1" if told == "seconds" else None)


def test_given_text_is_served_valid_or_not() -> None:
    market = Market.of_payloads(trades={WALLET: ['{"price":1e400,"x":NaN}', "[1]"]})
    with Simulator(market) as simulator:
        text = get(simulator, TRADES, address=WALLET).text
    assert text == '{"data":{"items":[{"price":1e400,"x":NaN},[1]],"has_next":false},"success":true}'


def test_requests_are_kept_in_the_order_in_which_they_came() -> None:
    with Simulator(numbered(1)) as simulator:
        get(simulator, TRADES, address=WALLET, limit=5)
        get(simulator, HOLDERS, address=MINT)
        assert [(seen.method, seen.path, seen.query) for seen in simulator.requests] == [
            ("GET", TRADES, {"address": WALLET, "limit": "5"}),
            ("GET", HOLDERS, {"address": MINT}),
        ]
        assert simulator.requests[0].at <= simulator.requests[1].at


def test_after_leaving_nobody_answers() -> None:
    with Simulator(numbered(1)) as simulator:
        session = requests.Session()
        session.get(f"{simulator.url}{TRADES}?address={WALLET}", timeout=10)
    with pytest.raises(requests.ConnectionError):
        session.get(f"{simulator.url}{TRADES}?address={WALLET}", timeout=10)
    session.close()
