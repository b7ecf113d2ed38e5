"""What the words on the page mean, with the thresholds of the settings where they depend on them."""

from collections.abc import Mapping
from decimal import Decimal

from smart_trader.domain.kernel.ranking import PerformanceTier, PnlBasis
from smart_trader.report.data import Rules
from smart_trader.report.numbers import exact
from smart_trader.report.track_record import VERDICTS
from smart_trader.report.view import FEES

_ALWAYS_THE_SAME = (
    (
        "Trusted",
        "Strangers can make up the price of a token, but money has to come from somebody. A sale is trusted if SOL or "
        "stable coins gave its value and that of the lots that it took from. Trusted figures leave out what was gained "
        "in other sales and keep what was lost; a sale of unknown value counts as one for $0. Money from the wallet's "
        "own other wallets looks the same: wash trades are not recognised.",
    ),
    (
        "Lower bound",
        "What the win rate of tokens is at least, with 95 % confidence, given how few tokens are decided. "
        "Two wins of two are no proof: their lower bound is 34 %.",
    ),
    (
        "Coverage",
        "The share of the proceeds whose purchase was seen. The rest has an unknown cost: it is kept out of PnL.",
    ),
    (
        "History",
        "Complete once every page down to the first trade was read; cut while older trades are missing.",
    ),
    (
        "Dash",
        "Unknown, with its reason; never zero.",
    ),
    (
        "Rounding",
        "Every figure is cut, never rounded up, so that none looks better than it is. The exact one appears when the "
        "pointer rests on it; --format csv and --format json have all of them.",
    ),
)


_BASES = {
    PnlBasis.TRUSTED: "PnL, ROI and win rate are the trusted ones.",
    PnlBasis.REALIZED: "PnL is the realized one.",
    PnlBasis.TOTAL: "PnL is the total one, with open positions at their marks.",
}


def meanings(rules: Rules) -> tuple[tuple[str, str], ...]:
    """Each word with its meaning, in the order of the page."""
    realized = (
        f"Proceeds of sales less the cost of what was sold, purchases consumed first in, first out. {FEES} "
        "What pools charge is already in the amounts."
    )
    return (
        ("Realized PnL", realized),
        ("Recommended", _recommended(rules)),
        ("Tier", _tier(rules)),
        ("Score", _score(rules)),
        ("Verdict", VERDICTS),
        *_ALWAYS_THE_SAME,
    )


def _recommended(rules: Rules) -> str:
    gate = rules.gate
    return (
        f"PnL of at least ${exact(gate['pnl'])}, ROI {exact(gate['roi'])} %, win rate {exact(gate['win_rate'])} %, "
        f"win rate of tokens {exact(gate['token_win_rate'])} %, coverage {exact(100 * gate['coverage'])} %, "
        f"trusted ratio {exact(100 * gate['trusted_ratio'])} %, {_one_token(gate)}complete history, and not a bot, a "
        "pool or an exchange."
        f" {_BASES[rules.basis]} It asks whether a record can be relied on; the tier says how much was made."
    )


def _one_token(gate: Mapping[str, Decimal]) -> str:
    least = gate.get("pnl_ex_best_token")
    return "" if least is None else f"PnL without the best token ${exact(least)}, "


def _tier(rules: Rules) -> str:
    tiers = "; ".join(
        f"{name}: ${exact(least['pnl'])} PnL, {exact(least['roi'])} % ROI, {exact(least['win_rate'])} % win rate"
        for name, least in rules.tiers.items()
    )
    others = f"{PerformanceTier.QUALIFIED} for everybody else with a profit or a winning sale."
    return f"The first that fits: {tiers}; {others}"


def _score(rules: Rules) -> str:
    weights, full = rules.weights, rules.full_score
    return (
        f"{exact(100 * weights['profitability'])} % PnL (100 points at ${exact(full['pnl'])}), "
        f"{exact(100 * weights['roi'])} % ROI (at {exact(full['roi'])} %), "
        f"{exact(100 * weights['win_rate'])} % win rate, "
        f"{exact(100 * weights['activity'])} % activity (at {exact(full['trades'])} trades). "
        f"{_BASES[rules.basis]}"
    )
