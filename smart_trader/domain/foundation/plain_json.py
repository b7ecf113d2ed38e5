"""Lines of JSON that are plain: one object each, with columns of the series alone, and values of the kinds of these
columns. Arrow reads them in a fifth of the time. What it might read in another way is left to `json_records`.
"""

from collections.abc import Sequence
from datetime import datetime
from io import BytesIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json as pj

from smart_trader.domain.foundation.blocks import TYPES, Block, as_text, bound_wrongly, read_distinct
from smart_trader.domain.foundation.json_records import json_records
from smart_trader.domain.foundation.records import Rejection, read_record
from smart_trader.domain.foundation.series import Field, Kind, Series
from smart_trader.domain.foundation.values import Value, value_of


def read_plain(series: Series, lines: Sequence[bytes], first: int, *, latest: datetime) -> Block | None:
    """The rows in these lines, of which the `first` has that number: the block that `read_block` gives. None if a line
    may not be plain. No time may be after `latest`."""
    table = _table(series, lines)
    if table is None:
        return None
    columns: dict[str, pa.Array] = {}
    doubtful: set[int] = set()
    for field in series.fields:
        columns[field.name] = _checked(series, field, table[field.name].combine_chunks(), latest, doubtful)
    for field in series.bound:
        if columns[field.name].null_count < len(lines):
            doubtful |= bound_wrongly(
                field, {name: columns[name].to_pylist() for name in (field.name, *field.bound_to)}
            )
    rejections = {}
    for nth in sorted(doubtful):
        (record,) = json_records([lines[nth]], first + nth)
        row = record.fault or read_record(series, record.values, value_of, latest=latest)
        if not isinstance(row, Rejection):
            return None
        rejections[nth] = (row, as_text(record))
    if rejections:
        is_taken = pa.array([nth not in rejections for nth in range(len(lines))])
        columns = {name: pc.if_else(is_taken, column, None) for name, column in columns.items()}
    return Block(range(first, first + len(lines)), columns, rejections)


def _table(series: Series, lines: Sequence[bytes]) -> pa.Table | None:
    """The lines as Arrow reads them, times as texts."""
    text = b"".join(lines)
    if not all(line.startswith(b"{") for line in lines):  # Arrow takes an object in several lines, and several in one
        return None
    types = {field.name: pa.string() if field.kind is Kind.TIME else TYPES[field.kind] for field in series.fields}
    parse = pj.ParseOptions(explicit_schema=pa.schema(list(types.items())), unexpected_field_behavior="error")
    read = pj.ReadOptions(use_threads=False, block_size=len(text) + 1)
    try:
        text.decode("utf-8")  # Arrow takes any bytes
        table = pj.read_json(BytesIO(text), read, parse)
    except (pa.ArrowInvalid, UnicodeDecodeError):
        return None
    return table if table.num_rows == len(lines) else None


def _checked(series: Series, field: Field, column: pa.Array, latest: datetime, doubtful: set[int]) -> pa.Array:
    """The values of a column. The positions of those that cannot be taken as they are, and of keys that are missing,
    are added to `doubtful`."""
    if field.kind is Kind.NUMBER:
        column = pc.add(column, 0.0)  # -0.0 becomes 0.0
        doubtful.update(_positions(pc.invert(pc.is_finite(column))))
    if field.name in series.key:
        doubtful.update(_positions(pc.is_null(column)))
    if field.kind is not Kind.TIME and field.name not in series.key and not field.has_rules:
        return column
    coded = column.dictionary_encode()
    read = [_read(series, field, value, latest) for value in coded.dictionary.to_pylist()]
    wrong = pa.array([not is_usable for _, is_usable in read], pa.bool_())
    if pc.any(wrong).as_py():
        doubtful.update(_positions(wrong.take(coded.indices)))
    if field.kind is not Kind.TIME:
        return column
    return pa.array([value for value, _ in read], TYPES[Kind.TIME]).take(coded.indices)


def _read(series: Series, field: Field, value: Value, latest: datetime) -> tuple[Value | None, bool]:
    """`read_distinct` of a value as Arrow gives it: of a time its text, else the value itself."""
    return read_distinct(
        series, field, value, lambda kind, given: value_of(kind, given) if kind is Kind.TIME else given, latest
    )


def _positions(are: pa.Array) -> list[int]:
    return list(pc.indices_nonzero(are).to_pylist())
