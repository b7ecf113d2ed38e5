"""The webhook's client against the simulator: each fault before and after a write."""

import logging
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
import structlog

from smart_trader.errors import (
    AccessDenied,
    KeyRefused,
    NotFound,
    QuotaExhausted,
    SmartTraderError,
    SourceRejected,
    SourceUnavailable,
)
from smart_trader.io.http.client import HttpPolicy
from smart_trader.simulator.faults import ANSWERED_AFTER_THE_WRITE, ANSWERS, CONNECTION, HELIUS, Fault
from tests.io import scripted_server as play
from tests.io.test_helius import (
    BODY,
    HEADER,
    KEY,
    NEW,
    OLD,
    POLICY,
    REMEMBERED,
    STORED_HEADER,
    calls,
    simulated,
    store,
    wallets_in,
    webhook_at,
    webhook_of,
)

SECONDS = {"refused": 0.05, "connect-timeout": 0.3, "trickle": 0.05, **dict.fromkeys(("429-seconds", "429-date"), 0)}
ALL = [kind for kind in (*ANSWERS, *CONNECTION, *HELIUS) if not kind.startswith("endless")]
STALLING = {"connect-timeout", "read-timeout", "trickle"}
ODD = {"success-false", "null-data"}
"""Good answers to a write, as no body of one is believed."""
DENIED = {"401", "403"}
SPENT = {"quota-400"}
REFUSED = {"400", "404", "422", "redirect", "error-200", "gzip-bomb", "oversized", "oversized-stream"}
NOT_KEPT = {"not-stored", "stored-in-part", *ODD}
ERRORS = {
    **dict.fromkeys(REFUSED, SourceRejected),
    **dict.fromkeys(NOT_KEPT, SourceUnavailable),
    **dict.fromkeys(DENIED, AccessDenied),
    **dict.fromkeys(SPENT, QuotaExhausted),
}


def policy_for(kind: str) -> HttpPolicy:
    """That of a client which lets no test wait for long, and no busy machine fail it."""
    if kind in STALLING:
        return replace(POLICY, connect_timeout_seconds=0.2, read_timeout_seconds=0.2, total_timeout_seconds=0.6)
    return replace(POLICY, max_retry_wait_seconds=1) if kind == "refused" else POLICY


def fault(kind: str, **where: Any) -> Fault:
    return Fault(kind, endpoint="webhooks", seconds=SECONDS.get(kind), **where)


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """All that is said; holds no secret in the end."""
    said: list[str] = []
    with structlog.testing.capture_logs() as events, caplog.at_level(logging.DEBUG):
        yield said
    everything = "\n".join([*said, caplog.text, *map(str, events)])
    for secret in (KEY, "Qx7", "helius%2Bkey", STORED_HEADER, HEADER):
        assert secret not in everything


def said_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


@pytest.mark.parametrize("is_new", [True, False], ids=["create", "edit"])
@pytest.mark.parametrize("kind", ALL)
def test_a_fault_of_a_write_leaves_the_old_list_or_the_new_one_and_one_webhook(
    kind: str, is_new: bool, told: list[str]
) -> None:
    with simulated(fault(kind, call=2)) as simulator:
        if not is_new:
            store(simulator)
        webhook = webhook_of(simulator, auth_header=HEADER, policy=policy_for(kind))
        webhook.find(None if is_new else REMEMBERED)
        try:
            webhook.watch(NEW)
        except SmartTraderError as error:
            told.append(said_of(error))
            assert isinstance(error, ERRORS[kind])
            assert kind in NOT_KEPT or wallets_in(simulator) == ([] if is_new else [OLD])
        else:
            assert wallets_in(simulator) == [sorted(NEW)]
        assert simulator.helius.credits <= 200
        if kind in ANSWERED_AFTER_THE_WRITE:
            assert simulator.helius.credits == 100  # it was looked for, and not written again

        again = webhook_of(simulator, auth_header=HEADER)  # the next run
        held = again.find()
        if held is None or held.wallets != frozenset(NEW):
            again.watch(NEW)
        assert wallets_in(simulator) == [sorted(NEW)]
        assert all(seen.headers["host"].startswith("127.0.0.1") for seen in simulator.requests)


@pytest.mark.parametrize(("kind", "call"), [*((kind, 1) for kind in ALL), ("401", 2), ("500", 2), ("404", 2)])
def test_a_fault_of_a_read_changes_nothing(kind: str, call: int, told: list[str]) -> None:
    with simulated(fault(kind, call=call)) as simulator:
        store(simulator)
        try:
            held = webhook_of(simulator, policy=policy_for(kind)).find()
        except SmartTraderError as error:
            told.append(said_of(error))
            expected = SourceRejected if kind in ODD else KeyRefused if kind in DENIED and call == 1 else ERRORS[kind]
            assert type(error) in (expected, NotFound)
        else:
            assert held and held.wallets == frozenset(OLD)
        assert wallets_in(simulator) == [OLD]
        assert {seen.method for seen in simulator.requests} == {"GET"}


@pytest.mark.parametrize("kind", ["429-none", "500", "504", "reset", "read-timeout", "error-200", "not-stored"])
def test_a_fault_for_ever_ends_and_does_not_multiply(kind: str, told: list[str]) -> None:
    with simulated(fault(kind, call=2, times=None)) as simulator:
        webhook = webhook_of(simulator, policy=replace(policy_for(kind), attempts=3))
        webhook.find()
        with pytest.raises((SourceUnavailable, SourceRejected)) as caught:
            webhook.watch(NEW)
        told.append(said_of(caught.value))
        assert len(simulator.helius.webhooks) <= 1
        assert len(simulator.requests) <= 10


def test_an_unanswered_write_that_was_not_done_is_sent_again_after_a_look() -> None:
    with simulated(fault("500", call=2)) as simulator:
        webhook = webhook_of(simulator)
        webhook.find()
        webhook.watch(NEW)
        looks = calls(simulator)
        second = len(looks) - 1 - looks[::-1].index("POST")
        assert looks[:2] == ["GET", "POST"] and set(looks[2:second]) == {"GET"}
        assert (webhook.writes, len(simulator.helius.webhooks)) == (2, 1)


def test_a_wrong_key_ends_the_first_call(told: list[str]) -> None:
    with simulated() as simulator:
        with pytest.raises(KeyRefused, match=r"helius\.api_key") as caught:
            webhook_of(simulator, key="another-key").find()
        told.append(said_of(caught.value))
        assert len(simulator.requests) == 1


def test_a_stored_header_that_an_answer_repeats_is_masked(told: list[str]) -> None:
    with play.scripted_server() as server:
        server.script = [
            play.answer(BODY | {"webhookID": "id-1"}),
            play.answer({"error": f"invalid authHeader {STORED_HEADER} at /?api-key={KEY}"}, 400),
            play.answer(BODY | {"webhookID": "id-1"}),
        ]
        webhook = webhook_at(server.url)
        webhook.find(REMEMBERED)
        with pytest.raises(SourceRejected, match=r"invalid authHeader \*\*\* at /\?api-key=\*\*\*") as caught:
            webhook.watch(NEW)
        told.append(said_of(caught.value) + repr(webhook._ours))
