"""Records of a file as columns of their series, a block of them at once: a value that stands in a column many times is
read once. It gives what `read_record` gives for each of the records, in a fraction of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from smart_trader.domain.foundation import parquet_records
from smart_trader.domain.foundation.records import (
    LONGEST_RAW,
    Parse,
    Record,
    Rejection,
    broken_alone,
    broken_between,
    is_blank,
    read_record,
)
from smart_trader.domain.foundation.series import Field, Kind, Reason, Series
from smart_trader.domain.foundation.values import Number, Value

TYPES = {
    Kind.TEXT: pa.string(),
    Kind.TIME: pa.timestamp("us", "UTC"),
    Kind.NUMBER: pa.float64(),
    Kind.INTEGER: pa.int32(),
    Kind.BOOLEAN: pa.bool_(),
}
_SCALARS = frozenset((str, Number, bool, datetime))


@dataclass(frozen=True, slots=True)
class Block:
    """What some records of a file hold, in their order: the `lines` on which they begin, the values of their rows by
    column, and by the position of a record why it is rejected, with its text. The values of a rejected record are
    null."""

    lines: Sequence[int]
    columns: dict[str, pa.Array]
    rejections: dict[int, tuple[Rejection, str]]


def read_block(series: Series, records: Sequence[Record], parse: Parse, *, latest: datetime) -> Block:
    """The rows in these records, each value read by `parse`. No time may be after `latest`."""
    rejections = {nth: record.fault for nth, record in enumerate(records) if record.fault}
    columns: dict[str, list[Value | None]] = {}
    doubtful: set[int] = set()
    values_of_records = [record.values for record in records]
    for field in series.fields:
        given = [values.get(field.name) for values in values_of_records]
        columns[field.name] = _read_column(series, field, given, parse, latest, doubtful)
    for field in series.bound:
        doubtful |= bound_wrongly(field, columns)
    for nth in sorted(doubtful - rejections.keys()):
        row = read_record(series, records[nth].values, parse, latest=latest)
        if isinstance(row, Rejection):
            rejections[nth] = row
        else:
            for name, value in row.items():
                columns[name][nth] = value
    for nth in rejections:
        for column in columns.values():
            column[nth] = None
    return Block(
        [record.line for record in records],
        {field.name: pa.array(columns[field.name], TYPES[field.kind]) for field in series.fields},
        {nth: (rejection, as_text(records[nth])) for nth, rejection in rejections.items()},
    )


def as_text(record: Record) -> str:
    """A record as it is written, for people: its first characters."""
    raw = record.raw
    if isinstance(raw, dict):
        text = parquet_records.as_text(raw)
    else:
        text = (raw if isinstance(raw, bytes) else b",".join(raw)).decode("utf-8", "replace")
    return text[:LONGEST_RAW]


def read_distinct(
    series: Series, field: Field, given: Any, parse: Parse, latest: datetime
) -> tuple[Value | None, bool]:
    """A value of a column, None if there is none, and whether a row can have it as far as it alone says."""
    value = None if given is None else parse(field.kind, given)
    if isinstance(value, Reason):
        return None, False
    if field.name in series.key and is_blank(value):
        return value, False
    return value, value is None or not broken_alone(field, value, latest)


def bound_wrongly(field: Field, columns: dict[str, list[Value | None]]) -> set[int]:
    """The positions of rows with a value of `field` that other values of its row do not allow."""
    names = (field.name, *field.bound_to)
    return {
        nth
        for nth, values in enumerate(zip(*(columns[name] for name in names), strict=True))
        if values[0] is not None and broken_between(field, dict(zip(names, values, strict=True)))
    }


def _read_column(
    series: Series, field: Field, given: list[Any], parse: Parse, latest: datetime, doubtful: set[int]
) -> list[Value | None]:
    """The values of a column. The positions of those that cannot be taken as they are, and of keys that are missing,
    are added to `doubtful`."""
    kinds = set(map(type, given)) - {type(None)}
    if len(kinds) > 1 or not kinds <= _SCALARS:  # other values cannot be looked up, and True is equal to 1
        usual = next((kind for kind in kinds & _SCALARS), None)
        doubtful.update(nth for nth, value in enumerate(given) if value is not None and type(value) is not usual)
        given = [value if type(value) is usual else None for value in given]
    values: dict[Any, Value | None] = {}
    unusable = set()
    for distinct in set(given):
        values[distinct], is_usable = read_distinct(series, field, distinct, parse, latest)
        if not is_usable:
            unusable.add(distinct)
    if unusable:
        doubtful.update(nth for nth, value in enumerate(given) if value in unusable)
    return [values[value] for value in given]
