"""Simulated markets: a ranking without skill is seldom called one, a ranking with skill is found out.

400 markets of each kind take minutes, so they have the long lane, and docs/evidence.md states what they came to. The
quick lane has a few, with the same seeds.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from smart_trader.domain.kernel.grading import token_parts
from smart_trader.domain.kernel.verdict import Answer, Verdict
from tests.domain.kernel import markets
from tests.domain.kernel.markets import KINDS, LEAVERS, RULES, SKILL, Market, looks

MARKETS = 400
AT_MOST = Fraction(72, 1000)
"""5 %, and 2.2 % for the error of 400 markets."""
PAGE = Path(__file__).parents[3] / "docs" / "evidence.md"
SKILLED_MARKETS = 100
WEEK, MONTH = 7, 30
RANKINGS = {WEEK: 26, MONTH: 8}
"""Half a year of the former, nine months of the latter."""


def stated(line: str) -> list[str]:
    """What docs/evidence.md says of a kind of market."""
    (cells,) = re.findall(rf"^\| {re.escape(line)} \|(.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE)
    return [cell.strip() for cell in cells.split("|")]


def shares(market: Market, days: int, count: int) -> Iterator[tuple[bool, bool]]:
    """For each market whether chance is named below 5 % at the end, and below 1 % at any look."""
    for seed in range(count):
        chances = [found.p_value for found in looks(market, seed, days, RANKINGS[days])]
        known = [chance for chance in chances if chance is not None]
        yield bool(known) and known[-1] < 50_000, any(chance < 10_000 for chance in known)


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


@pytest.mark.long
@pytest.mark.parametrize("days", RANKINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_without_skill_a_ranking_is_seldom_called_one(kind: str, days: int) -> None:
    found = list(shares(KINDS[kind], days, MARKETS))
    at_end, at_any_look = (sum(column) for column in zip(*found, strict=True))
    assert max(at_end, at_any_look) <= AT_MOST * MARKETS
    assert stated(f"{kind}, {days} days") == [percent(at_end, MARKETS), percent(at_any_look, MARKETS)]


@pytest.mark.long
@pytest.mark.parametrize(("days", "at_least"), [(WEEK, Fraction(9, 10)), (MONTH, Fraction(3, 4))])
def test_planted_skill_is_shown(days: int, at_least: Fraction) -> None:
    answers = [looks(SKILL, seed, days, RANKINGS[days])[-1].answer for seed in range(SKILLED_MARKETS)]
    shown = answers.count(Answer.SHOWN)
    assert shown >= at_least * SKILLED_MARKETS
    assert stated(f"skill, {days} days") == [percent(shown, SKILLED_MARKETS)]


@pytest.mark.long
def test_who_leaves_has_to_be_fetched() -> None:
    """Otherwise what is left looks good: a verdict that did not ask how many are observed would call it skill."""
    last = [looks(LEAVERS, seed, WEEK, RANKINGS[WEEK])[-1] for seed in range(SKILLED_MARKETS)]
    unasked = [looks(LEAVERS, seed, WEEK, RANKINGS[WEEK], ripe=Fraction(0))[-1] for seed in range(SKILLED_MARKETS)]
    assert {found.answer for found in last} == {Answer.TOO_FEW}
    shown = sum(found.answer is Answer.SHOWN for found in unasked)
    assert stated("leavers are not fetched, and nobody asks") == [percent(shown, SKILLED_MARKETS)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_markets_without_skill(kind: str) -> None:
    at_end, _ = zip(*shares(KINDS[kind], WEEK, 12), strict=True)
    assert sum(at_end) <= 3


@pytest.mark.parametrize("days", RANKINGS)
def test_a_few_markets_with_skill(days: int) -> None:
    assert {_last(SKILL, seed, days).answer for seed in range(4)} == {Answer.SHOWN}


def test_a_few_markets_that_lose_sight_of_leavers() -> None:
    assert {_last(LEAVERS, seed, WEEK).answer for seed in range(4)} == {Answer.TOO_FEW}


def _last(market: Market, seed: int, days: int) -> Verdict:
    return looks(market, seed, days, RANKINGS[days])[-1]


def test_the_markets_take_the_parts_of_a_token_as_the_kernel_does() -> None:
    window = next(markets.windows(Market(drift=0.5), np.random.default_rng(1), MONTH, 1))
    whole = np.bincount(window.wallet, window.invested).astype(np.int64)[window.wallet]
    share, gain = markets.parts(window.invested, window.pnl, whole)
    rows = zip(window.invested.tolist(), window.pnl.tolist(), whole.tolist(), strict=True)
    expected = [token_parts(*row, RULES) for row in rows]
    assert list(zip(share.tolist(), gain.tolist(), strict=True)) == expected
