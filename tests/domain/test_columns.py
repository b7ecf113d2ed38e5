"""Numbers cross between Arrow and Python without a digit lost. No Spark."""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.arrow import build_column, integers, run_starts, to_list

LARGEST = 10**38 - 1
WIDE = Context(prec=60)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_unscaled = st.none() | st.integers(-LARGEST, LARGEST) | st.sampled_from((0, -1, 2**63, -(2**63), 2**64, -(2**64)))
_columns = st.lists(_unscaled, max_size=20)
_parts = st.tuples(st.integers(0, 20), st.integers(0, 20))


@given(_columns, st.sampled_from((0, 9, 18)), _parts)
@example([LARGEST, None, -LARGEST], 0, (1, 2))
def test_a_decimal_is_its_unscaled_integer(values: list[int | None], scale: int, part: tuple[int, int]) -> None:
    kind = pa.decimal128(38, scale)
    shown = [None if value is None else Decimal(value).scaleb(-scale, WIDE) for value in values]

    column = build_column(values, kind)

    column.validate(full=True)
    assert column.equals(pa.array(shown, kind))
    assert integers(column) == integers(pa.array(shown, kind)) == values
    start, length = part
    assert integers(column.slice(start, length)) == values[start : start + length]


@given(st.lists(st.none() | st.integers(-(2**51), 2**52), max_size=20), _parts)
def test_a_time_is_its_microseconds(micros: list[int | None], part: tuple[int, int]) -> None:
    kind = pa.timestamp("us", tz="UTC")
    times = [None if value is None else EPOCH + timedelta(microseconds=value) for value in micros]

    column = pa.array(times, kind)

    assert integers(column) == micros
    assert build_column(micros, kind).equals(column)
    start, length = part
    assert integers(column.slice(start, length)) == micros[start : start + length]


def test_what_does_not_fit_a_decimal_is_an_error_and_not_another_number() -> None:
    with pytest.raises(OverflowError):
        build_column([2**127], pa.decimal128(38, 0))


def test_structs_and_lists_of_them_are_tuples() -> None:
    money = pa.struct([pa.field("wallet", pa.string()), pa.field("usd", pa.decimal128(28, 9))])
    pair = pa.struct(
        [pa.field("one", money), pa.field("many", pa.list_(money)), pa.field("ids", pa.list_(pa.string()))]
    )

    column = build_column([(None, [("w", -1), ("v", None)], ["a", "b"]), (("u", 5), (), None), None], pair)

    column.validate(full=True)
    assert column.to_pylist() == [
        {
            "one": None,
            "many": [{"wallet": "w", "usd": Decimal("-0.000000001")}, {"wallet": "v", "usd": None}],
            "ids": ["a", "b"],
        },
        {"one": {"wallet": "u", "usd": Decimal("0.000000005")}, "many": [], "ids": None},
        None,
    ]
    assert build_column([], pair).type == pair


@given(st.lists(st.tuples(st.none() | st.sampled_from("ab"), st.none() | st.sampled_from("xy")), max_size=12))
def test_a_start_is_where_something_differs(rows: list[tuple[str | None, str | None]]) -> None:
    columns = [pa.array([row[place] for row in rows], pa.string()) for place in (0, 1)]
    expected = [place for place, row in enumerate(rows) if place == 0 or row != rows[place - 1] or None in row]
    assert run_starts(*columns) == expected
    assert [to_list(column) for column in columns] == [[row[place] for row in rows] for place in (0, 1)]
