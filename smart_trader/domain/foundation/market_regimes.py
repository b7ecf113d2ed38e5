"""foundation.market_regimes: the state of a market, as a model sees it."""

from smart_trader.domain.foundation.series import TIMESTAMP, UPDATED_AT, Field, FuturesTrend, Kind, Series

SERIES = Series(
    name="market_regimes",
    grain="one row per timestamp and symbol",
    key=("timestamp", "symbol"),
    fields=(
        TIMESTAMP,
        Field(name="symbol", kind=Kind.TEXT, doc="The market, such as SPY."),
        Field(name="regime", kind=Kind.TEXT, doc="Name of the regime."),
        Field(name="vix", kind=Kind.NUMBER, doc="Volatility index, points.", least=0),
        Field(name="put_call_ratio", kind=Kind.NUMBER, doc="Puts per call.", least=0),
        Field(
            name="futures_trend",
            kind=Kind.TEXT,
            doc="Where futures point: up, down or flat.",
            words=FuturesTrend,
        ),
        Field(name="confidence", kind=Kind.NUMBER, doc="Of the model in the regime, 0 to 1.", least=0, most=1),
        Field(name="model_version", kind=Kind.TEXT, doc="Version of the model."),
        Field(name="source", kind=Kind.TEXT, doc="Program that wrote the row."),
        UPDATED_AT,
    ),
    clustered_by="symbol",
)
