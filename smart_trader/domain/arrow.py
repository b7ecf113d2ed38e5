"""Exact numbers between Arrow columns and Python integers, without a digit lost on the way.

A decimal crosses as its unscaled integer: no `Decimal` object is made, so nothing is rounded and little is paid.
"""

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from decimal import Context, Decimal
from itertools import accumulate, chain, count
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from pyspark.sql import Column, SparkSession
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from smart_trader import tuning

_WIDTH = 16
_ZERO = bytes(_WIDTH)
_UNSCALED = pa.decimal128(38, 0)
_EXACT = Context(prec=80)


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


def numbers(column: pa.Array) -> NDArray[Any]:
    """What `integers` gives, as an array with 0 where there is nothing: int64 if all fit, else Python's integers."""
    if pa.types.is_decimal128(column.type):
        try:
            column = _retyped(column, _UNSCALED).cast(pa.int64())
        except pa.ArrowInvalid:  # wider than 64 bits
            return np.array([value or 0 for value in integers(column)], object)
    # pyarrow has no types: to the checker an array's values are anything.
    return column.view(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def _memory(column: pa.Array, item: str, items_each: int = 1) -> list[Any]:
    """The values as they lie in memory, whatever lies where one is null."""
    start, stop = items_each * column.offset, items_each * (column.offset + len(column))
    # pyarrow has no types: to the checker a buffer is anything, and its numbers too.
    return memoryview(column.buffers()[1]).cast(item)[start:stop].tolist()  # type: ignore[call-overload,no-any-return]


def _retyped(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The same bytes under another type of the same width."""
    return pa.Array.from_buffers(kind, len(column), column.buffers(), column.null_count, column.offset)


def unscaled(number: Decimal, digits: int) -> int:
    """`number` x 10^`digits`, an integer; exact, whatever the context of decimals is."""
    return int(number.scaleb(digits, _EXACT))


def lists(batch: pa.RecordBatch, names: Iterable[str]) -> list[list[Any]]:
    """Columns of a batch as Python lists, numbers and times as integers."""
    return [to_list(batch.column(name)) for name in names]


def to_list(column: pa.Array) -> list[Any]:
    """A column as a Python list, numbers and times as integers."""
    kind = column.type
    if pa.types.is_decimal128(kind) or pa.types.is_timestamp(kind) or pa.types.is_integer(kind):
        return integers(column)
    values: list[Any] = column.to_pylist()
    return values


def run_starts(*columns: pa.Array) -> list[int]:
    """Where a row differs from the one before it in any of `columns`; the first row does, and nulls do."""
    if not len(columns[0]):
        return []
    differs = pc.not_equal(columns[0][1:], columns[0][:-1]).fill_null(True)
    for column in columns[1:]:
        differs = pc.or_(differs, pc.not_equal(column[1:], column[:-1]).fill_null(True))
    return [0, *(pc.add(pc.indices_nonzero(differs), 1).to_pylist())]


def arrow_type(schema: T.StructType) -> pa.DataType:
    """The Arrow struct that Spark expects for `schema`."""
    return pa.struct(list(to_arrow_schema(schema)))


def build_column(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    """The inverse of `lists`: a column from unscaled integers, microseconds or plain values.

    A struct is given as a tuple of its fields, a list of structs as a sequence of tuples; none is an empty list.
    """
    if pa.types.is_decimal128(kind):
        return _decimals(values, kind)
    if pa.types.is_struct(kind):
        return _structs(values, kind)
    if pa.types.is_list(kind) and pa.types.is_struct(kind.value_type):
        parts = [value or () for value in values]
        offsets = pa.array(list(accumulate(map(len, parts), initial=0)), pa.int32())
        return pa.ListArray.from_arrays(offsets, _structs(list(chain.from_iterable(parts)), kind.value_type), kind)
    return pa.array(values, kind)


def fitting(values: list[Any], kind: pa.DataType) -> list[Any]:
    """The values as `build_column` takes them, with None for one that a column of decimals cannot hold: it must not
    stop the others."""
    known = [value for value in values if value is not None] if pa.types.is_decimal(kind) else []
    if not known or max(map(abs, known)) < 10**kind.precision:
        return values
    return [value if value is None or abs(value) < 10**kind.precision else None for value in values]


def number_column(values: NDArray[Any], valid: NDArray[np.bool_], kind: pa.DataType) -> pa.Array:
    """The inverse of `numbers`: a column of decimals or times, null where it is not `valid`."""
    if values.dtype == object:
        return build_column([v if known else None for v, known in zip(values, valid, strict=True)], kind)
    if not pa.types.is_decimal128(kind):
        return pa.array(values, mask=~valid).cast(kind)
    halves = np.stack((values, values >> 63), axis=1)
    bits = np.packbits(valid, bitorder="little")
    return pa.Array.from_buffers(kind, len(values), [pa.py_buffer(bits), pa.py_buffer(halves)])


def scatter(values: pa.Array, places: NDArray[np.int64], count: int) -> pa.Array:
    """A column of `count` rows that has `values` in their places and is null elsewhere."""
    nth, is_empty = np.zeros(count, np.int64), np.ones(count, bool)
    nth[places], is_empty[places] = np.arange(len(places)), False
    return values.take(pa.array(nth, mask=is_empty))


def _decimals(values: Sequence[int | None], kind: pa.DataType) -> pa.Array:
    try:
        return _retyped(pa.array(values, pa.int64()).cast(_UNSCALED), kind)
    except OverflowError:  # wider than 64 bits
        data = b"".join([_ZERO if v is None else v.to_bytes(_WIDTH, "little", signed=True) for v in values])
        nulls = values.count(None)
        valid = pa.array([v is not None for v in values], pa.bool_()).buffers()[1] if nulls else None
        return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(data)], nulls)


def _structs(values: Sequence[tuple[Any, ...] | None], kind: pa.StructType) -> pa.Array:
    """Only what is there is taken apart: most rows have no struct, and the few are put in their places by Arrow."""
    filled = [value for value in values if value is not None]
    fields = list(kind)
    columns = zip(*filled, strict=True) if filled else [()] * len(fields)
    arrays = [build_column(column, field.type) for column, field in zip(columns, fields, strict=True)]
    structs = pa.StructArray.from_arrays(arrays, fields=fields)
    if len(filled) == len(values):
        return structs
    nth = count()
    return structs.take(pa.array([None if value is None else next(nth) for value in values], pa.int64()))


Batches = Iterator[tuple[pa.Array, ...]]


def stateful_arrow_udf(process: Callable[[Batches], Iterator[pa.Array]], kind: T.StructType) -> Callable[..., Column]:
    """A function of columns that gives a struct of `kind` for each row, by one pass over the rows of each partition.

    `process` is given the rows batch by batch in their order, and gives as many structs in that order, in batches of
    any size, early or late. Only the columns that are its arguments go to Python: the others stay in Spark.
    """

    is_tuned = tuning.is_on(SparkSession.active())

    def evaluate(batches: Batches) -> Iterator[pa.Array]:
        gc.disable()  # rows are tuples without cycles: looking for cycles among them takes half of the time
        try:
            yield from process(batches)
        finally:
            gc.enable()
            if is_tuned:
                tuning.forget_archives()

    function = F.arrow_udf(evaluate, kind)  # type: ignore[attr-defined]  # missing in PySpark's own types
    udf: Callable[..., Column] = function.asNondeterministic()  # it is run once, for each row in its place
    return udf


def nullable(schema: T.StructType) -> T.StructType:
    """The same columns, each of which may be null."""
    return T.StructType([T.StructField(field.name, field.dataType) for field in schema])
