"""Rows that break what is declared of them: which, and by which rule."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame

from smart_trader.domain.tables.declared_rows import NULL_ELEMENT
from smart_trader.domain.tables.row_rules import Examination, examine_declared
from smart_trader.domain.tables.table import Table
from smart_trader.errors import QualityError

_REFUSALS = ("DELTA_VIOLATE_CONSTRAINT_WITH_VALUES", "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", NULL_ELEMENT)
"""What Delta says of a row that it does not write, and what is said of one that it would have written."""


def refuse_broken(table: Table, rows: DataFrame, done: str) -> None:
    """Raises QualityError if any of `rows` breaks what is declared of each row; names rules and a few of the rows."""
    examination = examine_declared(table, rows)
    if told := _told(examination):
        raise QualityError(f"{table.name}: rows break what is declared of them, so {done}.{told}\n  next: {_NEXT}")


_NEXT = "correct the rows or the declaration; if no other program wrote them, report it as a bug."


def _told(examination: Examination) -> str:
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
def refusals_named(table: Table, rows: Callable[[], DataFrame]) -> Iterator[None]:
    """Where Delta refuses a row that is written inside, raises QualityError with table, check and row.

    `rows` are those to be written. They are looked through only then: Delta itself names no key.
    """
    try:
        yield
    except (Py4JJavaError, PySparkException) as error:
        said = f"{error}\n{getattr(error, '_stackTrace', '')}"
        if not any(text in said for text in _REFUSALS):
            raise
        refuse_broken(table, rows(), "nothing was written")
        line = next(line for line in said.splitlines() if any(text in line for text in _REFUSALS))
        raise QualityError(f"{table.name}: {line.strip()} Nothing was written.\n  next: {_NEXT}") from error
