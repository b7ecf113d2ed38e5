"""Cells, tables and lists of figures as HTML."""

import re
from datetime import date, datetime
from functools import singledispatch

from smart_trader.report import charts, numbers
from smart_trader.report.markup import EXPLORER, Content, Html, element, join
from smart_trader.report.text import clipped
from smart_trader.report.view import (
    Cell,
    Column,
    Fact,
    Figure,
    Grid,
    Rank,
    Rate,
    Remarks,
    Score,
    Tier,
    Token,
    Transaction,
    Wallet,
)

_ADDRESS = re.compile(r"[1-9A-HJ-NP-Za-km-z]{32,44}")
_SIGNATURE = re.compile(r"[1-9A-HJ-NP-Za-km-z]{64,88}")
_SYMBOL_WIDTH, _NAME_WIDTH, _TEXT_WIDTH = 16, 32, 300
_NONE = "\N{EN DASH}"


def table(grid: Grid, *, terse: bool = False, of: str = "") -> Html:
    """A table that scrolls sideways in itself where it is too wide. `of` names its wallet or token.

    A `terse` table has low rows. The style lays it out for any width, so it scrolls only with the page.
    """
    name = f"{grid.caption} {of}".strip()
    caption = [element("span", grid.caption, class_="t"), grid.note and element("small", grid.note)]
    header = element("tr", [_head(column) for column in grid.columns])
    body = [
        element("tr", [_cell(value, column, terse, nth == grid.heads) for nth, (value, column) in _columns(grid, row)])
        for row in grid.rows
    ]
    whole = element("table", element("caption", caption), element("thead", header), element("tbody", body))
    if terse:
        return whole
    return element("div", whole, class_="scroll", role="group", tabindex=0, aria_label=f"Table: {name}")


def facts(listed: tuple[Fact, ...], *, class_: str = "facts") -> Html:
    """Figures with their names and their derivations."""
    return element("dl", [_fact(fact) for fact in listed], class_=class_)


def anchor(address: str) -> str:
    """The id of the section about a wallet, the same in every report."""
    return "w-" + re.sub(r"\W", "_", address[:6] + address[-6:], flags=re.ASCII)


def address_text(address: str, *, whole: bool = False) -> Html:
    """An address with its middle hidden on screen only. Search, copy and screen readers get all of it."""
    if whole or not _ADDRESS.fullmatch(address):
        return element("code", (address if whole else clipped(address, 20)) or _NONE)
    return element("code", address[:4], element("i", address[4:-4], class_="m"), address[-4:])


def explorer_link(text: Content, kind: str, name: str | None) -> Content:
    """`text` as a link to the explorer, if `name` is a real address or signature."""
    pattern = _SIGNATURE if kind == "tx" else _ADDRESS
    return element("a", text, href=f"{EXPLORER}{kind}/{name}") if name and pattern.fullmatch(name) else join(text)


def tier(value: Tier) -> Html:
    return element("span", value.name, class_=f"tier {value.name.lower()}")


def rank_change(rank: Rank) -> Content:
    """Places gained or lost since the previous ranking; nothing for an unchanged place."""
    if rank.is_new:
        return element("small", "new", class_="up")
    moved = (rank.was or rank.place) - rank.place
    if not moved:
        return None
    sign, word, style = ("▲", "up", "up") if moved > 0 else ("▼", "down", "down")
    return element("small", element("span", f"{word} ", class_="vh"), f"{sign}{abs(moved):,}", class_=style)


def verdict(remarks: Remarks) -> Content:
    """Whether the wallet is recommended, the reasons against it, and other warnings."""
    failures = [element("li", failure, class_="fail") for failure in remarks.failures]
    warnings = [element("li", warning, class_="warn") for warning in remarks.warnings]
    word = (
        element("strong", "✓ recommended", class_="yes") if remarks.recommended else element("b", "✗ not recommended")
    )
    return [word, element("ul", failures, warnings, class_="why") if failures or warnings else None]


def _short_verdict(remarks: Remarks) -> Content:
    """As `verdict`, in one paragraph each."""
    failures, warnings = "; ".join(remarks.failures), "; ".join(remarks.warnings)
    return [
        element("b", "✓ yes", class_="yes") if remarks.recommended else element("b", "✗ no"),
        element("small", failures) if failures else None,
        element("small", warnings, class_="warn") if warnings else None,
    ]


def _columns(grid: Grid, row: tuple[Cell, ...]) -> list[tuple[int, tuple[Cell, Column]]]:
    return list(enumerate(zip(row, grid.columns, strict=True)))


def _head(column: Column) -> Html:
    hint = column.hint and element("small", column.hint)
    return element("th", column.title, hint, scope="col", class_="n" if column.is_number else None)


def _cell(value: Cell, column: Column, terse: bool, is_head: bool) -> Html:
    style, title = ["n"] if column.is_number else [], None
    if isinstance(value, Figure):
        style += [name for name, holds in (("up", value.sign > 0), ("down", value.sign < 0)) if holds]
        title = value.exact if value.is_cut else None
    if terse and isinstance(value, Remarks):
        content = _short_verdict(value)
    else:
        content = _figure(value, terse) if isinstance(value, Figure) else _content(value)
    names = " ".join(style) or None
    return element("th" if is_head else "td", content, scope="row" if is_head else None, class_=names, title=title)


@singledispatch
def _content(value: object) -> Content:
    return (clipped(str(value), _TEXT_WIDTH) if value is not None else "") or _NONE


@_content.register
def _(value: Wallet) -> Content:
    text = address_text(value.address)
    link = element("a", text, href=f"#{anchor(value.address)}") if value.is_detailed else text
    return [link, element("small", tier(value.tier)) if value.tier else None]


@_content.register
def _(value: Token) -> Content:
    symbol = clipped(value.symbol or "", _SYMBOL_WIDTH) or "(no symbol)"
    name = clipped(value.name or "", _NAME_WIDTH)
    if value.is_known_above:
        return [element("bdi", symbol), " ", element("code", f"{value.mint[:4]}…{value.mint[-4:]}")]
    mint = explorer_link(address_text(value.mint), "token", value.mint)
    return [element("bdi", symbol), " ", mint, element("small", element("bdi", name)) if name else None]


@_content.register
def _(value: Transaction) -> Content:
    short = f"{value.signature[:4]}…{value.signature[-4:]}" if value.signature else _NONE
    return explorer_link(short, "tx", value.signature)


@_content.register
def _(value: Score) -> Content:
    parts = " · ".join(part.text or _NONE for part in value.parts)
    return [element("b", value.total.text), charts.score_bar(value.shares), element("small", parts)]


@_content.register
def _(value: Rank) -> Content:
    return [f"{value.place:,}", rank_change(value)]


@_content.register
def _(value: Rate) -> Content:
    return [_figure(value.figure, terse=True), element("small", value.counts) if value.figure.is_known else None]


@_content.register
def _(value: Remarks) -> Content:
    return verdict(value)


@_content.register
def _(value: Tier) -> Content:
    return tier(value)


@_content.register
def _(value: datetime) -> Content:
    return moment(value)


@_content.register
def _(value: date) -> Content:
    return element("time", value.isoformat())


def moment(value: datetime) -> Html:
    """A time to the minute. All times of the page are UTC."""
    return element("time", numbers.moment(value))


def _figure(value: Figure, terse: bool) -> Content:
    if value.is_known:
        note = element("small", value.note) if value.note else None
        return [value.text, note, element("small", value.how) if value.how and not terse else None]
    if terse:
        return [element("span", _NONE, title=value.how, aria_hidden="true"), element("span", "unknown", class_="vh")]
    return [_NONE, element("small", f"unknown: {value.how}" if value.how else "unknown")]


def _fact(fact: Fact) -> Html:
    figure = fact.figure
    style = "up" if figure.sign > 0 else "down" if figure.sign < 0 else None
    shown = figure.text if figure.is_known else f"{_NONE} unknown"
    return element(
        "div",
        element("dt", fact.name),
        element("dd", shown, class_=style, title=figure.exact if figure.is_cut else None),
        element("dd", figure.how, class_="how") if figure.how else None,
    )
