"""The thresholds of the settings, as a report shows them."""

from decimal import Decimal

from smart_trader.config.model import Ranking
from smart_trader.config.model import Tier as TierSettings
from smart_trader.config.thresholds import tier_settings
from smart_trader.report.data import Rules


def shown_rules(ranking: Ranking) -> Rules:
    """The rules of the ranking, as a report shows them."""
    full, gate = ranking.full_score, ranking.recommended
    one_token = gate.min_pnl_ex_best_token_usd
    return Rules(
        basis=ranking.pnl_basis,
        gate=_least(gate)
        | {
            "token_win_rate": gate.min_token_win_rate_percent,
            "coverage": gate.min_coverage_ratio,
            "trusted_ratio": gate.min_trusted_ratio,
        }
        | ({} if one_token is None else {"pnl_ex_best_token": one_token}),
        tiers={name: _least(least) for name, least in tier_settings(ranking).items()},
        weights=ranking.weights.model_dump(),
        full_score={"pnl": full.pnl_usd, "roi": full.roi_percent, "trades": Decimal(full.trades)},
    )


def _least(tier: TierSettings) -> dict[str, Decimal]:
    return {"pnl": tier.min_pnl_usd, "roi": tier.min_roi_percent, "win_rate": tier.min_win_rate_percent}
