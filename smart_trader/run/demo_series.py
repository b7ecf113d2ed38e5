"""Files for a demonstration of the time series: a month of made-up regimes, metrics and signals."""

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from smart_trader.domain.foundation.series import FuturesTrend

_DAYS = 30
_SEED = 20261120
_HOURS = range(14, 21)
"""Of a trading day, UTC."""
_REGIMES = ("calm", "nervous", "storm")
_STRATEGIES = ("iron_condor", "momentum")

Record = dict[str, Any]


def land_month(landing: Path, *, until: datetime) -> None:
    """Land a file of each series for each of the days before `until`, the same at every call; those that are there
    stay."""
    random = Random(_SEED)
    first = until.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=_DAYS)
    for day in (first + timedelta(days=nth) for nth in range(_DAYS)):
        hours = [_hour(random, day + timedelta(hours=hour)) for hour in _HOURS]
        for series in hours[0]:
            _land(landing / series / f"{day:%Y-%m-%d}.jsonl", [record for hour in hours for record in hour[series]])


def _hour(random: Random, at: datetime) -> dict[str, list[Record]]:
    """The records of one hour by series."""
    regime, trend = random.choice(_REGIMES), str(random.choice(list(FuturesTrend)))
    time = {"timestamp": at.isoformat()}
    return {
        "market_regimes": [
            time
            | {"symbol": symbol, "regime": regime, "futures_trend": trend}
            | {"vix": round(random.uniform(12, 35), 2), "confidence": round(random.random(), 3)}
            for symbol in ("SPY", "QQQ")
        ],
        "performance_metrics": [time | _metric(random, strategy, regime) for strategy in _STRATEGIES],
        "signals": list(_signals(random, at, regime)),
    }


def _metric(random: Random, strategy: str, regime: str) -> Record:
    realized, unrealized = (round(random.gauss(20, 200), 2) for _ in range(2))
    return {
        "strategy_id": strategy,
        "realized_pnl": realized,
        "unrealized_pnl": unrealized,
        "total_pnl": round(realized + unrealized, 2),
        "delta": round(random.uniform(-1, 1), 3),
        "dte": random.randrange(1, 45),
        "regime_current": regime,
    }


def _signals(random: Random, at: datetime, regime: str) -> Iterator[Record]:
    for strategy in _STRATEGIES:
        strength = round(random.random(), 3)
        signal: Record = {"timestamp": at.isoformat(), "strategy_id": strategy, "signal_type": "entry"}
        signal |= {"signal_value": strength, "regime": regime, "acted_upon": random.random() < strength}
        if signal["acted_upon"]:
            signal["acted_at"] = (at + timedelta(seconds=random.randrange(5, 600))).isoformat()
        yield signal


def _land(file: Path, records: list[Record]) -> None:
    """Write a file under a name that is not looked at, then rename it."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    partial = file.with_name(f"{file.name}.tmp")
    partial.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    partial.rename(file)
