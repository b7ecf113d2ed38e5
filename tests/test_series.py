"""Models of time series, as programs use them."""

import io
import json
import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from pydantic import ValidationError

from smart_trader import series
from smart_trader.config.settings import load
from smart_trader.domain.foundation.all_series import ALL_SERIES
from smart_trader.domain.foundation.json_records import json_records
from smart_trader.domain.foundation.records import Rejection, read_record
from smart_trader.domain.foundation.series import Kind
from smart_trader.domain.foundation.values import value_of
from smart_trader.series import MarketRegime, PerformanceMetric, SeriesRow, Signal

ROOT = Path(__file__).parents[1]
AT = datetime(2026, 1, 5, 14, 30, tzinfo=UTC)
BEFORE_ALL_TIMES = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14)))
MODELS: tuple[type[SeriesRow], ...] = (MarketRegime, PerformanceMetric, Signal)
KINDS = {
    series.Time: Kind.TIME,
    series.Text: Kind.TEXT,
    series.Trend: Kind.TEXT,
    series.Integer: Kind.INTEGER,
    float: Kind.NUMBER,
    bool: Kind.BOOLEAN,
}


def regime(nth: int = 0, **values: Any) -> MarketRegime:
    return MarketRegime(timestamp=AT + timedelta(minutes=nth), symbol="SPY", **values)


def signal(**values: Any) -> Signal:
    return Signal(timestamp=AT, strategy_id="s", signal_type="entry", **values)


def test_there_is_a_model_of_each_series_with_its_columns() -> None:
    assert [model.series for model in MODELS] == list(ALL_SERIES)
    for model in MODELS:
        hints = {name: model.__annotations__.get(name) for name in model.series.names if name != "timestamp"}
        kinds = {name: KINDS[hint if hint in KINDS else get_args(hint)[0]] for name, hint in hints.items()}
        assert kinds == {field.name: field.kind for field in model.series.fields if field.name != "timestamp"}
        assert list(model.model_fields) == list(model.series.names)
        needed = [name for name, field in model.model_fields.items() if field.is_required()]
        assert sorted(needed) == sorted(model.series.key)


def test_the_clock_skew_is_the_default_of_the_setting() -> None:
    settings = load(environ={}, env_file=ROOT / ".env.example")
    assert timedelta(seconds=settings.series.clock_skew_seconds) == series.CLOCK_SKEW


@pytest.mark.parametrize(
    ("given_time", "meant"),
    [
        (AT.replace(tzinfo=None), AT),
        (datetime(2026, 1, 5, 15, 30, tzinfo=timezone(timedelta(hours=1))), AT),
        ("2026-01-05T14:30Z", AT),
        ("2026-01-05 09:30:00-05", AT),
        ("2026-01-05T14:30:00.123456789", AT.replace(microsecond=123456)),
    ],
)
def test_a_time_is_utc_unless_it_has_a_zone(given_time: Any, meant: datetime) -> None:
    found = MarketRegime(timestamp=given_time, symbol="SPY").timestamp
    assert (found, found.tzinfo) == (meant, UTC)


@pytest.mark.parametrize(
    "at",
    ["2026-01-05", "14:30", "2026-01-05T14:30 UTC", "yesterday", 1767623400, 1.5, AT.date(), None, BEFORE_ALL_TIMES],
)
def test_what_is_no_time_is_refused(at: Any) -> None:
    with pytest.raises(ValidationError):
        MarketRegime(timestamp=at, symbol="SPY")


@pytest.mark.parametrize(
    ("model", "values"),
    [
        (MarketRegime, {"symbol": ""}),
        (MarketRegime, {"symbol": " \t"}),
        (MarketRegime, {"symbol": None}),
        (MarketRegime, {"symbol": "SPY\ud800"}),
        (MarketRegime, {"vix": -0.1}),
        (MarketRegime, {"vix": math.nan}),
        (MarketRegime, {"vix": math.inf}),
        (MarketRegime, {"vix": "14"}),
        (MarketRegime, {"vix": True}),
        (MarketRegime, {"vix": 10**400}),
        (MarketRegime, {"put_call_ratio": -1}),
        (MarketRegime, {"confidence": 1.0000001}),
        (MarketRegime, {"confidence": -0.1}),
        (MarketRegime, {"futures_trend": "Up"}),
        (MarketRegime, {"futures_trend": ""}),
        (MarketRegime, {"regime": 3}),
        (MarketRegime, {"Regime": "calm"}),
        (MarketRegime, {"date": AT.date()}),
        (PerformanceMetric, {"dte": -1}),
        (PerformanceMetric, {"dte": 2**31}),
        (PerformanceMetric, {"dte": 1.5}),
        (PerformanceMetric, {"dte": True}),
        (PerformanceMetric, {"entry_price": -1e-9}),
        (PerformanceMetric, {"current_price": -1}),
        (Signal, {"signal_value": 1.1}),
        (Signal, {"acted_upon": 1}),
        (Signal, {"acted_at": AT}),
        (Signal, {"acted_at": AT, "acted_upon": False}),
        (Signal, {"acted_at": AT - timedelta(microseconds=1), "acted_upon": True}),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused(model: type[SeriesRow], values: dict[str, Any]) -> None:
    key = {"timestamp": AT} | {name: "x" for name in model.series.key if name != "timestamp"}
    assert model(**key)
    with pytest.raises(ValidationError):
        model(**(key | values))


def test_values_at_the_edge_of_a_rule_are_taken() -> None:
    assert regime(vix=0, put_call_ratio=0.0, confidence=1, futures_trend="flat").confidence == 1.0
    assert regime(confidence=0).confidence == 0.0
    assert signal(acted_upon=True, acted_at=AT, signal_value=1).acted_at == AT
    metric = PerformanceMetric(timestamp=AT, strategy_id="s", dte=2**31 - 1, entry_price=0, delta=-0.5)
    assert (metric.dte, metric.total_pnl) == (2**31 - 1, None)


@pytest.mark.parametrize("name", ["timestamp", "acted_at", "updated_at"])
def test_a_time_may_be_ahead_by_the_skew_and_no_more(name: str) -> None:
    soon, late = (datetime.now(UTC) + series.CLOCK_SKEW + timedelta(seconds=more) for more in (-30, 30))
    key = {"timestamp": AT, "strategy_id": "s", "signal_type": "entry", "acted_upon": True}
    assert Signal(**(key | {name: soon, "acted_at": soon}))
    with pytest.raises(ValidationError, match=f"future, {name}"):
        Signal(**(key | {name: late} | ({"acted_at": late} if name == "timestamp" else {})))


# What programs give for a field, good and bad.
given_values: dict[Kind, st.SearchStrategy[Any]] = {
    Kind.TEXT: st.sampled_from(("a", "", " ", "up", "=1", "\x00\r\n\u2028", "\ud800", "\U0001f600", 3, True, None))
    | st.text(),
    Kind.TIME: st.datetimes(timezones=st.none() | st.timezones())
    | st.sampled_from(
        (AT, AT + timedelta(microseconds=1), AT.replace(year=9999), BEFORE_ALL_TIMES, "2026-01-05T14:30", "", 5, None)
    ),
    Kind.NUMBER: st.floats() | st.integers() | st.sampled_from((0, 1, 0.5, -0.0, True, "1", 10**400, None)),
    Kind.INTEGER: st.integers() | st.sampled_from((0, 45, -1, 2**31 - 1, 2**31, 45.0, 1.5, "45", True, None)),
    Kind.BOOLEAN: st.sampled_from((True, False, 1, "true", None)),
}


@st.composite
def records(draw: st.DrawFn) -> tuple[type[SeriesRow], dict[str, Any]]:
    """Values for some fields of a model, those of the key mostly good."""
    model = draw(st.sampled_from(MODELS))
    key = dict.fromkeys(model.series.key, "x") | {"timestamp": AT}
    names = draw(st.lists(st.sampled_from(model.series.names), unique=True, max_size=4))
    kinds = {field.name: field.kind for field in model.series.fields}
    return model, key | {name: draw(given_values[kinds[name]]) for name in names}


@hypothesis_settings(max_examples=500)
@given(records())
def test_ingestion_rejects_no_row_of_a_model(record: tuple[type[SeriesRow], dict[str, Any]]) -> None:
    """Nor does it read another value."""
    model, values = record
    try:
        row = model(**values)
    except ValidationError:
        return
    assert ingested(model, row.model_dump_json(exclude_none=True)) == dict(row)


@hypothesis_settings(max_examples=500)
@given(records().filter(lambda record: all(type(value) is not datetime or value is AT for value in record[1].values())))
def test_a_model_has_the_rows_that_ingestion_takes(record: tuple[type[SeriesRow], dict[str, Any]]) -> None:
    """But for 45.0 as an integer, which only a file may have. JSON has no times, so those are texts here."""
    model, values = record
    try:
        model(**values)
        is_row = True
    except ValidationError:
        is_row = False
    is_taken = ingested(model, json.dumps(values, default=datetime.isoformat)) is not None
    assert is_row == is_taken or (is_taken and values.get("dte") == 45)


def ingested(model: type[SeriesRow], line: str) -> Mapping[str, Any] | None:
    """The row that ingestion reads from a line of JSON; None if it rejects the line."""
    (found,) = json_records(io.BytesIO(line.encode()))
    row = read_record(model.series, found.values, value_of, latest=datetime.now(UTC) + series.CLOCK_SKEW)
    return None if found.fault or isinstance(row, Rejection) else row


def test_a_row_cannot_be_changed() -> None:
    with pytest.raises(ValidationError):
        regime().symbol = "QQQ"  # type: ignore[misc]  # it is frozen
