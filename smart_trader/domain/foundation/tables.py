"""The tables of the time series, derived from their declarations."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace

from pyspark.sql import types as T

from smart_trader.domain.foundation.all_series import ALL_SERIES
from smart_trader.domain.foundation.records import IGNORED
from smart_trader.domain.foundation.series import UPDATED_AT, Field, Kind, Series
from smart_trader.domain.tables.table import (
    BOOLEAN,
    COUNT,
    DATE,
    DOUBLE,
    INT,
    STRING,
    TIMESTAMP,
    Check,
    Column,
    Table,
    one_of,
)

TYPES: dict[Kind, T.DataType] = {
    Kind.TEXT: STRING,
    Kind.TIME: TIMESTAMP,
    Kind.NUMBER: DOUBLE,
    Kind.INTEGER: INT,
    Kind.BOOLEAN: BOOLEAN,
}
_KINDS = {kind: name for name, kind in TYPES.items()}
SOURCE_FILE = Column(
    "source_file", STRING, "File that the row was read from, by its path below `series.landing`.", nullable=False
)
SOURCE_LINE = Column(
    "source_line", COUNT, "Line on which its record begins, from 1; the row of a Parquet file.", nullable=False
)
DAY = Column("date", DATE, "UTC day of `timestamp`.", nullable=False)


def table_of(series: Series) -> Table:
    """The table of a series."""
    return Table(
        name=f"foundation.{series.name}",
        grain=series.grain,
        key=series.key,
        job="ingest_timeseries",
        columns=(*(_column(series, field) for field in series.fields), SOURCE_FILE, SOURCE_LINE, DAY),
        partitioned_by=(DAY.name,),
        clustered_by=("timestamp", series.clustered_by),
        is_open=True,
        checks=(*(check for field in series.fields for check in _checks(field)), _DAY_OF_TIMESTAMP),
    )


def as_stored(series: Series, stored: T.StructType) -> Series:
    """The series with the columns that files have added to its table, whose schema is `stored`."""
    more = [field for field in stored if field.name not in (*series.names, *IGNORED)]
    return with_fields(series, {field.name: _KINDS[field.dataType] for field in more})


def with_fields(series: Series, kinds: Mapping[str, Kind]) -> Series:
    """The series with more columns, of these kinds by name."""
    more = (Field(name=name, kind=kind, doc="From files.") for name, kind in kinds.items())
    return replace(series, fields=(*series.fields, *more))


_DAY_OF_TIMESTAMP = Check("date_of_timestamp", "date = CAST(timestamp AS DATE)")


def _column(series: Series, field: Field) -> Column:
    is_needed = field.name in (*series.key, UPDATED_AT.name)
    return Column(field.name, TYPES[field.kind], field.doc, nullable=not is_needed)


def _checks(field: Field) -> Iterator[Check]:
    name = field.name
    if field.kind is Kind.NUMBER:  # to Spark NaN is greater than infinity
        yield Check(f"{name}_finite", f"{name} IS NULL OR abs({name}) <= {sys.float_info.max!r}")
    if field.least is not None:
        yield Check(f"{name}_not_below", f"{name} IS NULL OR {name} >= {field.least:g}")
    if field.most is not None:
        yield Check(f"{name}_not_above", f"{name} IS NULL OR {name} <= {field.most:g}")
    if field.words is not None:
        yield one_of(name, field.words)
    if field.only_where is not None:
        yield Check(f"{name}_only_where", f"{name} IS NULL OR coalesce({field.only_where}, false)")
    if field.not_before is not None:
        yield Check(f"{name}_not_before", f"{name} IS NULL OR {name} >= {field.not_before}")


def with_columns_of(series: Series) -> Table:
    """The declared table with all columns of the series: files bring columns, and no checks."""
    return replace(table_of(series), checks=TABLES[series.name].checks)


TABLES = {series.name: table_of(series) for series in ALL_SERIES}
"""By the name of the series."""
