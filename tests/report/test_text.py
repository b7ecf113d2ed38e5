"""What strangers wrote can be seen, steers nothing, and is no formula."""

import csv
import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.report import exports
from smart_trader.report.data import ReportData
from smart_trader.report.markup import Html, element, join
from smart_trader.report.text import clipped, spreadsheet_text, visible
from tests.report.example import named, report_data
from tests.report.hostile import NAMES


@given(st.text())
def test_what_is_shown_has_only_characters_that_can_be_seen(text: str) -> None:
    shown = visible(text)
    assert all(char == " " or (char.isprintable() and unicodedata.category(char) != "Cf") for char in shown)
    assert visible(shown) == shown


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("WIF", "WIF"),
        ("USD\u202egpj", "USD[U+202E]gpj"),
        ("a\u200bb\u00a0c\nd", "a[U+200B]b c[U+000A]d"),
        ("\x00\x1b[31m", "[U+0000][U+001B][31m"),
        ("\u3164\u2800", "[U+3164][U+2800]"),
        ("שלום 🐸", "שלום 🐸"),
        ("e\u0301", "e\u0301"),
        ("e" + "\u0301" * 4, "e\u0301\u0301\u0301[U+0301]"),
        ("\ue000\ufdd0", "[U+E000][U+FDD0]"),
    ],
)
def test_what_steers_a_screen_is_shown_by_its_number(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_long_name_is_cut_visibly() -> None:
    assert clipped("A" * 5000, 16) == "A" * 15 + "…"
    assert clipped("A" * 16, 16) == "A" * 16
    assert len(clipped("\u202e" * 40, 16)) == 16
    assert clipped("A" + "\u202e" * 100_000, 3) == "A[…"


@given(st.text(), st.text())
def test_text_never_becomes_markup(text: str, title: str) -> None:
    built = element("td", text, title=title)
    assert built.startswith('<td title="')
    assert built.count("<") == 2 and built.count(">") == 2 and built.count('"') == 2
    assert not isinstance(join([built, text]) + text, Html), "what is added to markup is text until it is escaped"


@pytest.mark.parametrize("attribute", ["onclick", "style", "src", "srcdoc", "formaction"])
def test_the_page_has_no_attribute_that_runs_or_loads(attribute: str) -> None:
    with pytest.raises(ValueError, match="has no attribute"):
        element("a", "x", **{attribute: "y"})


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "https://evil.example/", "//evil.example", "data:text/html,x"]
)
def test_the_page_links_to_itself_and_to_the_explorer(address: str) -> None:
    with pytest.raises(ValueError, match="links to its own parts"):
        element("a", "x", href=address)


STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


@given(st.sampled_from(STARTS), st.text(), st.sampled_from(["", " ", "\n", "\ufeff", "\x00"]))
def test_no_text_is_a_formula_to_a_spreadsheet(start: str, text: str, before: str) -> None:
    assert spreadsheet_text(before + start + text).startswith("'")


@given(st.text())
def test_a_sheet_holds_no_cell_that_a_spreadsheet_would_compute(text: str) -> None:
    cell = _symbols(named([text]))[0]
    assert not cell.startswith(STARTS)


def test_hostile_names_in_a_sheet_are_text_and_negative_figures_are_numbers() -> None:
    symbols = _symbols(named(NAMES))
    assert len(symbols) == len(NAMES)
    assert [symbol for symbol in symbols if symbol.startswith(STARTS)] == []
    assert {line["unrealized_pnl"] for line in _lines(report_data())} == {"-20.5", ""}


def _symbols(found: ReportData) -> list[str]:
    return [line["best_token_symbol"] for line in _lines(found)]


def _lines(found: ReportData) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(exports.as_csv(found), newline="")))
