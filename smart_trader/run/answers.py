"""The answer to a question to the time series as lines of text, CSV or JSON.

Doubles have the fewest digits that give the same value when read; times are ISO 8601, UTC.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from smart_trader.report.text import clipped, formula_mark
from smart_trader.run import layout

Row = Mapping[str, Any]
_LEFT_OUT = frozenset(("date", "updated_at", "source_file", "source_line", "batch_id", "ingested_at"))
"""Columns that text does not show: they tell where a row comes from, and a line has to fit."""
_LONGEST_CELL = 60


@dataclass(frozen=True, slots=True)
class Answer:
    """Rows in their order, and figures about all of them. `version` is that of the table, or of each of several."""

    query: str
    version: int | Mapping[str, int | None] | None
    columns: Sequence[str]
    rows: Iterable[Row]
    figures: Sequence[Row]


def as_json(answer: Answer) -> Iterator[str]:
    """One document, a row a line."""
    yield f'{{"query": {json.dumps(answer.query)}, "version": {json.dumps(answer.version)}, "rows": ['
    yield from _json_items(answer.rows)
    yield '], "summary": ['
    yield from _json_items(answer.figures)
    yield "]}"


def as_csv(columns: Sequence[str], rows: Iterable[Row]) -> Iterator[str]:
    """RFC 4180 with a header; null is an empty cell. A text that a spreadsheet would take for a formula is marked."""
    yield _csv_line(columns)
    for row in rows:
        yield _csv_line([_csv_cell(row[name]) for name in columns])


def as_text(answer: Answer, *, most: int) -> Iterator[str]:
    """For people: at most `most` rows without columns that are null in all of them, then the figures."""
    found = list(answer.rows)
    rows = found[:most]
    shown = [name for name in answer.columns if name not in _LEFT_OUT and any(row[name] is not None for row in rows)]
    yield f"{answer.query}, {_versions(answer.version)}"
    yield from ("", _table(shown, rows) if rows else "no rows")
    if len(found) > most:
        yield "... and more: --limit N shows N rows, --format csv or json all of them"
    if answer.figures:
        yield from ("", _table(list(answer.figures[0]), answer.figures))


def _versions(version: int | Mapping[str, int | None] | None) -> str:
    versions = version if isinstance(version, Mapping) else {"": version}
    known = (f"{table} version {number}".strip() for table, number in versions.items() if number is not None)
    return ", ".join(known) or "nothing was ingested yet"


def _table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    cells = [[_text_cell(row[name]) for name in columns] for row in rows]
    return layout.table(columns, cells, texts=len(columns))


def _text_cell(value: Any) -> str:
    return "-" if value is None else clipped(_plain(value), _LONGEST_CELL)


def _json_items(rows: Iterable[Row]) -> Iterator[str]:
    """Each row on a line, with a comma before all but the first."""
    comma = ""
    for row in rows:
        yield comma + json.dumps({name: _json_value(value) for name, value in row.items()}, allow_nan=False)
        comma = ","


def _json_value(value: Any) -> Any:
    return _time(value) if isinstance(value, date | datetime) else value


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().removesuffix("\r\n")


def _csv_cell(value: Any) -> str:
    if value is None:
        return ""
    return formula_mark(value) + value if isinstance(value, str) else _plain(value)


def _plain(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case float():
            return repr(value)
        case date() | datetime():
            return _time(value)
        case _:
            return str(value)


def _time(value: date | datetime) -> str:
    """Times are aware, in UTC."""
    return value.isoformat().replace("+00:00", "Z")
