"""The webhooks with every trap that the reference names."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from smart_trader.simulator.addresses import address
from smart_trader.simulator.faults import Fault, Faults
from smart_trader.simulator.helius import Helius
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator

KEY = "helius-secret"
ADDRESSES = [address("account", nth) for nth in range(150)]
BODY = {
    "webhookURL": "https://example.org/hook",
    "webhookType": "enhanced",
    "transactionTypes": ["ANY"],
    "accountAddresses": ADDRESSES,
    "authHeader": "Bearer hidden",
    "txnStatus": "success",
}


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(Market.of_payloads(), helius_key=KEY) as running:
        yield running


def call(simulator: Simulator, method: str, path: str = "", body: Any = None, **options: Any) -> requests.Response:
    address = f"{simulator.helius_url}/v0/webhooks{path}"
    return requests.request(method, address, params={"api-key": KEY}, json=body, timeout=5, **options)


def create(simulator: Simulator, **changed: Any) -> str:
    response = call(simulator, "POST", body=BODY | changed)
    assert response.status_code == 200, response.text
    webhook_id: str = response.json()["webhookID"]
    return f"/{webhook_id}"


def test_what_is_created_is_found_by_its_id(simulator: Simulator) -> None:
    path = create(simulator)
    found = call(simulator, "GET", path).json()
    assert {name: found[name] for name in BODY} == BODY
    assert {"webhookID", "wallet", "active"} <= set(found)
    assert simulator.helius.credits == 100
    assert call(simulator, "GET", "/unknown").status_code == 404


def test_the_list_shortens_addresses_or_leaves_them_out(simulator: Simulator) -> None:
    create(simulator)
    (listed,) = call(simulator, "GET").json()
    assert listed["accountAddresses"] == ADDRESSES[:100]
    with Simulator(Market.of_payloads(), helius=Helius(listed="without")) as other:
        create(other)
        assert "accountAddresses" not in call(other, "GET").json()[0]


def test_put_replaces_everything(simulator: Simulator) -> None:
    path = create(simulator)
    required = {name: BODY[name] for name in ("webhookURL", "webhookType")}
    assert call(simulator, "PUT", path, required | {"accountAddresses": ADDRESSES[:1]}).status_code == 200
    found = call(simulator, "GET", path).json()
    assert found["accountAddresses"] == ADDRESSES[:1]
    assert not {"authHeader", "transactionTypes", "txnStatus"} & set(found)
    assert simulator.helius.credits == 200


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"webhookID": "x"}, "unknown field 'webhookID'"),
        ({"wallet": "x"}, "unknown field 'wallet'"),
        ({"accountAddresses": []}, "1 to 100000"),
        ({"accountAddresses": None}, "1 to 100000"),
        ({"accountAddresses": ["0x1"]}, "invalid address"),
        ({"webhookURL": "http://localhost/hook"}, "https"),
        ({"webhookType": "fancy"}, "invalid webhookType"),
        ({"transactionTypes": ["swap"]}, "invalid transactionTypes"),
    ],
)
def test_bodies_that_are_refused_change_nothing(simulator: Simulator, changed: dict[str, Any], message: str) -> None:
    path = create(simulator)
    for method, where in (("PUT", path), ("POST", "")):
        response = call(simulator, method, where, BODY | changed)
        assert response.status_code == 400
        assert message in response.json()["error"]
    assert call(simulator, "GET", path).json()["accountAddresses"] == ADDRESSES
    assert len(simulator.helius.webhooks) == 1


@pytest.mark.parametrize("missing", ["webhookURL", "webhookType", "accountAddresses"])
def test_what_is_required_in_a_put(simulator: Simulator, missing: str) -> None:
    path = create(simulator)
    body = {name: value for name, value in BODY.items() if name != missing}
    response = call(simulator, "PUT", path, body)
    assert (response.status_code, response.json()["error"]) == (400, f"{missing} is required")


def test_post_is_not_idempotent_and_webhooks_are_limited(simulator: Simulator) -> None:
    assert len({create(simulator) for _ in range(5)}) == 5
    assert call(simulator, "POST", body=BODY).status_code == 400


def test_patch_switches_and_delete_minds_its_content_type(simulator: Simulator) -> None:
    path = create(simulator)
    assert call(simulator, "PATCH", path, {"active": False}).json()["active"] is False
    assert call(simulator, "PATCH", path, {"active": True, "webhookURL": "x"}).status_code == 400
    refused = call(simulator, "DELETE", path, headers={"Content-Type": "application/json"})
    assert (refused.status_code, refused.json()["statusCode"]) == (400, 400)
    assert call(simulator, "DELETE", path).json() == {"message": "Webhook deleted successfully"}
    assert call(simulator, "DELETE", path).status_code == 404


def test_the_key_is_checked_and_neither_it_nor_the_header_is_kept(simulator: Simulator) -> None:
    create(simulator)
    refused = requests.get(f"{simulator.helius_url}/v0/webhooks?api-key=wrong", timeout=5)
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, -32001)
    seen = str(simulator.requests)
    assert KEY not in seen
    assert "hidden" not in seen
    assert simulator.requests[0].body["accountAddresses"] == ADDRESSES
    assert call(simulator, "GET", "").request.url is not None
    assert requests.get(f"{simulator.helius_url}/v0/hooks?api-key={KEY}", timeout=5).status_code == 404


@pytest.mark.parametrize(("kind", "kept"), [("not-stored", 0), ("stored-in-part", 75)])
def test_a_write_can_be_accepted_and_not_kept(kind: str, kept: int) -> None:
    with Simulator(Market.of_payloads(), faults=Faults(Fault(kind, endpoint="webhooks"))) as simulator:
        response = call(simulator, "POST", body=BODY)
        assert response.json()["accountAddresses"] == ADDRESSES
        stored = call(simulator, "GET", "/" + response.json()["webhookID"]).json()
        assert len(stored["accountAddresses"]) == kept


def test_an_error_can_hide_in_a_good_answer() -> None:
    with Simulator(Market.of_payloads(), faults=Faults(Fault("error-200", endpoint="webhooks"))) as simulator:
        response = call(simulator, "POST", body=BODY)
        assert response.status_code == 200
        assert "error" in response.json()
        assert not simulator.helius.webhooks


@pytest.mark.parametrize(("kind", "is_stored"), [("504", True), ("500", False), ("429-none", False), ("401", False)])
def test_an_answer_that_is_lost_may_have_been_a_success(kind: str, is_stored: bool) -> None:
    with Simulator(Market.of_payloads(), faults=Faults(Fault(kind, endpoint="webhooks"))) as simulator:
        assert call(simulator, "POST", body=BODY).status_code == int(kind[:3])
        assert bool(simulator.helius.webhooks) == is_stored


def test_a_connection_that_breaks_hides_a_success() -> None:
    with Simulator(Market.of_payloads(), faults=Faults(Fault("reset", endpoint="webhooks"))) as simulator:
        with pytest.raises(requests.RequestException):
            call(simulator, "POST", body=BODY)
        assert len(simulator.helius.webhooks) == 1
