"""What the figures of a wallet are without gains that no money shows, where that makes a difference."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from smart_trader.domain.kernel.ranking import RANKED_FIGURES, PnlBasis
from smart_trader.domain.kernel.valuation import TRUSTED_SOURCES, ValueSource
from smart_trader.report import figures, numbers
from smart_trader.report.data import Row
from smart_trader.report.view import Fact, Figure

_TRUSTED, _ALL = RANKED_FIGURES[PnlBasis.TRUSTED], RANKED_FIGURES[PnlBasis.REALIZED]
_NOTHING = "no sale is trusted, and none lost money"


def facts(row: Row) -> tuple[Fact, ...]:
    """The trusted figures of a wallet that differ from those over all sales, and the ratio if it is below 1."""
    found = []
    if _differs(row, _ALL.pnl, _TRUSTED.pnl):
        how = "without gains in sales whose value or purchase no money shows; losses count"
        found.append(Fact("Trusted PnL", figures.dollars(row[_TRUSTED.pnl], how, signed=True, why="too large")))
    if _differs(row, _ALL.roi, _TRUSTED.roi):
        how = "100 × trusted PnL ÷ cost of the sales that count"
        found.append(Fact("Trusted ROI", figures.percentage(row[_TRUSTED.roi], how, signed=True, why=_NOTHING)))
    if _differs(row, _ALL.win_rate, _TRUSTED.win_rate):
        how = f"{row['trusted_winning_sales']:,} winning of {row['trusted_sales']:,} sales that count"
        found.append(Fact("Trusted win rate", figures.percentage(row[_TRUSTED.win_rate], how, why=_NOTHING)))
    if _is_part(row):
        how = "of the matched proceeds come from trusted sales"
        found.append(Fact("Trusted ratio", figures.ratio(row["trusted_ratio"], how)))
    return tuple(found)


def beside_pnl(figure: Figure, row: Row) -> Figure:
    """Realized PnL with the trusted one beside it, where that is another."""
    return _beside(figure, row, _ALL.pnl, _TRUSTED.pnl, lambda pnl: numbers.money(pnl, signed=True))


def beside_roi(figure: Figure, row: Row) -> Figure:
    return _beside(figure, row, _ALL.roi, _TRUSTED.roi, lambda roi: numbers.percent(roi, signed=True))


def beside_coverage(figure: Figure, row: Row) -> Figure:
    """Coverage with the trusted ratio beside it, where that is below 1."""
    return replace(figure, note=f"{numbers.share(row['trusted_ratio'])} trusted") if _is_part(row) else figure


def win_counts(row: Row) -> str:
    """Winning of matched sales, with the trusted win rate beside them where that is another."""
    counts = f"{row['winning_sales']:,}/{row['matched_sales']:,}"
    if not _differs(row, _ALL.win_rate, _TRUSTED.win_rate):
        return counts
    return f"{counts}; {_shown(row[_TRUSTED.win_rate], numbers.percent)} trusted"


def doubt(row: Row) -> str:
    """Why a sale or an open lot is not trusted; empty if it is, or has no value at all."""
    source = row["value_source"]
    if source is None or source == ValueSource.NONE:
        return ""
    if source not in TRUSTED_SOURCES:
        return "not trusted: no money shows it"
    return "not trusted: a lot was bought without money" if row.get("took_untrusted") else ""


def _differs(row: Row, figure: str, trusted: str) -> bool:
    """Whether the trusted figure is another one. Of a wallet that was computed before there was any, none is."""
    return row["trusted_sales"] is not None and row[figure] != row[trusted]


def _is_part(row: Row) -> bool:
    return row["trusted_ratio"] is not None and row["trusted_ratio"] < 1


def _beside(figure: Figure, row: Row, name: str, trusted: str, show: Callable[[Decimal], str]) -> Figure:
    return replace(figure, note=f"{_shown(row[trusted], show)} trusted") if _differs(row, name, trusted) else figure


def _shown(value: Decimal | None, show: Callable[[Decimal], str]) -> str:
    return "nothing" if value is None else show(value)
