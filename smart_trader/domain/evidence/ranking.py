"""The place of a wallet in a ranking: tier and gates with each threshold, and the score with each part."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import Any, NamedTuple

from smart_trader.domain.evidence.figures import (
    FRACTION_UNIT,
    SETTING_UNIT,
    USD_UNIT,
    UTC_UNIT,
    Block,
    Figure,
    Row,
    fraction,
    stored,
)
from smart_trader.domain.evidence.followed import SINCE_DISCOVERY
from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.gold.smart_traders import WINDOW_DAYS
from smart_trader.domain.kernel.following import LastTrade
from smart_trader.domain.kernel.money import MICRO
from smart_trader.domain.kernel.ranking import GateFailure, PerformanceTier, RankedFigures, RankingOrder
from smart_trader.domain.kernel.skill import Priors
from smart_trader.domain.kernel.wallets import WalletClass

_Z = "1.644853626951473"
"""Of the normal distribution, one-sided 95 %."""
_PNL_PART = "clip(100 * or_zero(pnl) / setting('ranking.full_score.pnl_usd'))"
_ROI_PART = "clip(100 * or_zero(ranked_roi) / setting('ranking.full_score.roi_percent'))"
_WIN_PART = "clip(or_zero(ranked_win_rate))"
_TRADES_PART = "clip(100 * portfolio.trade_count / setting('ranking.full_score.trades'))"
_WEIGHED = {"profitability": _PNL_PART, "roi": _ROI_PART, "win_rate": _WIN_PART, "activity": _TRADES_PART}
_PLACE = {
    "overall_rank": f"skill_rank if setting('ranking.order') == '{RankingOrder.SKILL}' else score_rank",
    "tier_rank": "wallets_ahead_in_tier + 1",
    "performance_tier": "first(tier.name, tier.is_reached)",
    "smart_trader_score": " + ".join(f"setting('ranking.weights.{k}') * {part}" for k, part in _WEIGHED.items()),
    "recommended": "count(gate, not gate.is_passed) == 0",
    "score_rank": "wallets_ahead + 1",
    "skill_rank": "wallets_ahead_by_skill + 1",
}
_NOTES = dict.fromkeys(SINCE_DISCOVERY, "what following the wallet from discovered_at to ranked_at would have brought")
_OF_TRADER = {
    **_PLACE,
    "profitability_score": _PNL_PART,
    "roi_score": _ROI_PART,
    "win_rate_score": _WIN_PART,
    "activity_score": _TRADES_PART,
    "gate_failures": "each(gate.name, not gate.is_passed)",
    "pnl_change": "pnl - previous_pnl",
    "avg_trade_size_usd": "(portfolio.total_bought + portfolio.total_sold) / portfolio.trade_count",
    "sell_ratio_percent": "100 * portfolio.sell_count / portfolio.trade_count",
    "trading_experience_days": "whole_days(portfolio.last_transaction - portfolio.first_transaction)",
    "tokens_traded": "count(token)",
    "skill_win_rate": "100 * usual_and_own_wins if portfolio.winning_tokens + portfolio.losing_tokens > 0 else None",
    "skill_win_rate_low": "skill_win_rate if not known(usual_win_weight) else"
    f" max(0, 100 * (usual_and_own_wins - {_Z} * sqrt(usual_and_own_wins * (1 - usual_and_own_wins)"
    " / (portfolio.winning_tokens + portfolio.losing_tokens + usual_win_weight + 1))))"
    " if known(skill_win_rate) else None",
    "skill_return": "(sum(token.return_percent) * return_between + usual_return * return_within)"
    " / (count(token, known(token.return_percent)) * return_between + return_within)"
    " if count(token, known(token.return_percent)) > 0 else None",
    "skill_return_low": "usual_and_own_return - "
    f"{_Z} * sqrt(return_within * return_between"
    " / (count(token, known(token.return_percent)) * return_between + return_within))"
    " if known(skill_return) else None",
    "pnl_ex_best_sale": "sum(sale.realized_pnl_usd) - max(sale.realized_pnl_usd)",
    "pnl_ex_best_3_sales": "sum(sale.realized_pnl_usd) - sum_largest_3(sale.realized_pnl_usd)",
    "best_sale_share": "max(sale.realized_pnl_usd) / sum(sale.realized_pnl_usd, sale.realized_pnl_usd > 0)",
    "wallet_class": "",
    "discovered_at": "",
    **SINCE_DISCOVERY,
    "ranked_at": "",
    "wallet_pnl_version": "",
}
_IN_WINDOW = "{0}.block_time >= ranked_at - days({1}) and {0}.block_time <= ranked_at"


def _window(days: int) -> dict[str, str]:
    sold, traded = (_IN_WINDOW.format(kind, days) for kind in ("sale", "trade"))
    return {
        f"realized_pnl_{days}d": f"sum(sale.realized_pnl_usd, {sold})",
        f"cost_of_sold_{days}d": f"sum(sale.cost_usd, known(sale.realized_pnl_usd) and {sold})",
        f"win_rate_{days}d": f"100 * count(sale, sale.realized_pnl_usd > 0 and {sold}) / matched_sales_{days}d",
        f"matched_sales_{days}d": f"count(sale, known(sale.realized_pnl_usd) and {sold})",
        f"trade_count_{days}d": f"count(trade, {traded})",
    }


class Place(NamedTuple):
    """What a ranking says of a wallet, and what it was made from."""

    ranked_at: datetime
    figures: RankedFigures
    """The columns of `silver.wallet_pnl` that it ranks by."""
    settings: Mapping[str, str]
    """The settings it was made with, by key."""
    history: Row | None
    """The wallet's row in `gold.rank_history`; None if it did not qualify."""
    trader: Row | None
    """Its row in `gold.smart_traders`, if that holds this ranking."""
    wallets: int
    """How many it ranks."""
    previous_pnl: Decimal | None
    wallet_class: str | None
    versions: Mapping[str, int]
    """Versions of the tables that it was made from, by name."""
    settings_hash: str
    priors: Priors | None = None
    """What is usual among persons; None of a ranking without skill."""
    certificate: Row | None = None
    """Its row in `gold.rankings`."""
    last_trades: Mapping[str, LastTrade] = MappingProxyType({})
    """What marks the tokens of the wallet when it was made."""


def ranking_block(place: Place, portfolio: Block, followed: Sequence[Block]) -> Block:
    """The block of a ranking, above the portfolio and what following the wallet since it was found brought."""
    formulas = _OF_TRADER | {name: text for days in WINDOW_DAYS for name, text in _window(days).items()}
    if place.trader is not None:
        names = [name for name in formulas if name in smart_traders.TABLE.column_names]
        own = stored(smart_traders.TABLE, place.trader, {name: formulas[name] for name in names}, _NOTES)
    elif place.history is not None:
        names = [name for name in _PLACE if name in rank_history.TABLE.column_names]
        own = stored(rank_history.TABLE, place.history, {name: _PLACE[name] for name in names})
    else:
        own = []
    ranked = _ranked_by(place, portfolio)
    blocks = [*_tiers(place.settings, ranked), *_gates(place, ranked, portfolio), portfolio, *followed]
    known = {figure.name for figure in own}
    usual = _usual(place.priors if place.trader else None, portfolio)
    more = [figure for figure in (*_about(place), *ranked, *usual) if figure.name not in known]
    return Block("ranking", f"{place.ranked_at:%Y-%m-%dT%H:%M:%SZ}", [*own, *more], blocks)


def _ranked_by(place: Place, portfolio: Block) -> list[Figure]:
    names = {"pnl": place.figures.pnl, "ranked_roi": place.figures.roi, "ranked_win_rate": place.figures.win_rate}
    units = {"pnl": USD_UNIT}
    return [
        Figure(name, portfolio.value(column), f"portfolio.{column}", units.get(name, "%"))
        for name, column in names.items()
    ]


def _about(place: Place) -> list[Figure]:
    figures = [
        Figure("ranked_at", place.ranked_at, unit=UTC_UNIT),
        Figure("wallets", place.wallets, note="in the ranking"),
        Figure("settings_hash", place.settings_hash, note="of the settings that it was made with"),
        *(Figure(f"{table.replace('.', '_')}_version", version) for table, version in place.versions.items()),
    ]
    if place.certificate is not None:
        figures += [Figure(name, place.certificate[name], note="certified") for name in ("code_version", "digest")]
    if place.history is None:
        return figures
    ahead = [
        Figure("wallets_ahead", _before(place.history["score_rank"]), note="by score, then PnL, then address"),
        Figure("wallets_ahead_by_skill", _before(place.history["skill_rank"]), note="by skill, then address"),
        Figure("wallets_ahead_in_tier", _before(place.history["tier_rank"]), note="of its tier"),
    ]
    if place.trader is not None:
        ahead.append(Figure("previous_pnl", place.previous_pnl, unit=USD_UNIT, note="at the ranking before this one"))
    return [*figures, *ahead]


def _usual(priors: Priors | None, portfolio: Block) -> list[Figure]:
    """What is usual among persons, and what that and the wallet's own tokens give together."""
    if priors is None:
        return []
    wins, returns = priors.wins, priors.returns
    counts: list[Any] = [portfolio.value(name) or 0 for name in ("winning_tokens", "losing_tokens")]
    won, lost = map(int, counts)
    own = "(portfolio.winning_tokens + usual_win_rate * usual_win_weight)"
    decided = "(portfolio.winning_tokens + portfolio.losing_tokens + usual_win_weight)"
    together = wins and (
        wins.mean if wins.weight is None else (won + wins.mean * wins.weight) / (won + lost + wins.weight)
    )
    known = [
        ("usual_win_rate", wins and wins.mean, "", "of decided tokens, among all persons"),
        ("usual_win_weight", wins and wins.weight, "", "so many tokens it weighs; unknown: more than any number"),
        (
            "usual_and_own_wins",
            together,
            f"{own} / {decided} if known(usual_win_weight) else usual_win_rate",
            "",
        ),
        ("usual_return", returns and returns.mean / MICRO, "", "percent a decided token, among all persons"),
        ("return_between", returns and returns.between / MICRO**2, "", "variance between wallets"),
        ("return_within", returns and returns.within / MICRO**2, "", "variance within a wallet"),
        ("usual_and_own_return", _own_return(priors, portfolio), _OF_TRADER["skill_return"], "not rounded"),
    ]
    return [Figure(name, fraction(value), formula, FRACTION_UNIT, note) for name, value, formula, note in known]


def _own_return(priors: Priors, portfolio: Block) -> Fraction | None:
    found = [block.value("return_percent") for block in portfolio.blocks if block.kind == "token"]
    own = [Fraction(value) for value in found if isinstance(value, Decimal)]
    if priors.returns is None or not own:
        return None
    usual, between, within = (Fraction(part) for part in priors.returns)
    total = sum(own) * MICRO * between + usual * within
    return total / (len(own) * between + within) / MICRO


def _before(rank: int | None) -> int | None:
    return None if rank is None else rank - 1


def _tiers(settings: Mapping[str, str], ranked: Sequence[Figure]) -> list[Block]:
    """Each tier with its thresholds, best first. The last one has none."""
    blocks = []
    for tier in PerformanceTier:
        least = {
            "pnl": f"ranking.{tier.lower()}.min_pnl_usd",
            "ranked_roi": f"ranking.{tier.lower()}.min_roi_percent",
            "ranked_win_rate": f"ranking.{tier.lower()}.min_win_rate_percent",
        }
        met = [
            _met(figure, least[figure.name], settings, f"{figure.name}_is_met")
            for figure in ranked
            if least[figure.name] in settings
        ]
        is_reached = all(bool(figure.value) for figure in met)
        all_of = " and ".join(figure.name for figure in met) or "True"
        figures = [Figure("name", tier.value), *met, Figure("is_reached", is_reached, all_of)]
        blocks.append(Block("tier", tier.value, figures))
    return blocks


def _met(figure: Figure, key: str, settings: Mapping[str, str], name: str, of: str = "") -> Figure:
    """Whether a figure reaches the threshold `key`; what is unknown reaches nothing."""
    is_met = isinstance(figure.value, Decimal | int) and figure.value >= Decimal(settings[key])
    return Figure(name, is_met, f"{of or figure.name} >= setting('{key}')")


def _gates(place: Place, ranked: Sequence[Figure], portfolio: Block) -> list[Block]:
    """Each condition of `recommended`, with its value and threshold."""
    by_name = {figure.name: figure for figure in ranked}
    of_portfolio = {name: Figure(name, portfolio.value(name)) for name in ("token_win_rate", "coverage_ratio")}
    trusted = Figure("trusted_ratio", portfolio.value("trusted_ratio"))
    without_best = Figure("pnl_ex_best_token", portfolio.value("pnl_ex_best_token"))
    thresholds = (
        (GateFailure.PNL_BELOW, by_name["pnl"], "min_pnl_usd", ""),
        (GateFailure.ROI_BELOW, by_name["ranked_roi"], "min_roi_percent", ""),
        (GateFailure.WIN_RATE_BELOW, by_name["ranked_win_rate"], "min_win_rate_percent", ""),
        (GateFailure.TOKEN_WIN_RATE_BELOW, of_portfolio["token_win_rate"], "min_token_win_rate_percent", "portfolio."),
        (GateFailure.COVERAGE_BELOW, of_portfolio["coverage_ratio"], "min_coverage_ratio", "portfolio."),
        (GateFailure.VALUE_UNTRUSTED, trusted, "min_trusted_ratio", "portfolio."),
        (GateFailure.PNL_FROM_ONE_TOKEN, without_best, "min_pnl_ex_best_token_usd", "portfolio."),
    )
    blocks = [
        _gate(failure, _met(figure, f"ranking.recommended.{key}", place.settings, "is_passed", f"{of}{figure.name}"))
        for failure, figure, key, of in thresholds
        if place.settings[f"ranking.recommended.{key}"]  # an empty one asks for nothing
    ]
    is_complete = bool(portfolio.value("history_complete"))
    blocks.append(_gate(GateFailure.HISTORY_INCOMPLETE, Figure("is_passed", is_complete, "portfolio.history_complete")))
    for failure, kind in (
        (GateFailure.CLASS_BOT, WalletClass.BOT),
        (GateFailure.CLASS_POOL, WalletClass.POOL),
        (GateFailure.CLASS_EXCHANGE, WalletClass.EXCHANGE),
    ):
        passed = Figure("is_passed", place.wallet_class != kind, f"not wallet_class == '{kind}'")
        blocks.append(_gate(failure, passed))
    return blocks


def _gate(failure: GateFailure, passed: Figure) -> Block:
    return Block("gate", failure.value, [Figure("name", failure.value), passed])


def settings_block(settings: Mapping[str, str]) -> Block:
    """Settings as leaves, which formulas name by their keys."""
    return Block("settings", "", [Figure(key, text, unit=SETTING_UNIT) for key, text in settings.items()])
