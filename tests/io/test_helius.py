"""The webhook's client against the simulator: each trap of the API."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from smart_trader.errors import (
    ConfigurationError,
    NotFound,
    SourceRejected,
)
from smart_trader.io.helius import client as helius
from smart_trader.io.helius.client import HeliusWebhook
from smart_trader.io.http.client import HttpPolicy
from smart_trader.io.machine.clock import SystemClock
from smart_trader.ports import Watched
from smart_trader.simulator.addresses import address
from smart_trader.simulator.faults import Fault, Faults
from smart_trader.simulator.helius import Helius
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.io import scripted_server as play

KEY = "Qx7/helius+key=="
REMEMBERED = Watched("id-1", frozenset())
HEADER = "Bearer planted/header"
STORED_HEADER = "Bearer of the webhook"
URL = "https://example.org/hook"
OLD, NEW = ([address(name, nth) for nth in range(3)] for name in ("old", "new"))
MANY = [address("many", nth) for nth in range(150)]
# Long enough for a busy machine: only a server that stalls on purpose has a hurried client.
POLICY = HttpPolicy(
    connect_timeout_seconds=60,
    read_timeout_seconds=60,
    total_timeout_seconds=120,
    attempts=6,
    max_retry_wait_seconds=0.1,
    max_body_bytes=1_000_000,
)
BODY = {
    "webhookURL": URL,
    "webhookType": "enhanced",
    "accountAddresses": OLD,
    "transactionTypes": ["ANY"],
    "authHeader": STORED_HEADER,
    "txnStatus": "success",
}


def simulated(*faults: Fault, **options: Any) -> Simulator:
    service = Helius(key=KEY, **options)
    return Simulator(Market.of_payloads(), faults=Faults(*faults), helius=service)


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with simulated() as running:
        yield running


def store(simulator: Simulator, name: str = "id-1", **changed: Any) -> str:
    """A webhook that was there before."""
    simulator.helius.webhooks[name] = BODY | {"webhookID": name, "wallet": address("owner"), "active": True} | changed
    return name


def webhook_at(base_url: str, *, key: str = KEY, policy: HttpPolicy = POLICY, **ours: Any) -> HeliusWebhook:
    said = {
        "url": URL,
        "webhook_id": None,
        "webhook_type": "enhanced",
        "transaction_types": ("ANY",),
        "auth_header": None,
    }
    return helius.connect(
        base_url=base_url,
        api_key=key,
        ours=helius.WebhookSettings(**(said | ours)),
        clock=SystemClock(),
        policy=policy,
        requests_per_second=Decimal(10_000),
    )


def webhook_of(simulator: Simulator, **options: Any) -> HeliusWebhook:
    return webhook_at(simulator.helius_url, **options)


def wallets_in(simulator: Simulator) -> list[list[str]]:
    return [stored["accountAddresses"] for stored in simulator.helius.webhooks.values()]


def calls(simulator: Simulator) -> list[str]:
    return [f"{seen.method} {seen.path.removeprefix('/v0/webhooks')}".strip() for seen in simulator.requests]


# What is written, and when


def test_the_body_of_a_new_webhook(simulator: Simulator) -> None:
    webhook = webhook_of(simulator, transaction_types=("BUY", "SELL", "SWAP"), auth_header=HEADER)
    assert webhook.find() is None
    held = webhook.watch(reversed(NEW))
    sent = simulator.requests[1]
    assert (sent.method, sent.path) == ("POST", "/v0/webhooks")
    assert sent.body == {
        "webhookURL": URL,
        "webhookType": "enhanced",
        "accountAddresses": sorted(NEW),
        "transactionTypes": ["BUY", "SELL", "SWAP"],
        "authHeader": "***",  # the simulator keeps no secret of a request
    }
    assert simulator.helius.webhooks[held.webhook_id]["authHeader"] == HEADER
    assert calls(simulator) == ["GET", "POST", f"GET /{held.webhook_id}"]
    assert (held.wallets, held.remarks, webhook.writes) == (frozenset(NEW), (), 1)


def test_an_edit_sends_all_that_is_stored_and_no_key_that_is_only_shown(simulator: Simulator) -> None:
    store(simulator, encoding="jsonParsed", project="mine")
    webhook = webhook_of(simulator)
    webhook.find(REMEMBERED)
    webhook.watch(NEW)
    assert [seen.body for seen in simulator.requests if seen.method == "PUT"] == [
        {**BODY, "accountAddresses": sorted(NEW), "encoding": "jsonParsed", "authHeader": "***"}
    ]
    assert simulator.helius.webhooks["id-1"]["authHeader"] == STORED_HEADER
    assert calls(simulator) == ["GET /id-1", "PUT /id-1", "GET /id-1"]


def test_settings_win_over_what_is_stored(simulator: Simulator) -> None:
    store(simulator, transactionTypes=["SWAP"], webhookType="raw", webhookURL=URL + "/old")
    webhook = webhook_of(simulator, webhook_id="id-1", auth_header=HEADER)
    held = webhook.find()
    assert held and held.remarks == (
        "the webhook differs from the settings in webhookURL, webhookType, transactionTypes, authHeader; that is"
        " written with the next change of its addresses",
    )
    assert webhook.watch(NEW).remarks == ()
    stored = simulator.helius.webhooks["id-1"]
    shown = [stored[name] for name in ("webhookURL", "webhookType", "transactionTypes", "authHeader", "txnStatus")]
    assert shown == [URL, "enhanced", ["ANY"], HEADER, "success"]


def test_without_an_address_in_the_settings_that_of_the_named_webhook_stays(simulator: Simulator) -> None:
    store(simulator)
    webhook = webhook_of(simulator, webhook_id="id-1", url=None)
    held = webhook.find()
    assert held and held.remarks == ()
    webhook.watch(NEW)
    assert simulator.helius.webhooks["id-1"]["webhookURL"] == URL


def test_nobody_is_never_written(simulator: Simulator) -> None:
    with pytest.raises(ValueError, match="empty"):
        webhook_of(simulator).watch([])
    assert calls(simulator) == []


# Which webhook is ours


@pytest.mark.parametrize("listed", ["short", "without"])
def test_the_shortened_list_is_not_what_is_compared(listed: Any) -> None:
    with simulated(listed=listed) as simulator:
        store(simulator, accountAddresses=MANY)
        held = webhook_of(simulator).find()
        assert held and held.wallets == frozenset(MANY)
        assert calls(simulator) == ["GET", "GET /id-1"]


def test_ours_is_found_by_its_address_among_others(simulator: Simulator) -> None:
    store(simulator, "id-0", webhookURL="https://example.org/other")
    store(simulator, "id-2", webhookURL=URL + "/")
    webhook = webhook_of(simulator)
    held = webhook.find()
    assert held and held.webhook_id == "id-2"
    webhook.watch(NEW)
    assert wallets_in(simulator) == [OLD, sorted(NEW)]


def test_two_that_deliver_to_us_are_said(simulator: Simulator) -> None:
    store(simulator, "id-2")
    store(simulator, "id-1")
    held = webhook_of(simulator).find()
    assert held and held.webhook_id == "id-1"
    assert held.remarks == (
        "2 webhooks deliver to helius.webhook_url, and each of them charges; id-1 is kept up. Delete the others, or"
        " name the right one in helius.webhook_id: id-2",
    )


def test_where_it_was_the_last_time_saves_the_list(simulator: Simulator) -> None:
    store(simulator)
    assert webhook_of(simulator).find(REMEMBERED) == webhook_of(simulator).find()
    assert calls(simulator) == ["GET /id-1", "GET", "GET /id-1"]


def test_a_webhook_that_was_deleted_is_looked_for_and_made_anew(simulator: Simulator) -> None:
    webhook = webhook_of(simulator)
    assert webhook.find(REMEMBERED) is None
    assert webhook.watch(NEW).wallets == frozenset(NEW)
    assert calls(simulator)[:3] == ["GET /id-1", "GET", "POST"]


def test_another_address_in_the_settings_is_another_webhook(simulator: Simulator) -> None:
    store(simulator)
    webhook = webhook_of(simulator, url="https://example.org/moved")
    assert webhook.find(REMEMBERED) is None
    held = webhook.watch(NEW)
    assert wallets_in(simulator) == [OLD, sorted(NEW)]
    assert held.remarks[0].startswith("webhook id-1, kept up until now, does not deliver to helius.webhook_url")


def test_a_named_webhook_that_does_not_exist_is_a_wrong_setting(simulator: Simulator) -> None:
    with pytest.raises(ConfigurationError, match=r"correct helius\.webhook_id"):
        webhook_of(simulator, webhook_id="../id-1").find()
    assert simulator.requests[0].path == "/v0/webhooks/..%2Fid-1"


def test_one_that_is_switched_off_is_said_and_stays_so(simulator: Simulator) -> None:
    store(simulator, active=False)
    held = webhook_of(simulator).find()
    assert held and held.remarks[0].startswith("the webhook is switched off")
    assert simulator.helius.webhooks["id-1"]["active"] is False


# What cannot be told

HOSTILE_LISTS: dict[str, Any] = {
    "text": "webhooks",
    "object": {"webhooks": []},
    "null": None,
    "number": 5,
}
HOSTILE_ITEMS: dict[str, Any] = {
    "no objects": ["x", 5, None, []],
    "no address": [{"webhookID": "a"}, {"webhookID": "a", "webhookURL": 7}],
    "no id": [{"webhookURL": URL}, {"webhookURL": URL, "webhookID": 7}, {"webhookURL": URL, "webhookID": ""}],
}
HOSTILE_WEBHOOKS: dict[str, Any] = {
    "list": [],
    "no addresses": {"webhookID": "id-1", "webhookURL": URL},
    "numbers": BODY | {"accountAddresses": [1, 2]},
    "text": BODY | {"accountAddresses": OLD[0]},
    "object": BODY | {"accountAddresses": {OLD[0]: True}},
}


@pytest.mark.parametrize("answer", HOSTILE_LISTS.values(), ids=HOSTILE_LISTS.keys())
def test_a_list_that_is_none_is_refused(answer: Any) -> None:
    with play.scripted_server() as server:
        server.otherwise = play.answer(answer)
        with pytest.raises(SourceRejected, match="no list of webhooks"):
            webhook_at(server.url).find()


@pytest.mark.parametrize("items", HOSTILE_ITEMS.values(), ids=HOSTILE_ITEMS.keys())
def test_webhooks_that_cannot_be_told_are_not_ours(items: Any) -> None:
    with play.scripted_server() as server:
        server.otherwise = play.answer(items)
        assert webhook_at(server.url).find() is None


@pytest.mark.parametrize("answer", HOSTILE_WEBHOOKS.values(), ids=HOSTILE_WEBHOOKS.keys())
def test_a_webhook_whose_wallets_cannot_be_told_is_not_written(answer: Any) -> None:
    with play.scripted_server() as server:
        server.otherwise = play.answer(answer)
        with pytest.raises(SourceRejected, match="no readable accountAddresses"):
            webhook_at(server.url).find(REMEMBERED)
        assert [request.method for request in server.requests] == ["GET"]


def test_an_empty_list_may_be_shown_as_null(simulator: Simulator) -> None:
    store(simulator, accountAddresses=None)
    held = webhook_of(simulator).find(REMEMBERED)
    assert held and held.wallets == frozenset()


def test_a_webhook_that_vanishes_under_way_is_not_found(simulator: Simulator) -> None:
    store(simulator)
    webhook = webhook_of(simulator)
    webhook.find()
    simulator.helius.webhooks.clear()
    with pytest.raises(NotFound):
        webhook.watch(NEW)
