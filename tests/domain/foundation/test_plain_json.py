"""Lines of JSON that Arrow reads hold what they hold record by record."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.foundation.all_series import ALL_SERIES
from smart_trader.domain.foundation.blocks import Block, read_block
from smart_trader.domain.foundation.json_records import json_records
from smart_trader.domain.foundation.market_regimes import SERIES as REGIMES
from smart_trader.domain.foundation.plain_json import read_plain
from smart_trader.domain.foundation.series import Field, Kind, Series
from smart_trader.domain.foundation.signals import SERIES as SIGNALS
from smart_trader.domain.foundation.values import value_of

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
FIRST = 7
TIMES = ["2026-11-20T08:00", "2026-11-20 07:59:00.123456789Z", "2026-11-20T09:00+00", "2026-11-20T10:00Z", "soon", ""]
DIGITS = st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,3})?", fullmatch=True)
NUMBERS = st.sampled_from(["0.5", "1", "-0.0", "-1", "NaN", "Infinity", "1e400", "01", "45.0", "2147483648"]) | DIGITS
TEXTS = st.sampled_from(["SPY", "up", "flat", "", " ", "ü", "{", 'a"b', "a\tb", "\u2028"])
ODD = st.sampled_from(["null", "true", '"1"', "1", "[1]", "{}", '"2026-11-20"', '"\\ud800"', '"\\u0041"', "tru"])
HOSTILE = [
    *(
        b"",
        b"\n",
        b"{",
        b"}",
        b'{"symbol":',
        b'"SPY"}\n',
        b"{}{}\n",
        b"{} {}\n",
        b"[]\n",
        b"null\n",
        b"\xef\xbb\xbf{}\n",
    ),
    *(b'{"vix":1,"vix":2}\n', b'{"symbol":"\xff"}\n', b'{"symbol":"\xed\xa0\x80"}\n', b'{"other":1}\n', b'{"VIX":1}\n'),
    *(
        b'{"symbol":"a"}x\n',
        b'{"symbol":"a",}\n',
        b' {"symbol":"a"}\n',
        b'{"symbol":"a"} \r\n',
        b'{"date":"x"}\n',
        b"{\r}\n",
    ),
    *(b"{}//\n", b"{}\x0b\n", b'{"symbol":\x0c"a"}\n', b"{}\x00\n", b'{"vix":0x1}\n', b"{'vix':1}\n", b"{} "),
]


def row(name: str = "source", value: bytes = b'"s"') -> bytes:
    """A line with this value in a column."""
    return b'{"timestamp":"2026-11-20T08:00","symbol":"SPY","%s":%s}' % (name.encode(), value)


def usual(field: Field) -> st.SearchStrategy[str]:
    """Values as they are written in JSON."""
    match field.kind:
        case Kind.TIME:
            return st.sampled_from(TIMES).map(json.dumps)
        case Kind.TEXT:
            return TEXTS.map(lambda text: json.dumps(text, ensure_ascii=False))
        case Kind.BOOLEAN:
            return st.sampled_from(["true", "false"])
        case Kind.NUMBER:
            return NUMBERS
        case Kind.INTEGER:
            return st.sampled_from(["45", "-1", "-0", "0", "45.0", "4.5", "2147483648"])


def line(series: Series, *, odd: bool) -> st.SearchStrategy[bytes]:
    values = {field.name: usual(field) | ODD if odd else usual(field) for field in series.fields}
    key = {name: values.pop(name) for name in series.key}
    rows = st.fixed_dictionaries(key, optional=values)
    return rows.map(lambda drawn: ("{" + ",".join(f'"{name}":{drawn[name]}' for name in drawn) + "}\n").encode())


@st.composite
def files(draw: st.DrawFn) -> tuple[Series, list[bytes]]:
    series = draw(st.sampled_from(ALL_SERIES))
    kinds = line(series, odd=draw(st.booleans()))
    if draw(st.booleans()):
        kinds |= st.sampled_from(HOSTILE)
    return series, b"".join(draw(st.lists(kinds, max_size=6))).splitlines(keepends=True)


def record_by_record(series: Series, lines: list[bytes]) -> Block:
    return read_block(series, list(json_records(lines, FIRST)), value_of, latest=NOW)


def same(one: Block, other: Block) -> None:
    assert list(one.lines) == list(other.lines)
    assert one.rejections == other.rejections
    for name, column in other.columns.items():
        assert repr(one.columns[name].to_pylist()) == repr(column.to_pylist()), name
        assert one.columns[name].type == column.type


@given(files())
@example((REGIMES, [row() + b" " + row() + b"\n"]))
@example((REGIMES, [row() + row() + b"\n", b'{"symbol":\n', b'"SPY"}\n']))
@example((REGIMES, [row("vix", b"NaN")]))
@example((REGIMES, [row("vix", b"-Infinity")]))
@example((REGIMES, [row("regime", b'"\xff"')]))
@example((REGIMES, [row("regime", b'"\xed\xa0\x80"')]))
@example((REGIMES, [row("regime", b'"\\udc00"')]))
@example((REGIMES, [row("regime", b'"\\ud83d\\ude00"')]))
@example((REGIMES, [row("regime", b'"{\\"}\\n"')]))
def test_what_arrow_reads_is_what_is_read_record_by_record(file: tuple[Series, list[bytes]]) -> None:
    series, lines = file
    plain = read_plain(series, lines, FIRST, latest=NOW)
    if plain is not None:
        same(plain, record_by_record(series, lines))


@given(st.lists(DIGITS, min_size=1, max_size=20))
def test_numbers_are_those_of_python(numbers: list[str]) -> None:
    lines = [f'{{"timestamp":"2026-11-20T08:00","symbol":"a","vix":{number}}}\n'.encode() for number in numbers]
    plain = read_plain(REGIMES, lines, FIRST, latest=NOW)
    if plain is not None:
        same(plain, record_by_record(REGIMES, lines))


USUAL: dict[str, Any] = {
    **{"timestamp": "2026-11-20T08:00Z", "updated_at": "2026-11-20T08:00:01.5Z", "symbol": "SPY", "strategy_id": "s"},
    **{"signal_type": "entry", "vix": 17.5, "dte": 45, "delta": -0.25, "signal_value": 1, "acted_upon": True},
    **{"acted_at": "2026-11-20T08:01Z", "futures_trend": "up", "source": None},
}


@pytest.mark.parametrize("series", ALL_SERIES, ids=lambda series: series.name)
def test_usual_lines_are_plain(series: Series) -> None:
    rows = [{name: value for name, value in USUAL.items() if name in series.names}] * 3
    rows += [rows[0] | {"timestamp": None}, rows[0] | {"updated_at": "2027-01-01T00:00Z"}]
    lines = [json.dumps(values).encode() + b"\r\n" for values in rows]
    plain = read_plain(series, lines, FIRST, latest=NOW)
    assert plain is not None
    assert list(plain.rejections) == [3, 4]
    same(plain, record_by_record(series, lines))


def test_rules_between_columns_are_kept() -> None:
    acted = {name: value for name, value in USUAL.items() if name in SIGNALS.names}
    rows = [acted, acted | {"acted_upon": False}, acted | {"acted_at": "2026-11-20T07:59Z"}, acted | {"acted_at": None}]
    lines = [json.dumps(values).encode() + b"\n" for values in rows]
    plain = read_plain(SIGNALS, lines, FIRST, latest=NOW)
    assert plain is not None and list(plain.rejections) == [1, 2]
    same(plain, record_by_record(SIGNALS, lines))
