"""Finds the rows that break their declaration, and the broken rules."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from smart_trader.domain.tables.declared_rows import NULL_ELEMENT
from smart_trader.domain.tables.row_rules import Examination, examine_declared
from smart_trader.domain.tables.table import Table
from smart_trader.errors import QualityError

_REJECTIONS = ("DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", NULL_ELEMENT)
"""Error classes of Delta for a row that it rejects, and our own for a row that it would have written."""


def reject_broken(table: Table, rows: DataFrame, done: str) -> None:
    """Raises QualityError with the rules and a few rows if any of `rows` breaks a declared rule."""
    examination = examine_declared(table, rows)
    if broken := _broken_rules(examination):
        raise QualityError(f"{table.name}: rows break what is declared of them, so {done}.{broken}\n  next: {_NEXT}")


_NEXT = "correct the rows or the declaration; if no other program wrote them, report it as a bug."


def _broken_rules(examination: Examination) -> str:
    counts = examination.count().collect()[0]
    broken = [(rule, count) for rule, count in zip(examination.rules, counts, strict=True) if count]
    lines = []
    for rule, count in broken:
        named = ", ".join(
            " ".join(f"{name}={value}" for name, value in row.asDict().items())
            for row in examination.examples(rule).collect()
        )
        lines.append(f"\n  {rule.name}: {count} rows, such as {named}")
    return "".join(lines)


@contextmanager
def rejections_named(table: Table, rows: Callable[[], DataFrame]) -> Iterator[None]:
    """Raises QualityError with table, check and row if Delta rejects a row that is written inside.

    `rows` are the rows to be written. They are searched only after a rejection, since Delta names no key.
    """
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        message = f"{error}\n{getattr(error, '_stackTrace', '')}"
        if not any(text in message for text in _REJECTIONS):
            raise
        reject_broken(table, rows(), "nothing was written")
        line = next(line for line in message.splitlines() if any(text in line for text in _REJECTIONS))
        raise QualityError(f"{table.name}: {line.strip()} Nothing was written.\n  next: {_NEXT}") from error
