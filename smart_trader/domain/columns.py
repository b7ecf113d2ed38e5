"""Exact numbers between Arrow columns and Python integers, and rows of several tables in one stream.

A decimal crosses as its unscaled integer: no `Decimal` object is made, so nothing is rounded and little is paid.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

_WIDTH = 16
_ZERO = bytes(_WIDTH)


def integers(column: pa.Array) -> list[int | None]:
    """Unscaled integers of a decimal column, microseconds of a timestamp column, values of an integer column."""
    if not pa.types.is_decimal128(column.type):
        is_timestamp = pa.types.is_timestamp(column.type)
        values: list[int | None] = (column.view(pa.int64()) if is_timestamp else column).to_pylist()
        return values
    start, stop = 2 * column.offset, 2 * (column.offset + len(column))
    halves = memoryview(column.buffers()[1])
    low = halves.cast("Q")[start:stop:2].tolist()
    high = halves.cast("q")[start + 1 : stop : 2].tolist()
    whole: list[int | None] = [(h << 64) | lo if h else lo for lo, h in zip(low, high, strict=True)]
    if column.null_count:
        whole = [v if valid else None for v, valid in zip(whole, column.is_valid().to_pylist(), strict=True)]
    return whole


def lists(batch: pa.RecordBatch, names: Iterable[str]) -> list[list[Any]]:
    """Columns of a batch as Python lists, numbers and times as integers."""
    return [_to_list(batch.column(name)) for name in names]


def _to_list(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_decimal128(kind) or pa.types.is_timestamp(kind):
        return integers(column)
    values: list[Any] = column.to_pylist()
    return values


def arrow_type(schema: T.StructType) -> pa.DataType:
    """The Arrow struct that Spark expects for `schema`."""
    return pa.struct(list(to_arrow_schema(schema)))


def build_column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The inverse of `lists`: a column from unscaled integers, microseconds or plain values."""
    if pa.types.is_decimal128(kind):
        data = b"".join([_ZERO if v is None else v.to_bytes(_WIDTH, "little", signed=True) for v in values])
        nulls = values.count(None)
        valid = pa.array([v is not None for v in values], pa.bool_()).buffers()[1] if nulls else None
        return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(data)], nulls)
    return pa.array(values, kind)


class Streams:
    """Rows of several tables in one DataFrame: a struct column for each, of which one is set in each row.

    One pass over the data can so feed several tables.
    """

    def __init__(self, schemas: Mapping[str, T.StructType]) -> None:
        self.schema = T.StructType([T.StructField(name, schema) for name, schema in schemas.items()])
        self._types = {name: arrow_type(schema) for name, schema in schemas.items()}

    def batch(self, name: str, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
        """`rows` of the stream `name`, values in the order of its schema."""
        kind = self._types[name]
        columns = zip(*rows, strict=True)
        fields = [kind.field(i) for i in range(kind.num_fields)]
        arrays = [build_column(values, f.type) for f, values in zip(fields, columns, strict=True)]
        filled = pa.StructArray.from_arrays(arrays, fields=fields)
        return pa.RecordBatch.from_arrays(
            [filled if other == name else pa.nulls(len(rows), kind) for other, kind in self._types.items()],
            names=list(self._types),
        )

    @staticmethod
    def select(rows: DataFrame, name: str) -> DataFrame:
        """The rows of one stream."""
        return rows.where(F.col(name).isNotNull()).select(f"{name}.*")
