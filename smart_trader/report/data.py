"""The data of a report: plain rows as read from the tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from smart_trader.domain.evidence.track_record import Discovered, TrackRecord
from smart_trader.domain.kernel.ranking import PnlBasis

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of the ranking that the page shows: dollars, percent, ratio, shares of the score."""

    basis: PnlBasis
    gate: Mapping[str, Decimal]
    tiers: Mapping[str, Mapping[str, Decimal]]
    weights: Mapping[str, Decimal]
    full_score: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers of a wallet's tokens, sales, lots, gains and losses on the page."""

    tokens: int
    sales: int
    lots: int
    biggest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportData:
    """The rows of a report by subject. Empty without a ranking, and where the format does not show them.

    `versions` are the versions of the tables read.
    """

    identity: str
    made_at: datetime
    made_by: str
    rules: Rules
    limits: Limits
    is_current_rules: bool = True
    """Whether the settings equal those of the ranking."""
    is_evidence_newer: bool = False
    """Whether figures were computed again after the ranking. Tokens, sales and lots are then the newest ones."""
    ranked_at: datetime | None = None
    previous_at: datetime | None = None
    track_records: Sequence[TrackRecord] = ()
    """Whether earlier rankings held, by horizon."""
    discovered: Discovered | None = None
    """What following all wallets since they were found has brought."""
    groups: Sequence[Row] = ()
    traders: Sequence[Row] = ()
    movements: Sequence[Row] = ()
    best_tokens: Sequence[Row] = ()
    tokens: Sequence[Row] = ()
    sales: Sequence[Row] = ()
    curves: Sequence[Row] = ()
    lots: Sequence[Row] = ()
    states: Sequence[Row] = ()
    rejections: Sequence[Row] = ()
    freshness: Row | None = None
    runs: Sequence[Row] = ()
    versions: Mapping[str, int] = field(default_factory=dict)
    detailed: frozenset[str] = frozenset()

    def of_wallet(self, rows: Sequence[Row]) -> dict[str, list[Row]]:
        """Rows by wallet, in their order."""
        found: dict[str, list[Row]] = {}
        for row in rows:
            found.setdefault(row["wallet_address"], []).append(row)
        return found
