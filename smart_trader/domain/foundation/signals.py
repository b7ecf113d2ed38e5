"""foundation.signals: signals of strategies, and whether somebody acted upon them."""

from smart_trader.domain.foundation.series import TIMESTAMP, UPDATED_AT, Field, FuturesTrend, Kind, Series

SERIES = Series(
    name="signals",
    grain="one row per timestamp, strategy and signal type",
    key=("timestamp", "strategy_id", "signal_type"),
    fields=(
        TIMESTAMP,
        Field(name="strategy_id", kind=Kind.TEXT, doc="The strategy."),
        Field(name="signal_type", kind=Kind.TEXT, doc="Kind of signal, such as entry."),
        Field(name="signal_value", kind=Kind.NUMBER, doc="Strength, 0 to 1.", least=0, most=1),
        Field(name="source", kind=Kind.TEXT, doc="Program that wrote the row."),
        Field(name="source_version", kind=Kind.TEXT, doc="Version of that program."),
        Field(name="acted_upon", kind=Kind.BOOLEAN, doc="Whether somebody acted upon it."),
        Field(
            name="acted_at",
            kind=Kind.TIME,
            doc="When, UTC; only where acted upon.",
            only_where="acted_upon",
            not_before="timestamp",
        ),
        Field(name="regime", kind=Kind.TEXT, doc="Regime at that moment."),
        Field(
            name="futures_trend",
            kind=Kind.TEXT,
            doc="Where futures point: up, down or flat.",
            words=FuturesTrend,
        ),
        UPDATED_AT,
    ),
    clustered_by="acted_upon",
)
