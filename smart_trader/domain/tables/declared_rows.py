"""Rows as their table declares them: what a write needs and Spark does not infer."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F
from pyspark.sql import types as T

from smart_trader.domain.tables.table import Table

NULL_ELEMENT = "an array has an element that is null, which its declaration rules out"


def as_declared(table: Table, rows: DataFrame) -> DataFrame:
    """`rows` with arrays and structs of exactly the declared types, elements that are never null included.

    Spark infers that an element may be null wherever it cannot know better, such as in all that is made from columns
    that may be. An append lets that pass, null elements too; a MERGE refuses the type, even if no element is null.
    Reading a row that does have a null element, where none may be, raises with `NULL_ELEMENT`.
    """
    nested = [c for c in table.columns if isinstance(c.type, T.ArrayType | T.StructType) and c.name in rows.columns]
    given = rows.schema if nested else T.StructType()
    differing = [column for column in nested if given[column.name].dataType != column.type]
    return rows.withColumns({c.name: _typed(F.col(c.name), given[c.name].dataType, c.type) for c in differing})


def inferred(kind: T.DataType) -> T.DataType:
    """The type as Spark infers it where it knows nothing of the values: anything in it may be null."""
    if isinstance(kind, T.ArrayType):
        return T.ArrayType(inferred(kind.elementType), containsNull=True)
    if isinstance(kind, T.StructType):
        return T.StructType([T.StructField(field.name, inferred(field.dataType)) for field in kind])
    return kind


def _typed(value: Column, given: T.DataType, declared: T.DataType) -> Column:
    """The value in the declared type, as far as nullability goes; null stays null."""
    if isinstance(given, T.StructType) and isinstance(declared, T.StructType):
        fields = [_typed(value[f.name], given[f.name].dataType, f.dataType).alias(f.name) for f in declared]
        return F.when(value.isNotNull(), F.struct(*fields))
    if not isinstance(given, T.ArrayType) or not isinstance(declared, T.ArrayType):
        return value
    items = value
    if given.elementType != declared.elementType:
        items = F.transform(value, lambda item: _typed(item, given.elementType, declared.elementType))
    if declared.containsNull or not given.containsNull:
        return items
    has_null = F.exists(value, lambda item: item.isNull())
    # There is no null to be left out: it is what Spark takes for an array that has none.
    return F.when(has_null, F.raise_error(NULL_ELEMENT)).otherwise(F.array_compact(items))
