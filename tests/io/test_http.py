import gzip
import json
import logging
import time
import traceback
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime

import pytest
import structlog

from smart_trader.errors import (
    AccessDenied,
    ConfigurationError,
    Interrupted,
    KeyRefused,
    LimitReached,
    NotFound,
    QuotaExhausted,
    SourceRejected,
    SourceUnavailable,
)
from smart_trader.io.http.client import HttpPolicy, JsonHttp
from smart_trader.io.http.rate import Meter, RateLimiter
from smart_trader.io.machine.clock import SystemClock
from tests.io import scripted_server as play
from tests.io.stepping_clock import SteppingClock

GOOD = {"success": True, "data": {"items": [1, 2, 3]}}
TEXT = json.dumps(GOOD).encode()
SECRET = "Qx7-planted/secret+key=="
POLICY = HttpPolicy(
    connect_timeout_seconds=60,
    read_timeout_seconds=60,
    total_timeout_seconds=120,
    attempts=3,
    max_retry_wait_seconds=120,
    max_body_bytes=1_000_000,
)
"""No machine is so busy that a server of this process takes longer."""
HURRIED = replace(POLICY, read_timeout_seconds=0.2, total_timeout_seconds=0.4)
"""For servers that never end."""


@pytest.fixture
def server():
    with play.scripted_server() as server:
        yield server


@pytest.fixture
def clock():
    return SteppingClock()


def http_of(url, clock, *, policy=POLICY, units_limit=None, per_second=1000, **options):
    limiter = RateLimiter(
        Decimal(per_second),
        service="BirdEye",
        clock=clock,
        longest_pause_seconds=policy.max_retry_wait_seconds,
        monotonic=clock.monotonic,
    )
    options = {"headers": {"User-Agent": "test"}, "secret_headers": {"X-API-KEY": SECRET}} | options
    return JsonHttp(
        service="BirdEye",
        base_url=url,
        clock=clock,
        limiter=limiter,
        meter=Meter(units_limit=units_limit, setting="birdeye.compute_units_per_run"),
        connections=4,
        policy=policy,
        **options,
    )


def get(http, **options):
    return http.request("GET", "/trader/txs", params={"address": "W"}, units=10, about="W", **options)


STALLING = {
    "read time-out": play.silence(0.3),
    "trickle": play.trickle(TEXT * 100, every=0.02),
    "trickle of headers": play.trickle(b"", every=0.02, headers="X-Pad: " + "x" * 100 + "\r\n"),
    "trickle of gzip": play.trickle(gzip.compress(TEXT * 9), every=0.05, headers="Content-Encoding: gzip\r\n"),
}
TRANSIENT = STALLING | {
    "429": play.answer({"success": False}, 429),
    "500": play.raw(b"oops", 500),
    "502": play.raw(b"<html>bad gateway", 502),
    "503": play.raw(b"", 503),
    "504": play.raw(b"", 504),
    "520 of the proxy": play.raw(b"", 520),
    "closed before the answer": play.hang_up,
    "reset in the body": play.reset,
    "body cut short": play.truncated(TEXT, 10),
    "chunked body cut short": play.cut_chunked(TEXT),
    "truncated JSON": play.raw(TEXT[:-5]),
    "corrupt gzip": play.raw(b"\x1f\x8b\x08garbage", Content_Encoding="gzip"),
    "gzip that is none": play.raw(TEXT, Content_Encoding="gzip"),
    "gzip cut short": play.raw(gzip.compress(TEXT)[:-9], Content_Encoding="gzip"),
    "malformed UTF-8": play.raw(b'{"symbol": "\xff\xfe\xfa"}'),
    "HTML with 200": play.raw(b"<!DOCTYPE html><title>Just a moment...</title>", Content_Type="text/html"),
    "empty 200": play.raw(b""),
    "nonsense instead of a status line": lambda connection: connection.send(b"\x00\x01\x02\r\n\r\n"),
}


def policy_for(fault):
    return HURRIED if fault in STALLING.values() else POLICY


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_a_passing_fault_is_survived(server, clock, fault):
    server.script = [fault, fault, play.answer(GOOD)]
    http = http_of(server.url, clock, policy=policy_for(fault))
    assert get(http) == GOOD
    assert (http.usage().calls, http.usage().compute_units) == (3, 30)


@pytest.mark.parametrize("fault", TRANSIENT.values(), ids=TRANSIENT.keys())
def test_a_lasting_fault_ends_after_bounded_calls_and_time(server, clock, fault):
    server.otherwise = fault
    http = http_of(server.url, clock, policy=policy_for(fault))
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match=r"BirdEye /trader/txs for W: .* after 3 attempts"):
        get(http)
    assert time.monotonic() - started < 3 * (HURRIED.total_timeout_seconds + HURRIED.read_timeout_seconds) + 0.5
    assert len(server.requests) == http.usage().calls == 3
    assert sum(clock.waits) <= 1 + 2 + 0.003


def test_nobody_listens(clock):
    with play.scripted_server() as server:
        url = server.url
    with pytest.raises(SourceUnavailable, match="Connection refused"):
        get(http_of(url, clock))


REFUSED = {
    "400": (play.answer({"success": False, "message": "type invalid format"}, 400), SourceRejected),
    "404": (play.raw(b"", 404), NotFound),
    "422": (play.answer({"message": "before_time and after_time"}, 422), SourceRejected),
    "405": (play.raw(b"<html>", 405), SourceRejected),
    "quota": (play.answer({"success": False, "message": "Compute units usage limit exceeded"}, 400), QuotaExhausted),
    "401": (play.answer({"success": False, "message": "Your API key is suspended"}, 401), KeyRefused),
    "403 JSON": (play.answer({"message": "no"}, 403), KeyRefused),
    "403 HTML": (play.raw(b"<html>Cloudflare</html>", 403), KeyRefused),
    "401 with a broken body": (play.truncated(b"x" * 99, 5), SourceUnavailable),
    "redirect": (play.raw(b"", 302, Location="http://elsewhere.example/x"), SourceRejected),
    "redirect to itself": (play.raw(b"", 308, Location="/trader/txs"), SourceRejected),
    "304": (play.raw(b"", 304), SourceRejected),
    "too large": (play.raw(b"[" + b"1," * 600_000 + b"1]"), SourceRejected),
    "gzip bomb": (play.gzipped(b"[" + b" " * 20_000_000 + b"]"), SourceRejected),
    "nested": (play.raw(b"[" * 200_000 + b"]" * 200_000), SourceRejected),
}


@pytest.mark.parametrize(("reply", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_what_will_not_change_is_asked_once(server, clock, reply, error):
    server.otherwise = reply
    http = http_of(
        server.url,
        clock,
        policy=replace(POLICY, attempts=1 if error is SourceUnavailable else 5),
    )
    with pytest.raises(error, match="BirdEye /trader/txs for W") as caught:
        get(http)
    assert type(caught.value) is error
    assert len(server.requests) == 1
    assert clock.waits == []


def test_a_key_that_has_worked_is_denied_in_the_middle(server, clock):
    server.script = [play.answer(GOOD), play.answer({"message": "suspended"}, 401)]
    http = http_of(server.url, clock)
    assert get(http) == GOOD
    with pytest.raises(AccessDenied, match="suspended") as caught:
        get(http)
    assert (type(caught.value), caught.value.exit_status, KeyRefused.exit_status) == (AccessDenied, 77, 78)


def test_a_redirect_is_not_followed(server, clock):
    with play.scripted_server() as other:
        server.otherwise = play.raw(b"", 301, Location=f"{other.url}/trader/txs")
        with pytest.raises(SourceRejected, match=r"redirected to another address \(301\).* birdeye\.base_url"):
            get(http_of(server.url, clock))
        assert other.requests == []


def test_the_body_of_a_redirect_is_not_waited_for(server, clock):
    server.otherwise = lambda connection: connection.send(
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 1000000\r\n\r\nx"
    )
    started = time.monotonic()
    with pytest.raises(SourceRejected, match="redirected"):
        get(http_of(server.url, clock))
    assert time.monotonic() - started < POLICY.read_timeout_seconds / 2


def test_retry_after_in_seconds_is_obeyed(server, clock):
    server.script = [play.answer({}, 429, Retry_After="17"), play.answer(GOOD)]
    http = http_of(server.url, clock)
    assert get(http) == GOOD
    assert sum(clock.waits) == pytest.approx(17)
    assert http.usage().wait_seconds == pytest.approx(17)


@pytest.mark.parametrize("with_date", [True, False])
def test_retry_after_as_a_date_is_obeyed_by_the_clock_of_the_server(server, clock, with_date):
    sent = datetime(1999, 1, 1, tzinfo=UTC) if with_date else clock.now()
    headers = {"Retry_After": format_datetime(sent + timedelta(seconds=42), usegmt=True)}
    headers |= {"Date": format_datetime(sent, usegmt=True)} if with_date else {}
    server.script = [play.answer({}, 503, **headers), play.answer(GOOD)]
    assert get(http_of(server.url, clock)) == GOOD
    assert sum(clock.waits) == pytest.approx(42)


@pytest.mark.parametrize("value", ["soon", "-5", "nan", "", "Wed, 99 Foo 2026", "1e999"])
def test_a_retry_after_that_says_nothing_is_ignored(server, clock, value):
    server.script = [play.answer({}, 429, Retry_After=value), play.answer(GOOD)]
    assert get(http_of(server.url, clock)) == GOOD
    assert sum(clock.waits) <= 1


def test_a_retry_after_that_is_too_long_says_when_to_come_back_and_no_thread_calls_until_then(server, clock):
    server.otherwise = play.answer({}, 429, Retry_After="3600")
    http = http_of(server.url, clock)
    for _ in range(3):
        with pytest.raises(SourceUnavailable, match="not to be called before 2026-01-05 10:00:00 UTC"):
            get(http)
    assert len(server.requests) == 1


def test_backoff_grows_is_jittered_and_bounded(server):
    policy = replace(POLICY, attempts=8, max_retry_wait_seconds=8)
    server.otherwise = play.raw(b"", 500)
    runs = []
    for _ in range(20):
        clock = SteppingClock()
        with pytest.raises(SourceUnavailable):
            get(http_of(server.url, clock, policy=policy, per_second=10**9))
        runs.append([wait for wait in clock.waits if wait > 1e-8])  # the others are the pace's
    longest = [max((run[i] for run in runs if len(run) > i), default=0) for i in range(7)]
    assert all(wait <= limit for wait, limit in zip(longest, [1, 2, 4, 8, 8, 8, 8], strict=True))
    assert longest[3] > 4
    assert len({tuple(run) for run in runs}) == 20


def test_a_post_is_not_repeated(server, clock):
    server.otherwise = play.raw(b"", 500)
    with pytest.raises(SourceUnavailable):
        http_of(server.url, clock).request("POST", "/v0/webhooks", body={"a": 1})
    assert len(server.requests) == 1
    assert json.loads(server.requests[0].body) == {"a": 1}


def test_an_answer_without_content(server, clock):
    server.otherwise = play.raw(b"", 204)
    assert http_of(server.url, clock).request("DELETE", "/v0/webhooks/1") is None


def test_a_call_beyond_the_budget_is_not_made(server, clock):
    http = http_of(server.url, clock, units_limit=29)
    get(http)
    get(http)
    with pytest.raises(LimitReached, match=r"birdeye\.compute_units_per_run"):
        get(http)
    assert len(server.requests) == 2


def test_a_stop_ends_the_retries(server):
    clock = SystemClock()
    server.otherwise = play.answer({}, 429, Retry_After="60")
    http = JsonHttp(
        service="BirdEye",
        base_url=server.url,
        clock=clock,
        limiter=RateLimiter(Decimal(100), service="BirdEye", clock=clock, longest_pause_seconds=120),
        meter=Meter(units_limit=None, setting="-"),
        connections=1,
        policy=POLICY,
        headers={},
    )
    play.threading.Timer(0.2, clock.stop).start()
    started = time.monotonic()
    with pytest.raises(Interrupted):
        get(http)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("reply", [play.answer(GOOD), play.chunked(GOOD), play.gzipped(TEXT)])
def test_connections_are_used_again(server, clock, reply):
    server.otherwise = reply
    http = http_of(server.url, clock)
    assert [get(http) for _ in range(5)] == [GOOD] * 5
    assert server.connections == 1


def test_a_refusal_gives_its_connection_back(server, clock):
    server.script = [play.answer({"message": "no"}, 400)]
    http = http_of(server.url, clock)
    with pytest.raises(SourceRejected):
        get(http)
    get(http)
    assert server.connections == 1


def test_what_is_sent(server, clock):
    http = http_of(server.url, clock, secret_params={"api-key": "K1"})
    get(http)
    [request] = server.requests
    assert request.query == {"address": "W", "api-key": "K1"}
    assert request.headers["x-api-key"] == SECRET
    assert request.headers["accept"] == "application/json"
    assert request.headers["accept-encoding"] == "gzip"
    assert "content-type" not in request.headers


def test_a_proxy_of_the_environment_is_not_asked_for_a_server_on_this_machine(server, clock, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert get(http_of(server.url, clock))["success"] is True


def test_a_trickle_through_a_proxy_ends_as_well(server, clock, monkeypatch):
    monkeypatch.setenv("http_proxy", server.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    server.otherwise = play.trickle(TEXT * 10, every=0.02)
    started = time.monotonic()
    with pytest.raises(SourceUnavailable, match="ReadTimeout"):
        get(http_of("http://api.example", clock, policy=HURRIED))
    assert time.monotonic() - started < 3
    assert len(server.requests) == 3


SPILLING = [
    play.answer({"message": f"invalid key {SECRET}"}, 400),
    play.answer({"message": f"{'x' * 290}{SECRET}"}, 403),
    play.answer({"error": {"code": 1, "message": f"/v0/webhooks?api-key={SECRET}"}}, 401),
    play.answer({"message": "see ?api-key=Qx7-planted%2Fsecret%2Bkey%3D%3D"}, 422),
    play.answer({"message": f"Compute units of {SECRET} used up"}, 400),
    play.raw(b"", 302, Location=f"http://{SECRET}.example/"),
    play.raw(b"", 302, Location=f"/x?api-key={SECRET}"),
    lambda connection: connection.send(b"HTTP/1.1 200 OK\r\nbad header " + SECRET.encode() + b"\r\n\r\n{}"),
    *TRANSIENT.values(),
]


@pytest.mark.parametrize("reply", SPILLING)
def test_secrets_are_in_no_text(server, clock, caplog, reply):
    caplog.set_level(logging.DEBUG)
    server.otherwise = reply
    http = http_of(
        server.url,
        clock,
        secret_params={"api-key": SECRET},
        policy=replace(HURRIED, attempts=2),
    )
    shown = repr(http)
    with structlog.testing.capture_logs() as events:
        try:
            http.request("GET", "/v0/webhooks")
        except Exception as error:
            shown += "".join(traceback.format_exception(error)) + repr(error) + repr(error.__context__)
    shown += caplog.text + repr(events)
    assert "planted" not in shown


def test_the_text_of_a_failed_connection_is_not_repeated(clock):
    with play.scripted_server() as server:
        url = server.url
    with pytest.raises(SourceUnavailable) as caught:
        http_of(url, clock, secret_params={"api-key": SECRET}).request("GET", "/v0/webhooks")
    assert "planted" not in "".join(traceback.format_exception(caught.value))


def test_a_key_that_cannot_be_a_header_is_refused_without_showing_it(clock):
    for key in ("", "two words planted", "planted\nX-Evil: 1", "plantéd"):
        with pytest.raises(ConfigurationError, match=r"birdeye\.api_key") as caught:
            http_of("http://127.0.0.1:9", clock, secret_headers={"X-API-KEY": key})
        assert "plant" not in str(caught.value)
