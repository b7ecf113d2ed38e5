"""Text that others wrote, as values. Standard library only.

Commit metadata of other writers, rows of `ops.runs`, the text of a lock file: any of them may hold anything. What
cannot be read counts as not given, and nothing here raises an error.
"""

import json
import unicodedata
from typing import Any

_LONGEST_NAME = 200


def json_object(text: str | bytes | None) -> dict[str, Any]:
    """The JSON object in `text`; an empty one where that is anything else, broken or nested too deeply."""
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def name_in(found: dict[str, Any], key: str) -> str | None:
    """The text at `key` on one short line, as `printable` has it; None where there is none."""
    value = found.get(key)
    return printable(value[:_LONGEST_NAME]) or None if isinstance(value, str) else None


def count_in(found: dict[str, Any], key: str) -> int | None:
    """The number from 0 on at `key` that fits into 64 bits, as a number or as digits; None where there is none."""
    value = found.get(key)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    return value if type(value) is int and 0 <= value < 2**63 else None


def printable(text: str) -> str:
    """One line for a terminal: others choose the names of tokens, and control characters could rewrite the screen."""
    return "".join(char for char in " ".join(text.split()) if unicodedata.category(char)[0] != "C")
