"""What a figure is made of: figures with their formulas, in blocks one below the other (docs/evidence.md).

A formula is an expression in the syntax of Python. Its names are figures of the same block, else of a block around it.
`sum(sale.cost_usd, CONDITION)` looks at the blocks of the kind `sale` below; `trade.leg.x` at those below the block of
the kind `trade` around it. Elsewhere `buy.value_usd` is a figure of the block that is linked under that name, else of
the only block of that kind. What depends on something unknown is unknown, and so is what is divided by 0; a comparison
with something unknown is false. The result is rounded half away from zero to the digits of the figure.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from pyspark.sql import types as T

from smart_trader.domain.arrow import unscaled
from smart_trader.domain.tables import table as declared
from smart_trader.domain.tables.table import Column, Table

Value = Decimal | int | str | datetime | tuple[str, ...] | None
"""Also a flag, which is an int."""

USD_UNIT = "USD"
RAW_UNIT = "base units"
UTC_UNIT = "UTC"
TOKENS_UNIT = "tokens"
RATIO_UNIT = "ratio"
PERCENT_UNIT = "%"
HOURS_UNIT = "h"
SETTING_UNIT = "setting"
FRACTION_UNIT = "fraction"
"""Of an exact number whose decimals do not end: numerator and denominator."""
_UNITS = (
    (declared.USD, USD_UNIT),
    (declared.PERCENT, PERCENT_UNIT),
    (declared.RATIO, RATIO_UNIT),
    (declared.PRICE, USD_UNIT),
    (declared.HOURS, HOURS_UNIT),
    (declared.SCORE, "points"),
    (declared.RAW, RAW_UNIT),
    (declared.TIMESTAMP, UTC_UNIT),
)
_EXACT = Context(prec=200)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row = Mapping[str, Any]
"""A row of a table, with aware times."""


class Figure(NamedTuple):
    name: str
    value: Value
    formula: str = ""
    """Empty for what is not computed: a served value, a setting, a mark, a version."""
    unit: str = ""
    """Empty for a count, a flag and a text."""
    note: str = ""
    """What the formula does not say."""


@dataclass(frozen=True, slots=True)
class Block:
    """Figures about one thing, and the blocks that they are computed from."""

    kind: str
    name: str
    """Tells it from the others of its kind."""
    figures: Sequence[Figure]
    blocks: Sequence["Block"] = ()
    links: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    """Other blocks, by kind and name, under the names that formulas give them."""

    def value(self, name: str) -> Value:
        """The value of a figure; None if it is not there."""
        return next((figure.value for figure in self.figures if figure.name == name), None)


def stored(table: Table, row: Row, formulas: Mapping[str, str], notes: Mapping[str, str] | None = None) -> list[Figure]:
    """The columns of `formulas` in a row of `table`, each with its formula: empty for one that is given.

    A row of an older version may lack a column, whose value is then unknown.
    """
    columns = {column.name: column for column in table.columns}
    return [
        Figure(name, _plain(row.get(name)), formula, _unit(columns[name]), (notes or {}).get(name, ""))
        for name, formula in formulas.items()
        if name in columns
    ]


def _unit(column: Column) -> str:
    if column.name == "multiplier":
        return TOKENS_UNIT
    # Percentages and ratios have the same digits, so a type is told by what it is, not by what it equals.
    other = TOKENS_UNIT if isinstance(column.type, T.DecimalType) else ""
    return next((unit for of, unit in _UNITS if of is column.type), other)


def _plain(value: Any) -> Value:
    return tuple(value) if isinstance(value, list) else value


def scaled(number: int | None, places: int) -> Decimal | None:
    """An integer of the kernel in units: `number` / 10^`places`."""
    return None if number is None else Decimal(number).scaleb(-places, _EXACT)


def exact(numerator: int, denominator: int) -> Decimal:
    """A fraction whose decimal ends, with all of its digits and none after them."""
    digits, divisor = Fraction(numerator, denominator), 1
    while (digits * divisor).denominator != 1:
        divisor *= 10
    return Decimal(int(digits * divisor)).scaleb(1 - len(str(divisor)), _EXACT)


def fraction(number: Fraction | None) -> str | None:
    return None if number is None else f"{number.numerator}/{number.denominator}"


def to_integer(number: Decimal | None, places: int) -> int | None:
    """The inverse of `scaled`."""
    return None if number is None else unscaled(number, places)


def microseconds(time: datetime) -> int:
    return (time - _EPOCH) // timedelta(microseconds=1)


def moment(micros: int | None) -> datetime | None:
    return None if micros is None else _EPOCH + timedelta(microseconds=micros)


def is_one_of(name: str, words: Iterable[str]) -> str:
    """The formula that says whether the text `name` is one of `words`."""
    return " or ".join(f"{name} == '{word}'" for word in words)
