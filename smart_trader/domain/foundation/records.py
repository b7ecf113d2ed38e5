"""A record of a file as a row of its series, or the reason why it is rejected. Standard library only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from smart_trader.domain.foundation.series import Field, Kind, Reason, Series
from smart_trader.domain.foundation.values import BLANKS, Value, value_in_cell, value_of

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


@dataclass(frozen=True, slots=True)
class Found:
    """What begins on a `line` of a file: the values of a row by column, or a rejection with the record as text."""

    line: int
    row: Mapping[str, Value | None] | None = None
    rejection: Rejection | None = None
    raw: str = ""


class FileRejected(Exception):
    """Raised for a file of which nothing can be used."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.rejection = Rejection(reason, detail)


def read_cells(series: Series, cells: Mapping[str, str], *, latest: datetime) -> Row | Rejection:
    """The row in the cells of a CSV record, by column; an empty cell is null. No time may be after `latest`."""
    given = {name: cell for name, cell in cells.items() if cell}
    return _read(series, given, value_in_cell, latest)


def read_values(series: Series, values: Mapping[str, object], *, latest: datetime) -> Row | Rejection:
    """The row in the values of a record of JSON or Parquet, by column. No time may be after `latest`."""
    given = {name: value for name, value in values.items() if value is not None}
    return _read(series, given, value_of, latest)


def broken_rules(series: Series, row: Mapping[str, Value | None]) -> list[Rejection]:
    """The rules between the values of a row that it breaks."""
    return [
        Rejection(reason, f"{field.name}: {detail}")
        for field in series.ruled
        if row.get(field.name) is not None
        for reason, detail in _broken(field, row)
    ]


def _read(
    series: Series, given: Mapping[str, Any], parse: Callable[[Kind, Any], Value | Reason], latest: datetime
) -> Row | Rejection:
    missing = [name for name in series.key if _is_blank(given.get(name))]
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
            if field.kind is Kind.TIME and isinstance(value, datetime) and value > latest:
                wrong.append(Rejection(Reason.FUTURE, f"{field.name}: {value.isoformat()}"))
    wrong += broken_rules(series, row)
    return min(wrong, key=lambda rejection: _ORDER[rejection.reason]) if wrong else row


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip(BLANKS))


def _broken(field: Field, row: Mapping[str, Value | None]) -> list[tuple[Reason, str]]:
    value = row[field.name]
    broken = []
    if isinstance(value, int | float):
        if field.least is not None and value < field.least:
            broken.append((Reason.OUT_OF_RANGE, f"{value} is below {field.least:g}"))
        if field.most is not None and value > field.most:
            broken.append((Reason.OUT_OF_RANGE, f"{value} is above {field.most:g}"))
    if field.words is not None and all(value != word for word in field.words):
        broken.append((Reason.BAD_VALUE, f"{str(value)[:80]!r} is none of {', '.join(field.words)}"))
    if field.only_where is not None and row.get(field.only_where) is not True:
        broken.append((Reason.BAD_VALUE, f"given, though {field.only_where} is not true"))
    start = row.get(field.not_before) if field.not_before else None
    if isinstance(start, datetime) and isinstance(value, datetime) and value < start:
        broken.append((Reason.BAD_VALUE, f"before {field.not_before}"))
    return broken
