"""Records of a file with one JSON object on each line. Standard library only."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from smart_trader.domain.foundation.values import Number

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class JsonRecord:
    """The values of the record on `line`; `fault` is why it cannot be read, empty otherwise."""

    line: int
    raw: bytes
    values: dict[str, Any] = field(default_factory=dict)
    fault: str = ""


def json_records(file: BinaryIO) -> Iterator[JsonRecord]:
    """Every record of `file`. Lines that are blank are counted, and are no records."""
    for number, line in enumerate(file, start=1):
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if text.strip():
            yield _record(number, text.rstrip(b"\r\n"))


def _record(number: int, line: bytes) -> JsonRecord:
    try:
        values = json.loads(
            line.decode("utf-8"),
            parse_int=Number,
            parse_float=Number,
            parse_constant=Number,
            object_pairs_hook=_named_once,
        )
        if b"\\u" in line:  # half of a surrogate pair is no text
            json.dumps(values, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        return JsonRecord(number, line, fault=str(error)[:200])
    if not isinstance(values, dict):
        return JsonRecord(number, line, fault="no JSON object")
    return JsonRecord(number, line, values)


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise ValueError("a name stands twice in an object")
    return values
