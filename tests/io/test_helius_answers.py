"""The webhook's client against any JSON: it ends with a webhook or with a documented error."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smart_trader.errors import SmartTraderError
from tests.io import scripted_server as play
from tests.io.test_helius import BODY, NEW, POLICY, URL, webhook_at

HASTY = replace(POLICY, attempts=1, max_retry_wait_seconds=0.001)
TEXTS = st.one_of(st.text(max_size=8), st.sampled_from(["\ud800", "\x00", "id/../1", "a" * 3000, "%2F", URL]))
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=5,
)
FIELDS = [*BODY, "webhookID", "active", "error", "message", "encoding"]
WEBHOOKS = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=4).map(
    lambda changed: {**BODY, "webhookID": "id-1", **changed}
)
LISTS = st.one_of(VALUES, st.lists(st.one_of(WEBHOOKS, VALUES), max_size=3))


@pytest.fixture(scope="module")
def server():
    with play.scripted_server() as server:
        yield server


def webhook(**changed: Any) -> Any:
    return BODY | {"webhookID": "id-1"} | changed


@given(LISTS, st.one_of(WEBHOOKS, VALUES))
@example([webhook(webhookID="\ud800")], webhook())
@example([webhook()], webhook(authHeader="\ud800", transactionTypes=[1.5]))
@example([webhook()], webhook(encoding=1.5))
@settings(max_examples=100)
def test_any_answer_ends_in_a_webhook_or_in_a_documented_error(server, listed, single):
    def reply(connection: play.Connection) -> None:
        value = listed if connection.last.path.endswith("webhooks") and connection.last.method == "GET" else single
        play.raw(json.dumps(value).encode())(connection)

    server.otherwise = reply
    client = webhook_at(server.url, policy=HASTY)
    for call in (client.find, lambda: client.watch(NEW)):
        try:
            call()
        except SmartTraderError as error:
            assert error.exit_status in (69, 75, 77, 78)
