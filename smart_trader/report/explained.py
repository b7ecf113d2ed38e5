"""The explanation of a wallet's figures: a document for programs, and an outline for people."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from textwrap import wrap
from typing import Any

from smart_trader.domain.evidence.figures import FRACTION_UNIT, RAW_UNIT, SETTING_UNIT, UTC_UNIT, Block, Figure, scaled
from smart_trader.report.explained_tables import TABLES, WIDTH, shown, table_lines, with_values
from smart_trader.report.text import clipped

_NAME, _VALUE = 27, 24
_PLACES = 12
_SILENT = (RAW_UNIT, UTC_UNIT, SETTING_UNIT, FRACTION_UNIT)
"""Units that go without saying."""
_TITLES = {
    "wallet": "Wallet",
    "ranking": "Ranking of",
    "portfolio": "Portfolio",
    "token": "Token",
    "followed": "Followed since it was found, in token",
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


def as_outline(block: Block) -> Iterator[str]:
    """The block as lines of some `WIDTH` columns: its figures, and those that they are computed from below. Settings
    stand in formulas with their values."""
    settings = {
        figure.name: str(figure.value) for inner in block.blocks if inner.kind == "settings" for figure in inner.figures
    }
    yield from _lines(block, settings, 0)


def _lines(block: Block, settings: Mapping[str, str], depth: int) -> Iterator[str]:
    indent = "  " * min(depth, 2)
    yield f"{indent}{heading(block)}"
    yield f"{indent}{('=' if depth < 2 else '-') * 60}"
    for figure in block.figures:
        yield from _figure_lines(figure, settings, indent)
    for kind, alike in groupby(block.blocks, key=lambda inner: inner.kind):
        blocks = list(alike)
        yield ""
        if kind in TABLES:
            yield from (f"{indent}{line}".rstrip() for line in table_lines(kind, blocks, block, settings))
        else:
            for place, inner in enumerate(blocks):
                yield from [""] if place else []
                yield from _lines(inner, settings, depth + 1)


def heading(block: Block) -> str:
    symbol = next((s for inner in block.blocks if (s := inner.value("token_symbol"))), None)
    named = f" ({clipped(str(symbol), 20)})" if block.kind == "token" and symbol else ""
    title = _TITLES.get(block.kind, block.kind.capitalize())
    return f"{title} {block.name}{named}".rstrip()


def _figure_lines(figure: Figure, settings: Mapping[str, str], indent: str) -> Iterator[str]:
    unit = "" if figure.unit in _SILENT or figure.value is None else figure.unit
    value = f"{approximate(figure) or shown(figure.value)} {unit}".rstrip()
    said = f"= {with_values(figure.formula, settings)}" if figure.formula else ""
    if figure.note:
        said = f"{said}  ({figure.note})".strip()
    line = f"{indent}  {figure.name:{_NAME}} {value:>{_VALUE}}"
    if len(line) + len(said) + 2 <= WIDTH:
        yield f"{line}  {said}".rstrip()
        return
    rest = " " * (len(indent) + 8)
    yield from wrap(line, WIDTH, subsequent_indent=rest, replace_whitespace=False) if len(line) > WIDTH else [line]
    yield from wrap(said, WIDTH, initial_indent=rest, subsequent_indent=f"{rest}  ", break_on_hyphens=False)


def approximate(figure: Figure) -> str | None:
    """A fraction with twelve digits behind the point; None of any other figure."""
    if figure.unit != FRACTION_UNIT or not isinstance(figure.value, str):
        return None
    number = Fraction(figure.value)
    return shown(scaled(round(number * 10**_PLACES), _PLACES))
