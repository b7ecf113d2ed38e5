"""Figures of a wallet with their derivations, and the reasons against following it, in words."""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal

from smart_trader.domain.kernel.ranking import RANKED_FIGURES, GateFailure, PnlBasis
from smart_trader.report import numbers
from smart_trader.report.data import Row, Rules
from smart_trader.report.view import Figure, Remarks, unknown

_NOTHING_SOLD = "nothing with a known cost was sold at a known value"


def dollars(value: Decimal | None, how: str = "", *, signed: bool = False, why: str = "") -> Figure:
    """An amount in dollars. `why` is the reason of an unknown value."""
    if value is None:
        return unknown(why)
    sign = (value > 0) - (value < 0) if signed else 0
    text, every = numbers.money(value, signed=signed), numbers.exact(value)
    return Figure(text, every, how, sign, is_cut=text.lstrip("+−$").replace(",", "") != every.lstrip("-"))


def percentage(value: Decimal | None, how: str = "", *, signed: bool = False, why: str = "") -> Figure:
    if value is None:
        return unknown(why)
    sign = (value > 0) - (value < 0) if signed else 0
    return Figure(numbers.percent(value, signed=signed), numbers.exact(value), how, sign)


def ratio(value: Decimal | None, how: str = "", *, why: str = "") -> Figure:
    """A ratio, shown as percent."""
    return unknown(why) if value is None else Figure(numbers.share(value), numbers.exact(value), how)


def count(value: int | None, how: str = "", *, why: str = "") -> Figure:
    return unknown(why) if value is None else Figure(f"{value:,}", str(value), how)


def hours(value: Decimal | None, how: str = "", *, why: str = "") -> Figure:
    return unknown(why) if value is None else Figure(numbers.hours(value), f"{numbers.exact(value)} h", how)


def plain(value: Decimal | None, places: int, how: str = "", *, why: str = "") -> Figure:
    return unknown(why) if value is None else Figure(numbers.decimal(value, places), numbers.exact(value), how)


def short(figure: Figure) -> Figure:
    """The figure without its derivation, for a place near the full figure. The reason of an unknown value stays."""
    return Figure(figure.text, figure.exact, "", figure.sign, figure.is_cut) if figure.is_known else figure


def realized(row: Row) -> Figure:
    """Realized PnL of a portfolio or a token."""
    cost, pnl = row["cost_of_sold"], row["realized_pnl"]
    if cost is None or pnl is None:
        return unknown("too large for its column")
    proceeds = numbers.money(cost + pnl)
    how = f"{proceeds} matched proceeds less {numbers.money(cost)} cost, over {row['matched_sales']:,} matched sales"
    return dollars(pnl, how, signed=True)


def roi(row: Row) -> Figure:
    if row["roi"] is None:
        return unknown(_NOTHING_SOLD)
    how = f"100 × {numbers.money(row['realized_pnl'])} ÷ {numbers.money(row['cost_of_sold'])} cost of what was sold"
    return percentage(row["roi"], how, signed=True)


def win_rate(row: Row) -> Figure:
    how = f"{row['winning_sales']:,} winning of {row['matched_sales']:,} matched sales"
    return percentage(row["win_rate"], how, why="no sale has a known purchase and a value")


def token_win_rate(row: Row) -> Figure:
    decided = row["winning_tokens"] + row["losing_tokens"]
    how = f"{row['winning_tokens']:,} winning of {decided:,} closed or dead tokens with enough coverage"
    return percentage(row["token_win_rate"], how, why="no token is closed or dead with enough coverage")


def lower_bound(row: Row) -> Figure:
    decided = row["winning_tokens"] + row["losing_tokens"]
    how = f"at least this with 95 % confidence, as only {decided:,} tokens are decided (Wilson)"
    return percentage(row["win_rate_lower_bound"], how, why="no token is decided yet")


def coverage(row: Row) -> Figure:
    value = row["coverage_ratio"]
    if value is None:
        return unknown("nothing was sold at a known value")
    parts = (row["realized_pnl"], row["cost_of_sold"], row["unmatched_proceeds"])
    if any(part is None for part in parts):
        return ratio(value)
    matched = parts[0] + parts[1]
    how = f"{numbers.money(matched)} of {numbers.money(matched + parts[2])} proceeds have a known purchase"
    return ratio(value, how)


def unrealized(row: Row) -> Figure:
    return dollars(
        row["unrealized_pnl"],
        "mark value of the open lots of known cost, less that cost; does not count for the ranking by default",
        signed=True,
        why="nothing that is held has both a known cost and a usable price",
    )


def remarks(row: Row, rules: Rules) -> Remarks:
    """Every failed gate with figure and threshold, then warnings that no gate covers."""
    failures = tuple(_failure(name, row, rules) for name in row["gate_failures"])
    return Remarks(row["recommended"], failures, tuple(_warnings(row)))


def gate_name(failure: str) -> str:
    """A gate failure in a few words, for any wallet."""
    return _SHORT.get(failure, failure.replace("_", " "))


_SHORT: Mapping[str, str] = {
    GateFailure.PNL_BELOW: "PnL too small",
    GateFailure.ROI_BELOW: "ROI too small",
    GateFailure.WIN_RATE_BELOW: "win rate too small",
    GateFailure.TOKEN_WIN_RATE_BELOW: "win rate of tokens too small",
    GateFailure.COVERAGE_BELOW: "coverage too small",
    GateFailure.VALUE_UNTRUSTED: "too little of it shown by money",
    GateFailure.PNL_FROM_ONE_TOKEN: "too little PnL without its best token",
    GateFailure.HISTORY_INCOMPLETE: "history not read to its beginning",
    GateFailure.CLASS_BOT: "a bot",
    GateFailure.CLASS_POOL: "a pool",
    GateFailure.CLASS_EXCHANGE: "an exchange",
}


def _failure(name: str, row: Row, rules: Rules) -> str:
    least, by = rules.gate, RANKED_FIGURES[rules.basis]
    which = f"{PnlBasis.TRUSTED} " if rules.basis == PnlBasis.TRUSTED else ""
    roi, win_rate, tokens = (percentage(row[name]) for name in (by.roi, by.win_rate, "token_win_rate"))
    coverage, trusted = (ratio(row[name]) for name in ("coverage_ratio", "trusted_ratio"))

    def percents(name: str, unit: int = 1) -> str:
        return f"{numbers.exact(unit * least[name])} %"

    texts: Mapping[str, Callable[[], str]] = {
        GateFailure.PNL_BELOW: lambda: _below(f"{which}PnL", dollars(row[by.pnl]), f"${numbers.exact(least['pnl'])}"),
        GateFailure.ROI_BELOW: lambda: _below(f"{which}ROI", roi, percents("roi")),
        GateFailure.WIN_RATE_BELOW: lambda: _below(f"{which}win rate", win_rate, percents("win_rate")),
        GateFailure.TOKEN_WIN_RATE_BELOW: lambda: _below("win rate of tokens", tokens, percents("token_win_rate")),
        GateFailure.COVERAGE_BELOW: lambda: _below("coverage", coverage, percents("coverage", 100)),
        GateFailure.VALUE_UNTRUSTED: lambda: _below("trusted ratio", trusted, percents("trusted_ratio", 100)),
        GateFailure.PNL_FROM_ONE_TOKEN: lambda: _one_token(row, least),
    }
    return texts[name]() if name in texts else gate_name(name)


def _one_token(row: Row, least: Mapping[str, Decimal]) -> str:
    if "pnl_ex_best_token" not in least:  # the settings of today ask for nothing
        return _SHORT[GateFailure.PNL_FROM_ONE_TOKEN]
    figure = dollars(row["pnl_ex_best_token"])
    return _below("PnL without its best token", figure, f"${numbers.exact(least['pnl_ex_best_token'])}")


def _below(what: str, figure: Figure, least: str) -> str:
    return (
        f"{what} {figure.text} is below {least}"
        if figure.is_known
        else f"{what} is unknown, and at least {least} is needed"
    )


def _warnings(row: Row) -> list[str]:
    """Warnings without a threshold: each applies or not."""
    warnings = []
    if (row["pnl_ex_best_token"] or 0) <= 0 < (row["realized_pnl"] or 0):
        warnings.append("no profit without its best token")
    others = row["pnl_ex_best_3_sales"]
    if others is not None and others <= 0 < (row["realized_pnl"] or 0):
        warnings.append("no profit without its three best sales")
    if row["token_win_rate"] is None:
        warnings.append("no token decided yet")
    if row["realized_pnl_30d"] < 0:
        warnings.append("lost money in the last 30 days")
    if not row["trade_count_30d"]:
        warnings.append("no trade in the last 30 days")
    if (row["unrealized_pnl"] or 0) < 0 and (row["total_pnl"] or 0) <= 0:
        warnings.append("open losses exceed the realized profit")
    if row["unmarked_cost_basis"]:
        warnings.append(f"{numbers.money(row['unmarked_cost_basis'])} of what it holds has no usable price")
    if row["rejected_rows"]:
        warnings.append(f"{row['rejected_rows']:,} of its rows could not be used")
    return warnings


def history(row: Row, oldest: datetime | None = None) -> Figure:
    """Whether every page down to the first trade was read."""
    if row["history_complete"]:
        return Figure("complete", how="every page down to the first trade was read")
    since = f" before {numbers.moment(oldest)}" if oldest else " before the oldest trade that was read"
    return Figure("cut", how=f"trades{since} are not known yet")
