"""The states that refer to rows, and their values before the work on these rows is done."""

from dataclasses import dataclass
from enum import StrEnum


class ProcessingStatus(StrEnum):
    """Whether something is to be done for an entity."""

    PENDING = "pending"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True)
class StateFlag:
    """State columns of `table`, with the values that stand for work that is still to be done for an entity.

    Without columns it is the rows of `table` themselves that refer to the entity: they are removed.
    """

    table: str
    entity: str
    """The column that names the entity, in `table` and in the tables to whose rows the state refers."""
    reset: tuple[tuple[str, object], ...]


NEVER_READ: tuple[tuple[str, object], ...] = tuple(
    dict.fromkeys(
        (
            "txns_last_fetched_at",
            "oldest_trade_at",
            "newest_trade_at",
            "gap_newer_than",
            "gap_older_than",
            "read_until",
            "history_complete",
        )
    ).items()
)
"""How far a wallet has been read; rows that are there already are recognized when they are read again."""
READ = ("txns_fetch_status", ProcessingStatus.PENDING)
COMPUTED = ("pnl_processing_status", ProcessingStatus.PENDING)
HELD = ("whale_fetch_status", ProcessingStatus.PENDING)

WALLETS, TOKENS = "silver.tracked_whales", "silver.tracked_tokens"

PNL_COMPUTED = StateFlag(WALLETS, "wallet_address", (COMPUTED,))
TRADES_READ = StateFlag(
    WALLETS, "wallet_address", (READ, *NEVER_READ, ("trade_rows", 0), ("rejected_rows", None), COMPUTED)
)
STATE_KNOWN = StateFlag(WALLETS, "wallet_address", (READ, COMPUTED))
"""The other columns of the wallet stay as they are: reading goes on from there."""
CERTIFIED = StateFlag("gold.rankings", "ranked_at", ())
HOLDERS_READ = StateFlag(TOKENS, "token_address", (HELD, ("whale_fetched_at", None)))
SNAPSHOTS_JUDGED = StateFlag(
    "bronze.token_metrics",
    "token_address",
    (("processed", False), ("processed_at", None), ("not_tracked_reason", None)),
)
