"""Records of a file as columns of their series, a block of them at once: a value that stands in a column many times is
read once. It gives what `read_record` gives for each of the records, in a third of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smart_trader.domain.foundation.records import (
    Parse,
    Record,
    Rejection,
    broken_alone,
    broken_between,
    is_blank,
    read_record,
)
from smart_trader.domain.foundation.series import Field, Reason, Series
from smart_trader.domain.foundation.values import Number, Value

_SCALARS = frozenset((str, Number, bool, datetime))


@dataclass(frozen=True, slots=True)
class Block:
    """What some records of a file hold, in their order: the values of their rows by column, and by the position of a
    record why it is rejected. The values of a rejected record are null."""

    records: Sequence[Record]
    columns: dict[str, list[Value | None]]
    rejections: dict[int, Rejection]


def read_block(series: Series, records: Sequence[Record], parse: Parse, *, latest: datetime) -> Block:
    """The rows in these records, each value read by `parse`. No time may be after `latest`."""
    rejections = {nth: record.fault for nth, record in enumerate(records) if record.fault}
    columns: dict[str, list[Value | None]] = {}
    doubtful: set[int] = set()
    values_of_records = [record.values for record in records]
    for field in series.fields:
        given = [values.get(field.name) for values in values_of_records]
        columns[field.name] = _read_column(series, field, given, parse, latest, doubtful)
    doubtful |= _bound_wrongly(series, columns)
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
    return Block(records, columns, rejections)


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
    is_key = field.name in series.key
    for distinct in set(given):
        value = None if distinct is None else parse(field.kind, distinct)
        if isinstance(value, Reason):
            unusable.add(distinct)
            value = None
        elif (is_key and is_blank(value)) or (value is not None and broken_alone(field, value, latest)):
            unusable.add(distinct)
        values[distinct] = value
    if unusable:
        doubtful.update(nth for nth, value in enumerate(given) if value in unusable)
    return [values[value] for value in given]


def _bound_wrongly(series: Series, columns: dict[str, list[Value | None]]) -> set[int]:
    """The positions of rows with a value that other values of its row do not allow."""
    found: set[int] = set()
    for field in series.bound:
        others = [name for name in (field.name, field.only_where, field.not_before) if name is not None]
        for nth, values in enumerate(zip(*(columns[name] for name in others), strict=True)):
            if values[0] is not None and broken_between(field, dict(zip(others, values, strict=True))):
                found.add(nth)
    return found
