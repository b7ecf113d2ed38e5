"""Numbers that fit the columns of the bronze tables."""

from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import NamedTuple

from pyspark.sql.types import DecimalType

from smart_trader.domain.tables import table

EXACT = Context(prec=1000, rounding=ROUND_DOWN, Emax=999_999_999, Emin=-999_999_999, traps=[])
"""Cutting off at 1000 digits and then rounding half up is the same as rounding once."""


class Scale(NamedTuple):
    """A DECIMAL column: its last digit, and a context that has as many digits as the column."""

    unit: Decimal
    context: Context


def _scale(column: DecimalType) -> Scale:
    return Scale(Decimal(1).scaleb(-column.scale), Context(prec=column.precision, rounding=ROUND_HALF_UP))


USD, PRICE, PERCENT = (_scale(column) for column in (table.USD, table.PRICE, table.PERCENT))


def fitted(exact: Decimal | None, scale: Scale) -> Decimal | None:
    """A display figure, rounded half up to its column; None where it does not fit."""
    if exact is None:
        return None
    try:
        return exact.quantize(scale.unit, context=scale.context)
    except InvalidOperation:
        return None
