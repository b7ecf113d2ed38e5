"""What an API row becomes: a row of a bronze table, or of the rejected ones."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

Record = dict[str, Any]
"""A row of a bronze table: its own columns, without `batch_id` and `ingested_at`, which the writer knows."""


class Source(StrEnum):
    """The endpoint that served a row."""

    TOKEN_LIST = "token_list"
    TOKEN_HOLDER = "token_holder"
    TRADER_TXS = "trader_txs"


class RejectionReason(StrEnum):
    """Why an API row cannot be used."""

    NOT_AN_OBJECT = "not_an_object"
    WRONG_OWNER = "wrong_owner"
    WRONG_MINT = "wrong_mint"
    NOT_A_SWAP = "not_a_swap"
    NO_TIME = "no_time"
    BAD_TIME = "bad_time"
    NO_TX_HASH = "no_tx_hash"
    BAD_TX_HASH = "bad_tx_hash"
    NO_LEG = "no_leg"
    NO_ADDRESS = "no_address"
    BAD_ADDRESS = "bad_address"
    NO_AMOUNT = "no_amount"
    BAD_AMOUNT = "bad_amount"
    TOO_LARGE = "too_large"
    NO_DIRECTION = "no_direction"
    BAD_INDEX = "bad_index"
    BAD_LIQUIDITY = "bad_liquidity"


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row of `bronze.rejected_rows`."""

    source: Source
    raw_sha256: str
    reason: RejectionReason
    detail: str
    wallet_address: str | None
    token_address: str | None
    raw: str
    rejected_at: datetime


def reject(
    raw: str,
    reason: RejectionReason,
    detail: str,
    *,
    source: Source,
    at: datetime,
    wallet: str | None = None,
    token: str | None = None,
) -> Rejected:
    """The rejected row whose text is `raw`."""
    return Rejected(source, sha256(raw.encode()).hexdigest(), reason, detail, wallet, token, raw, at)


def mostly_rejected(rejected: Sequence[Rejected], served: int) -> str | None:
    """Why whoever `served` rows were about was not read, if more than half of these were `rejected`; else None."""
    if 2 * len(rejected) <= served:
        return None
    reason, _ = Counter(row.reason for row in rejected).most_common(1)[0]
    example = next(row.detail for row in rejected if row.reason == reason)
    return f"{len(rejected)} of {served} rows could not be used: {reason} ({example})"
