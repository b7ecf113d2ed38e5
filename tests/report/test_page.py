"""The page from hand-made parts: what stands on it, what does not, and that it is the page that was read before."""

import base64
import csv
import hashlib
import io
import json
import os
import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from smart_trader.domain.evidence.track_record import Discovered
from smart_trader.errors import StorageError
from smart_trader.report import exports, file, page, page_view, trader_view
from smart_trader.report.data import ReportData
from smart_trader.report.view import FEES, Remarks
from tests.report.example import BARE, GOOD, NOW, bare, movement, named, report_data, step, trader
from tests.report.hostile import NAMES

GOLDEN = Path(__file__).with_name("golden.html")
MINUS = "\N{MINUS SIGN}"
REWRITE = "SMART_TRADER_REWRITE_GOLDEN"


def render(found: ReportData) -> str:
    return page.render(page_view.build(found))


class Parsed(HTMLParser):
    """Tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def test_the_page_is_the_one_that_was_read_and_found_good() -> None:
    """`SMART_TRADER_REWRITE_GOLDEN=1 bin/test tests/report` rewrites it (a tag a line); read the difference."""
    made = re.sub(r"(?s)<style>.*?</style>", "<style>report.css</style>", render(report_data()))
    made = re.sub(r"sha256-[\w+/]+=", "sha256-OF-THE-STYLE", made).replace("><", ">\n<")
    if os.environ.get(REWRITE):
        GOLDEN.write_text(made, encoding="utf-8")
    assert made == GOLDEN.read_text(encoding="utf-8")


def test_hostile_names_add_no_tag_and_no_attribute() -> None:
    tame = Parsed(render(named(["A"] * len(NAMES))))
    hostile = Parsed(render(named(NAMES)))
    assert {tag for tag, _ in hostile.tags} <= {tag for tag, _ in tame.tags}
    assert {(tag, name) for tag, some in hostile.tags for name in some} <= {
        (tag, name) for tag, some in tame.tags for name in some
    }
    assert not {"script", "img", "iframe", "object", "form", "link", "base"} & {tag for tag, _ in hostile.tags}
    shown = hostile.text + "".join(value or "" for _, some in hostile.tags for value in some.values())
    assert {char for char in shown if not char.isprintable()} == {"\n"}, "of the style and of the last line"
    links = {some["href"] or "" for _, some in hostile.tags if "href" in some}
    assert all(link.startswith(("#", "https://solscan.io/")) for link in links)
    for shown in ("[U+202E]", "<script>alert(1)</sc", "=HYPERLINK(", "(no symbol)", "عملة שלום", "🐸🚀"):
        assert shown in hostile.text


def test_the_policy_allows_the_one_style_and_nothing_else() -> None:
    made = render(report_data())
    style = re.search(r"<style>(.*?)</style>", made, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = next(some for _, some in Parsed(made).tags if some.get("http-equiv"))["content"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style[1] and "@import" not in style[1]


def test_fees_are_mentioned_at_the_top_and_among_the_meanings() -> None:
    top, content = render(report_data()).split("<main", maxsplit=1)
    assert [top.count(FEES), content.count(FEES)] == [1, 1]
    assert FEES in content.split('id="meanings"')[1]
    assert FEES in exports.as_json(report_data())
    assert exports.as_text(report_data())["note"] == FEES


def test_a_wallet_that_is_not_recommended_says_each_reason_with_figure_and_threshold() -> None:
    weak = trader(
        gate_failures=[
            *("pnl_below", "roi_below", "win_rate_below", "token_win_rate_below", "coverage_below"),
            *("value_untrusted", "class_pool", "new_gate"),
        ],
        recommended=False,
        trusted_pnl=Decimal("9.99"),
        trusted_roi=Decimal("0.999999"),
        trusted_win_rate=Decimal("39.999999"),
        token_win_rate=Decimal("29.999999"),
        coverage_ratio=Decimal("0.799999"),
        trusted_ratio=Decimal("0.799999"),
    )
    assert page_view.build(report_data(traders=[weak])).traders[0].remarks.failures == (
        "trusted PnL $9.99 is below $10",
        "trusted ROI 0.9 % is below 1 %",
        "trusted win rate 39.9 % is below 40 %",
        "win rate of tokens 29.9 % is below 30 %",
        "coverage 79.9 % is below 80 %",
        "trusted ratio 79.9 % is below 80 %",
        "a pool",
        "new gate",
    )


def test_profit_that_rests_on_one_token_or_three_sales_is_marked() -> None:
    def remarks(asked: str | None = None, **figures: Any) -> Remarks:
        data = report_data(traders=[trader(**figures)])
        gate = data.rules.gate | ({"pnl_ex_best_token": Decimal(asked)} if asked else {})
        return page_view.build(replace(data, rules=replace(data.rules, gate=gate))).traders[0].remarks

    by_token, by_sales = "no profit without its best token", "no profit without its three best sales"
    enough = Decimal("0.000000001")
    assert not {by_token, by_sales}.intersection(remarks(pnl_ex_best_token=enough, pnl_ex_best_3_sales=enough).warnings)
    assert {by_token, by_sales} <= set(remarks(pnl_ex_best_token=Decimal(0), pnl_ex_best_3_sales=Decimal(0)).warnings)
    assert by_sales not in remarks(pnl_ex_best_3_sales=None).warnings
    failed: dict[str, Any] = {"gate_failures": ["pnl_from_one_token"], "recommended": False}
    assert remarks("5", pnl_ex_best_token=Decimal("4.99"), **failed).failures == (
        "PnL without its best token $4.99 is below $5",
    )
    assert remarks(**failed).failures == ("too little PnL without its best token",)


def test_returns_without_a_difference_between_wallets_are_said_at_the_top() -> None:
    def is_said(*pairs: tuple[int | None, int | None]) -> bool:
        found = [
            trader(f"wallet{nth}", nth, skill_return=mean and Decimal(mean), skill_return_low=low and Decimal(low))
            for nth, (mean, low) in enumerate(pairs, 1)
        ]
        return any("beyond chance" in notice for notice in page_view.build(report_data(traders=found)).notices)

    assert is_said((12, 12), (None, None), (12, 12))
    assert not is_said((12, 12), (15, 3)) and not is_said((None, None))


def test_what_is_unknown_is_a_dash_with_its_reason() -> None:
    shown = page_view.build(report_data(traders=[bare()], detailed=frozenset([BARE]), tokens=(), curves=()))
    facts = {fact.name: fact.figure for fact in shown.traders[0].headline}
    assert facts["ROI"].text == "" and "nothing with a known cost" in facts["ROI"].how
    made = Parsed(page.render(shown)).text
    assert "– unknown" in made and "no curve" in made


def test_changes_are_counted_and_the_best_places_named() -> None:
    moves = [movement(f"wallet{nth}", "down", nth + 5, nth) | {"of_kind": 40} for nth in range(1, 31)]
    shown = page_view.build(report_data(movements=[*moves, movement(GOOD, "left", None, 3, "lost")]))
    titles = {grid.caption: len(grid.rows) for grid in shown.changes}
    assert titles == {"Down: 40": 10, "Left the ranking: 1": 1, "No longer recommended: 1": 1}
    assert "1 left, 40 down" in shown.changes_summary


def test_a_curve_adds_up_exactly_and_knows_its_largest_fall() -> None:
    curve = trader_view.curve([step(0, "10.000000001"), step(2, "-4"), step(5, "-3.5"), step(6, "100")])
    assert curve is not None
    assert [value for _, value in curve.points] == [
        Decimal(text) for text in ("0", "10.000000001", "6.000000001", "2.500000001", "102.500000001")
    ]
    assert curve.largest_fall == Decimal("7.5")
    assert [day - 20_450 for day, _ in curve.points] == [-1, 0, 2, 5, 6]


def test_without_a_ranking_the_page_says_so() -> None:
    none = replace(report_data(), traders=(), groups=(), ranked_at=None, previous_at=None, freshness=None, runs=())
    assert "There is no ranking yet" in render(none)
    assert "No wallet qualifies" in render(replace(none, ranked_at=NOW))
    assert json.loads(exports.as_json(none))["traders"] == []
    assert len(exports.as_csv(none).splitlines()) == 1


def test_what_a_reader_must_know_first_stands_on_top() -> None:
    assert page_view.build(report_data()).notices == ()
    old = page_view.build(report_data(made_at=NOW + timedelta(hours=30))).notices
    assert old == ("This ranking is 1.2 d old.",)
    assert "settings have changed" in page_view.build(report_data(is_current_rules=False)).notices[0]
    assert "can be newer" in page_view.build(report_data(is_evidence_newer=True)).notices[0]
    assert "Nobody in this list" in page_view.build(report_data(traders=[bare()])).notices[0]


def test_the_report_begins_with_what_became_of_earlier_rankings() -> None:
    shown = render(report_data())
    assert shown.index('id="held"') < min(shown.index(f'id="{name}"') for name in ("changes", "ranking", "traders"))
    assert "7 days: shown · 30 days: none yet (first grade due 2026-02-04)" in shown[: shown.index("<main")]
    section = shown[shown.index('id="held"') : shown.index('id="changes"')]
    assert all(words in section for words in ("upper bound", "per dollar bought", "1 of 2", "rest 33.3 %"))
    assert section.count("<svg") == 1  # nothing is graded after 30 days


def test_sheet_and_document_carry_what_became_of_earlier_rankings() -> None:
    found = report_data()
    earlier = json.loads(exports.as_json(found))["earlier_rankings"]
    week, month = earlier["horizons"]
    assert "upper bound" in earlier["note"]
    assert (week["recommended"]["verdict"], week["skilled"]["verdict"]) == ("shown", "not shown")
    assert week["recommended"]["mean_excess"] == "3.25"
    assert [ranking["counts"] for ranking in week["recommended"]["rankings"]] == [True, False]
    assert (month["recommended"]["verdict"], month["first_grade_due"][:10]) == ("none yet", "2026-02-04")
    lines = list(csv.DictReader(io.StringIO(exports.as_csv(found))))
    assert [line["earlier_7d_recommended_verdict"] for line in lines] == ["shown", "shown"]
    assert [line["earlier_7d_skilled_mean_excess"] for line in lines] == ["-0.5", "-0.5"]
    assert [line["earlier_30d_recommended_mean_excess"] for line in lines] == ["", ""]


def test_the_mean_since_discovery_is_that_of_all_wallets_and_stands_in_each_format() -> None:
    found = report_data()
    shown = render(found)
    section = shown[shown.index('id="held"') : shown.index('id="changes"')]
    assert f"300 wallets that ever were, ranked or not, has brought {MINUS}3.3 % per dollar bought" in section
    assert "the mean over the 250" in section
    since = json.loads(exports.as_json(found))["since_discovery"]
    assert {name: since[name] for name in since if name != "note"} == {
        "discovered_wallets": 300,
        "discovered_bought": 250,
        "discovered_mean_return": "-3.250001",
    }
    (mean,) = {line["discovered_mean_return"] for line in csv.DictReader(io.StringIO(exports.as_csv(found)))}
    assert mean == "-3.250001"
    for unknown in (None, Discovered(5, 0, None)):
        assert "Since they were found" not in render(report_data(discovered=unknown))


def test_a_wallet_shows_what_following_it_since_it_was_found_has_brought() -> None:
    text = Parsed(render(report_data())).text
    for words in ("35.0 d before the ranking", f"{MINUS}$12.35", f"{MINUS}3.1 %", "2 with a gain"):
        assert words in text
    assert "it was only ever named by hand" in text


def test_how_much_is_left_out_is_said() -> None:
    made = Parsed(render(report_data())).text
    assert "3 of 9 tokens are left out here" in made
    assert "7 of 12 sales are left out here" in made


def test_the_document_has_every_digit_as_text() -> None:
    good, unread = json.loads(exports.as_json(report_data()))["traders"]
    assert good["realized_pnl"] == "1234.567890123"
    assert good["sales"][0]["quantity_raw"] == "3000000"
    assert good["equity_curve"][-1] == ["2026-01-06", "1234.567890123"]
    assert unread["roi"] is None


def test_a_report_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    file.write("first", target)
    file.write("second", target)
    assert (target.read_text(), list(tmp_path.iterdir())) == ("second", [target])
    with pytest.raises(StorageError, match="cannot be written"):
        file.write("third", tmp_path / "missing" / "report.html")


def test_a_page_knows_what_it_was_made_from(tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert not file.is_made_from(target, "i" * 64)
    file.write(render(report_data()), target)
    assert file.is_made_from(target, "i" * 64)
    assert not file.is_made_from(target, "other")
