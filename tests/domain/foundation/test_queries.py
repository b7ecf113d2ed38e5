"""The standard questions to the time series give what a plain loop over the rows gives."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyspark.sql import DataFrame, SparkSession

from smart_trader.domain.foundation import queries
from smart_trader.domain.foundation.tables import TABLES
from tests.frames import collected, frame
from tests.oracle import series as oracle

Row = dict[str, Any]
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
HALF_A_DAY = 12 * 3600 * 10**6
"""Microseconds."""
few = settings(max_examples=4, phases=[Phase.explicit, Phase.generate])
"""Each example is a query of Spark; its rows are many, so few examples will do."""

# Times that meet: the same one, a microsecond and a second apart, the last and the first of a day, days without rows.
offsets = st.sampled_from((0, 1, 2, 10**6, HALF_A_DAY - 1, HALF_A_DAY, 10 * HALF_A_DAY, -1, -(10**9)))
times = offsets.map(lambda micros: NOON + timedelta(microseconds=micros))
words = st.sampled_from(("a", "b"))
amounts = st.none() | st.floats(-1e308, 1e308, allow_subnormal=True) | st.sampled_from((0.1, 0.2, -0.0, 1e16, -1e16))
shares = st.none() | st.sampled_from((0.0, 0.8, 0.8000000000000002, 0.79, 1.0))


def rows_of(series: str, **values: st.SearchStrategy[Any]) -> st.SearchStrategy[list[Row]]:
    key = TABLES[series].key
    row = st.fixed_dictionaries({"timestamp": times, **dict.fromkeys(key[1:], words), **values})
    return st.lists(row, min_size=5, max_size=30, unique_by=lambda row: tuple(row[name] for name in key))


signals = rows_of(
    "signals",
    signal_value=shares,
    acted_upon=st.none() | st.booleans(),
    acted_at=st.none() | st.integers(0, 10**7).map(lambda micros: timedelta(microseconds=micros)),
).map(lambda rows: [row | acting(row) for row in rows])
regimes = rows_of("market_regimes", regime=st.sampled_from(("calm", "wild", None)))
metrics = rows_of(
    "performance_metrics", total_pnl=amounts, regime_at_entry=st.sampled_from(("calm", None)), regime_current=words
)


def acting(row: Row) -> Row:
    waited = row["acted_at"] if row["acted_upon"] else None
    return {"acted_at": None if waited is None else row["timestamp"] + waited}


def framed(spark: SparkSession, series: str, rows: Sequence[Row]) -> DataFrame:
    return frame(spark, TABLES[series], *(row | {"date": row["timestamp"].date()} for row in rows))


def assert_same(found: DataFrame, expected: Sequence[Row]) -> None:
    """The columns that `expected` has, in any order of rows."""
    rows = collected(found)
    names = sorted(expected[0]) if expected else []
    assert sorted(shown(row, names) for row in rows) == sorted(shown(row, names) for row in expected)


def shown(row: Row, names: Sequence[str]) -> str:
    """The values with all of their digits; each time zone writes itself in another way."""
    values = (row[name] for name in names)
    return repr([value.isoformat() if isinstance(value, datetime) else value for value in values])


@few
@given(rows=signals, start=st.none() | times, end=st.none() | times)
def test_a_range_has_its_first_moment_and_not_its_last(
    spark: SparkSession, rows: list[Row], start: datetime | None, end: datetime | None
) -> None:
    assert_same(queries.between(framed(spark, "signals", rows), start, end), oracle.between(rows, start, end))


@few
@given(rows=signals, at=st.none() | times)
def test_the_latest_row_of_each_key(spark: SparkSession, rows: list[Row], at: datetime | None) -> None:
    key = ("strategy_id", "signal_type")
    assert_same(queries.latest(framed(spark, "signals", rows), key, at), oracle.latest(rows, key, at))


@few
@given(rows=signals, above=st.sampled_from((0.8, 0.0)))
def test_the_audit_of_all_signals(spark: SparkSession, rows: list[Row], above: float) -> None:
    assert_same(queries.audit(framed(spark, "signals", rows), above), oracle.audit(rows, above))


@few
@given(rows=signals, above=st.sampled_from((0.8, 0.0)))
def test_signals_that_were_missed_and_that_were_not(spark: SparkSession, rows: list[Row], above: float) -> None:
    all_of_them = framed(spark, "signals", rows)
    assert_same(queries.missed(all_of_them, above), oracle.missed(rows, above))
    assert_same(queries.acted(all_of_them), oracle.acted(rows))


@few
@given(rows=signals)
def test_the_time_to_action(spark: SparkSession, rows: list[Row]) -> None:
    all_of_them = framed(spark, "signals", rows)
    assert_same(queries.time_to_action(all_of_them), oracle.time_to_action(rows))
    assert_same(queries.time_to_action_figures(all_of_them), oracle.time_to_action_figures(rows))


@few
@given(rows=metrics, seen=regimes)
def test_performance_with_the_regime_that_was_newest(spark: SparkSession, rows: list[Row], seen: list[Row]) -> None:
    found = queries.newest_regime(
        framed(spark, "performance_metrics", rows), framed(spark, "market_regimes", seen), "a"
    )
    expected = oracle.newest_regime(rows, seen, "a")
    assert_same(found, expected)
    assert_same(queries.regime_figures(found), oracle.regime_figures(expected))


def signal(nth: int, value: float | None, acted: bool | None, after: float | None = None, strategy: str = "s") -> Row:
    at = NOON + nth * SECOND
    return {
        "timestamp": at,
        "strategy_id": strategy,
        "signal_type": "entry",
        "signal_value": value,
        "acted_upon": acted,
        "acted_at": None if after is None else at + after * SECOND,
    }


SIGNALS = [
    signal(0, 0.8, None),
    signal(1, 0.81, None),
    signal(2, 0.9, False),
    signal(3, 0.9, True, 10),
    signal(4, None, True, 0.000001),
    signal(5, 0.1, True),
    signal(6, 1.0, True, 4, "other"),
    signal(7, 1.0, True, None, "never timed"),
]


def test_signals_by_hand(spark: SparkSession) -> None:
    rows = framed(spark, "signals", SIGNALS)
    seconds = [row["timestamp"].second for row in collected(queries.missed(rows).orderBy("timestamp"))]
    assert seconds == [1, 2]
    audit = collected(queries.audit(rows).orderBy("timestamp"))
    assert [row["high_confidence"] for row in audit] == [False, True, True, True, None, False, True, True]
    assert [row["seconds_to_action"] for row in audit] == [None, None, None, 10.0, 0.000001, None, 4.0, None]
    figures = collected(queries.time_to_action_figures(rows).orderBy("strategy_id"))
    assert [tuple(row.values()) for row in figures] == [
        ("never timed", 0, None, None),
        ("other", 1, 4.0, 4.0),
        ("s", 2, 5.0000005, 10.0),
    ]


def regime(at: datetime, name: str | None, symbol: str = "SPY") -> Row:
    return {"timestamp": at, "symbol": symbol, "regime": name}


def metric(at: datetime, total: float | None, entry: str | None = None) -> Row:
    return {"timestamp": at, "strategy_id": "s", "total_pnl": total, "regime_at_entry": entry}


def test_regimes_by_hand(spark: SparkSession) -> None:
    micro = timedelta(microseconds=1)
    seen = [
        regime(NOON, "calm"),
        regime(NOON + SECOND, "wild"),
        regime(NOON + SECOND, "not asked for", "QQQ"),
        regime(NOON + timedelta(days=3), None),
    ]
    rows = [
        metric(NOON - micro, 1.0),
        metric(NOON, 0.1),
        metric(NOON + SECOND - micro, 0.2),
        metric(NOON + 2 * SECOND, 1e16, "calm"),
        metric(NOON + timedelta(days=2), 1.0),
        metric(NOON + timedelta(days=2, seconds=1), -1e16),
        metric(NOON + timedelta(days=2, seconds=2), None),
        metric(NOON + timedelta(days=3), 7.0),
        metric(NOON + timedelta(days=9), 8.0),
    ]
    metrics = framed(spark, "performance_metrics", rows)
    found = queries.newest_regime(metrics, framed(spark, "market_regimes", seen))
    named = [row["regime"] for row in collected(found.orderBy("timestamp"))]
    assert named == [None, "calm", "calm", "wild", "wild", "wild", "wild", None, None]
    figures = collected(queries.regime_figures(found).orderBy("regime"))
    assert [tuple(row.values()) for row in figures] == [
        ("s", None, 3, 16.0 / 3, 16.0),
        ("s", "calm", 2, 0.30000000000000004 / 2, 0.30000000000000004),
        ("s", "wild", 3, 1.0 / 3, 1.0),
    ]
    own = queries.regime_figures(queries.own_regime(metrics, "regime_at_entry"))
    assert [(row["regime"], row["count"]) for row in collected(own.orderBy("regime"))] == [(None, 7), ("calm", 1)]


def test_a_sum_beyond_double_precision_is_unknown(spark: SparkSession) -> None:
    rows = [metric(NOON + nth * SECOND, 1.7e308) for nth in range(2)]
    found = queries.own_regime(framed(spark, "performance_metrics", rows), "regime_at_entry")
    (figures,) = collected(queries.regime_figures(found))
    assert (figures["count"], figures["mean_total_pnl"], figures["sum_total_pnl"]) == (2, None, None)
