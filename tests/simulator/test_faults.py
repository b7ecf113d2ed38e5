"""Each fault, seen with the eyes of a client."""

import threading
import time
import zlib
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import requests
from requests.exceptions import ChunkedEncodingError, ConnectionError, ConnectTimeout, ContentDecodingError, ReadTimeout

from smart_trader.simulator.addresses import address
from smart_trader.simulator.birdeye import HOLDERS, TRADES
from smart_trader.simulator.faults import ANSWERS, CONNECTION, HELIUS, KINDS, Fault, Faults
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator

WALLET, OTHER = address("wallet"), address("other")
MARKET = Market.of_payloads(
    trades={key: [{"block_unix_time": 1000 - nth, "pad": "x" * 99} for nth in range(250)] for key in (WALLET, OTHER)}
)
PAGES = {"first": 0, "middle": 100, "last": 200}


def ask(simulator: Simulator, offset: int = 0, wallet: str = WALLET, **options: Any) -> requests.Response:
    query: dict[str, str | int] = {"address": wallet, "offset": offset}
    return requests.get(simulator.url + TRADES, params=query, **{"timeout": 5, "allow_redirects": False} | options)


def is_right(response: requests.Response) -> bool:
    return response.status_code == 200 and len(response.json()["data"]["items"]) in (50, 100)


def status(wanted: int, message: str = "") -> Callable[[requests.Response], bool]:
    return lambda response: response.status_code == wanted and message in response.text


WHOLE: dict[str, Callable[[requests.Response], bool]] = {
    "429-seconds": lambda response: response.status_code == 429 and response.headers["Retry-After"] == "1",
    "429-date": lambda response: parsedate_to_datetime(response.headers["Retry-After"]).timestamp() > time.time() - 5,
    "429-none": lambda response: response.status_code == 429 and "Retry-After" not in response.headers,
    "500": status(500, '"success": false'),
    "502": status(502, "<html>"),
    "503": status(503, "<html>"),
    "504": status(504, "<html>"),
    "401": status(401, "lacks sufficient permissions"),
    "403": status(403, "Cloudflare"),
    "404": status(404),
    "422": status(422),
    "400": status(400, '"success": false'),
    "quota-400": status(400, "Compute units usage limit exceeded"),
    "redirect": lambda response: response.status_code == 302 and "//localhost:" in response.headers["Location"],
    "html-200": status(200, "<!DOCTYPE html>"),
    "success-false": status(200, '"success": false'),
    "empty-200": lambda response: response.status_code == 200 and response.content == b"",
    "null-data": lambda response: response.json() == {"success": True, "data": None},
    "truncated-json": lambda response: response.status_code == 200 and not response.text.endswith("}"),
    "endless-cursor": lambda response: response.json()["data"]["has_next"] is True,
    "endless-rows": lambda response: response.json()["data"]["has_next"] is True,
}
BROKEN: dict[str, tuple[type[Exception], dict[str, Any]]] = {
    "refused": (ConnectionError, {}),
    "connect-timeout": (ConnectionError, {}),
    "read-timeout": (ReadTimeout, {"timeout": 0.3}),
    "reset": (ConnectionError, {}),
    "cut-off": (ChunkedEncodingError, {}),
    "trickle": (ConnectionError, {}),
    "corrupt-gzip": (ContentDecodingError, {}),
}


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("kind", WHOLE)
def test_a_wrong_answer_comes_once_at_its_page(kind: str, page: str) -> None:
    with Simulator(MARKET, faults=Faults(Fault(kind, endpoint="trades", page=page))) as simulator:
        for name, offset in PAGES.items():
            if name == page:
                assert WHOLE[kind](ask(simulator, offset))
            assert is_right(ask(simulator, offset))


@pytest.mark.parametrize("kind", [kind for kind in BROKEN if kind not in ("connect-timeout", "trickle", "refused")])
def test_a_broken_answer_comes_once(kind: str) -> None:
    error, options = BROKEN[kind]
    with Simulator(MARKET, faults=Faults(Fault(kind))) as simulator:
        with pytest.raises((error, ChunkedEncodingError)):
            ask(simulator, **options)
        assert is_right(ask(simulator))


def test_every_fault_is_tested_here_or_beside() -> None:
    beside = {"gzip-bomb", "oversized", "oversized-stream", *HELIUS}
    assert set(WHOLE) | set(BROKEN) | beside == set(KINDS)
    assert {*ANSWERS, *CONNECTION, *HELIUS} == set(KINDS)


def test_for_a_while_nobody_listens() -> None:
    with Simulator(MARKET, faults=Faults(Fault("refused", seconds=0.5))) as simulator:
        for _ in range(3):
            with pytest.raises(ConnectionError, match=r"reset|refused|aborted"):
                ask(simulator)
            time.sleep(0.1)
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                assert is_right(ask(simulator))
                break
            except ConnectionError:
                time.sleep(0.05)
        else:
            pytest.fail("nobody came back")


def test_for_a_while_nobody_picks_up() -> None:
    with Simulator(MARKET, faults=Faults(Fault("connect-timeout", seconds=1.5))) as simulator:
        with pytest.raises(ConnectionError):
            ask(simulator)
        time.sleep(0.2)
        with pytest.raises(ConnectTimeout):
            ask(simulator, timeout=0.5)
        assert is_right(ask(simulator, timeout=10))


def test_a_trickle_never_lets_a_read_time_out_expire() -> None:
    with Simulator(MARKET, faults=Faults(Fault("trickle", seconds=0.01))) as simulator:
        response = ask(simulator, timeout=0.5, stream=True)
        began, received = time.monotonic(), 0
        while time.monotonic() - began < 1:
            received += len(response.raw.read1(1))
        response.close()
        assert 10 < received <= 100


@pytest.mark.parametrize("kind", ["oversized", "oversized-stream", "gzip-bomb"])
def test_a_body_can_be_larger_than_anybody_should_read(kind: str) -> None:
    with Simulator(MARKET, faults=Faults(Fault(kind))) as simulator:
        response = ask(simulator, stream=True)
        received = 0
        for block in response.iter_content(1 << 20):
            received += len(block)
            if received > 100 << 20:
                break
        response.close()
        assert received > 100 << 20
        assert is_right(ask(simulator))


def test_a_corrupt_archive_is_no_archive() -> None:
    with Simulator(MARKET, faults=Faults(Fault("corrupt-gzip"))) as simulator:
        raw = ask(simulator, stream=True).raw.read()
        with pytest.raises(zlib.error):
            zlib.decompress(raw, 31)


def test_a_redirect_that_is_followed_leaves_a_trace() -> None:
    with Simulator(MARKET, faults=Faults(Fault("redirect"))) as simulator:
        ask(simulator, allow_redirects=True)
        hosts = [seen.headers["host"].partition(":")[0] for seen in simulator.requests]
    assert hosts == ["127.0.0.1", "localhost"]


@pytest.mark.parametrize(("kind", "rows"), [("endless-cursor", 0), ("endless-rows", 100)])
def test_an_endless_list_goes_on_after_its_end(kind: str, rows: int) -> None:
    with Simulator(MARKET, faults=Faults(Fault(kind, times=None))) as simulator:
        data = ask(simulator, 5_000).json()["data"]
        assert (len(data["items"]), data["has_next"]) == (rows, True)


def test_a_plan_says_which_calls_how_often_and_for_whom() -> None:
    plan = Faults(
        Fault("404", address=OTHER, times=None),
        Fault("500", endpoint="trades", call=2, times=2),
        Fault("503", endpoint="holders"),
    )
    with Simulator(MARKET, faults=plan) as simulator:
        assert [ask(simulator).status_code for _ in range(4)] == [200, 500, 500, 200]
        assert {ask(simulator, wallet=OTHER).status_code for _ in range(3)} == {404}
        holders = [requests.get(f"{simulator.url}{HOLDERS}?address={OTHER}", timeout=5).status_code for _ in range(2)]
        assert holders == [404, 404]
        holders = [requests.get(f"{simulator.url}{HOLDERS}?address={WALLET}", timeout=5).status_code for _ in range(2)]
        assert [seen.fault for seen in simulator.requests][:4] == [None, "500", "500", None]


def test_a_plan_counts_each_call_once_when_threads_ask_together() -> None:
    plan = Faults(Fault("500", times=25))
    hits: list[Fault | None] = []
    threads = [
        threading.Thread(target=lambda: hits.extend(plan.due("trades", WALLET, {"first"}) for _ in range(20)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(hit is not None for hit in hits) == 25


def test_a_plan_can_be_written_as_text() -> None:
    assert Fault.parse("429-date,endpoint=trades,page=middle,call=3,times=all,seconds=2.5") == Fault(
        "429-date", endpoint="trades", page="middle", call=3, times=None, seconds=2.5
    )
    assert Fault.parse("500,address=abc,times=4") == Fault("500", address="abc", times=4)
    for wrong in ("nonsense", "500,page=second", "500,where=there", "500,times=few"):
        with pytest.raises(ValueError, match=r"there are|has no|invalid literal"):
            Fault.parse(wrong)
