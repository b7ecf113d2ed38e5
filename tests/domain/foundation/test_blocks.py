"""A block of records holds what its records hold one by one."""

import math
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.foundation.all_series import ALL_SERIES
from smart_trader.domain.foundation.blocks import read_block
from smart_trader.domain.foundation.records import Parse, Record, Rejection, read_record
from smart_trader.domain.foundation.series import Kind, Reason, Series
from smart_trader.domain.foundation.signals import SERIES as SIGNALS
from smart_trader.domain.foundation.values import Number, value_in_cell, value_of

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
BROKEN = Rejection(Reason.BAD_ROW, "no JSON object")
TIMES = ["2026-11-20T08:00", "2026-11-20T07:59Z", "2026-11-20T09:00:00.000001", "soon"]
NUMBERS = ["1", "1.0", "0.5", "-0.0", "-1", "45", "4.5", "NaN", "1e400", "2147483648"]
WORDS = ["", " ", "up", "Up", "flat", "true", "SPY"]
CELLS = st.sampled_from([*TIMES, *NUMBERS, *(word for word in WORDS if word)])
VALUES = st.sampled_from(
    [*TIMES, *WORDS, *NUMBERS, *map(Number, NUMBERS), True, False, ["up"], {}, None, NOW, NOW + timedelta(days=1)]
)
USUAL = {
    Kind.TEXT: st.sampled_from(["SPY", "QQQ", "up"]),
    Kind.TIME: st.sampled_from(TIMES[:2]),
    Kind.NUMBER: st.sampled_from([Number("1"), Number("0.25")]),
    Kind.INTEGER: st.just(Number("45")),
    Kind.BOOLEAN: st.booleans(),
}


@st.composite
def blocks(draw: st.DrawFn, odd: st.SearchStrategy[Any]) -> tuple[Series, list[Record]]:
    """Records most of whose values are usual, so that some rows are taken and some values stand many times."""
    series = draw(st.sampled_from(ALL_SERIES))
    usual = st.fixed_dictionaries(
        {field.name: USUAL[field.kind] for field in series.fields if field.name in series.key},
        optional={field.name: USUAL[field.kind] for field in series.fields if field.name not in series.key},
    )
    odd_values = st.dictionaries(st.sampled_from(series.names), odd, max_size=2)
    some = st.builds(lambda values, other: {**values, **other}, usual, st.just({}) | odd_values)
    faults = st.sampled_from([None, None, None, BROKEN])
    drawn = draw(st.lists(st.tuples(some, faults), max_size=8))
    return series, [Record(line, b"", {} if fault else values, fault) for line, (values, fault) in enumerate(drawn, 1)]


def block_of(*rows: dict[str, Any]) -> tuple[Series, list[Record]]:
    """Signals with these values."""
    key = {"timestamp": TIMES[0], "strategy_id": "s", "signal_type": "entry"}
    return SIGNALS, [Record(line, b"", key | row) for line, row in enumerate(rows, start=1)]


def check(series: Series, records: list[Record], parse: Parse) -> None:
    block = read_block(series, records, parse, latest=NOW)
    assert list(block.columns) == list(series.names)
    rows = zip(*(column.to_pylist() for column in block.columns.values()), strict=True)
    for nth, (record, values) in enumerate(zip(records, rows, strict=True)):
        expected = record.fault or read_record(series, record.values, parse, latest=NOW)
        row = dict(zip(block.columns, values, strict=True))
        if isinstance(expected, Rejection):
            assert block.rejections[nth][0] == expected
            assert set(row.values()) == {None}
        else:
            assert nth not in block.rejections
            assert row == expected
            assert list(map(sign, row.values())) == list(map(sign, expected.values()))


def sign(value: object) -> tuple[type, float]:
    """What is equal may differ in this."""
    return type(value), math.copysign(1, value) if isinstance(value, float) else 0


@given(blocks(VALUES))
@example((SIGNALS, []))
@example(block_of({"strategy_id": " "}))
@example(block_of({"acted_upon": True}, {"acted_upon": Number("1")}, {"acted_upon": False}, {"acted_upon": "0"}))
@example(block_of({"signal_value": Number("1")}, {"signal_value": "1"}, {"signal_value": True}))
def test_a_block_holds_what_its_records_hold_one_by_one(block: tuple[Series, list[Record]]) -> None:
    check(*block, value_of)


@given(blocks(CELLS))
def test_a_block_of_cells_too(block: tuple[Series, list[Record]]) -> None:
    series, records = block
    for record in records:
        record.values = {
            name: str(value).lower() if value in (True, False) else value for name, value in record.values.items()
        }
    check(series, records, value_in_cell)
