"""The worked examples of the pages in docs, as their tests read them."""

import re
from pathlib import Path

DOCS = Path(__file__).parents[1] / "docs"


def example(page: str, name: str) -> list[list[str]]:
    """The cells of a block of a worked example, row by row; columns are two blanks apart."""
    text = (DOCS / page).read_text(encoding="utf-8")
    block = re.search(rf"<!-- example: {name} -->\n```text\n(.*?)```", text, re.DOTALL)
    assert block, f"docs/{page} has no example {name!r}"
    return [re.split(r" {2,}", line) for line in block[1].splitlines()]


def stated(page: str, name: str) -> dict[str, str]:
    """Name and value of each line; what follows explains the value."""
    return {cells[0]: cells[1] for cells in example(page, name)}


def records(page: str, name: str) -> list[dict[str, str]]:
    """The lines below the heading, each cell by its name."""
    header, *rows = example(page, name)
    return [dict(zip(header, row, strict=True)) for row in rows]
