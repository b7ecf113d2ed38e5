"""The explanation of a wallet's figures: a document for programs, and an outline for people."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from textwrap import wrap
from typing import Any

from smart_trader.domain.evidence.figures import RAW_UNIT, UTC_UNIT, Block, Figure
from smart_trader.report.explained_tables import TABLES, WIDTH, shown, table_lines
from smart_trader.report.text import clipped

_NAME, _VALUE = 27, 24
_TITLES = {
    "wallet": "Wallet",
    "ranking": "Ranking of",
    "portfolio": "Portfolio",
    "token": "Token",
    "arbitrage": "Arbitrage, no trade:",
}


def as_document(block: Block) -> dict[str, Any]:
    """The block as a document: numbers with a unit are text with all their digits, counts are numbers."""
    document: dict[str, Any] = {"block": block.kind, "name": block.name}
    if block.links:
        document["links"] = {name: {"block": kind, "name": of} for name, (kind, of) in block.links.items()}
    document["figures"] = {figure.name: _figure(figure) for figure in block.figures}
    if block.blocks:
        document["blocks"] = [as_document(inner) for inner in block.blocks]
    return document


def _figure(figure: Figure) -> dict[str, Any]:
    shown = {"value": _json_value(figure), "unit": figure.unit, "formula": figure.formula, "note": figure.note}
    return {name: value for name, value in shown.items() if value != "" or name == "value"}


def _json_value(figure: Figure) -> Any:
    match figure.value:
        case datetime() as time:
            return time.isoformat().replace("+00:00", "Z")
        case Decimal() as number:
            return f"{number:f}"
        case bool() as flag:
            return flag
        case int() as number if figure.unit:
            return str(number)
        case tuple() as words:
            return list(words)
        case value:
            return value


def as_outline(block: Block, depth: int = 0) -> Iterator[str]:
    """The block as lines of at most `WIDTH` columns: its figures, and those that they are computed from below."""
    indent = "  " * min(depth, 4)
    yield f"{indent}{heading(block)}"
    yield f"{indent}{'=' * 60 if depth < 2 else '-' * 60}"
    for figure in block.figures:
        yield from _figure_lines(figure, indent)
    for kind, alike in groupby(block.blocks, key=lambda inner: inner.kind):
        blocks = list(alike)
        yield ""
        if kind in TABLES:
            yield from (f"{indent}{line}".rstrip() for line in table_lines(kind, blocks, block))
        else:
            for place, inner in enumerate(blocks):
                yield from [""] if place else []
                yield from as_outline(inner, depth + 1)


def heading(block: Block) -> str:
    symbol = next((s for inner in block.blocks if (s := inner.value("token_symbol"))), None)
    named = f" ({clipped(str(symbol), 20)})" if block.kind == "token" and symbol else ""
    title = _TITLES.get(block.kind, block.kind.capitalize())
    return f"{title} {block.name}{named}".rstrip()


def _figure_lines(figure: Figure, indent: str) -> Iterator[str]:
    unit = "" if figure.unit in (RAW_UNIT, UTC_UNIT, "setting") or figure.value is None else figure.unit
    value = f"{shown(figure.value)} {unit}".rstrip()
    first = f"{indent}  {figure.name:{_NAME}} {value:>{_VALUE}}"
    said = f"= {figure.formula}" if figure.formula else ""
    if figure.note:
        said = f"{said} ({figure.note})".strip()
    room = WIDTH - len(indent) - _NAME - _VALUE - 5
    lines = wrap(said, max(room, 30), break_on_hyphens=False)
    if len(value) > _VALUE or not lines:
        yield from _long_value(figure.name, value, indent)
    else:
        yield f"{first}  {lines.pop(0)}"
    yield from (f"{indent}{' ' * (_NAME + _VALUE + 5)}{line}" for line in lines)


def _long_value(name: str, value: str, indent: str) -> Iterator[str]:
    room = WIDTH - len(indent) - _NAME - 3
    parts = wrap(value, room, break_on_hyphens=False) or [""]
    if len(value) <= _VALUE:
        parts = [f"{value:>{_VALUE}}"]
    yield f"{indent}  {name:{_NAME}} {parts[0]}"
    yield from (f"{indent}{' ' * (_NAME + 3)}{part}" for part in parts[1:])
