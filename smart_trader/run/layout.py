"""Text layout of the summaries: tables, and lists wrapped at `WIDTH` columns."""

import textwrap
from collections.abc import Sequence

from smart_trader.foreign import printable

WIDTH = 100


def table(header: Sequence[str], rows: Sequence[Sequence[object]], *, texts: int) -> str:
    """A table with columns as wide as their widest cell: the first `texts` columns left-aligned, the others right."""
    cells = [list(header), *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(header))]
    lines = [
        "  ".join(
            cell.ljust(width) if column < texts else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in cells
    ]
    return "\n".join([lines[0], "-" * max(map(len, lines)), *lines[1:]])


def bullets(title: str, texts: Sequence[str]) -> list[str]:
    """A line with `title` and the texts below it, wrapped; nothing without texts."""
    lines = [
        line
        for text in texts
        for line in textwrap.wrap(printable(text), WIDTH, initial_indent="  - ", subsequent_indent="    ")
    ]
    return [title, *lines] if lines else []


def _cell(value: object) -> str:
    """The text of a cell. Zero and null are a dash, so that other figures stand out. From a million on a figure is
    shortened; `ops.runs` has all of its digits."""
    if value is None:
        return "-"
    if not isinstance(value, int):
        return printable(str(value))
    for size, sign in ((10**12, "T"), (10**9, "G"), (10**6, "M")):
        if value >= size:
            return f"{value // (size // 10) / 10:.1f} {sign}"
    return f"{value:,}" if value else "-"
