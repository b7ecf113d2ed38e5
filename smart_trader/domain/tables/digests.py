"""What two lakes that hold the same rows agree in, whoever wrote them, in how many commits and files."""

import hashlib
from collections.abc import Iterable

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.tables.table import BATCH_ID, INGESTED_AT, Table

_VERSIONS = (f"{table}_version" for table in ("wallet_pnl", "realized_sales", "trades", "tracked_whales"))
OF_THE_RUN = frozenset((BATCH_ID.name, INGESTED_AT.name, "bronze_batch_id", *_VERSIONS, "digest"))
"""Columns that name a run or a commit, or are made of such: they differ between lakes that hold the same."""
_PART = 3
"""Hexadecimal digits: rows are gathered in so many parts, 4,096, that each fits into memory."""


def digest_parts(table: Table, rows: DataFrame) -> DataFrame:
    """A digest over the sorted rows of each part (`part`, `digest`), at most 4,096. Hand them to `digest_of`."""
    fields = [field for field in table.schema if field.name not in OF_THE_RUN]
    text = F.to_json(F.struct(*(_as_text(field).alias(field.name) for field in fields)), {"ignoreNullFields": "false"})
    hashed = rows.select(F.sha2(text, 256).alias("row"))
    sorted_rows = F.concat_ws("\n", F.sort_array(F.collect_list("row")))
    return hashed.groupBy(F.substring("row", 1, _PART).alias("part")).agg(F.sha2(sorted_rows, 256).alias("digest"))


def digest_of(parts: Iterable[str]) -> str:
    """The digest of a table from those of its parts."""
    return hashlib.sha256("\n".join(sorted(parts)).encode()).hexdigest()


def _as_text(field: T.StructField) -> Column:
    """A number with all its digits, a time in microseconds: as JSON numbers they may lose some."""
    column = F.col(field.name)
    if isinstance(field.dataType, T.TimestampType):
        return F.unix_micros(column).cast("string")
    return column if isinstance(field.dataType, T.ArrayType) else column.cast("string")
