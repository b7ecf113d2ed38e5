"""Trusted figures on the page: beside the others where they differ, and nowhere else."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from smart_trader.domain.kernel.ranking import PnlBasis
from smart_trader.report import page_view, trusted
from smart_trader.report.view import Figure, Rate
from tests.domain.gold.portfolios import ALSO_TRUSTED
from tests.report.example import report_data, sale, trader


def test_a_reason_names_the_figures_of_the_basis() -> None:
    rules = replace(report_data().rules, basis=PnlBasis.TOTAL)
    weak = trader(gate_failures=["pnl_below", "win_rate_below"], total_pnl=Decimal(9), win_rate=Decimal(39))
    failures = page_view.build(report_data(traders=[weak], rules=rules)).traders[0].remarks.failures
    assert failures == ("PnL $9.00 is below $10", "win rate 39.0 % is below 40 %")


def test_trusted_figures_stand_beside_the_others_where_they_differ() -> None:
    shown = page_view.build(report_data())
    assert shown.ranking
    _, _, _, pnl, roi, wins, _, coverage, *_ = shown.ranking.rows[0]
    assert isinstance(pnl, Figure) and isinstance(roi, Figure) and isinstance(coverage, Figure)
    assert (pnl.note, roi.note, coverage.note) == ("+$1,180 trusted", "+122.9 % trusted", "95.7 % trusted")
    assert isinstance(wins, Rate) and wins.counts == "8/12; 63.6 % trusted"
    named = {fact.name: fact.figure.text for _, group in shown.traders[0].facts for fact in group}
    assert (named["Trusted PnL"], named["Trusted ratio"]) == ("+$1,180", "95.7 %")


@pytest.mark.parametrize(
    "figures",
    [
        {name: trader()[figure] for name, figure in ALSO_TRUSTED.items()} | {"trusted_ratio": Decimal(1)},
        dict.fromkeys((*ALSO_TRUSTED, "trusted_ratio")),
    ],
    ids=["all trusted", "computed before there were any"],
)
def test_where_they_do_not_differ_they_are_not_repeated(figures: dict[str, Any]) -> None:
    shown = page_view.build(report_data(traders=[trader(**figures)], tokens=(), sales=()))
    assert not [fact.name for _, group in shown.traders[0].facts for fact in group if "rusted" in fact.name]
    assert "trusted" not in str(shown.ranking)


def test_a_sale_says_why_it_is_not_trusted() -> None:
    sales = [
        sale(value_source="sol", took_untrusted=False),
        sale(value_source="sol", took_untrusted=True),
        sale(value_source="volume_usd", took_untrusted=True),
        sale(value_source="none", proceeds_usd=None, took_untrusted=True),
    ]
    assert [trusted.doubt(row) for row in sales] == [
        "",
        "not trusted: a lot was bought without money",
        "not trusted: no money shows it",
        "",
    ]
