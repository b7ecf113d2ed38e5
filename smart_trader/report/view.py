"""The content of the page without its form: figures with their reasons, tables, curves. `build` makes these values."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

FEES = "Network fees and tips are not in the data, so they are in no PnL."
HELD = "Did earlier rankings hold?"
UPPER_BOUND = (
    "What following the wallets of earlier rankings would have brought, at their own sizes and prices: without fees, "
    "delay and slippage, so an upper bound, and per dollar bought, which is no return on capital."
)


@dataclass(frozen=True, slots=True)
class Figure:
    """A number as text, with every digit, and with its derivation, or with the reason why it is unknown."""

    text: str
    exact: str = ""
    how: str = ""
    sign: int = 0
    """1 for a gain, -1 for a loss, 0 for any other number."""
    is_cut: bool = False
    """Whether the text leaves out digits of an amount that `exact` has."""
    note: str = ""
    """A few words that stand below it in every table."""

    @property
    def is_known(self) -> bool:
        return bool(self.text)


def unknown(why: str) -> Figure:
    """An unknown figure with its reason."""
    return Figure("", how=why)


@dataclass(frozen=True, slots=True)
class Tier:
    name: str


@dataclass(frozen=True, slots=True)
class Wallet:
    address: str
    is_detailed: bool = False
    tier: Tier | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A token. Strangers choose `symbol` and `name`; only the mint identifies it."""

    mint: str
    symbol: str | None = None
    name: str | None = None
    is_known_above: bool = False
    """Whether another table of the same wallet has the whole mint."""


@dataclass(frozen=True, slots=True)
class Transaction:
    signature: str | None


@dataclass(frozen=True, slots=True)
class Score:
    """Points of 100, and what each part adds to them, in the order of `PARTS`."""

    total: Figure
    parts: tuple[Figure, ...]
    shares: tuple[Decimal, ...]


PARTS = ("PnL", "ROI", "win rate", "activity")


@dataclass(frozen=True, slots=True)
class Rank:
    """A place in the ranking. `was` is the previous place; None for a new wallet and without a previous ranking."""

    place: int
    was: int | None
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Remarks:
    """The reasons for and against following a wallet: failed gates and other warnings, in words."""

    recommended: bool
    failures: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rate:
    """A rate with its counts."""

    figure: Figure
    counts: str


Cell = Figure | Wallet | Token | Transaction | Score | Rank | Rate | Remarks | Tier | datetime | date | str | int | None


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    is_number: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table. The column at `heads` names its row."""

    caption: str
    columns: tuple[Column, ...]
    rows: Sequence[tuple[Cell, ...]]
    note: str = ""
    heads: int = 0


@dataclass(frozen=True, slots=True)
class Curve:
    """Realized PnL added up. `points` are days since 1970 and the sum at the end of that day, ascending."""

    points: tuple[tuple[int, Decimal], ...]
    summary: str
    largest_fall: Decimal


@dataclass(frozen=True, slots=True)
class Fact:
    """A named figure of a wallet."""

    name: str
    figure: Figure


@dataclass(frozen=True, slots=True)
class Trader:
    """The section about one wallet."""

    wallet: Wallet
    rank: Rank
    tier: Tier
    remarks: Remarks
    headline: tuple[Fact, ...]
    score: Grid
    facts: tuple[tuple[str, tuple[Fact, ...]], ...]
    windows: Grid
    curve: Curve | None
    tables: tuple[Grid, ...]


@dataclass(frozen=True, slots=True)
class Multiple:
    """One small curve among many."""

    wallet: Wallet
    rank: int
    tier: Tier
    pnl: Figure
    curve: Curve


@dataclass(frozen=True, slots=True)
class Excess:
    """Excess returns of graded rankings, the oldest first: percent, with their intervals."""

    horizon_days: int
    points: tuple[tuple[str, Decimal, Decimal, Decimal], ...]
    """The day of the ranking, the excess, and both ends of its interval."""
    summary: str


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """Whether earlier rankings held: the part with which the report begins."""

    line: str
    """The verdicts in one line."""
    verdicts: Grid
    charts: tuple[Excess, ...]
    since_discovery: str
    """What following all wallets since they were found has brought; empty if nobody knows."""


@dataclass(frozen=True, slots=True)
class Page:
    """Everything on the page. `identity` identifies its source data."""

    identity: str
    made_at: datetime
    ranked_at: datetime | None
    previous_at: datetime | None
    notices: tuple[str, ...]
    track_record: TrackRecord | None
    headline: tuple[Fact, ...]
    tiers: Grid | None
    changes: tuple[Grid, ...]
    changes_summary: str
    multiples: tuple[Multiple, ...]
    ranking: Grid | None
    traders: tuple[Trader, ...]
    data: tuple[Grid, ...]
    meanings: tuple[tuple[str, str], ...]
    made_by: str
