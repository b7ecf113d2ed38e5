"""Records of a CSV file by RFC 4180, in bytes: quotes are doubled, nothing escapes, a line ends with LF or CRLF."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(slots=True)
class CsvRecord:
    """The cells of a record that begins on physical `line`; `fault` is why it cannot be read, empty otherwise."""

    line: int
    cells: list[bytes] = field(default_factory=list)
    fault: str = ""
    raw: bytes = b""
    """The lines of a record with a fault."""


def csv_records(file: BinaryIO) -> Iterator[CsvRecord]:
    """Every record of `file`, the header included. Empty lines are counted, and are no records."""
    lines = _Lines(file)
    while (line := lines.next()) is not None:
        if line:
            yield _record(line, lines)


class _Lines:
    """The physical lines of a file. `number` and `ending` are those of the last one."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.number, self.ending = file, 0, b""

    def next(self) -> bytes | None:
        """The next line without its end; None at the end of the file."""
        line = self._file.readline()
        if not line:
            return None
        self.number += 1
        if self.number == 1:
            line = line.removeprefix(_BYTE_ORDER_MARK)
        bare = line.removesuffix(b"\n").removesuffix(b"\r")
        self.ending = line[len(bare) :]
        return bare


def _record(line: bytes, lines: _Lines) -> CsvRecord:
    if b'"' not in line:
        return CsvRecord(lines.number, line.split(b","))
    record = CsvRecord(lines.number)
    read = [line]
    start = 0
    while not record.fault and start <= len(line):
        if line.startswith(b'"', start):
            line, start = _quoted(record, line, start + 1, lines, read)
        else:
            start = _plain(record, line, start)
    record.raw = b"\n".join(read) if record.fault else b""
    return record


def _plain(record: CsvRecord, line: bytes, start: int) -> int:
    """Read a cell without quotes; returns where the next one begins."""
    end = line.find(b",", start)
    end = len(line) if end < 0 else end
    cell = line[start:end]
    if b'"' in cell:
        record.fault = "a quote in a cell that does not begin with one"
    record.cells.append(cell)
    return end + 1


def _quoted(record: CsvRecord, line: bytes, start: int, lines: _Lines, read: list[bytes]) -> tuple[bytes, int]:
    """Read a cell in quotes, which may go on for many lines; returns the line on which it ends, and where the next cell
    begins in it."""
    pieces: list[bytes] = []
    while (end := _closing(line, start)) < 0:
        pieces += (line[start:], lines.ending)
        following = lines.next()
        if following is None:
            record.fault = "a quote is not closed"
            return line, start
        line, start = following, 0
        read.append(line)
    pieces.append(line[start:end])
    record.cells.append(b"".join(pieces).replace(b'""', b'"'))
    if end + 1 < len(line) and not line.startswith(b",", end + 1):
        record.fault = "text after a closing quote"
    return line, end + 2


def _closing(line: bytes, start: int) -> int:
    """Where the quote is that closes a cell; -1 if it is not in this line."""
    end = line.find(b'"', start)
    while end >= 0 and line.startswith(b'"', end + 1):
        end = line.find(b'"', end + 2)
    return end
