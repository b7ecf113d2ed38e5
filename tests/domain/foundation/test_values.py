"""Times, numbers, integers and flags as files may write them."""

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.foundation.series import Kind, Reason
from smart_trader.domain.foundation.values import Number, integer_of, number_of, time_of, value_in_cell, value_of

NINE = datetime(2026, 11, 20, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-11-20T09:00", NINE),
        (" 2026-11-20 09:00:00\t", NINE),
        ("2026-11-20T09:00Z", NINE),
        ("2026-11-20T11:00+02", NINE),
        ("2026-11-20T14:30+0530", NINE),
        ("2026-11-20T03:30:00-05:30", NINE),
        ("2026-11-20T09:00:00.1", NINE + timedelta(milliseconds=100)),
        ("2026-11-20T09:00:00.123456999", NINE + timedelta(microseconds=123456)),
    ],
)
def test_times_that_are_read(text: str, at: datetime) -> None:
    assert time_of(text) == at


@pytest.mark.parametrize(
    "text",
    """2026-11-20|20261120T0900|2026-11-20T09|2026-11-20T9:00|2026-11-20t09:00|2026-11-20T09:00z|2026-13-20T09:00
    2026-02-29T09:00|2026-11-20T24:00|2026-11-20T09:60|2026-11-20T09:00:60|2026-11-20T09:00:00.|2026-11-20T09:00:00,5
    2026-11-20T09:00:00.1234567890|2026-11-20T09:00+2|2026-11-20T09:00+02:|2026-11-20T09:00+02:60|2026-11-20T09:00+24
    2026-11-20T09:00 UTC|2026-11-20T09:00 Europe/Berlin|1763629200|now|2026-11-20  09:00|0001-01-01T00:00+01
    9999-12-31T23:59-01|0000-01-01T00:00|２026-11-20T09:00""".replace("\n    ", "|").split("|"),
)
def test_what_is_no_time(text: str) -> None:
    assert time_of(text) is Reason.BAD_TIME


@given(
    st.timedeltas(timedelta(days=-700_000), timedelta(days=2_900_000)).map(lambda since: NINE + since),
    st.sampled_from("T "),
    st.none() | st.integers(-1439, 1439),
)
def test_whatever_python_writes_as_iso_is_read(at: datetime, between: str, minutes: int | None) -> None:
    zone = UTC if minutes is None else timezone(timedelta(minutes=minutes))
    written = at.astimezone(zone)
    assert time_of(written.isoformat(between)) == written


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-0.0", 0), ("+1.5", 1.5), (".5", 0.5), ("-.5", -0.5), ("1e3", 1000), ("1E+3", 1000), (" 2 ", 2)],
)
def test_numbers_that_are_read(text: str, number: float) -> None:
    found = number_of(text)
    assert isinstance(found, float)
    assert (found, math.copysign(1, found)) == (number, math.copysign(1, number))


@pytest.mark.parametrize("text", ["", ".", "1.", "01", "1,5", "1_0", "0x1", "1e", "e5", "--1", "1 2", "١", "none"])
def test_what_is_no_number(text: str) -> None:
    assert number_of(text) is Reason.BAD_TYPE


@pytest.mark.parametrize("text", ["NaN", "nan", "Infinity", "-inf", "+INF", "1e400", "-1e400", "9" * 400])
def test_what_is_not_finite(text: str) -> None:
    assert number_of(text) is Reason.NOT_FINITE


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_read_as_it_was_written(number: float) -> None:
    assert number_of(repr(number)) == number
    assert value_of(Kind.NUMBER, Number(repr(number))) == number


NUMERALS = st.from_regex(r"\A[+-]?(0|[1-9][0-9]{0,12})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?\Z")


@given(NUMERALS | st.integers(-(2**33), 2**33).map(lambda n: f"{n}.000") | st.integers().map(str))
def test_an_integer_is_what_exact_arithmetic_says(text: str) -> None:
    exact = Decimal(text)
    if exact != exact.to_integral_value():
        expected: object = Reason.BAD_TYPE
    else:
        expected = int(exact) if -(2**31) <= exact < 2**31 else Reason.OUT_OF_RANGE
    assert integer_of(text) == expected


@pytest.mark.parametrize(
    ("text", "found"),
    [
        *(("45.0", 45), ("4.5e1", 45), ("450e-1", 45), (f"0e{'9' * 30}", 0), ("1" + "0" * 50 + "e-50", 1)),
        *(("1e-400", Reason.BAD_TYPE), (f"1e-{'9' * 30}", Reason.BAD_TYPE), (f"1e{'9' * 30}", Reason.NOT_FINITE)),
    ],
)
def test_integers_in_odd_spellings(text: str, found: object) -> None:
    assert integer_of(text) == found


@pytest.mark.parametrize(
    ("kind", "given_value"),
    [
        (Kind.TEXT, Number("1")),
        (Kind.TEXT, True),
        (Kind.TEXT, {"a": "b"}),
        (Kind.TEXT, ["a"]),
        (Kind.NUMBER, "1"),
        (Kind.NUMBER, True),
        (Kind.INTEGER, "1"),
        (Kind.BOOLEAN, "true"),
        (Kind.BOOLEAN, Number("1")),
    ],
)
def test_json_of_another_type(kind: Kind, given_value: object) -> None:
    assert value_of(kind, given_value) is Reason.BAD_TYPE


def test_json_times_are_texts() -> None:
    assert value_of(Kind.TIME, "2026-11-20T09:00") == NINE
    for given_value in (Number("1763629200"), True, {}, ""):
        assert value_of(Kind.TIME, given_value) is Reason.BAD_TIME


@pytest.mark.parametrize(
    ("cell", "found"), [("TRUE", True), (" false ", False), ("1", Reason.BAD_TYPE), ("yes", Reason.BAD_TYPE)]
)
def test_flags_in_cells(cell: str, found: object) -> None:
    assert value_in_cell(Kind.BOOLEAN, cell) is found


def test_a_text_in_a_cell_is_as_it_is() -> None:
    assert value_in_cell(Kind.TEXT, " NaN ") == " NaN "
