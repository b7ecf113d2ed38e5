"""A record of a file as a row of its series, or the reason why it is rejected. Standard library only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smart_trader.domain.foundation.series import Field, Kind, Reason, Series
from smart_trader.domain.foundation.values import BLANKS, Value

Parse = Callable[[Kind, Any], Value | Reason]
"""Reads a value of a file: `value_of` or `value_in_cell`."""
Row = dict[str, Value | None]
"""The values of a record by column of its series."""
IGNORED = frozenset(("date", "ingested_at", "batch_id", "source_file", "source_line"))
"""Columns of the table that are not read from a file, so that an export of the table can be ingested again."""
LONGEST_RAW = 10_000
"""Characters of a rejected record that are kept."""
_ORDER = {reason: nth for nth, reason in enumerate(Reason)}


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a record, or a whole file, cannot be used."""

    reason: Reason
    detail: str


@dataclass(slots=True)
class Record:
    """What begins on a `line` of a file: the values by column, or why it cannot be read. `raw` is the record as it is
    written: bytes, cells or values."""

    line: int
    raw: bytes | list[bytes] | dict[str, Any]
    values: Mapping[str, Any]
    fault: Rejection | None = None


class FileRejected(Exception):
    """Raised for a file of which nothing can be used."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.rejection = Rejection(reason, detail)


def read_record(series: Series, values: Mapping[str, Any], parse: Parse, *, latest: datetime) -> Row | Rejection:
    """The row in the values of a record, by column, each read by `parse`. No time may be after `latest`."""
    given = {name: value for name, value in values.items() if value is not None}
    missing = [name for name in series.key if is_blank(given.get(name))]
    if missing:
        return Rejection(Reason.MISSING_KEY, f"{', '.join(missing)}: no value")
    row: Row = dict.fromkeys(series.names)
    wrong = []
    for field in series.fields:
        if field.name not in given:
            continue
        value = parse(field.kind, given[field.name])
        if isinstance(value, Reason):
            wrong.append(Rejection(value, f"{field.name}: {str(given[field.name])[:80]!r}"))
        else:
            row[field.name] = value
            wrong += broken_alone(field, value, latest)
    wrong += [rejection for field in series.bound for rejection in broken_between(field, row)]
    return min(wrong, key=lambda rejection: _ORDER[rejection.reason]) if wrong else row


def is_blank(value: object) -> bool:
    """Whether a value of a key is none."""
    return value is None or (isinstance(value, str) and not value.strip(BLANKS))


def broken_alone(field: Field, value: Value, latest: datetime) -> list[Rejection]:
    """The rules that a value of `field` breaks by itself."""
    if isinstance(value, datetime):
        return [] if value <= latest else [Rejection(Reason.FUTURE, f"{field.name}: {value.isoformat()}")]
    broken = []
    if isinstance(value, int | float):
        if field.least is not None and value < field.least:
            broken.append((Reason.OUT_OF_RANGE, f"{value} is below {field.least:g}"))
        if field.most is not None and value > field.most:
            broken.append((Reason.OUT_OF_RANGE, f"{value} is above {field.most:g}"))
    if field.words is not None and all(value != word for word in field.words):
        broken.append((Reason.BAD_VALUE, f"{str(value)[:80]!r} is none of {', '.join(field.words)}"))
    return [Rejection(reason, f"{field.name}: {detail}") for reason, detail in broken]


def broken_between(field: Field, row: Mapping[str, Value | None]) -> list[Rejection]:
    """The rules between its value and others of the row that `field` breaks."""
    value = row.get(field.name)
    if value is None:
        return []
    broken = []
    if field.only_where is not None and row.get(field.only_where) is not True:
        broken.append(f"given, though {field.only_where} is not true")
    start = row.get(field.not_before) if field.not_before else None
    if isinstance(start, datetime) and isinstance(value, datetime) and value < start:
        broken.append(f"before {field.not_before}")
    return [Rejection(Reason.BAD_VALUE, f"{field.name}: {detail}") for detail in broken]
