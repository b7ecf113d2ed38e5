"""foundation.performance_metrics: PnL, greeks and prices of a strategy's position."""

from smart_trader.domain.foundation.series import TIMESTAMP, UPDATED_AT, Field, Kind, Series

SERIES = Series(
    name="performance_metrics",
    grain="one row per timestamp and strategy",
    key=("timestamp", "strategy_id"),
    fields=(
        TIMESTAMP,
        Field(name="strategy_id", kind=Kind.TEXT, doc="The strategy."),
        Field(name="unrealized_pnl", kind=Kind.NUMBER, doc="PnL of what is open, in the strategy's currency."),
        Field(name="realized_pnl", kind=Kind.NUMBER, doc="PnL of what was closed, in the strategy's currency."),
        Field(name="total_pnl", kind=Kind.NUMBER, doc="PnL as the strategy adds it up, in its currency."),
        Field(name="delta", kind=Kind.NUMBER, doc="Change of value per change of the underlying price."),
        Field(name="gamma", kind=Kind.NUMBER, doc="Change of delta per change of the underlying price."),
        Field(name="theta", kind=Kind.NUMBER, doc="Change of value per day."),
        Field(name="vega", kind=Kind.NUMBER, doc="Change of value per point of volatility."),
        Field(name="dte", kind=Kind.INTEGER, doc="Days to expiration.", least=0),
        Field(name="entry_price", kind=Kind.NUMBER, doc="Price at entry.", least=0),
        Field(name="current_price", kind=Kind.NUMBER, doc="Price now.", least=0),
        Field(name="regime_at_entry", kind=Kind.TEXT, doc="Regime at entry."),
        Field(name="regime_current", kind=Kind.TEXT, doc="Regime now."),
        UPDATED_AT,
    ),
    clustered_by="strategy_id",
)
