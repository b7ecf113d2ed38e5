"""What the documents say is what the code does: the worked example, the dictionary, commands, settings, links, pins."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs import generate_tables
from smart_trader.config.model import Settings
from smart_trader.config.settings import FIELDS, load
from smart_trader.config.sources import variable
from smart_trader.config.thresholds import mark_rules, ranked_by
from smart_trader.domain import catalog
from smart_trader.domain.kernel.marks import Quote, Scale
from smart_trader.domain.kernel.money import MICRO, PRICE, USD
from smart_trader.domain.kernel.performance import WalletFacts, judge_tokens, token_figures, wallet_figures
from smart_trader.domain.kernel.ranking import SCORE, Record, gate_failures, score, tier
from smart_trader.domain.kernel.wallets import WalletClass
from smart_trader.domain.pnl.matching import Matches, Trades, match
from smart_trader.domain.pnl.totals import inventories, trade_totals
from smart_trader.errors import ExitStatus, SmartTraderError
from smart_trader.job_table import JOBS
from smart_trader.pipeline import STEPS
from smart_trader.version import VERSION
from tests.examples import records, stated

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text(encoding="utf-8")
PNL = "pnl.md"
TOKEN_DECIMALS = 6
SCALES = {
    column.name: getattr(column.type, "scale", 0)
    for table in catalog.TABLES
    if table.layer != "foundation"  # its measurements are no money
    for column in table.columns
}


@pytest.fixture(scope="module")
def settings() -> Settings:
    """The defaults, whatever the environment and the `.env` of this checkout say."""
    return load(environ={}, env_file=ROOT / ".env.example")


def section(text: str, title: str) -> str:
    """What stands under a heading, up to the next heading of its level or above."""
    level = re.search(rf"^(#+) {re.escape(title)}$", text, re.MULTILINE)
    assert level, f"there is no heading {title!r}"
    return re.split(rf"^#{{1,{len(level[1])}}} ", text[level.end() :], maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """The first cell of each row of the Markdown tables in `text`, headings left out."""
    cells = [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")]
    rules = {place for place, cell in enumerate(cells) if re.fullmatch(r":?-+:?", cell)}
    return [cell for place, cell in enumerate(cells) if not {place, place + 1} & rules]


# The worked example of docs/pnl.md


def microseconds(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * MICRO


def scaled(text: str, unit: int) -> int:
    exact = Decimal(text) * unit
    assert exact == int(exact)
    return int(exact)


def traded() -> tuple[Trades, Matches]:
    """The example's trades, and what the kernel makes of them."""
    rows = records(PNL, "trades")
    trades = Trades(
        starts=np.zeros(1, np.int64),
        is_buy=np.array([row["side"] == "BUY" for row in rows]),
        quantity=np.array([scaled(row["tokens"], 10**TOKEN_DECIMALS) for row in rows]),
        value=np.array([scaled(row["value_usd"], USD) for row in rows]),
        has_value=np.ones(len(rows), bool),
        is_trusted=np.ones(len(rows), bool),
        time=np.array([microseconds(row["time"]) for row in rows]),
    )
    return trades, match(trades)


def figures(settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    """The row of the token, and the row of the wallet that has no other."""
    totals, positions = (make(*traded()) for make in (trade_totals, inventories))
    now = microseconds("2025-08-06 10:00")
    quote = Quote(price=PRICE // 2, liquidity=100_000 * USD, last_trade_at=microseconds("2025-08-06 09:00"))
    results = judge_tokens(totals, positions, [Scale(TOKEN_DECIMALS)], [quote], now, mark_rules(settings.pnl))
    facts = WalletFacts(history_complete=True, arbitrage_tx_count=0, rejected_rows=0)
    token, wallet = token_figures(results, [True]), wallet_figures(results.whole(), [facts])
    return tuple({name: column[0] for name, column in of.items()} for of in (token, wallet))


def test_the_sales_of_the_worked_example_are_what_the_kernel_computes() -> None:
    tokens, (_, sold) = 10**TOKEN_DECIMALS, traded()
    computed = [
        {
            "time": trade["time"],
            "matched": Decimal(int(sold.matched[place])) / tokens,
            "unmatched": Decimal(int(sold.unmatched[place])) / tokens,
            "matched_proceeds": Decimal(int(sold.matched_proceeds[place])) / USD,
            "cost": Decimal(int(sold.cost[place])) / USD,
            "realized": Decimal(int(sold.matched_proceeds[place] - sold.cost[place])) / USD,
            "holding_hours": Decimal(int(sold.holding_hours[place])) / MICRO,
        }
        for place, trade in enumerate(records(PNL, "trades"))
        if trade["side"] == "SELL"
    ]
    said = [
        {name: Decimal(text) if name != "time" else text for name, text in row.items()} for row in records(PNL, "sales")
    ]
    assert said == computed


def test_the_figures_of_the_worked_example_are_what_the_kernel_computes(settings: Settings) -> None:
    token, _ = figures(settings)
    for name, text in stated(PNL, "figures").items():
        said = None if text == "null" else scaled(text, 10 ** SCALES[name])
        assert token[name] == said, name


def test_the_ranking_of_the_worked_example_is_what_the_kernel_computes(settings: Settings) -> None:
    _, wallet = figures(settings)
    rules = ranked_by(settings.ranking).rules
    record = Record(
        *(wallet[name] for name in ("trusted_pnl", "trusted_roi", "trusted_win_rate", "trade_count")),
        *(wallet[name] for name in ("token_win_rate", "coverage_ratio", "trusted_ratio", "pnl_ex_best_token")),
        True,
        WalletClass.PERSON,
    )
    points = score(record, rules.scoring)
    assert stated(PNL, "ranking") == {
        "performance_tier": tier(record, rules),
        "profitability_score": f"{Decimal(points.profitability) / SCORE}",
        "roi_score": f"{Decimal(points.roi) / SCORE}",
        "win_rate_score": f"{Decimal(points.win_rate) / SCORE}",
        "activity_score": f"{Decimal(points.activity) / SCORE}",
        "smart_trader_score": f"{Decimal(points.total) / SCORE}",
        "gate_failures": ", ".join(gate_failures(record, rules.gate)) or "none",
    }


def test_the_tiers_in_the_documents_are_the_defaults(settings: Settings) -> None:
    rows = section((ROOT / "docs" / "pnl.md").read_text(encoding="utf-8"), "Who is ranked, and who is recommended")
    for least in ranked_by(settings.ranking).rules.tiers:
        said = f"| {least.name} | ≥ ${int(least.min_pnl):,} | ≥ {least.min_roi} % | ≥ {least.min_win_rate} % |"
        assert said in rows


# The dictionary and the diagram


def test_the_dictionary_of_tables_is_current() -> None:
    page = generate_tables.TARGET.read_text(encoding="utf-8")
    assert page == generate_tables.render(), "run .venv/bin/python -m docs.generate_tables"


def test_the_diagram_shows_each_job_with_the_tables_that_it_writes() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    diagram = re.search(r"<!-- diagram -->\n```text\n(.*?)```", page, re.DOTALL)
    assert diagram
    drawn = [line.split() for line in diagram[1].splitlines() if line.strip()]
    jobs = [(words[0], [word.strip(",") for word in words[words.index("──►") + 1 :] if "." in word]) for words in drawn]
    written = [(step.job, [table for table in step.writes if "rejected" not in table]) for step in STEPS]
    assert jobs == written


# The README


def test_the_readme_names_the_two_commands() -> None:
    assert "bin/submit.sh pipeline --demo" in README
    assert "bin/test" in README


def test_the_readme_lists_the_jobs_that_there_are() -> None:
    assert [cell.strip("`") for cell in first_cells(section(README, "Jobs"))] == list(JOBS)


def test_the_readme_lists_the_exit_statuses_that_there_are() -> None:
    def all_of(error: type[SmartTraderError]) -> Iterator[int]:
        yield error.exit_status
        for kind in error.__subclasses__():
            yield from all_of(kind)

    assert {0, *all_of(SmartTraderError)} == {status.number for status in ExitStatus}
    rows = [line for line in section(README, "Exit status").splitlines() if line.startswith("|")]
    assert rows[2:] == [f"| {status.number} | {status.when} |" for status in ExitStatus]


def test_the_operations_say_what_to_do_about_each_exit_status() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    listed = [int(cell) for cell in first_cells(section(page, "When it fails"))]
    assert listed == [status.number for status in ExitStatus if status.next_step]


def test_the_readme_estimates_compute_units_as_the_defaults_say(settings: Settings) -> None:
    units, wallets = settings.birdeye.units, settings.transactions.wallets_per_run
    fixed = units.token_list + settings.tokens.per_run * units.token_holder
    pages = settings.transactions.max_trades_per_wallet // 100
    for estimate in (fixed + wallets * units.trader_txs, fixed + wallets * pages * units.trader_txs):
        assert f"{estimate:,}" in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_settings_that_a_page_names_exist(page: Path) -> None:
    sections = {key.split(".")[0] for key in FIELDS}
    text = page.read_text(encoding="utf-8")
    named = [name for name in re.findall(r"`([a-z_0-9]+(?:\.[a-z_0-9]+)+)`", text) if name.split(".")[0] in sections]
    assert [name for name in named if name not in FIELDS] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_exists(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


# Other files


def test_the_example_of_a_dotenv_file_names_settings_that_exist() -> None:
    text = (ROOT / ".env.example").read_text(encoding="utf-8")
    names = re.findall(r"^#? ?(SMART_TRADER_\w+)=", text, re.MULTILINE)
    assert "SMART_TRADER_BIRDEYE__API_KEY" in names
    assert set(names) <= {variable(key) for key in FIELDS}


def test_the_dependencies_are_documented_with_their_pins() -> None:
    wanted = (ROOT / "requirements.in").read_text(encoding="utf-8").partition("# Tests")[0]
    page = (ROOT / "docs" / "decisions" / "dependencies.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([\w-]+) \| (\d[\w.]*) \|", page, re.MULTILINE)
    assert rows == re.findall(r"^([\w-]+)==(\S+)", wanted, re.MULTILINE)


def test_the_changelog_begins_with_this_version() -> None:
    newest = re.search(r"^## \[([^]]+)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest and newest[1] == VERSION
