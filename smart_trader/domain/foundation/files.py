"""The files of a series: which are looked at, what they hold, and which are rejected whole."""

import gzip
import hashlib
import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from smart_trader.domain.foundation import parquet_records
from smart_trader.domain.foundation.csv_records import CsvRecord, csv_records
from smart_trader.domain.foundation.json_records import json_records
from smart_trader.domain.foundation.records import (
    IGNORED,
    LONGEST_RAW,
    FileRejected,
    Found,
    Rejection,
    read_cells,
    read_values,
)
from smart_trader.domain.foundation.series import Reason, Series

_FORMAT = re.compile(r"\.(?:(csv|jsonl|ndjson|json)(\.gz)?|(parquet))", re.IGNORECASE)
_UNREADABLE = (OSError, EOFError, zlib.error, pa.ArrowException)
_UNBEARABLE = frozenset(":\n\r")
"""Characters that Hadoop's paths do not bear."""


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
    if _UNBEARABLE.intersection(path):
        raise FileRejected(Reason.UNREADABLE_FILE, "its name holds a colon or a line break: rename it")
    for found in _FORMAT.finditer(name):
        if found.end() == len(name):
            return Format((found[1] or found[3]).lower(), is_zipped=found[2] is not None)
    raise FileRejected(
        Reason.UNKNOWN_FORMAT, "its name ends with none of .csv, .jsonl, .ndjson, .json, these with .gz, .parquet"
    )


def read_file(series: Series, path: str, file: BinaryIO, *, size: int, latest: datetime) -> Iterator[Found]:
    """Every record of a file of `size` bytes, as a row or with the reason why it is rejected. No time in it may be
    after `latest`. Raises FileRejected, possibly after some records: then none of them counts."""
    written = format_of(path)
    if size == 0:
        return
    try:
        if written.name == "parquet":
            yield from _from_parquet(series, pq.ParquetFile(file), latest)
            return
        plain = gzip.GzipFile(fileobj=file) if written.is_zipped else file
        read = _from_csv if written.name == "csv" else _from_json
        yield from read(series, plain, latest)  # type: ignore[arg-type]
    except _UNREADABLE as error:
        raise FileRejected(Reason.UNREADABLE_FILE, str(error)[:500] or type(error).__name__) from error


def raw_hash(raw: str) -> str:
    """SHA-256 of a rejected record, lower-case hex."""
    return hashlib.sha256(raw.encode()).hexdigest()


def _from_csv(series: Series, file: BinaryIO, latest: datetime) -> Iterator[Found]:
    records = csv_records(file)
    names = _header(series, next(records, None))
    for record in records:
        cells = _texts(record, len(names))
        if isinstance(cells, Rejection):
            yield _rejected(record.line, cells, record.raw or b",".join(record.cells))
            continue
        given = {name: cell for name, cell in zip(names, cells, strict=True) if name not in IGNORED}
        row = read_cells(series, given, latest=latest)
        if isinstance(row, Rejection):
            yield _rejected(record.line, row, b",".join(record.cells))
        else:
            yield Found(record.line, row)


def _header(series: Series, record: CsvRecord | None) -> list[str]:
    if record is None:
        raise FileRejected(Reason.UNREADABLE_FILE, "it has no header")
    try:
        names = [cell.decode("utf-8") for cell in record.cells]
    except UnicodeDecodeError as error:
        raise FileRejected(Reason.UNREADABLE_FILE, "its header is not written in UTF-8") from error
    if record.fault:
        raise FileRejected(Reason.UNREADABLE_FILE, f"its header cannot be read: {record.fault}")
    check_columns(series, names)
    return names


def check_columns(series: Series, names: Sequence[str]) -> None:
    """Raises FileRejected unless `names` are columns of the series, at least one, none of them twice."""
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileRejected(Reason.UNREADABLE_FILE, f"it has a column twice: {', '.join(twice)[:200]}")
    if not set(names) & set(series.names):
        raise FileRejected(Reason.UNREADABLE_FILE, "its header names no column of the series")
    refuse_unknown(series, names)


def refuse_unknown(series: Series, names: Sequence[str]) -> None:
    """Raises FileRejected if one of `names` is no column of the series."""
    unknown = [name for name in names if name not in series.names and name not in IGNORED]
    if unknown:
        raise FileRejected(
            Reason.UNKNOWN_COLUMN,
            f"unknown: {', '.join(unknown)[:1000]}; the file has {', '.join(names)[:2000]};"
            f" {series.name} has {', '.join(series.names)}",
        )


def _texts(record: CsvRecord, columns: int) -> list[str] | Rejection:
    if record.fault:
        return Rejection(Reason.BAD_ROW, record.fault)
    if len(record.cells) != columns:
        return Rejection(Reason.BAD_ROW, f"{len(record.cells)} fields instead of {columns}")
    try:
        return [cell.decode("utf-8") for cell in record.cells]
    except UnicodeDecodeError:
        return Rejection(Reason.BAD_ROW, "not written in UTF-8")


def _from_json(series: Series, file: BinaryIO, latest: datetime) -> Iterator[Found]:
    for record in json_records(file):
        if record.fault:
            yield _rejected(record.line, Rejection(Reason.BAD_ROW, record.fault), record.raw)
            continue
        refuse_unknown(series, list(record.values))
        given = {name: value for name, value in record.values.items() if name not in IGNORED}
        row = read_values(series, given, latest=latest)
        yield _rejected(record.line, row, record.raw) if isinstance(row, Rejection) else Found(record.line, row)


def _from_parquet(series: Series, file: pq.ParquetFile, latest: datetime) -> Iterator[Found]:
    names = parquet_records.column_names(file)
    check_columns(series, names)
    wanted = [name for name in names if name not in IGNORED]
    for nth, values in enumerate(parquet_records.parquet_rows(file, wanted), start=1):
        row = read_values(series, values, latest=latest)
        if isinstance(row, Rejection):
            yield _rejected(nth, row, parquet_records.as_text(values).encode())
        else:
            yield Found(nth, row)


def _rejected(line: int, rejection: Rejection, raw: bytes) -> Found:
    return Found(line, rejection=rejection, raw=raw.decode("utf-8", "replace")[:LONGEST_RAW])
