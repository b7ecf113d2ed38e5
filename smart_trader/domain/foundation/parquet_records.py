"""Rows of a Parquet file as values that a series can read: times, numbers, texts, flags."""

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from smart_trader.domain.foundation.series import Reason
from smart_trader.domain.foundation.values import Number, time_after_epoch

_ROWS = 10_000
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


class NoTime:
    """A time that lies outside of the years that there are."""

    def __str__(self) -> str:
        return "a time outside of the years 1 to 9999"


def column_names(file: pq.ParquetFile) -> list[str]:
    return list(file.schema_arrow.names)


def parquet_rows(file: pq.ParquetFile, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The values of each row, of the columns `names`."""
    for batch in file.iter_batches(_ROWS, columns=list(names)):
        columns = [_values(column) for column in batch.columns]
        for values in zip(*columns, strict=True):
            yield dict(zip(batch.schema.names, values, strict=True))


def as_text(values: dict[str, Any]) -> str:
    """A row as JSON, for people."""
    return json.dumps(values, default=str, ensure_ascii=False)


def _values(column: pa.Array) -> list[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _values(column.dictionary_decode())
    if pa.types.is_timestamp(kind):
        units = _PER_SECOND[kind.unit]
        return _each(column.cast(pa.int64()).to_pylist(), lambda count: _time(count * 10**6 // units))
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _each(column.to_pylist(), lambda number: Number(_digits(number)))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_boolean(kind):
        return list(column.to_pylist())
    return _each(column.to_pylist(), lambda value: [str(value)])  # neither a text nor a number: of no use


def _each(values: list[Any], convert: Callable[[Any], Any]) -> list[Any]:
    return [None if value is None else convert(value) for value in values]


def _digits(number: Any) -> str:
    return repr(number) if isinstance(number, float) else str(number)


def _time(micros: int) -> datetime | NoTime:
    at = time_after_epoch(micros)
    return NoTime() if isinstance(at, Reason) else at
