"""The states that vouch for rows, and how each is set back when its rows are lost or to be made anew."""

from dataclasses import dataclass
from enum import StrEnum


class ProcessingStatus(StrEnum):
    """Whether something is to be done for an entity."""

    PENDING = "pending"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class Mark:
    """Columns of `table` that say of an entity that something was done, and what they say when it is to be done."""

    table: str
    entity: str
    """The column that names the entity, in `table` and in the tables whose rows the state vouches for."""
    reset: tuple[tuple[str, object], ...]


NEVER_READ: tuple[tuple[str, object], ...] = tuple(
    dict.fromkeys(
        (
            "txns_last_fetched_at",
            "oldest_trade_at",
            "newest_trade_at",
            "gap_newer_than",
            "gap_older_than",
            "history_complete",
        )
    ).items()
)
"""How far a wallet has been read; rows that are there already are recognized when they are read again."""
READ = ("txns_fetch_status", ProcessingStatus.PENDING)
COMPUTED = ("pnl_processing_status", ProcessingStatus.PENDING)
HELD = ("whale_fetch_status", ProcessingStatus.PENDING)

WALLETS, TOKENS = "silver.tracked_whales", "silver.tracked_tokens"

PNL_COMPUTED = Mark(WALLETS, "wallet_address", (COMPUTED,))
TRADES_READ = Mark(WALLETS, "wallet_address", (READ, *NEVER_READ, ("trade_rows", 0), ("rejected_rows", None), COMPUTED))
STATE_KNOWN = Mark(WALLETS, "wallet_address", (READ, COMPUTED))
"""What else the table says of the wallet is as it was: reading goes on from there."""
HOLDERS_READ = Mark(TOKENS, "token_address", (HELD, ("whale_fetched_at", None)))
SNAPSHOTS_JUDGED = Mark(
    "bronze.token_metrics",
    "token_address",
    (("processed", False), ("processed_at", None), ("not_tracked_reason", None)),
)
