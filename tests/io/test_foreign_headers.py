"""Headers of an answer are text of others: whatever they say, a call ends with a value or with a documented error."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from smart_trader.errors import SmartTraderError, SourceUnavailable
from smart_trader.io.http.client import JsonHttp, _retry_after_seconds
from tests.io import scripted_server as play
from tests.io.stepping_clock import SteppingClock
from tests.io.test_http import GOOD, HURRIED, TEXT, get, http_of

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
A_WEEK = 7 * 86400

NUMBERS = st.one_of(
    st.integers(0, 60).map("{:02}".format),
    st.integers(0, 10**25).map(str),
    st.sampled_from(["0001", "9999", "99999", "-1", "+1", "1.5", "", "9" * 5000]),
)
MONTHS = st.sampled_from(["Jan", "Feb", "Foo"])
ZONES = st.one_of(
    st.sampled_from(["GMT", "UTC", "EST", "", "Z", "-0000", "+2359", "-2359", "+9999"]),
    st.builds("{}{}".format, st.sampled_from("+-"), NUMBERS),
)
DATES = st.one_of(
    st.builds(
        "Wed, {} {} {} {}:{}:{} {}".format, NUMBERS, st.sampled_from(["Jan", "Feb", "Foo"]), *[NUMBERS] * 4, ZONES
    ),
    st.datetimes(timezones=st.just(UTC)).map(lambda at: format_datetime(at, usegmt=True)),
)
TEXTS = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=40)
WAITS = st.one_of(
    DATES, NUMBERS, TEXTS, st.floats().map(str), st.sampled_from(["inf", "Infinity", "nan", "1e400", "1e5", "1_0", "٣"])
)


@given(WAITS, WAITS)
@example("Wed, 07 Jan 2026 00:00:00 +99999999999999", "")
@example("Fri, 31 Dec 9999 23:59:59 GMT", "Wed, 07 Jan 2026 99999999999999999999:00:00 GMT")
@example("Fri, 31 Dec 9999 23:59:59 -2359", "Mon, 01 Jan 0001 00:00:00 +2359")
def test_any_retry_after_is_a_wait_or_is_not_given(retry_after, date):
    wait = _retry_after_seconds({"Retry-After": retry_after, "Date": date}, NOW)
    assert wait is None or 0 <= wait <= A_WEEK


UNREADABLE = {
    "the year 99999": "Wed, 01 Jan 99999 00:00:00 GMT",
    "a zone that is no zone": "Wed, 07 Jan 2026 00:00:00 +99999999999999",
    "an hour beyond all hours": "Wed, 07 Jan 2026 99999999999999999999:00:00 GMT",
    "no zone": "Wed, 07 Jan 2026 00:00:00",
    "infinity": "inf",
    "no number": "nan",
    "beyond a float": "1e400",
    "beyond any time": "9" * 5000,
    "negative": "-1",
    "digits of another script": "١٧".encode().decode("latin-1"),
}


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_retry_after_is_not_given(text):
    with play.scripted_server() as server:
        clock = SteppingClock()
        server.script = [play.answer({}, 429, Retry_After=text), play.answer(GOOD)]
        assert get(http_of(server.url, clock)) == GOOD
        assert sum(clock.waits) <= 1.002


@pytest.mark.parametrize("text", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_an_unreadable_date_is_not_given(text):
    with play.scripted_server() as server:
        clock = SteppingClock()
        until = format_datetime(clock.now().replace(minute=1), usegmt=True)
        server.script = [play.answer({}, 429, Retry_After=until, Date=text), play.answer(GOOD)]
        assert get(http_of(server.url, clock)) == GOOD
        assert sum(clock.waits) == pytest.approx(60, abs=0.002)


HEADERS = st.dictionaries(
    st.sampled_from(
        [
            "Retry-After", "Date", "Content-Type", "Content-Encoding", "Content-Length", "Transfer-Encoding",
            "Set-Cookie", "Location", "Connection", "WWW-Authenticate", "Link", "Expires",
        ]
    ),
    st.one_of(
        WAITS,
        st.sampled_from(["gzip", "br", "chunked", "gzip, chunked", "application/json; charset", "5, 6", "close"]),
        st.builds("a=b; max-age={}; expires={}; domain={}".format, NUMBERS, DATES, TEXTS),
        st.builds("{}; charset={}".format, TEXTS, TEXTS),
    ),
    max_size=5,
)  # fmt: skip
STATUSES = st.sampled_from([200, 200, 204, 206, 101, 199, 301, 304, 400, 401, 404, 429, 503, 600, 999])


def closing(status: int, headers: dict[str, str]) -> play.Reply:
    lines = [f"HTTP/1.1 {status} Whatever", *(f"{name}: {value}" for name, value in headers.items())]

    def reply(connection: play.Connection) -> None:
        connection.send("\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n" + TEXT)
        connection.hang_up()

    return reply


@pytest.fixture(scope="module")
def server():
    with play.scripted_server() as server:
        yield server


@given(STATUSES, HEADERS)
@example(429, {"Retry-After": "Wed, 07 Jan 2026 00:00:00 +99999999999999"})
@example(
    503, {"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT", "Date": "Wed, 07 Jan 2026 99999999999999999999:00:00 GMT"}
)
@settings(max_examples=100)
def test_any_headers_end_in_a_value_or_in_a_documented_error(server, status, headers):
    server.otherwise = closing(status, headers)
    http: JsonHttp = http_of(server.url, SteppingClock())
    try:
        assert get(http) in (GOOD, None)
    except SmartTraderError as error:
        assert error.exit_status in (69, 75, 77, 78)
        assert str(error).startswith("BirdEye")


ENCODED = {
    "br": "br",
    "deflate": "deflate",
    "unknown": "x-unheard-of",
    "several": "gzip, br",
    "gzip twice": "gzip, gzip",
    "nonsense": ",;=",
}


@pytest.mark.parametrize("encoding", ENCODED.values(), ids=ENCODED.keys())
@pytest.mark.parametrize("status", [200, 400])
def test_an_encoding_that_was_not_asked_for_is_no_json_and_is_named(server, encoding, status):
    server.otherwise = play.raw(TEXT, status, Content_Encoding=encoding)
    with pytest.raises(SmartTraderError, match="an encoding other than gzip") as caught:
        get(http_of(server.url, SteppingClock()))
    assert caught.value.exit_status == SourceUnavailable.exit_status == 69


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_an_encoding_that_changes_nothing(server, encoding):
    server.otherwise = play.raw(TEXT, Content_Encoding=encoding)
    assert get(http_of(server.url, SteppingClock())) == GOOD


LENGTHS = ["0", "7", "-5", "99999", "9" * 400, "5, 6", "5, 5", "five", "1e3", "0x10", ""]


@pytest.mark.parametrize("length", LENGTHS)
def test_a_wrong_content_length_ends_in_a_documented_error(server, length):
    server.otherwise = closing(200, {"Content-Length": length})
    try:
        assert get(http_of(server.url, SteppingClock(), policy=HURRIED)) == GOOD  # a length that is none is not given
    except SourceUnavailable as error:
        assert "after 3 attempts" in str(error)
