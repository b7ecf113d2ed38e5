"""RFC 4180 against Python's csv module, and what is none."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.foundation.csv_records import CsvRecord, csv_records

CELLS = st.text(st.sampled_from('ab,"\n é\\'), max_size=5)
TABLES = st.integers(2, 4).flatmap(lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=6))


def read(content: bytes) -> list[CsvRecord]:
    return list(csv_records(io.BytesIO(content)))


@given(TABLES, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans(), st.booleans())
def test_what_the_csv_module_writes_is_read(
    rows: list[list[str]], end: str, quotes_all: bool, has_mark: bool, is_ended: bool
) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator=end, quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL).writerows(rows)
    text = out.getvalue() if is_ended else out.getvalue().removesuffix(end)
    records = read((b"\xef\xbb\xbf" if has_mark else b"") + text.encode())
    assert not [record for record in records if record.fault]
    assert [[cell.decode() for cell in record.cells] for record in records] == rows

    reader, begins, last = csv.reader(io.StringIO(text, newline="")), [], 0
    for _ in reader:
        begins.append(last + 1)
        last = reader.line_num
    assert [record.line for record in records] == begins


@given(st.lists(st.sampled_from([b'"', b",", b"\n", b"\r", b"a", b"\xff", b'""', b"\n\n"]), max_size=30).map(b"".join))
def test_any_bytes_are_records_whose_lines_grow(content: bytes) -> None:
    records = read(content)
    lines = [record.line for record in records]
    assert lines == sorted(set(lines))
    assert all(1 <= line <= content.count(b"\n") + 1 for line in lines)
    assert all(record.cells or record.fault for record in records)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"a\n\n\r\nb\n", [(1, [b"a"]), (4, [b"b"])]),
        (b"a,\r\n", [(1, [b"a", b""])]),
        (b'"",""\n', [(1, [b"", b""])]),
        (b'"a\r\nb",c\nd,e', [(1, [b"a\r\nb", b"c"]), (3, [b"d", b"e"])]),
        (b"a\\,b\n", [(1, [b"a\\", b"b"])]),
        (b'"a"",b"\n', [(1, [b'a",b'])]),
    ],
)
def test_records_and_their_lines(content: bytes, found: list[tuple[int, list[bytes]]]) -> None:
    assert [(record.line, record.cells) for record in read(content)] == found


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        (b'a"b,c\nd,e\n', ["a quote in a cell that does not begin with one", ""]),
        (b'"a"b,c\nd,e\n', ["text after a closing quote", ""]),
        (b'a,b\n"c,d\ne,f\n', ["", "a quote is not closed"]),
    ],
)
def test_a_fault_costs_its_record_only_but_an_open_quote_the_rest(content: bytes, faults: list[str]) -> None:
    assert [record.fault for record in read(content)] == faults
    assert [bool(record.raw) for record in read(content)] == [bool(fault) for fault in faults]
