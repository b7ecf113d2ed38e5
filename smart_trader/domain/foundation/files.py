"""The files of a series: which are looked at, what they hold, and which are rejected whole."""

import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from smart_trader.domain.foundation import parquet_records
from smart_trader.domain.foundation.blocks import Block, read_block
from smart_trader.domain.foundation.csv_records import CsvRecord, csv_records
from smart_trader.domain.foundation.json_records import json_records
from smart_trader.domain.foundation.plain_json import read_plain
from smart_trader.domain.foundation.records import (
    IGNORED,
    FileRejected,
    Parse,
    Record,
    Rejection,
)
from smart_trader.domain.foundation.series import Kind, Reason, Series
from smart_trader.domain.foundation.values import kind_of, value_in_cell, value_of

_CSV, _PARQUET = "csv", "parquet"
_FORMAT = re.compile(r"\.(?:(csv|jsonl|ndjson|json)(\.gz)?|(parquet))", re.IGNORECASE)
_UNREADABLE = (OSError, EOFError, zlib.error, pa.ArrowException)
UNBEARABLE = frozenset(":\n\r")
"""Characters that Hadoop's paths do not bear."""
_RECORDS, _BYTES = 10_000, 2**21
"""The most records of a block, and about the most bytes: it is in memory as a whole."""
_NEW_COLUMN = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True)
class Format:
    """How the records of a file are written."""

    name: str
    is_zipped: bool = False


def is_looked_at(path: str) -> bool:
    """Whether a file is one that has landed, by its path below the folder of its series: writers use other names until
    a file is complete."""
    parts = PurePosixPath(path).parts
    return not any(part.startswith((".", "_")) for part in parts) and not path.endswith(".tmp")


def format_of(path: str) -> Format:
    """The format of a file by the ending of its name. Raises FileRejected."""
    name = PurePosixPath(path).name
    if UNBEARABLE.intersection(path):
        raise FileRejected(Reason.UNREADABLE_FILE, "its name holds a colon or a line break: rename it")
    for found in _FORMAT.finditer(name):
        if found.end() == len(name):
            return Format((found[1] or found[3]).lower(), is_zipped=found[2] is not None)
    raise FileRejected(
        Reason.UNKNOWN_FORMAT, "its name ends with none of .csv, .jsonl, .ndjson, .json, these with .gz, .parquet"
    )


def read_file(
    series: Series, path: str, file: BinaryIO, *, size: int, latest: datetime, takes_new: bool = False
) -> Iterator[Block]:
    """Every record of a file of `size` bytes, in blocks. No time in it may be after `latest`. With `takes_new` columns
    that the series may get are no fault, and are not read. Raises FileRejected, possibly after some blocks: then none
    of them counts."""
    written = format_of(path)
    if written.name in (_CSV, _PARQUET):
        for records in _blocks(_records(series, path, file, size, takes_new)):
            yield read_block(series, records, _parse_of(path), latest=latest)
        return
    check = partial(_refuse_unknown, series, takes_new)
    first = 1
    for lines in _lines(file, written):
        plain = read_plain(series, lines, first, latest=latest)
        yield plain or read_block(series, list(_from_json(lines, check, first)), value_of, latest=latest)
        first += len(lines)


def new_columns(series: Series, path: str, file: BinaryIO, *, size: int) -> dict[str, set[Kind]]:
    """The columns of a file that the series may get, and what their values are. Raises FileRejected."""
    parse = _parse_of(path)
    found: dict[str, set[Kind]] = {}
    for record in _records(series, path, file, size, takes_new=True):
        for name, value in record.values.items():
            if name not in series.names and value not in (None, ""):
                found.setdefault(name, set()).add(kind_of(value, parse))
    return found


def _lines(file: BinaryIO, written: Format) -> Iterator[list[bytes]]:
    """The lines of a file, some at a time. Raises FileRejected."""
    plain = gzip.GzipFile(fileobj=file) if written.is_zipped else file
    try:
        while lines := plain.readlines(_BYTES):
            yield lines
    except _UNREADABLE as error:
        raise _unreadable(error) from error


def _blocks(records: Iterator[Record]) -> Iterator[list[Record]]:
    block: list[Record] = []
    size = 0
    for record in records:
        block.append(record)
        size += len(record.raw) if isinstance(record.raw, bytes) else sum(map(len, record.raw))
        if len(block) == _RECORDS or size >= _BYTES:
            yield block
            block, size = [], 0
    if block:
        yield block


def _parse_of(path: str) -> Parse:
    return value_in_cell if format_of(path).name == _CSV else value_of


def _records(series: Series, path: str, file: BinaryIO, size: int, takes_new: bool) -> Iterator[Record]:
    """Every record of a file. Raises FileRejected."""
    written = format_of(path)
    if size == 0:
        return
    check = partial(_refuse_unknown, series, takes_new)
    try:
        if written.name == _PARQUET:
            yield from _from_parquet(pq.ParquetFile(file), series, check)
            return
        plain = gzip.GzipFile(fileobj=file) if written.is_zipped else file
        yield from _from_csv(plain, series, check) if written.name == _CSV else _from_json(plain, check)
    except _UNREADABLE as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> FileRejected:
    return FileRejected(Reason.UNREADABLE_FILE, str(error)[:500] or type(error).__name__)


def _from_csv(file: Any, series: Series, check: Callable[[Sequence[str]], None]) -> Iterator[Record]:
    records = csv_records(file)
    names = _header(next(records, None))
    _check_header(series, names, check)
    for record in records:
        cells = _cells(record, len(names))
        if isinstance(cells, Rejection):
            yield Record(record.line, record.raw or record.cells, {}, cells)
        else:
            values = {name: cell for name, cell in zip(names, cells, strict=True) if cell and name not in IGNORED}
            yield Record(record.line, record.cells, values)


def _header(record: CsvRecord | None) -> list[str]:
    if record is None:
        raise FileRejected(Reason.UNREADABLE_FILE, "it has no header")
    cells = _cells(record, len(record.cells))
    if isinstance(cells, Rejection):
        raise FileRejected(Reason.UNREADABLE_FILE, f"its header cannot be read: {cells.detail}")
    return cells


def _cells(record: CsvRecord, columns: int) -> list[str] | Rejection:
    if record.fault:
        return Rejection(Reason.BAD_ROW, record.fault)
    if len(record.cells) != columns:
        return Rejection(Reason.BAD_ROW, f"{len(record.cells)} fields instead of {columns}")
    try:
        return [cell.decode("utf-8") for cell in record.cells]
    except UnicodeDecodeError:
        return Rejection(Reason.BAD_ROW, "not written in UTF-8")


def _from_json(lines: Iterable[bytes], check: Callable[[Sequence[str]], None], first: int = 1) -> Iterator[Record]:
    names: tuple[str, ...] = ()
    for record in json_records(lines, first):
        if names != tuple(record.values):  # most have the names of the record before
            names = tuple(record.values)
            check(names)
        if not IGNORED.isdisjoint(names):
            record.values = {name: value for name, value in record.values.items() if name not in IGNORED}
        yield record


def _from_parquet(file: pq.ParquetFile, series: Series, check: Callable[[Sequence[str]], None]) -> Iterator[Record]:
    names = parquet_records.column_names(file)
    _check_header(series, names, check)
    wanted = [name for name in names if name not in IGNORED]
    for nth, values in enumerate(parquet_records.parquet_rows(file, wanted), start=1):
        yield Record(nth, values, values)


def _check_header(series: Series, names: Sequence[str], check: Callable[[Sequence[str]], None]) -> None:
    """Raises FileRejected unless `names` are columns of the series, at least one, none of them twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileRejected(Reason.UNREADABLE_FILE, f"it has a column twice: {', '.join(twice)[:200]}")
    if not set(names) & set(series.names):
        raise FileRejected(Reason.UNREADABLE_FILE, "its header names no column of the series")
    check(names)


def _refuse_unknown(series: Series, takes_new: bool, names: Sequence[str]) -> None:
    """Raises FileRejected if one of `names` is no column of the series, and none that it may get."""
    unknown = [name for name in names if name not in series.names and name not in IGNORED]
    if takes_new and unknown:
        taken = {name.lower() for name in (*series.names, *IGNORED)}
        unknown = [name for name in unknown if name.lower() in taken or not _NEW_COLUMN.fullmatch(name)]
    if unknown:
        raise FileRejected(
            Reason.UNKNOWN_COLUMN,
            f"unknown: {', '.join(unknown)[:1000]}; the file has {', '.join(names)[:2000]};"
            f" {series.name} has {', '.join(series.names)}",
        )
