"""What was read from the tables for a report: plain rows, not yet in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Rules:
    """What the ranking goes by, as far as the page tells it: dollars, percent, ratio, shares of the score."""

    pnl_basis: str
    gate: Mapping[str, Decimal]
    tiers: Mapping[str, Mapping[str, Decimal]]
    weights: Mapping[str, Decimal]
    full_score: Mapping[str, Decimal]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many of a wallet's tokens, sales, lots, and gains and losses are shown."""

    tokens: int
    sales: int
    lots: int
    biggest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    """Rows by what they are about; empty where there is no ranking, and where the format does not show them.

    `versions` are those of the tables read.
    """

    identity: str
    made_at: datetime
    made_by: str
    rules: Rules
    limits: Limits
    is_current_rules: bool = True
    """Whether the settings are those that the ranking was made with."""
    is_evidence_newer: bool = False
    """Whether figures were computed again since: tokens, sales and lots are then those of now."""
    ranked_at: datetime | None = None
    previous_at: datetime | None = None
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
