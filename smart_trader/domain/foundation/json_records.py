"""Records of a file with one JSON object on each line. Standard library only."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from smart_trader.domain.foundation.records import Record, Rejection
from smart_trader.domain.foundation.series import Reason
from smart_trader.domain.foundation.values import BLANKS, Number

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def json_records(lines: Iterable[bytes], first: int = 1) -> Iterator[Record]:
    """Every record in the lines of a file, the `first` of which has that number. Lines that are blank are counted, and
    are no records."""
    for number, line in enumerate(lines, start=first):
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if text.strip():
            yield _record(number, text.rstrip(b"\r\n"))


def _record(number: int, line: bytes) -> Record:
    try:
        text = line.decode("utf-8").strip(BLANKS)
        values, end = _DECODER.raw_decode(text)
        if end < len(text):
            raise ValueError(f"more text follows its end at character {end}")
        if b"\\u" in line:  # half of a surrogate pair is no text
            json.dumps(values, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        return Record(number, line, {}, Rejection(Reason.BAD_ROW, str(error)[:200]))
    if not isinstance(values, dict):
        return Record(number, line, {}, Rejection(Reason.BAD_ROW, "no JSON object"))
    return Record(number, line, values)


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return values


_DECODER = json.JSONDecoder(parse_int=Number, parse_float=Number, parse_constant=Number, object_pairs_hook=_named_once)
