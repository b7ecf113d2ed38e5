"""What a time series is: the one declaration from which its table, the reading of its files and its models derive.

Standard library only: programs that write a series import it without Spark.
"""

from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto


class Kind(Enum):
    """What the values of a field are."""

    TEXT = auto()
    TIME = auto()
    """UTC, in microseconds."""
    NUMBER = auto()
    """Double precision, finite."""
    INTEGER = auto()
    """32 bits."""
    BOOLEAN = auto()


class Reason(StrEnum):
    """Why a record, or a whole file, was rejected: the first failure in the order of the reasons."""

    BAD_ROW = "bad_row"
    MISSING_KEY = "missing_key"
    BAD_TIME = "bad_time"
    FUTURE = "future"
    BAD_TYPE = "bad_type"
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    BAD_VALUE = "bad_value"
    UNKNOWN_COLUMN = "unknown_column"
    UNREADABLE_FILE = "unreadable_file"
    UNKNOWN_FORMAT = "unknown_format"


class FuturesTrend(StrEnum):
    """Where futures point."""

    UP = "up"
    DOWN = "down"
    FLAT = "flat"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One column that a file may have, and the rules for its values. Null keeps every rule, unless it is in the key."""

    name: str
    kind: Kind
    doc: str
    least: float | None = None
    most: float | None = None
    words: type[StrEnum] | None = None
    """The only values that there are."""
    only_where: str | None = None
    """A boolean field of the same record that must be true where this one has a value."""
    not_before: str | None = None
    """A time of the same record."""

    @property
    def has_rules(self) -> bool:
        """Whether not every value of its kind is allowed, whatever else stands in the record."""
        return any(rule is not None for rule in (self.least, self.most, self.words))

    @property
    def bound_to(self) -> tuple[str, ...]:
        """The fields of the same record whose values decide whether one of this field is allowed."""
        return tuple(name for name in (self.only_where, self.not_before) if name is not None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A time series. `name` is that of its table in `foundation`, and of its folder below `series.landing`."""

    name: str
    grain: str
    key: tuple[str, ...]
    """`timestamp` comes first."""
    fields: tuple[Field, ...]
    """In the order of the table; those of the key and `updated_at` included."""
    clustered_by: str
    """Files are laid out by `timestamp` and this column."""
    names: tuple[str, ...] = field(init=False)
    """The columns that a file may have."""
    bound: tuple[Field, ...] = field(init=False)
    """The fields that are bound to others."""

    def __post_init__(self) -> None:
        # Found once, and not for each of millions of records.
        object.__setattr__(self, "names", tuple(field.name for field in self.fields))
        object.__setattr__(self, "bound", tuple(field for field in self.fields if field.bound_to))

    @property
    def key_without_time(self) -> tuple[str, ...]:
        """What the newest row is asked of."""
        return self.key[1:]


TIMESTAMP = Field(name="timestamp", kind=Kind.TIME, doc="The moment that the row describes, UTC.")
UPDATED_AT = Field(
    name="updated_at",
    kind=Kind.TIME,
    doc="When this version of the row was made, UTC; without it in the file, the file's modification time in whole"
    " milliseconds.",
)
