"""From landed files to what is written of them: versions of rows, and rejected records."""

import gc
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from io import BytesIO
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from smart_trader.domain.foundation import rejected_rows
from smart_trader.domain.foundation.blocks import Block
from smart_trader.domain.foundation.files import format_of, new_columns, read_file
from smart_trader.domain.foundation.records import FileRejected, Rejection
from smart_trader.domain.foundation.series import UPDATED_AT, Reason, Series
from smart_trader.domain.foundation.tables import DAY, SOURCE_FILE, SOURCE_LINE, TYPES
from smart_trader.domain.tables.table import COUNT, STRING

FILES = T.StructType(
    [
        T.StructField("source_file", STRING),
        T.StructField("bytes", COUNT),
        T.StructField("modified_ms", COUNT),
        T.StructField("place", STRING),
        T.StructField("content", T.BinaryType()),
    ]
)
"""Landed files: the path below `series.landing`, the modification time in milliseconds after 1970, and the path on this
machine, or else the bytes."""
VERSION = (UPDATED_AT.name, SOURCE_FILE.name, SOURCE_LINE.name)
"""What decides between rows of one key: the greatest wins."""
_REJECTION = ("reason", "detail", "raw")


def find_new_columns(series: Series, files: DataFrame) -> DataFrame:
    """The columns in `files` (`FILES`) that the series does not have and may get: `name`, and `kind` for each kind of
    its values. Columns without a value are left out."""
    schema = T.StructType([T.StructField("name", STRING), T.StructField("kind", STRING)])
    find = partial(_find_batches, series=series, schema=to_arrow_schema(schema))
    return files.mapInArrow(find, schema).distinct()


def read_records(series: Series, files: DataFrame, *, latest: datetime, takes_new: bool = False) -> DataFrame:
    """One row for each record in `files` (`FILES`): the columns of the series and where the record stands, or `reason`,
    `detail` and `raw`. A file that is rejected whole has a row without `source_line`; its other rows do not count. No
    time in a record may be after `latest`. With `takes_new` a file may have columns that the series may get."""
    schema = T.StructType(
        [
            *(T.StructField(field.name, TYPES[field.kind]) for field in series.fields),
            T.StructField(SOURCE_FILE.name, STRING),
            T.StructField(SOURCE_LINE.name, COUNT),
            *(T.StructField(name, STRING) for name in _REJECTION),
        ]
    )
    read_one = partial(read_file, series, latest=latest, takes_new=takes_new)
    read = partial(_read_batches, read=read_one, schema=to_arrow_schema(schema))
    return files.mapInArrow(read, schema)


def count_by_file(records: DataFrame) -> DataFrame:
    """What `read_records` found in each file: `records`, `rejected`, and `reason` and `detail` if it was rejected
    whole."""
    is_whole = F.col("source_line").isNull()
    is_rejected = F.col("reason").isNotNull()
    return records.groupBy("source_file").agg(
        F.count_if(~is_whole).alias("records"),
        F.count_if(is_rejected & ~is_whole).alias("rejected"),
        F.max(F.when(is_whole, F.col("reason"))).alias("reason"),
        F.max(F.when(is_whole, F.col("detail"))).alias("detail"),
    )


def newest_versions(series: Series, records: DataFrame) -> DataFrame:
    """Rows of the table of the series: of each key in `records` the greatest version, rejected records left out. All
    rows of a day are in one partition."""
    rows = records.where(F.col("reason").isNull()).drop(*_REJECTION)
    newest_first = [F.col(name).desc() for name in VERSION]
    in_key = Window.partitionBy(DAY.name, *series.key).orderBy(*newest_first)
    return (
        rows.withColumn(DAY.name, F.to_date("timestamp"))
        .repartition(DAY.name)
        .withColumn("_nth", F.row_number().over(in_key))
        .where(F.col("_nth") == 1)
        .drop("_nth")
    )


def rejected_records(series: Series, records: DataFrame, *, rejected_at: datetime) -> DataFrame:
    """Rows of foundation.rejected_rows."""
    return (
        records.where(F.col("reason").isNotNull())
        .withColumnsRenamed({SOURCE_LINE.name: "line"})
        .withColumn("source", F.lit(series.name))
        .withColumn("raw_sha256", F.sha2("raw", 256))
        .withColumn("rejected_at", F.lit(rejected_at))
        .select(*rejected_rows.TABLE.column_names)
    )


def _read_batches(
    batches: Iterator[pa.RecordBatch], *, read: Callable[..., Iterator[Block]], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    gc.disable()  # records hold no cycles, and looking for some takes a fifth of the time
    try:
        for batch in batches:
            for file in batch.to_pylist():
                yield from _read(file, read, schema)
    finally:
        gc.enable()


def _read(file: dict[str, Any], read: Callable[..., Iterator[Block]], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    name = file["source_file"]
    modified_at = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=file["modified_ms"])
    try:
        format_of(name)  # some names cannot be opened
        with _opened(file) as stream:
            for block in read(name, stream, size=file["bytes"]):
                yield _as_batch(block, name, modified_at, schema)
    except (FileRejected, OSError) as error:
        whole = error.rejection if isinstance(error, FileRejected) else Rejection(Reason.UNREADABLE_FILE, str(error))
        row = {"source_file": name, "reason": str(whole.reason), "detail": whole.detail}
        yield pa.RecordBatch.from_pylist([row], schema)


def _find_batches(batches: Iterator[pa.RecordBatch], *, series: Series, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    for batch in batches:
        for file in batch.to_pylist():
            with suppress(FileRejected, OSError), _opened(file) as stream:  # rejected when its records are read
                found = new_columns(series, file["source_file"], stream, size=file["bytes"])
                rows = [{"name": name, "kind": kind.name} for name, kinds in found.items() for kind in kinds]
                yield pa.RecordBatch.from_pylist(rows, schema)


def _as_batch(block: Block, name: str, modified_at: datetime, schema: pa.Schema) -> pa.RecordBatch:
    count = len(block.lines)
    columns: dict[str, pa.Array] = dict(block.columns)
    reasons: dict[str, list[str | None]] = {column: [None] * count for column in _REJECTION}
    for nth, (rejection, raw) in block.rejections.items():
        reasons["reason"][nth], reasons["detail"][nth], reasons["raw"][nth] = (
            str(rejection.reason),
            rejection.detail,
            raw,
        )
    columns |= {column: pa.array(texts, pa.string()) for column, texts in reasons.items()}
    updated_at = columns[UPDATED_AT.name]
    filled = updated_at.fill_null(pa.scalar(modified_at, updated_at.type))
    columns[UPDATED_AT.name] = pc.if_else(pc.is_null(columns["reason"]), filled, None)
    columns[SOURCE_FILE.name] = pa.repeat(name, count)
    columns[SOURCE_LINE.name] = pa.array(block.lines, pa.int64())
    return pa.RecordBatch.from_arrays([columns[field.name] for field in schema], schema=schema)


def _opened(file: dict[str, Any]) -> BinaryIO:
    if file["content"] is not None:
        return BytesIO(file["content"])
    return open(file["place"], "rb")
