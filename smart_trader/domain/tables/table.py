"""What a table is: the one declaration from which DDL, checks, the dictionary and test frames derive."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

from pyspark.sql import types as T

from smart_trader.domain.tables.state_flags import StateFlag

STRING = T.StringType()
BOOLEAN = T.BooleanType()
INT = T.IntegerType()
COUNT = T.LongType()
DATE = T.DateType()
TIMESTAMP = T.TimestampType()
DOUBLE = T.DoubleType()
"""A measurement, such as an index; never money of the ranking."""
STRINGS = T.ArrayType(STRING, containsNull=False)

RAW = T.DecimalType(38, 0)
"""An exact count of base units."""
USD = T.DecimalType(28, 9)
PRICE = T.DecimalType(38, 18)
PERCENT = T.DecimalType(38, 6)
RATIO = T.DecimalType(38, 6)
HOURS = T.DecimalType(18, 6)
SCORE = T.DecimalType(9, 4)


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `owner` names the job that keeps a state column; other columns belong to the table's job."""

    name: str
    type: T.DataType
    doc: str
    nullable: bool = True
    owner: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that each row keeps, as a SQL condition that Delta enforces on every write."""

    name: str
    condition: str


@dataclass(frozen=True, slots=True)
class Maintenance:
    """How `maintain` keeps the files of a table."""

    file_megabytes: int = 100
    """Files are merged up to this size."""
    cluster_percent: int = 20
    """A clustered table is written anew, in order, when so much of it was written since the last time."""
    vacuum_days: int = 7
    """How often files that no readable version needs are looked for."""


BATCH_ID = Column("batch_id", STRING, "Run that wrote the row.", nullable=False)
INGESTED_AT = Column("ingested_at", TIMESTAMP, "When the row was written, UTC.", nullable=False)


@dataclass(frozen=True)
class Table:
    """A Delta table of the lake, stored under `LAYER/NAME` of the warehouse root.

    `columns` leaves out `batch_id` and `ingested_at`, which every table has. `job` is the one that writes its rows.
    `reset_on_restore` are the states that refer to its rows, or to what follows from them.
    """

    name: str
    grain: str
    key: tuple[str, ...]
    job: str
    columns: tuple[Column, ...]
    partitioned_by: tuple[str, ...] = ()
    clustered_by: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    reset_on_restore: tuple[StateFlag, ...] = ()
    maintenance: Maintenance = Maintenance()
    is_open: bool = False
    """A stored table may have more columns, all of which may be null: files of other programs bring them."""

    @property
    def layer(self) -> str:
        return self.name.partition(".")[0]

    @property
    def path(self) -> str:
        """Relative to the warehouse root."""
        return self.name.replace(".", "/")

    @cached_property
    def stats_columns(self) -> tuple[str, ...]:
        """Columns whose range each file keeps; of a table that is not clustered, all that Delta keeps by itself.

        Ranges of the others help no reader, and keeping them takes up to a third of the time of a write. A flag has no
        range, and Delta takes none of a list with one, so a table that is clustered by it keeps all as well.
        """
        if any(self.schema[name].dataType == BOOLEAN for name in self.clustered_by):
            return ()
        times = tuple(name for name in ("block_time",) if name in self.column_names)
        return (*self.clustered_by, *times) if self.clustered_by else ()

    @cached_property
    def all_columns(self) -> tuple[Column, ...]:
        return (*self.columns, BATCH_ID, INGESTED_AT)

    @cached_property
    def schema(self) -> T.StructType:
        """The columns in declared order, `batch_id` and `ingested_at` last."""
        return T.StructType([T.StructField(c.name, c.type, c.nullable) for c in self.all_columns])

    @cached_property
    def column_names(self) -> tuple[str, ...]:
        """Names of the table's own columns."""
        return tuple(c.name for c in self.columns)

    @cached_property
    def own_schema(self) -> T.StructType:
        """The table's own columns in declared order."""
        return self.fields(self.column_names)

    def as_stored(self, stored: T.StructType) -> "Table":
        """Itself; if it is open, with the columns of `stored` that it does not declare."""
        if not self.is_open:
            return self
        more = [field for field in stored if field.name not in self.schema.names and field.nullable]
        return replace(self, columns=(*self.columns, *(Column(f.name, f.dataType, "From files.") for f in more)))

    def fields(self, names: Iterable[str]) -> T.StructType:
        """The schema of some columns, in the order of `names`."""
        return T.StructType([self.schema[name] for name in names])


def not_negative(*names: str) -> tuple[Check, ...]:
    """Checks that none of these columns is below zero. Delta refuses a row whose check is null, so null is let pass."""
    return tuple(Check(f"{name}_not_negative", f"{name} IS NULL OR {name} >= 0") for name in names)


def one_of(name: str, values: type[StrEnum]) -> Check:
    """A check that the column is one of `values`; null passes."""
    listed = ", ".join(f"'{value}'" for value in values)
    return Check(f"{name}_known", f"{name} IS NULL OR {name} IN ({listed})")


def either(values: type[StrEnum]) -> str:
    """The values in words, for the description of a column: "a, b or c"."""
    *others, last = values
    return f"{', '.join(others)} or {last}" if others else last
