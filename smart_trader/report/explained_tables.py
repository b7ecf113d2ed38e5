"""Blocks of one kind as a table: sales with the lots that they consumed, open lots, trades with their rows, thresholds.

Below a table stand its sums, and the formulas of its columns, which are the same for each line.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from textwrap import wrap
from typing import Any, NamedTuple

from smart_trader.domain.evidence.figures import Block, Value, scaled
from smart_trader.report.numbers import exact, hours
from smart_trader.report.text import clipped

WIDTH = 100
_ROOM = WIDTH - 4
"""Columns of a table, which stands below up to two indents."""
_LABEL, _NUMBER = 30, 16
_LONGEST = 4_000
_TRADE_FORMULAS = ("quantity_raw", "value_usd")
_SETTING = re.compile(r"setting\('([a-z_0-9.]+)'\)")


class _Line(NamedTuple):
    label: str
    cells: Sequence[str] = ()


def shown(value: Value) -> str:
    """A value for people: every digit, thousands apart."""
    match value:
        case None:
            return "unknown"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return f"{value:%Y-%m-%d %H:%M:%S}"
        case Decimal():
            whole, point, digits = exact(value).partition(".")
            sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
            return f"{sign}{int(whole):,}{point}{digits}"
        case int():
            return f"{value:,}"
        case tuple():
            return ", ".join(value) or "none"
        case _:
            return clipped(value, _LONGEST)


def with_values(formula: str, settings: Mapping[str, str]) -> str:
    """The formula with the values of its settings."""
    return _SETTING.sub(lambda named: _as_written(settings.get(named[1]) or named[1]), formula)


def _as_written(text: str) -> str:
    return text if text.replace(".", "").isdigit() else f"'{text}'"


def table_lines(kind: str, blocks: Sequence[Block], above: Block, settings: Mapping[str, str]) -> Iterator[str]:
    """The blocks, which stand in the block `above`, as a table with a heading."""
    for line in TABLES[kind](blocks, above):
        yield with_values(line, settings)


def _title(text: str) -> Iterator[str]:
    yield text
    yield "-" * min(len(text), _ROOM)


def _row(line: _Line) -> str:
    return f"{line.label:{_LABEL}}{''.join(f' {cell:>{_NUMBER - 1}}' for cell in line.cells)}"


def _sum(blocks: Sequence[Block], *names: str) -> list[str]:
    """Totals of what is known; empty where the figure is left out."""
    totals = [sum((v for b in blocks if isinstance(v := b.value(name), Decimal)), Decimal(0)) for name in names]
    return [shown(total) if _cell(blocks[0], name) else "" for name, total in zip(names, totals, strict=True)]


def _formulas(blocks: Sequence[Block], names: Sequence[str]) -> Iterator[str]:
    """How the columns are computed, as the first of the blocks has it."""
    known = {figure.name: figure.formula for figure in blocks[0].figures if figure.formula}
    for name in names:
        if name in known:
            lines = wrap(f"{name} = {known[name]}", _ROOM, subsequent_indent="    ", break_on_hyphens=False)
            yield from lines


def _cut(usd: Value) -> Value:
    """Dollars to nine decimals, for what is no column."""
    return round(usd, 9) if isinstance(usd, Decimal) else usd


def _cell(block: Block, name: str) -> str:
    """The value of a figure; empty if the figure is left out."""
    return next((shown(figure.value) for figure in block.figures if figure.name == name), "")


def _units(raw: Value, above: Block) -> str:
    """Units of a token; base units where nobody knows how many these are."""
    decimals, scale = above.value("decimals"), above.value("scale")
    if raw is None or not isinstance(decimals, int) or scale is None:
        return f"{shown(raw)} raw"
    units = scaled(int(raw), decimals)  # type: ignore[arg-type]  # a count of base units is a number
    return shown(units * scale if units is not None and isinstance(scale, Decimal) else units)


def _time(block: Block, name: str) -> str:
    return shown(block.value(name))


def _sales(blocks: Sequence[Block], above: Block) -> Iterator[str]:
    yield from _title(f"Sales ({len(blocks):,}), each with the lots that it consumed")
    yield _row(_Line("", ("units", "proceeds USD", "cost USD", "PnL USD")))
    usd = ("proceeds_usd", "cost_usd", "realized_pnl_usd")
    for sale in blocks:
        held = sale.value("holding_hours")
        after = f" ({hours(held)})" if isinstance(held, Decimal) else ""
        counted = "" if sale.value("is_counted") in (True, None) else " *"
        cells = [_units(sale.value("quantity_raw"), above), *(_cell(sale, name) for name in usd)]
        yield _row(_Line(f"{_time(sale, 'block_time')}{after}{counted}", cells))
        for piece in sale.blocks:
            label = f"  bought {_time(piece, 'acquired_at')}"
            yield _row(_Line(label, (_units(piece.value("units"), above), "", _cell(piece, "cost_usd"))))
        if sale.value("unmatched_raw"):
            yield _row(_Line("  never seen bought", (_units(sale.value("unmatched_raw"), above),)))
    yield _row(_Line("sum", ("", *_sum(blocks, *usd))))
    if any(sale.value("is_counted") is False for sale in blocks):
        yield "* not in the trusted figures: it gained, and no money shows what it brought or what it had cost"
    yield from _formulas(blocks, ("cost_usd", "matched_proceeds_usd", "realized_pnl_usd", "is_trusted", "is_counted"))
    yield from _formulas([piece for sale in blocks for piece in sale.blocks][:1] or blocks, ("units",))


def _lots(blocks: Sequence[Block], above: Block) -> Iterator[str]:
    yield from _title(f"Open lots ({len(blocks):,})")
    yield _row(_Line("", ("units bought", "units left", "cost left USD", "worth USD")))
    price, is_marked = above.value("usd_per_raw"), above.value("mark_reason") is None
    for lot in blocks:
        left: Any = lot.value("remaining_raw")
        worth = _cut(Decimal(int(left)) * price) if is_marked and isinstance(price, Decimal) and left else None
        cells = [_units(lot.value(name), above) for name in ("bought_raw", "remaining_raw")]
        cost = _cell(lot, "remaining_cost_usd")
        yield _row(_Line(f"bought {_time(lot, 'acquired_at')}", [*cells, cost, shown(worth)]))
    yield _row(_Line("sum", ("", "", *_sum(blocks, "remaining_cost_usd"))))
    yield from _formulas(blocks, ("remaining_raw", "remaining_cost_usd"))


def _trades(blocks: Sequence[Block], above: Block) -> Iterator[str]:
    yield from _title(f"Trades ({len(blocks):,}), each with the rows that were served")
    yield _row(_Line("", ("units", "value USD", "by", "prices")))
    usual = {figure.name: figure.formula for figure in blocks[0].figures}
    for trade in blocks:
        words = [_cell(trade, name) for name in ("value_usd", "value_source", "price_check")]
        label = f"{trade.value('side')} {_time(trade, 'block_time')}"
        yield _row(_Line(label, [_units(trade.value("quantity_raw"), above), *words]))
        yield from _valued_by(trade, usual)
        for inner in trade.blocks:
            yield from _of_trade(inner)
    for side in dict.fromkeys(trade.value("side") for trade in blocks):
        of_side = [trade for trade in blocks if trade.value("side") == side]
        yield _row(_Line(f"sum of {side}", ("", *_sum(of_side, "value_usd"))))
    yield from _formulas(blocks, _TRADE_FORMULAS)


def _valued_by(trade: Block, usual: Mapping[str, str]) -> Iterator[str]:
    """Formulas that are not the usual ones, which stand below the table."""
    for figure in trade.figures:
        if figure.name == "rows":
            yield f"  {figure.note}"
        if figure.name in _TRADE_FORMULAS and figure.formula not in ("", usual[figure.name]):
            text = f"{figure.name} = {figure.formula}"
            yield from wrap(text, _ROOM, initial_indent="  ", subsequent_indent="      ", break_on_hyphens=False)


def _of_trade(block: Block) -> Iterator[str]:
    if block.kind == "row":
        yield from _served(block)
        return
    if block.kind == "money":
        price = shown(block.value("price"))
        text = f"money {shown(block.value('amount_raw'))} raw of {block.name} at ${price}: ${{}}"
        text = text.format(shown(_cut(block.value("worth_usd"))))
        yield from wrap(text, _ROOM, initial_indent="  ", subsequent_indent="    ")
        return
    yield f"  by itself ${shown(block.value('worth_usd'))}, {block.value('source') or 'no value'}"
    for inner in block.blocks:
        yield from _of_trade(inner)


def _served(row: Block) -> Iterator[str]:
    legs = ", ".join(map(_leg, row.blocks))
    gap, volume = row.value("price_gap"), row.value("volume_usd")
    more = [f"volume ${shown(volume)}"] if volume is not None else []
    more += [f"prices {shown(gap)} times apart"] if gap is not None else []
    fetched = f"fetched {_time(row, 'fetched_at')} by {row.value('batch_id')}"
    text = "; ".join([f"row: {legs}", *more, str(row.value("source") or "no exchange named"), fetched])
    yield from wrap(clipped(text, _LONGEST), _ROOM, initial_indent="  ", subsequent_indent="    ")
    yield f"  event {row.name}"
    yield f"  tx {row.value('tx_hash')}"
    if row.value("raw") is not None:
        yield from wrap(shown(row.value("raw")), _ROOM, initial_indent="    ", subsequent_indent="    ")


def _leg(leg: Block) -> str:
    change, units, price = leg.value("change_raw"), leg.value("units"), leg.value("price")
    sign = "-" if isinstance(change, int) and change < 0 else "+"
    amount = f"{shown(abs(change))} raw" if units is None and isinstance(change, int) else shown(units)
    at = f" at ${shown(price)}" if price is not None else ""
    return f"{sign}{amount} {clipped(str(leg.value('symbol') or leg.value('mint')), 20)}{at}"


def _conditions(title: str) -> Callable[[Sequence[Block], Block], Iterator[str]]:
    """Blocks that are met or not, each with its conditions."""

    def lines(blocks: Sequence[Block], above: Block) -> Iterator[str]:
        yield from _title(title)
        for block in blocks:
            yield block.name
            for figure in (figure for figure in block.figures if figure.formula):
                text = figure.formula if figure.formula != "True" else "every ranked wallet"
                yield f"    {shown(figure.value):4} {text}"

    return lines


def _followed(title: str, *usd: str) -> Callable[[Sequence[Block], Block], Iterator[str]]:
    """What somebody would have done who followed the wallet, with amounts of dollars."""

    def lines(blocks: Sequence[Block], above: Block) -> Iterator[str]:
        yield from _title(f"{title} ({len(blocks):,})")
        yield _row(_Line("", [name.removesuffix("_usd").replace("_", " ") for name in usd]))
        for block in blocks:
            yield _row(_Line(_time(block, "block_time"), [_cell(block, name) for name in usd]))
        yield _row(_Line("sum", _sum(blocks, *usd)))
        yield from _formulas(blocks, usd)

    return lines


def _settings(blocks: Sequence[Block], above: Block) -> Iterator[str]:
    yield from _title("Settings that formulas name")
    for figure in (figure for block in blocks for figure in block.figures):
        yield f"{figure.name:50} {shown(figure.value)}"


def _rejected(blocks: Sequence[Block], above: Block) -> Iterator[str]:
    yield from _title(f"Rows that do not fit ({len(blocks):,})")
    yield from (f"{block.name} {shown(block.value('reason'))}" for block in blocks)


def _rows(blocks: Sequence[Block], above: Block) -> Iterator[str]:
    for block in blocks:
        yield from _served(block)


TABLES: dict[str, Callable[[Sequence[Block], Block], Iterator[str]]] = {
    "sale": _sales,
    "lot": _lots,
    "trade": _trades,
    "followed_buy": _followed("Purchases", "value_usd"),
    "followed_sale": _followed("Sales", "proceeds_usd", "cost_usd", "realized_usd"),
    "followed_lot": _followed("What is left", "left_cost_usd"),
    "tier": _conditions("Tiers: the first whose thresholds are all met"),
    "gate": _conditions("Gates of `recommended`"),
    "settings": _settings,
    "rejected_row": _rejected,
    "row": _rows,
}
