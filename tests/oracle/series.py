"""The questions to the time series, answered from lists of dictionaries: nothing is clever, so nothing can be wrong."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from fractions import Fraction
from typing import Any

Row = dict[str, Any]


def between(rows: Sequence[Row], start: datetime | None, end: datetime | None) -> list[Row]:
    return [
        row for row in rows if (start is None or row["timestamp"] >= start) and (end is None or row["timestamp"] < end)
    ]


def latest(rows: Sequence[Row], key: Sequence[str], at: datetime | None) -> list[Row]:
    newest: dict[tuple[Any, ...], Row] = {}
    for row in sorted(rows, key=lambda row: row["timestamp"]):
        if at is None or row["timestamp"] <= at:
            newest[tuple(row[name] for name in key)] = row
    return list(newest.values())


def seconds(signal: Row) -> float | None:
    waited = microseconds(signal)
    return None if waited is None else waited / 10**6


def microseconds(signal: Row) -> int | None:
    if signal["acted_at"] is None:
        return None
    waited = signal["acted_at"] - signal["timestamp"]
    return int((waited.days * 86_400 + waited.seconds) * 10**6 + waited.microseconds)


def audit(signals: Sequence[Row], above: float) -> list[Row]:
    return [
        row
        | {
            "seconds_to_action": seconds(row),
            "high_confidence": None if row["signal_value"] is None else row["signal_value"] > above,
        }
        for row in signals
    ]


def acted(signals: Sequence[Row]) -> list[Row]:
    return [row for row in signals if row["acted_upon"]]


def missed(signals: Sequence[Row], above: float) -> list[Row]:
    return [
        row
        for row in signals
        if row["signal_value"] is not None and row["signal_value"] > above and not row["acted_upon"]
    ]


def time_to_action(signals: Sequence[Row]) -> list[Row]:
    return [row | {"seconds_to_action": seconds(row)} for row in acted(signals)]


def time_to_action_figures(signals: Sequence[Row]) -> list[Row]:
    figures = []
    for strategy, group in grouped(acted(signals), lambda row: row["strategy_id"]):
        waited = sorted(each for row in group if (each := microseconds(row)) is not None)
        middle = [waited[(len(waited) - 1) // 2], waited[len(waited) // 2]] if waited else []
        figures.append(
            {
                "strategy_id": strategy,
                "count": len(waited),
                "median_seconds": float(Fraction(sum(middle), 2 * 10**6)) if waited else None,
                "largest_seconds": waited[-1] / 10**6 if waited else None,
            }
        )
    return figures


def newest_regime(metrics: Sequence[Row], regimes: Sequence[Row], symbol: str) -> list[Row]:
    found = []
    for metric in metrics:
        seen = [row for row in regimes if row["symbol"] == symbol and row["timestamp"] <= metric["timestamp"]]
        newest = max(seen, key=lambda row: row["timestamp"], default={"regime": None})
        found.append(metric | {"regime": newest["regime"]})
    return found


def regime_figures(metrics: Sequence[Row]) -> list[Row]:
    figures = []
    for (strategy, regime), group in grouped(metrics, lambda row: (row["strategy_id"], row["regime"])):
        known = [row["total_pnl"] for row in group if row["total_pnl"] is not None]
        total = float(sum(map(Fraction, known))) if known else None
        figures.append(
            {
                "strategy_id": strategy,
                "regime": regime,
                "count": len(known),
                "mean_total_pnl": None if total is None else total / len(known),
                "sum_total_pnl": total,
            }
        )
    return figures


def grouped(rows: Iterable[Row], by: Callable[[Row], Any]) -> list[tuple[Any, list[Row]]]:
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(by(row), []).append(row)
    return list(groups.items())
