"""What an API row becomes: a row of a bronze table, or of the rejected ones."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

Record = dict[str, Any]
"""A row of a bronze table: its own columns, without `batch_id` and `ingested_at`, which the writer knows."""

TOKEN_LIST = "token_list"
TOKEN_HOLDER = "token_holder"
TRADER_TXS = "trader_txs"
"""The endpoints, as `bronze.rejected_rows` names them."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row of `bronze.rejected_rows`."""

    source: str
    raw_sha256: str
    reason: str
    detail: str
    wallet_address: str | None
    token_address: str | None
    raw: str
    rejected_at: datetime


def reject(
    raw: str,
    reason: str,
    detail: str,
    *,
    source: str,
    at: datetime,
    wallet: str | None = None,
    token: str | None = None,
) -> Rejected:
    """The rejected row whose text is `raw`; `reason` is one word of a fixed set."""
    return Rejected(source, sha256(raw.encode()).hexdigest(), reason, detail, wallet, token, raw, at)


def mostly_rejected(rejected: Sequence[Rejected], served: int) -> str | None:
    """Why whoever `served` rows were about was not read, if more than half of these were `rejected`; else None."""
    if 2 * len(rejected) <= served:
        return None
    reason, _ = Counter(row.reason for row in rejected).most_common(1)[0]
    example = next(row.detail for row in rejected if row.reason == reason)
    return f"{len(rejected)} of {served} rows could not be used: {reason} ({example})"
