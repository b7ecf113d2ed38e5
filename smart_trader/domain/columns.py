"""Exact numbers between Arrow columns and Python integers, and rows of several tables in one stream.

A decimal crosses as its unscaled integer: no `Decimal` object is made, so nothing is rounded and little is paid.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

_WIDTH = 16
_ZERO = bytes(_WIDTH)
_UNSCALED = pa.decimal128(38, 0)


def integers(column: pa.Array) -> list[int | None]:
    """Unscaled integers of a decimal column, microseconds of a timestamp column, values of an integer column."""
    if column.null_count == len(column):
        return [None] * len(column)
    if pa.types.is_decimal128(column.type):
        values = _halves_joined(column)
    else:
        is_timestamp = pa.types.is_timestamp(column.type)
        whole = column.view(pa.int64()) if is_timestamp else column.cast(pa.int64())
        values = _memory(whole, "q")
    if column.null_count:
        return [v if valid else None for v, valid in zip(values, column.is_valid().to_pylist(), strict=True)]
    return values


def _halves_joined(column: pa.Array) -> list[Any]:
    try:
        return _memory(_retyped(column, _UNSCALED).cast(pa.int64()), "q")
    except pa.ArrowInvalid:  # wider than 64 bits
        high, low = _memory(column, "q", 2)[1::2], _memory(column, "Q", 2)[::2]
        return [(h << 64) | lo for lo, h in zip(low, high, strict=True)]


def _memory(column: pa.Array, item: str, items_each: int = 1) -> list[Any]:
    """The values as they lie in memory, whatever lies where one is null."""
    start, stop = items_each * column.offset, items_each * (column.offset + len(column))
    return memoryview(column.buffers()[1]).cast(item)[start:stop].tolist()  # type: ignore[call-overload,no-any-return]


def _retyped(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same bytes under another type of the same width."""
    return pa.Array.from_buffers(kind, len(column), column.buffers(), column.null_count, column.offset)


def lists(batch: pa.RecordBatch, names: Iterable[str]) -> list[list[Any]]:
    """Columns of a batch as Python lists, numbers and times as integers."""
    return [_to_list(batch.column(name)) for name in names]


def _to_list(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_decimal128(kind) or pa.types.is_timestamp(kind) or pa.types.is_integer(kind):
        return integers(column)
    values: list[Any] = column.to_pylist()
    return values


def arrow_type(schema: T.StructType) -> pa.DataType:
    """The Arrow struct that Spark expects for `schema`."""
    return pa.struct(list(to_arrow_schema(schema)))


def build_column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The inverse of `lists`: a column from unscaled integers, microseconds or plain values."""
    if not pa.types.is_decimal128(kind):
        return pa.array(values, kind)
    try:
        return _retyped(pa.array(values, pa.int64()).cast(_UNSCALED), kind)
    except OverflowError:  # wider than 64 bits
        data = b"".join([_ZERO if v is None else v.to_bytes(_WIDTH, "little", signed=True) for v in values])
        nulls = values.count(None)
        valid = pa.array([v is not None for v in values], pa.bool_()).buffers()[1] if nulls else None
        return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(data)], nulls)


class Streams:
    """Rows of several tables in one DataFrame: an array of structs for each table, filled as far as rows were at hand.

    One pass over the data can so feed several tables. Arrays, since a null struct would carry all of its columns.
    """

    def __init__(self, schemas: Mapping[str, T.StructType]) -> None:
        self.schema = T.StructType([T.StructField(name, T.ArrayType(rows, False)) for name, rows in schemas.items()])
        self._types = {name: arrow_type(rows) for name, rows in schemas.items()}

    def batches(self, rows: Mapping[str, list[Sequence[Any]]], at_least: int) -> Iterator[pa.RecordBatch]:
        """What has gathered in `rows`, once it is that much; `rows` is empty afterwards."""
        if sum(map(len, rows.values())) >= at_least:
            yield self.batch(rows)
            for gathered in rows.values():
                gathered.clear()

    def batch(self, rows: Mapping[str, Sequence[Sequence[Any]]]) -> pa.RecordBatch:
        """One row that holds `rows` of each stream, values in the order of its schema."""
        arrays = [_one_list(rows[name], kind) for name, kind in self._types.items()]
        return pa.RecordBatch.from_arrays(arrays, names=list(self._types))

    @staticmethod
    def select(rows: DataFrame, name: str) -> DataFrame:
        """The rows of one stream."""
        return rows.select(F.inline(name))


def _one_list(rows: Sequence[Sequence[Any]], kind: pa.StructType) -> pa.Array:
    fields = [kind.field(i) for i in range(kind.num_fields)]
    columns = zip(*rows, strict=True) if rows else [[] for _ in fields]
    arrays = [build_column(values, f.type) for f, values in zip(fields, columns, strict=True)]
    filled = pa.StructArray.from_arrays(arrays, fields=fields)
    return pa.ListArray.from_arrays(pa.array([0, len(rows)], pa.int32()), filled)
