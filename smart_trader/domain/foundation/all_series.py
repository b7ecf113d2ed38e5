"""Every time series, once. Standard library only."""

from smart_trader.domain.foundation import market_regimes, performance_metrics, signals

ALL_SERIES = (market_regimes.SERIES, performance_metrics.SERIES, signals.SERIES)

SERIES_BY_NAME = {series.name: series for series in ALL_SERIES}
