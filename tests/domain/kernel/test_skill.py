"""Skill, allowing for luck: the kernel against the formulas over wallets one by one, and scipy's distributions."""

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.kernel import skill
from smart_trader.domain.kernel.skill import Estimate, Group, ReturnPrior, WinPrior
from tests.oracle import skill as oracle

MICRO = 10**6
_returns = st.lists(st.decimals(-100, 1_000, places=6), min_size=1, max_size=6)
_wins = st.lists(st.integers(0, 1), min_size=1, max_size=6)


def groups(wallets: Sequence[Sequence[int]]) -> list[Group]:
    of_size: dict[int, list[Sequence[int]]] = defaultdict(list)
    for wallet in wallets:
        of_size[len(wallet)].append(wallet)
    return [
        Group(
            size,
            len(several),
            sum(map(sum, several)),
            sum(sum(one) ** 2 for one in several),
            sum(figure**2 for one in several for figure in one),
        )
        for size, several in of_size.items()
    ]


def micros(wallets: Sequence[Sequence[Decimal]]) -> list[list[int]]:
    return [[int(r * MICRO) for r in wallet] for wallet in wallets]


def shown(estimate: Estimate) -> tuple[Decimal | None, ...]:
    return tuple(None if value is None else Decimal(value).scaleb(-6) for value in estimate)


@given(st.lists(_wins, max_size=8), _wins)
def test_win_rates_are_those_of_the_formulas(wallets: list[list[int]], wallet: list[int]) -> None:
    prior, expected = skill.win_prior(groups(wallets)), oracle.beta(wallets)
    assert prior == expected
    assert shown(skill.win_rate(sum(wallet), len(wallet), prior)) == oracle.win_rate(wallet, expected)


@given(st.lists(_returns, max_size=8), _returns)
def test_returns_are_those_of_the_formulas(wallets: list[list[Decimal]], wallet: list[Decimal]) -> None:
    prior, expected = skill.return_prior(groups(micros(wallets))), oracle.normal(wallets)
    if expected is None or prior is None:
        assert prior is expected
    else:
        assert prior == (expected.mean * MICRO, expected.between * MICRO**2, expected.within * MICRO**2)
    total = sum(micros([wallet])[0])
    assert shown(skill.mean_return(total, len(wallet), prior)) == oracle.mean_return(wallet, expected)


@given(
    st.decimals(-(10**19), 10**19, places=9),
    st.decimals(0, 10**6, places=9) | st.just(Decimal(0)),
    st.decimals(0, 10**6, places=9) | st.just(Decimal(0)),
)
def test_a_token_returns_its_result_by_what_was_paid(pnl: Decimal, cost: Decimal, left: Decimal) -> None:
    got = skill.token_return(*(int(amount.scaleb(9)) for amount in (pnl, cost, left)))
    assert (None if got is None else Decimal(got).scaleb(-6)) == oracle.token_return(pnl, cost, left)


def test_a_return_is_unknown_where_result_or_cost_is_and_clipped_at_both_ends() -> None:
    assert [skill.token_return(*given) for given in ((None, 1, 0), (1, None, 0), (5, 0, 0))] == [None] * 3
    assert skill.token_return(0, 10, 0) == 0
    assert skill.token_return(-30, 10, 5) == -100 * MICRO
    assert skill.token_return(10**12, 1, 0) == 1_000 * MICRO


def test_a_chance_estimate_is_the_posterior_of_scipy(stats: ModuleType) -> None:
    prior = WinPrior(Fraction(2, 5), Fraction(25, 2))
    posterior = stats.beta(7 + 5, 2 + 7.5)
    got = skill.win_rate(7, 9, prior)
    assert got.mean is not None and got.low is not None
    assert got.mean == pytest.approx(100 * MICRO * posterior.mean(), abs=1)
    assert got.low == pytest.approx(100 * MICRO * (posterior.mean() - stats.norm.ppf(0.95) * posterior.std()), abs=1)


def test_a_return_estimate_is_the_posterior_of_two_normals(stats: ModuleType) -> None:
    prior = ReturnPrior(Fraction(12 * MICRO), Fraction(400 * MICRO**2), Fraction(8_100 * MICRO**2))
    got = skill.mean_return(4 * 80 * MICRO, 4, prior)
    deviation = (1 / (4 / 8_100 + 1 / 400)) ** 0.5
    mean = (4 * 80 / 8_100 + 12 / 400) * deviation**2
    assert got.mean == pytest.approx(MICRO * mean, abs=1)
    assert got.low == pytest.approx(MICRO * stats.norm(mean, deviation).ppf(0.05), abs=1)


def test_the_spread_between_wallets_is_found_again(stats: ModuleType) -> None:
    """A crowd drawn from a known Beta distribution, and one drawn from a known normal one."""
    rates = stats.beta(4, 6).rvs(4_000, random_state=1)
    wins = stats.bernoulli.rvs(rates[:, None], size=(4_000, 12), random_state=2)
    found = skill.win_prior(groups(wins.tolist()))
    assert found is not None and found.weight is not None
    assert float(found.mean) == pytest.approx(0.4, abs=0.01)
    assert float(found.weight) == pytest.approx(10, abs=1)

    means = stats.norm(20, 15).rvs(4_000, random_state=3)
    returns = stats.norm.rvs(means[:, None], 60, size=(4_000, 8), random_state=4) * MICRO
    normal = skill.return_prior(groups(returns.astype(int).tolist()))
    assert normal is not None
    assert float(normal.mean) / MICRO == pytest.approx(20, abs=1)
    assert float(normal.between) ** 0.5 / MICRO == pytest.approx(15, abs=1)
    assert float(normal.within) ** 0.5 / MICRO == pytest.approx(60, abs=1)


@pytest.mark.parametrize(("won", "rate"), [(1, 100 * MICRO), (0, 0)], ids=["all won", "all lost"])
def test_where_all_won_or_lost_that_is_the_rate_of_everybody(won: int, rate: int) -> None:
    prior = skill.win_prior(groups([[won], [won, won]]))
    assert skill.win_rate(1, 2, prior) == (rate, rate)


def test_of_one_wallet_all_is_chance() -> None:
    assert skill.win_prior(groups([[1, 0, 1]])) == WinPrior(Fraction(2, 3), Fraction(999))
    assert skill.win_prior(groups([[1], [0], [1]])) == WinPrior(Fraction(2, 3), Fraction(999)), "one token each"
    alone = skill.return_prior(groups([[10, 30]]))
    assert alone == ReturnPrior(Fraction(20), Fraction(0), Fraction(200))
    assert skill.mean_return(500, 1, alone) == (20, 20), "everybody gets the mean"


def test_what_cannot_be_told_is_unknown() -> None:
    assert skill.win_prior([]) is None and skill.return_prior([]) is None
    assert skill.return_prior(groups([[10], [-30]])) is None, "nobody has two tokens"
    assert skill.return_prior(groups([[10, 10], [-30, -30]])) is None, "the tokens of a wallet do not differ"
    unknown = (None, None)
    assert skill.win_rate(1, 1, None) == skill.win_rate(0, 0, WinPrior(Fraction(1, 2), Fraction(9))) == unknown
    assert skill.mean_return(5, 1, None) == unknown
    assert skill.mean_return(0, 0, ReturnPrior(Fraction(1), Fraction(1), Fraction(1))) == unknown


def test_more_tokens_of_the_same_return_are_shrunk_less_and_known_better() -> None:
    prior = ReturnPrior(Fraction(0), Fraction(400 * MICRO**2), Fraction(2_500 * MICRO**2))
    estimates = [skill.mean_return(tokens * 50 * MICRO, tokens, prior) for tokens in (1, 10, 100, 10_000)]
    assert estimates == sorted(estimates)
    assert estimates[-1].mean is not None and abs(estimates[-1].mean - 50 * MICRO) < MICRO
