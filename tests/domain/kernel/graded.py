"""Grades by the kernel, of wallets as the oracle takes them: sums by token, quartile and side, then the figures."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from smart_trader.domain.kernel.grading import (
    Cohort,
    CohortFigures,
    Contrast,
    Excess,
    ExcessSums,
    FollowedWallet,
    GradingRules,
    Stratum,
    TokenSums,
    cohort_figures,
    excess,
    quartile,
    token_parts,
)
from tests.oracle.numbers import Row

DIGITS = {"invested_usd": 9, "follow_pnl_usd": 9}
COUNTS = ("wallets", "observed", "active", "profitable", "tokens")


def grade(cohort: Cohort, wallets: Sequence[Row], rules: GradingRules) -> Row:
    members = [_followed(wallet) for wallet in wallets if cohort in wallet["cohorts"]]
    in_quartiles = active(wallets)
    of_cohort = strata(cohort, in_quartiles, rules)
    contrast, sums = Contrast(of_cohort), ExcessSums()
    for of_token in _token_sums(cohort, in_quartiles, rules).values():
        sums = sums.with_token(contrast.of_token(of_token))
    figures: tuple[CohortFigures, Excess] = (
        cohort_figures(cohort, members, rules),
        excess(cohort, of_cohort, sums, rules),
    )
    return {name: _as_column(name, value) for part in figures for name, value in part._asdict().items()}


def active(wallets: Sequence[Row]) -> list[tuple[int, Row]]:
    """The active wallets, each with its quartile."""
    found = [wallet for wallet in wallets if wallet["is_observed"] and wallet["invested_usd"] > 0]
    found.sort(key=lambda row: row["wallet_address"])
    found.sort(key=lambda row: -1 if row["avg_holding_time_hours"] is None else row["avg_holding_time_hours"])
    return [(quartile(place, len(found)), wallet) for place, wallet in enumerate(found)]


def strata(cohort: Cohort, in_quartiles: Sequence[tuple[int, Row]], rules: GradingRules) -> list[Stratum]:
    found = []
    for place in range(4):
        wallets = [wallet for of_wallet, wallet in in_quartiles if of_wallet == place]
        inside = sum(cohort in wallet["cohorts"] for wallet in wallets)
        gain = sum(gain for wallet in wallets for _, _, gain in _parts(wallet, rules))
        found.append(Stratum(inside, len(wallets) - inside, gain))
    return found


def _token_sums(
    cohort: Cohort, in_quartiles: Sequence[tuple[int, Row]], rules: GradingRules
) -> Mapping[str, list[TokenSums]]:
    by_token: dict[str, list[TokenSums]] = {}
    for place, wallet in in_quartiles:
        for token, share, gain in _parts(wallet, rules):
            by_token.setdefault(token, []).append(TokenSums(place, cohort in wallet["cohorts"], share, gain))
    return by_token


def _parts(wallet: Row, rules: GradingRules) -> list[tuple[str, int, int]]:
    whole = _units(wallet["invested_usd"], 9)
    return [
        (token, *token_parts(_units(invested, 9), _units(pnl, 9), whole, rules))
        for token, (invested, pnl) in wallet["tokens"].items()
    ]


def _followed(wallet: Row) -> FollowedWallet:
    score = _units(wallet["smart_trader_score"], 4)
    figures = [wallet[name] for name in ("invested_usd", "follow_pnl_usd", "follow_return")]
    scaled = [None if v is None else _units(v, digits) for v, digits in zip(figures, (9, 9, 6), strict=True)]
    return FollowedWallet(wallet["is_observed"], score, *scaled)


def _units(number: Decimal, digits: int) -> int:
    return int(number.scaleb(digits))


def _as_column(name: str, value: Any) -> Any:
    if value is None or name in COUNTS:
        return value
    return Decimal(value).scaleb(-DIGITS.get(name, 6))
