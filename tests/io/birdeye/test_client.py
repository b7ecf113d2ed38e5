import json
import os
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest

from smart_trader.domain.bronze.token_metrics import TokenCriteria
from smart_trader.errors import AccessDenied, KeyRefused, NotFound, QuotaExhausted, SourceRejected, SourceUnavailable
from smart_trader.io.birdeye import client as birdeye
from smart_trader.io.http.client import HttpPolicy
from smart_trader.io.machine.clock import SystemClock
from smart_trader.ports import MarketData
from tests.io import scripted_server as play
from tests.io.birdeye.rows import as_served

WALLET = "HhD25cE6M4PiTtJfbMKj2J8gnjMUnVHkVtQS3bzpCNen"
MINT = "BDWvvvKUS9c3C4Rz1w9tk5uD519CzD2f6n7zBk2Bbonk"
NOW = datetime(2026, 1, 5, 9, 0, 0, 999_999, tzinfo=UTC)
NOW_SECONDS = 1_767_603_600
CRITERIA = TokenCriteria(Decimal("1e5"), Decimal("6e5"), Decimal(2 * 10**5), Decimal("30.50"), Decimal(15), 100)
UNITS = {"token_list": 60, "token_holder": 50, "trader_txs": 10}
SAMPLES = Path(os.environ.get("SMART_TRADER_SAMPLES", "../shared/reference/birdeye_samples"))


@pytest.fixture
def server():
    with play.scripted_server() as server:
        yield server


def client_of(server, **options) -> MarketData:
    options = {
        "base_url": server.url,
        "api_key": "key",
        "requests_per_second": Decimal(10_000),
        "concurrent_requests": 2,
        "compute_units_per_run": None,
        "units": UNITS,
        "clock": SystemClock(),
        "policy": HttpPolicy(
            connect_timeout_seconds=1,
            read_timeout_seconds=1,
            total_timeout_seconds=2,
            attempts=3,
            max_retry_wait_seconds=0.001,
            max_body_bytes=20_000_000,
        ),
    } | options
    return birdeye.connect(**options)


def serving(pages):
    """Plays what `pages` makes of each request's query."""
    return lambda connection: play.answer(pages(connection.last.query))(connection)


def listing(items, **flags):
    return {"success": True, "data": {"items": items, **flags}}


def market_of(trades, flag="has_next"):
    """An honest endpoint: `trades` are (seconds, name), newest first."""

    def pages(query):
        assert int(query["offset"]) + int(query["limit"]) <= 10_000
        older = [trade for trade in trades if trade[0] < int(query["before_time"])]
        start, size = int(query["offset"]), int(query["limit"])
        items = [{"block_unix_time": time, "tx_hash": name} for time, name in older[start : start + size]]
        return listing(items, **({flag: start + size < len(older)} if flag else {}))

    return serving(pages)


def read_all(client, before=NOW):
    pages = list(client.trade_pages(WALLET, before=before, fetched_at=NOW))
    assert [page.is_last for page in pages] == [False] * (len(pages) - 1) + [True]
    return [item for page in pages for item in as_served(page.rows)]


def test_what_is_asked_for_trades(server):
    list(client_of(server).trade_pages(WALLET, before=NOW, fetched_at=NOW))
    [request] = server.requests
    assert request.path == "/trader/txs/seek_by_time"
    assert request.query == {
        "address": WALLET,
        "tx_type": "swap",
        "before_time": str(NOW_SECONDS),
        "ui_amount_mode": "scaled",
        "offset": "0",
        "limit": "100",
    }
    assert request.headers["x-api-key"] == "key"
    assert request.headers["x-chain"] == "solana"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"] == "smart-trader"


def test_units_are_counted_by_endpoint(server):
    client = client_of(server)
    list(client.tokens(CRITERIA, fetched_at=NOW))
    client.holder_accounts(MINT, limit=100, fetched_at=NOW)
    list(client.trade_pages(WALLET, before=NOW, fetched_at=NOW))
    assert (client.usage().calls, client.usage().compute_units) == (3, 120)


@pytest.mark.parametrize("flag", ["has_next", "hasNext", None])
@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 200, 250])
def test_every_trade_comes_once_whatever_the_paging_flag_is_called(server, flag, count):
    trades = [(NOW_SECONDS - 1 - i, f"t{i}") for i in range(count)]
    server.otherwise = market_of(trades, flag)
    assert [item["tx_hash"] for item in read_all(client_of(server))] == [name for _, name in trades]
    assert {request.query["before_time"] for request in server.requests} == {str(NOW_SECONDS)}


@pytest.mark.parametrize("flags", [{"has_next": None}, {"hasNext": "yes"}, {"has_next": 1}])
def test_a_flag_that_is_not_a_truth_value_says_nothing(server, flags):
    server.otherwise = play.answer(listing([{"tx_hash": "t"}], **flags))
    assert len(read_all(client_of(server))) == 1


def test_a_short_page_that_promises_more_is_followed(server):
    def pages(query):
        offset = int(query["offset"])
        return listing([{"tx_hash": f"t{offset + i}"} for i in range(7)], has_next=offset < 70)

    server.otherwise = serving(pages)
    assert [item["tx_hash"] for item in read_all(client_of(server))] == [f"t{i}" for i in range(77)]


def test_beyond_the_deepest_offset_paging_goes_on_from_the_oldest_second(server):
    trades = [(NOW_SECONDS - 1 - i // 3, f"t{i}") for i in range(10_250)]
    server.otherwise = market_of(trades)
    names = [item["tx_hash"] for item in read_all(client_of(server))]
    assert list(dict.fromkeys(names)) == [name for _, name in trades]
    assert 0 < len(names) - len(trades) <= 3
    # The row at depth 10,000 is the first of its second, so that second is asked for again.
    assert {int(request.query["before_time"]) for request in server.requests} == {NOW_SECONDS, NOW_SECONDS - 3333}


def test_a_row_with_an_absurd_time_does_not_end_the_history(server):
    trades = [(NOW_SECONDS - 1 - i, f"t{i}") for i in range(10_050)]
    trades[5000] = (0, "absurd")
    server.otherwise = market_of(trades)
    assert {item["tx_hash"] for item in read_all(client_of(server))} >= {f"t{i}" for i in range(10_050) if i != 5000}


@pytest.mark.parametrize("time", [NOW_SECONDS - 1, NOW_SECONDS + 5, None, "soon"])
def test_ten_thousand_rows_that_lead_no_further_back_end_with_a_clear_message(server, time):
    def pages(query):
        start = int(query["offset"])
        return listing([{"block_unix_time": time, "tx_hash": f"t{start + i}"} for i in range(100)], has_next=True)

    server.otherwise = serving(pages)
    with pytest.raises(SourceRejected, match="older ones cannot be reached"):
        read_all(client_of(server))
    assert len(server.requests) == 100


def one_row_pages(query):
    """An endless list, page after page of one row."""
    start = int(query["offset"])
    row = {"block_unix_time": NOW_SECONDS - 1, "tx_hash": f"t{start}", "address": f"m{start % 2}"}
    return listing([row], has_next=True)


@pytest.mark.parametrize(
    ("read", "calls", "said"),
    [
        (lambda client: list(client.tokens(CRITERIA, fetched_at=NOW)), 100, "10000 rows were asked for and 100 served"),
        (lambda client: client.holder_accounts(MINT, limit=250, fetched_at=NOW), 3, "250 were asked for and 3 served"),
        (lambda client: read_all(client), 100, "older ones cannot be reached"),
    ],
    ids=["tokens", "holders", "trades"],
)
def test_short_pages_cost_no_more_calls_than_full_ones(server, read, calls, said):
    server.otherwise = serving(one_row_pages)
    with pytest.raises(SourceRejected, match=said):
        read(client_of(server))
    assert len(server.requests) == calls


def test_holders_of_pages_that_are_almost_full_are_taken(server):
    def pages(query):
        start = int(query["offset"])
        return listing([{"amount": str(i)} for i in range(start, start + int(query["limit"]) - 1)], has_next=True)

    server.otherwise = serving(pages)
    assert len(client_of(server).holder_accounts(MINT, limit=250, fetched_at=NOW)) == 247
    assert len(server.requests) == 3


@pytest.mark.parametrize("count", [0, 7, 100, 200])
def test_an_empty_page_is_the_end_whatever_it_promises(server, count):
    trades = [{"tx_hash": f"t{nth}"} for nth in range(count)]
    server.otherwise = serving(
        lambda query: listing(trades[int(query["offset"]) :][: int(query["limit"])], has_next=True)
    )
    pages = list(client_of(server).trade_pages(WALLET, before=NOW, fetched_at=NOW))
    assert [item for page in pages for item in as_served(page.rows)] == trades
    assert [page.is_last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert len(server.requests) == len(pages) == -(-count // 100) + 1


def test_an_endless_cursor_that_repeats_itself(server):
    server.otherwise = play.answer(listing([{"tx_hash": "t"}] * 100, has_next=True))
    with pytest.raises(SourceRejected, match="the same page again"):
        read_all(client_of(server))
    assert len(server.requests) == 2


def test_an_empty_wallet_is_an_answer(server):
    server.otherwise = play.answer(listing([], has_next=False))
    assert read_all(client_of(server)) == []


WITHOUT_A_LIST = {
    "refused with 200": ({"success": False, "message": "address is invalid"}, "address is invalid"),
    "success is no truth value": ({"success": "yes", "data": {"items": []}}, "success is not true"),
    "null": (None, "NoneType, not an object"),
    "a list": ([1], "list, not an object"),
    "a number": (7, "int, not an object"),
    "no data": ({"success": True}, "no list of items"),
    "data is null": ({"success": True, "data": None}, "no list of items"),
    "data is a list": ({"success": True, "data": []}, "no list of items"),
    "no items": ({"success": True, "data": {}}, "no list of items"),
    "items is null": ({"success": True, "data": {"items": None}}, "no list of items"),
    "items is an object": ({"success": True, "data": {"items": {}}}, "no list of items"),
}


@pytest.mark.parametrize(("value", "message"), WITHOUT_A_LIST.values(), ids=WITHOUT_A_LIST.keys())
def test_an_answer_without_a_list_is_a_failure_and_not_an_empty_wallet(server, value, message):
    server.otherwise = play.answer(value)
    with pytest.raises(SourceRejected, match=message):
        read_all(client_of(server))
    assert len(server.requests) == 1


def test_success_may_be_left_out(server):
    server.otherwise = play.answer({"data": {"items": [], "has_next": False}})
    assert read_all(client_of(server)) == []


def test_the_quota_error_is_told_by_its_wording_even_with_200(server):
    server.otherwise = play.answer({"success": False, "message": "Compute units usage limit exceeded"})
    with pytest.raises(QuotaExhausted):
        read_all(client_of(server))


def faulty_page(position, fault, total=5):
    """An honest market of `total` pages, but one of them is never served."""
    trades = [(NOW_SECONDS - 1 - i, f"t{i}") for i in range(100 * total)]
    honest = market_of(trades)

    def play_it(connection):
        is_bad = int(connection.last.query["offset"]) == 100 * position
        (fault if is_bad else honest)(connection)

    return play_it


@pytest.mark.parametrize("position", [0, 2, 4])
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (play.raw(b"", 500), SourceUnavailable),
        (play.raw(b"<html>"), SourceUnavailable),
        (play.hang_up, SourceUnavailable),
        (play.answer({"message": "bad"}, 400), SourceRejected),
        (play.raw(b"", 404), NotFound),
        (play.answer({"message": "Compute units usage limit exceeded"}, 400), QuotaExhausted),
        (play.raw(b"<html>", 403), AccessDenied),
    ],
)
def test_pages_before_a_fault_are_handed_out(server, position, fault, error):
    server.otherwise = faulty_page(position, fault)
    pages = []
    with pytest.raises(error) as caught:
        pages.extend(client_of(server).trade_pages(WALLET, before=NOW, fetched_at=NOW))
    assert type(caught.value) is (KeyRefused if error is AccessDenied and position == 0 else error)
    assert WALLET in str(caught.value)


def test_holders_are_read_page_by_page_up_to_the_limit(server):
    def pages(query):
        assert query["address"] == MINT
        start = int(query["offset"])
        return listing([{"amount": str(i)} for i in range(start, start + int(query["limit"]))])

    server.otherwise = serving(pages)
    accounts = client_of(server).holder_accounts(MINT, limit=250, fetched_at=NOW)
    assert as_served(accounts) == [{"amount": str(i)} for i in range(250)]
    assert [(r.query["offset"], r.query["limit"]) for r in server.requests] == [
        ("0", "100"),
        ("100", "100"),
        ("200", "50"),
    ]


@pytest.mark.parametrize("count", [0, 1, 99, 100])
def test_a_token_with_few_holders(server, count):
    everything = [{"amount": str(i)} for i in range(count)]
    server.otherwise = serving(
        lambda query: listing(everything[int(query["offset"]) : int(query["offset"]) + int(query["limit"])])
    )
    assert as_served(client_of(server).holder_accounts(MINT, limit=200, fetched_at=NOW)) == everything


def test_a_limit_of_one_page_is_one_call(server):
    server.otherwise = play.answer(listing([{"amount": str(i)} for i in range(100)]))
    client_of(server).holder_accounts(MINT, limit=100, fetched_at=NOW)
    assert len(server.requests) == 1


def tokens_drifting(query):
    """Each call sees the list pushed back by 20: tokens gained liquidity meanwhile."""
    start = max(0, int(query["offset"]) - 20 * (int(query["offset"]) // 100))
    names = [f"mint{i}" for i in range(start, min(start + 100, 230))]
    return listing([{"address": name} for name in names], hasNext=start + 100 < 230)


def test_tokens_come_once_each(server):
    server.otherwise = serving(tokens_drifting)
    tokens = list(client_of(server).tokens(CRITERIA, fetched_at=NOW))
    assert [token["address"] for token in as_served(tokens)] == [f"mint{i}" for i in range(230)]
    assert server.requests[0].query == {
        "sort_by": "liquidity",
        "sort_type": "desc",
        "ui_amount_mode": "scaled",
        "min_liquidity": "100000",
        "max_liquidity": "600000",
        "min_volume_1h_usd": "200000",
        "min_price_change_24h_percent": "30.5",
        "min_price_change_2h_percent": "15",
        "min_holder": "100",
        "offset": "0",
        "limit": "100",
    }


def test_items_that_are_no_tokens_are_handed_on(server):
    server.otherwise = play.answer(listing([None, 7, {"address": None}, {"address": 5}, {}, {}], has_next=False))
    assert len(list(client_of(server).tokens(CRITERIA, fetched_at=NOW))) == 6


def test_no_page_is_read_that_nobody_asks_for(server):
    server.otherwise = serving(tokens_drifting)
    assert len(list(islice(client_of(server).tokens(CRITERIA, fetched_at=NOW), 50))) == 50
    assert len(server.requests) == 1


def test_more_tokens_than_can_be_served(server):
    server.otherwise = serving(
        lambda query: listing([{"address": f"m{int(query['offset']) + i}"} for i in range(100)], has_next=True)
    )
    with pytest.raises(SourceRejected, match=r"Narrow tokens\.\*"):
        list(client_of(server).tokens(CRITERIA, fetched_at=NOW))
    assert len(server.requests) == 100


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="no recorded samples: set SMART_TRADER_SAMPLES")
def test_recorded_pages_come_through_digit_by_digit(server):
    paged = [(SAMPLES / f"trader_txs_paged_offset_{offset}.json").read_bytes() for offset in ("000", "100", "200")]
    server.script = [play.raw(page) for page in paged]
    pages = list(islice(client_of(server).trade_pages(WALLET, before=NOW, fetched_at=NOW), 3))
    assert [len(page.rows) for page in pages] == [100, 100, 100]
    for page, recorded in zip(pages, paged, strict=True):
        items = as_served(page.rows)
        served = [str(item["base"]["price"]) for item in items]
        assert [Decimal(text) for text in served] == [
            Decimal(item["base"]["price"]) for item in json.loads(recorded, parse_float=str)["data"]["items"]
        ]
        assert not any(isinstance(value, float) for item in items for value in item["base"].values())
