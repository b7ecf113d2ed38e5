"""Hand-made rows as DataFrames, and DataFrames as rows."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import types as T
from pyspark.sql.pandas.types import to_arrow_schema

from smart_trader.domain.tables.table import Table


def frame(spark: SparkSession, table: Table, *rows: Mapping[str, Any]) -> DataFrame:
    """Rows of `table`; columns that are not given are null, whatever the declaration says of them."""
    schema = T.StructType([T.StructField(field.name, field.dataType) for field in table.schema])
    unknown = {name for row in rows for name in row} - set(schema.names)
    assert not unknown, f"{table.name} has no {unknown}"
    columns = pa.Table.from_pylist([dict(row) for row in rows], schema=to_arrow_schema(schema))
    return spark.createDataFrame(columns, schema)


def collected(rows: DataFrame) -> list[dict[str, Any]]:
    """Rows as dictionaries, times aware."""
    return list(rows.toArrow().to_pylist())
