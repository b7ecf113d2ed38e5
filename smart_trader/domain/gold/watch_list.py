"""Who is worth watching, and what watching them would change."""

from collections.abc import Iterable, Set
from dataclasses import dataclass

from pyspark.sql import DataFrame

CREDITS_PER_WRITE = 100
"""What Helius charges for creating or editing a webhook, however many addresses it holds."""


@dataclass(frozen=True, slots=True)
class WebhookChange:
    """Addresses that a write adds to a webhook and removes from it. False if there is nothing to write."""

    added: tuple[str, ...]
    removed: tuple[str, ...]

    @property
    def credits(self) -> int:
        return CREDITS_PER_WRITE if self else 0

    def __bool__(self) -> bool:
        return bool(self.added or self.removed)


def best_wallets(traders: DataFrame, limit: int) -> DataFrame:
    """The addresses of the `limit` best recommended wallets of a ranking, best first."""
    return traders.where("recommended").orderBy("overall_rank").limit(limit).select("wallet_address")


def change_to(wanted: Iterable[str], current: Set[str]) -> WebhookChange:
    """What makes the list `current` hold exactly `wanted`. Nothing does if `wanted` is empty: no list is emptied."""
    target = frozenset(wanted)
    if not target:
        return WebhookChange((), ())
    return WebhookChange(added=tuple(sorted(target - current)), removed=tuple(sorted(current - target)))
