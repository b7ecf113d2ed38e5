"""The page: one HTML document with nothing to load and nothing to run."""

import base64
import hashlib
from importlib import resources

from smart_trader.report import charts
from smart_trader.report.cells import (
    address_text,
    anchor,
    explorer_link,
    facts,
    moment,
    rank_change,
    table,
    tier,
    verdict,
)
from smart_trader.report.markup import Content, Html, element
from smart_trader.report.trader_view import day_text
from smart_trader.report.view import FEES, HELD, UPPER_BOUND, Multiple, Page, Trader

IDENTITY = "smart-trader-identity"
"""The name of the tag with the identity of a page."""


def render(page: Page) -> str:
    """The whole document, ending in a line break."""
    style = (resources.files("smart_trader.report") / "report.css").read_text("utf-8")
    parts = (_track_record(page), _changes(page), _ranking(page), _multiples(page), _traders(page))
    sections = [section for section in parts if section]
    sections += [_data(page), _meanings(page)]
    body = [
        _skip_links(page),
        element("header", _title(page)),
        element("main", sections, id="content", tabindex=-1),
        element("footer", _footer(page)),
    ]
    return f"<!doctype html>\n{element('html', _head(page, style), element('body', body), lang='en')}\n"


def identity_tag(identity: str) -> str:
    """The tag with `identity`, near the beginning of a page."""
    return element("meta", name=IDENTITY, content=identity)


def _head(page: Page, style: str) -> Html:
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    when = f" · {page.ranked_at:%Y-%m-%d %H:%M} UTC" if page.ranked_at else ""
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=policy),
        Html(identity_tag(page.identity)),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", f"Smart Trader ranking{when}"),
        Html(f"<style>{style}</style>"),  # the one text that is not escaped: its hash is in the policy
    )


def _parts(page: Page) -> list[tuple[str, str, bool]]:
    """Anchor, name and presence of each section."""
    return [
        ("held", HELD, page.track_record is not None),
        ("changes", "What changed", bool(page.changes_summary)),
        ("ranking", "Ranking", page.ranking is not None),
        ("curves", "Equity curves", bool(page.multiples)),
        ("traders", "Traders in detail", bool(page.traders)),
        ("data", "Data and runs", True),
        ("meanings", "What the figures mean", True),
    ]


def _skip_links(page: Page) -> Html:
    links = [
        ("content", "Skip to the content"),
        *((name, f"Skip to: {text}") for name, text, there in _parts(page) if there),
    ]
    return element(
        "nav", [element("a", text, href=f"#{name}") for name, text in links], class_="skip", aria_label="Skip"
    )


def _title(page: Page) -> Content:
    when = ["Ranking of ", moment(page.ranked_at), " UTC"] if page.ranked_at else "No ranking"
    menu = [element("li", element("a", text, href=f"#{name}")) for name, text, there in _parts(page) if there]
    return [
        element("p", "Smart Trader", class_="brand"),
        element("h1", when),
        element("p", FEES, " Past profits are no promise, and nothing here is advice.", class_="lead"),
        element("p", element("b", HELD), " ", page.track_record.line) if page.track_record else None,
        [element("p", notice, class_="notice", role="note") for notice in page.notices],
        facts(page.headline, class_="headline") if page.headline else None,
        table(page.tiers) if page.tiers else None,
        element("nav", element("ul", menu), class_="menu", aria_label="Sections"),
    ]


def _section(name: str, title: str, *content: Content) -> Html:
    heading = element("h2", title, id=f"{name}-title")
    return element("section", heading, content, id=name, aria_labelledby=f"{name}-title")


def _track_record(page: Page) -> Html | None:
    if page.track_record is None:
        return None
    found = page.track_record
    drawings = [charts.excess(chart, f"Excess after {chart.horizon_days} days, by ranking") for chart in found.charts]
    figures = element("div", drawings, class_="columns") if drawings else None
    since = element("p", found.since_discovery) if found.since_discovery else None
    return _section("held", HELD, element("p", UPPER_BOUND), table(found.verdicts), figures, since)


def _changes(page: Page) -> Html | None:
    if not page.changes_summary:
        return None
    tables = element("div", [table(grid) for grid in page.changes], class_="columns") if page.changes else None
    return _section("changes", "What changed", element("p", page.changes_summary), tables)


def _multiples(page: Page) -> Html | None:
    if not page.multiples:
        return None
    first = min(multiple.curve.points[0][0] for multiple in page.multiples)
    last = max(multiple.curve.points[-1][0] for multiple in page.multiples)
    who = "recommended wallets" if page.traders and any(t.remarks.recommended for t in page.traders) else "best wallets"
    intro = (
        f"Realized PnL of the {who} with the highest scores, from {day_text(first)} to {day_text(last)}. "
        "One axis of time for all; each has its own height."
    )
    items = element("ul", [_multiple(multiple, first, last) for multiple in page.multiples], class_="multiples")
    return _section("curves", "Equity curves", element("p", intro), items)


def _multiple(multiple: Multiple, first: int, last: int) -> Html:
    name = element(
        "a", f"#{multiple.rank} ", address_text(multiple.wallet.address), href=f"#{anchor(multiple.wallet.address)}"
    )
    style = "up" if multiple.pnl.sign > 0 else "down" if multiple.pnl.sign < 0 else None
    pnl = element("b", multiple.pnl.text, class_=style, title=multiple.pnl.exact)
    return element("li", name, charts.small(multiple.curve, first, last), element("div", pnl, tier(multiple.tier)))


def _ranking(page: Page) -> Html | None:
    if page.ranking is None:
        return None
    return _section("ranking", "Ranking", table(page.ranking, terse=True))


def _traders(page: Page) -> Html | None:
    if not page.traders:
        return None
    intro = f"The {len(page.traders)} best, each figure with how it came about."
    return _section("traders", "Traders in detail", element("p", intro), [_trader(trader) for trader in page.traders])


def _trader(trader: Trader) -> Html:
    address = trader.wallet.address
    name = f"{address[:4]}…{address[-4:]}"
    heading = element("h3", f"#{trader.rank.place} ", address_text(address, whole=True), id=f"{anchor(address)}-t")
    line = [tier(trader.tier), rank_change(trader.rank), explorer_link(f"{name} on Solscan", "account", address)]
    groups = [
        element("div", element("h4", title), facts(listed), class_="group") for title, listed in trader.facts if listed
    ]
    curve = (
        charts.equity(trader.curve, f"Equity curve of {name}")
        if trader.curve
        else element("p", "No sale has a known profit or loss, so there is no curve.")
    )
    return element(
        "article",
        heading,
        element("p", line, class_="line"),
        element("div", verdict(trader.remarks), class_="verdict"),
        facts(trader.headline, class_="headline"),
        curve,
        _fold("Figures", element("div", groups, class_="groups")),
        _fold("Score and recent windows", table(trader.score, of=name), table(trader.windows, of=name)),
        [_fold(f"{grid.caption} ({len(grid.rows)})", table(grid, of=name)) for grid in trader.tables if grid.rows],
        element("p", element("a", "Back to the ranking", href="#ranking"), class_="back"),
        id=anchor(address),
        aria_labelledby=f"{anchor(address)}-t",
    )


def _fold(title: str, *content: Content) -> Html:
    return element("details", element("summary", title), content)


def _data(page: Page) -> Html:
    return _section("data", "Data and runs", [table(grid) for grid in page.data])


def _meanings(page: Page) -> Html:
    listed = [[element("dt", name), element("dd", meaning)] for name, meaning in page.meanings]
    return _section("meanings", "What the figures mean", element("dl", listed, class_="meanings"))


def _footer(page: Page) -> Content:
    return element("p", "Made ", moment(page.made_at), f" UTC by {page.made_by}. All times are UTC.")
