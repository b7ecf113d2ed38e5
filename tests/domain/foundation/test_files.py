"""What is read from files, and why records and files are rejected."""

import gzip
import io
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.foundation.files import is_looked_at, new_columns, read_file
from smart_trader.domain.foundation.market_regimes import SERIES as REGIMES
from smart_trader.domain.foundation.performance_metrics import SERIES as METRICS
from smart_trader.domain.foundation.records import FileRejected, Rejection
from smart_trader.domain.foundation.series import Kind, Reason, Series
from smart_trader.domain.foundation.signals import SERIES as SIGNALS

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
KEY = {"timestamp": "2026-11-20T08:00", "strategy_id": "s", "signal_type": "entry", "symbol": "SPY"}


@dataclass(frozen=True)
class Found:
    """What a record of a file is: a row, or a rejection with the record as text."""

    line: int
    row: dict[str, Any] | None
    rejection: Rejection | None
    raw: str


def read(content: bytes, name: str = "a.csv", series: Series = REGIMES, *, takes_new: bool = False) -> list[Found]:
    found = []
    for block in read_file(series, name, io.BytesIO(content), size=len(content), latest=NOW, takes_new=takes_new):
        rows = pa.RecordBatch.from_pydict(block.columns).to_pylist()
        for nth, (line, row) in enumerate(zip(block.lines, rows, strict=True)):
            rejection, raw = block.rejections.get(nth, (None, ""))
            found.append(Found(line, None if rejection else row, rejection, raw))
    return found


def reason_of(content: bytes, name: str = "a.csv", series: Series = REGIMES) -> Reason:
    with pytest.raises(FileRejected) as refused:
        read(content, name, series)
    return refused.value.rejection.reason


def outcome(series: Series, values: dict[str, Any]) -> str | None:
    """The reason why a record in JSON is rejected; None for a row."""
    text = json.dumps({name: KEY[name] for name in series.key} | values).encode()
    (found,) = read(text, "a.jsonl", series)
    return found.rejection and found.rejection.reason


REJECTED = [
    (REGIMES, {"symbol": None}, Reason.MISSING_KEY),
    (REGIMES, {"symbol": ""}, Reason.MISSING_KEY),
    (REGIMES, {"symbol": " \t"}, Reason.MISSING_KEY),
    (REGIMES, {"symbol": "", "timestamp": "no time"}, Reason.MISSING_KEY),
    (REGIMES, {"timestamp": "2026-11-20"}, Reason.BAD_TIME),
    (REGIMES, {"timestamp": 1763629200}, Reason.BAD_TIME),
    (REGIMES, {"updated_at": "soon", "vix": -1}, Reason.BAD_TIME),
    (SIGNALS, {"acted_at": "", "acted_upon": True}, Reason.BAD_TIME),
    (REGIMES, {"timestamp": "2026-11-20T09:00:00.000001"}, Reason.FUTURE),
    (REGIMES, {"updated_at": "2026-11-20T09:01Z", "symbol": 1}, Reason.FUTURE),
    (REGIMES, {"symbol": 1}, Reason.BAD_TYPE),
    (REGIMES, {"regime": True}, Reason.BAD_TYPE),
    (REGIMES, {"regime": ["bull"]}, Reason.BAD_TYPE),
    (REGIMES, {"vix": "20"}, Reason.BAD_TYPE),
    (METRICS, {"dte": 4.5}, Reason.BAD_TYPE),
    (SIGNALS, {"acted_upon": "true"}, Reason.BAD_TYPE),
    (REGIMES, {"vix": float("nan"), "confidence": 2}, Reason.NOT_FINITE),
    (METRICS, {"delta": float("-inf")}, Reason.NOT_FINITE),
    (REGIMES, {"vix": -0.1, "futures_trend": "Up"}, Reason.OUT_OF_RANGE),
    (REGIMES, {"confidence": 1.01}, Reason.OUT_OF_RANGE),
    (SIGNALS, {"signal_value": -0.01}, Reason.OUT_OF_RANGE),
    (REGIMES, {"put_call_ratio": -1}, Reason.OUT_OF_RANGE),
    (METRICS, {"dte": -1}, Reason.OUT_OF_RANGE),
    (METRICS, {"dte": 2**31}, Reason.OUT_OF_RANGE),
    (METRICS, {"entry_price": -1}, Reason.OUT_OF_RANGE),
    (METRICS, {"current_price": -1}, Reason.OUT_OF_RANGE),
    (REGIMES, {"futures_trend": "Up"}, Reason.BAD_VALUE),
    (SIGNALS, {"futures_trend": "sideways"}, Reason.BAD_VALUE),
    (SIGNALS, {"acted_at": "2026-11-20T08:30"}, Reason.BAD_VALUE),
    (SIGNALS, {"acted_at": "2026-11-20T08:30", "acted_upon": False}, Reason.BAD_VALUE),
    (SIGNALS, {"acted_at": "2026-11-20T07:59", "acted_upon": True}, Reason.BAD_VALUE),
]


@pytest.mark.parametrize(("series", "values", "reason"), REJECTED)
def test_the_first_failure_in_the_order_of_the_reasons_is_the_reason(
    series: Series, values: dict[str, Any], reason: Reason
) -> None:
    assert outcome(series, values) == reason


@pytest.mark.parametrize(
    ("series", "values"),
    [
        (REGIMES, {"timestamp": "2026-11-20T09:00", "vix": 0, "confidence": 1, "futures_trend": "flat"}),
        (REGIMES, {"regime": ""}),
        (METRICS, {"dte": 45.0, "delta": -1e308, "entry_price": 0, "total_pnl": None}),
        (SIGNALS, {"acted_at": "2026-11-20T08:00", "acted_upon": True, "signal_value": 0}),
        (SIGNALS, {"acted_upon": True, "date": "nonsense", "batch_id": 7, "source_line": "x"}),
    ],
)
def test_values_at_the_edge_are_taken(series: Series, values: dict[str, Any]) -> None:
    assert outcome(series, values) is None


def test_a_cell_that_is_empty_is_null_and_a_json_text_that_is_empty_a_text() -> None:
    (cell,) = read(b'timestamp,symbol,regime,vix\n2026-11-20 08:00,SPY,"",\n')
    assert cell.line == 2
    assert cell.row is not None
    assert (cell.row["regime"], cell.row["vix"], cell.row["confidence"]) == (None, None, None)
    (record,) = read(b'{"timestamp":"2026-11-20 08:00","symbol":"SPY","regime":""}', "a.json")
    assert record.row is not None
    assert record.row["regime"] == ""


def test_records_that_cannot_be_read_are_rejected_and_the_others_are_not() -> None:
    lines = [
        b"timestamp,symbol",
        b"2026-11-20 08:00",
        b"",
        b"2026-11-20 08:00,\xff",
        b"2026-11-20 08:00,SPY",
        b'2026-11-20 08:00,"SPY',
    ]
    found = read(b"\n".join(lines))
    assert [(one.line, one.rejection and one.rejection.reason) for one in found] == [
        (2, Reason.BAD_ROW),
        (4, Reason.BAD_ROW),
        (5, None),
        (6, Reason.BAD_ROW),
    ]
    assert found[0].raw == "2026-11-20 08:00"
    assert "\ufffd" in found[1].raw


@pytest.mark.parametrize(
    "line",
    [
        *(b"{", b"[]", b"1", b"null", b"[" * 100_000, b'{"symbol":"\xff"}', b'{"symbol":"\\ud800"}'),
        *(b'{"vix":1,"vix":2}', b'{"symbol":"SPY"} {}', b'{"vix":01}'),
    ],
)
def test_json_that_is_no_object_is_a_bad_row(line: bytes) -> None:
    good = json.dumps({name: KEY[name] for name in REGIMES.key}).encode()
    found = read(b"\n\n" + line + b"\r\n" + good, "a.ndjson")
    assert [(one.line, one.rejection and one.rejection.reason) for one in found] == [(3, Reason.BAD_ROW), (4, None)]
    assert len(found[0].raw) <= 10_000


@pytest.mark.parametrize(
    ("content", "name", "reason"),
    [
        (b"a", "a.txt", Reason.UNKNOWN_FORMAT),
        (b"a", "csv", Reason.UNKNOWN_FORMAT),
        (b"a", "a.csv.zip", Reason.UNKNOWN_FORMAT),
        (b"a", "a.parquet.gz", Reason.UNKNOWN_FORMAT),
        (b"a", "a:b.csv", Reason.UNREADABLE_FILE),
        (b"a", "a\nb.csv", Reason.UNREADABLE_FILE),
        (b"\n\n", "a.csv", Reason.UNREADABLE_FILE),
        (b"x,y\n", "a.csv", Reason.UNREADABLE_FILE),
        (b"symbol,symbol,timestamp\n", "a.csv", Reason.UNREADABLE_FILE),
        (b"symbol,\xff\n", "a.csv", Reason.UNREADABLE_FILE),
        (b"symbol,VIX\n", "a.csv", Reason.UNKNOWN_COLUMN),
        (b"symbol,price\n", "a.CSV", Reason.UNKNOWN_COLUMN),
        (b'{"symbol":"SPY"}\n{"symbol":"SPY","price":null}', "a.jsonl", Reason.UNKNOWN_COLUMN),
        (b"no gzip", "a.csv.gz", Reason.UNREADABLE_FILE),
        (gzip.compress(b"symbol\n" * 99, mtime=0)[:-9], "a.csv.gz", Reason.UNREADABLE_FILE),
        (b"PAR1", "a.parquet", Reason.UNREADABLE_FILE),
    ],
)
def test_files_that_are_rejected_whole(content: bytes, name: str, reason: Reason) -> None:
    assert reason_of(content, name) == reason


def test_a_file_with_an_unknown_column_names_both_schemas() -> None:
    with pytest.raises(FileRejected, match=r"unknown: VIX; the file has symbol, VIX; market_regimes has .*vix"):
        read(b"symbol,VIX\n")


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.csv.gz", "a.parquet"])
def test_a_file_of_0_bytes_holds_nothing(name: str) -> None:
    assert read(b"", name) == []


@pytest.mark.parametrize(
    ("content", "name", "found"),
    [
        (b"symbol,a,b,c,d,e\nSPY,1,true,2026-01-01 00:00,x,\nSPY,2,FALSE,,1,\n", "a.csv", "aN bB cT dNX"),
        (b'{"a":1,"b":true,"c":"2026-01-01T00:00Z","d":"1","e":null}', "a.jsonl", "aN bB cT dX"),
        (b'{"a":[1]}\n{"a":2,"vix":3,"batch_id":"x"}', "a.jsonl", "aNX"),
    ],
)
def test_the_kinds_of_new_columns_come_from_their_values(content: bytes, name: str, found: str) -> None:
    letters = {Kind.NUMBER: "N", Kind.BOOLEAN: "B", Kind.TIME: "T", Kind.TEXT: "X"}
    new = new_columns(REGIMES, name, io.BytesIO(content), size=len(content))
    assert " ".join(key + "".join(sorted(letters[kind] for kind in new[key])) for key in sorted(new)) == found


@pytest.mark.parametrize("column", ["VIX", "Date", "1a", "_a", "a-b", "ä", "a" * 65, ""])
def test_a_column_that_no_table_may_get_rejects_its_file_all_the_same(column: str) -> None:
    content = f"timestamp,symbol,{column}\n2026-11-20 08:00,SPY,1\n".encode()
    with pytest.raises(FileRejected):
        read(content, takes_new=True)


def test_a_new_column_without_a_value_is_passed_over() -> None:
    content = b"timestamp,symbol,price\n2026-11-20 08:00,SPY,\n"
    (found,) = read(content, takes_new=True)
    assert found.row is not None
    assert "price" not in found.row


@pytest.mark.parametrize(("name", "header"), [("a.jsonl", b""), ("a.csv", b"timestamp,symbol\n")])
def test_blocks_of_large_records_are_small(name: str, header: bytes) -> None:
    line = b"2026-11-20 08:00," + b"x" * 2**19  # as JSON it is rejected
    content = header + b"\n".join([line] * 10)
    blocks = list(read_file(REGIMES, name, io.BytesIO(content), size=len(content), latest=NOW))
    assert [len(block.lines) for block in blocks] == [4, 4, 2]


def test_gzip_may_have_several_members() -> None:
    members = [b"timestamp,symbol\n2026-11-20 08:00,", b"SPY\n2026-11-20 08:01,QQQ\n"]
    found = read(b"".join(map(gzip.compress, members)), "a.CSV.GZ")
    assert [one.row and one.row["symbol"] for one in found] == ["SPY", "QQQ"]


def parquet(columns: dict[str, pa.Array]) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    return out.getvalue()


@given(
    st.integers(-(10**15), 10**15),
    st.sampled_from(["s", "ms", "us", "ns"]),
    st.sampled_from([None, "UTC", "Europe/Berlin"]),
)
def test_parquet_times_of_every_unit(micros: int, unit: str, zone: str | None) -> None:
    step = {"s": 10**6, "ms": 10**3, "us": 1, "ns": 1}[unit]
    cut = micros // step * step
    count = cut * 1000 if unit == "ns" else cut // step
    times = pa.array([count], pa.int64()).cast(pa.timestamp(unit, zone))
    (found,) = read(parquet({"timestamp": times, "symbol": pa.array(["SPY"])}), "a.parquet")
    assert found.row is not None
    assert (found.line, found.row["timestamp"]) == (1, datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=cut))


@pytest.mark.parametrize(
    ("series", "name", "values", "found"),
    [
        (REGIMES, "vix", pa.array([1.5], pa.float32()), 1.5),
        (REGIMES, "vix", pa.array([7], pa.int8()), 7.0),
        (REGIMES, "vix", pa.array([Decimal("1.25")]), 1.25),
        (REGIMES, "vix", pa.array([float("nan")]), Reason.NOT_FINITE),
        (REGIMES, "vix", pa.array(["1"]), Reason.BAD_TYPE),
        (REGIMES, "regime", pa.array(["bull"]).dictionary_encode(), "bull"),
        (REGIMES, "regime", pa.array([b"bull"]), Reason.BAD_TYPE),
        (REGIMES, "regime", pa.array([1]), Reason.BAD_TYPE),
        (REGIMES, "updated_at", pa.array([date(2026, 1, 1)]), Reason.BAD_TIME),
        (REGIMES, "updated_at", pa.array([10**15], pa.timestamp("s")), Reason.BAD_TIME),
        (REGIMES, "updated_at", pa.array(["2026-11-20T08:00Z"]), datetime(2026, 11, 20, 8, tzinfo=UTC)),
        (METRICS, "dte", pa.array([2**40]), Reason.OUT_OF_RANGE),
        (METRICS, "dte", pa.array([45.0]), 45),
        (SIGNALS, "acted_upon", pa.array([True]), True),
        (SIGNALS, "acted_upon", pa.array([1]), Reason.BAD_TYPE),
    ],
)
def test_parquet_values(series: Series, name: str, values: pa.Array, found: object) -> None:
    keys = {key: pa.array([KEY[key]]) for key in series.key}
    (one,) = read(parquet(keys | {name: values}), "a.PARQUET", series)
    assert (one.row[name] if one.row is not None else one.rejection and one.rejection.reason) == found


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("a.csv", True),
        ("symbol=QQQ/day/a.csv", True),
        (".a.csv", False),
        ("_a.csv", False),
        ("_x=1.csv", False),
        ("a.csv.tmp", False),
        (".staging/a.csv", False),
        ("sub/_tmp/a.csv", False),
        ("a.TMP", True),
    ],
)
def test_names_that_are_looked_at(path: str, is_one: bool) -> None:
    assert is_looked_at(path) == is_one
