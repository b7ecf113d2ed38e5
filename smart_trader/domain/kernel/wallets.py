"""Who is not a person: pools, exchanges and bots hold and trade, but following them makes no sense."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class WalletClass(StrEnum):
    PERSON = "person"
    BOT = "bot"
    POOL = "pool"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class ClassRules:
    """Thresholds; the defaults stand in conf/defaults.toml under `classify`."""

    max_trades_per_active_day: int
    min_median_holding: int
    """Microseconds."""
    min_matched_sales: int
    max_arbitrage_share: Fraction
    min_transactions: int


@dataclass(frozen=True, slots=True)
class Activity:
    """How a wallet trades."""

    trades: int
    active_days: int
    """UTC days with a trade."""
    holding_times: Sequence[int]
    """Microseconds, one for each matched sale."""
    transactions: int
    """Distinct ones."""
    arbitrage: int


def classify(activity: Activity, rules: ClassRules, *, label: tuple[str, str] | None) -> tuple[str, str]:
    """Class of a wallet and why. `label` is a class and reason known from outside (a pool, a listed exchange)."""
    if label is not None:
        return label
    reason = _automated(activity, rules)
    return (WalletClass.BOT, reason) if reason else (WalletClass.PERSON, "no sign of a pool, an exchange or a bot")


def _automated(activity: Activity, rules: ClassRules) -> str | None:
    if activity.trades > rules.max_trades_per_active_day * activity.active_days:
        return f"{activity.trades} trades on {activity.active_days} active days"
    times = sorted(activity.holding_times)
    count = len(times)
    if count >= rules.min_matched_sales:
        twice_median = times[(count - 1) // 2] + times[count // 2]
        if twice_median < 2 * rules.min_median_holding:
            return f"median holding time of {count} sales under {rules.min_median_holding // 10**6} s"
    share = rules.max_arbitrage_share
    if activity.transactions >= rules.min_transactions and activity.arbitrage > share * activity.transactions:
        return f"{activity.arbitrage} of {activity.transactions} transactions are arbitrage"
    return None
