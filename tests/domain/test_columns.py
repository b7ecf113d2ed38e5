"""Numbers cross between Arrow and Python without a digit lost. No Spark."""

from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyspark.sql import types as T

from smart_trader.domain.columns import Streams, build_column, integers, lists

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


def test_streams_lie_side_by_side_in_one_row() -> None:
    money = T.StructType([T.StructField("wallet", T.StringType()), T.StructField("usd", T.DecimalType(28, 9))])
    times = T.StructType([T.StructField("at", T.TimestampType()), T.StructField("ids", T.ArrayType(T.StringType()))])
    streams = Streams({"money": money, "times": times})

    batch = streams.batch({"money": [], "times": [(5, ["a", "b"]), (None, [])]})

    assert batch.num_rows == 1
    assert batch.column("money").to_pylist() == [[]]
    at, ids = lists(pa.RecordBatch.from_struct_array(batch.column("times").flatten()), ("at", "ids"))
    assert (at, ids) == ([5, None], [["a", "b"], []])
    assert streams.batch({"money": [("w", -1)], "times": []}).to_pylist() == [
        {"money": [{"wallet": "w", "usd": Decimal("-0.000000001")}], "times": []}
    ]
