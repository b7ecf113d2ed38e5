"""Values of options from their texts. Standard library only. Each function raises ArgumentTypeError for a bad text."""

import argparse
import difflib
import math
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from smart_trader import paths
from smart_trader.pipeline import SERIES_NAMES, TABLE_NAMES

MOST_AHEAD = timedelta(minutes=5)
"""Clocks differ. A business time that is further ahead is a typing error."""
_EARLIEST = datetime(2020, 3, 16, tzinfo=UTC)
"""The first block of Solana."""
_SHOWN = 80
"""Characters of a bad text that its error message repeats."""


def hours(text: str) -> float:
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([hd])", text)
    if match:
        return float(match[1]) * (24 if match[2] == "d" else 1)
    raise argparse.ArgumentTypeError(f"{text!r} is no age, such as 26h or 2d")


def period(text: str) -> float:
    """Seconds."""
    match = re.fullmatch(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)([smh])", text)
    if match and float(match[1]) > 0:
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600}[match[2]]
    raise argparse.ArgumentTypeError(f"{text[:_SHOWN]!r} is no period, such as 60s or 5m")


def time(text: str) -> datetime:
    """An instant; a date alone is its first moment, without a zone it is UTC."""
    shown = text[:_SHOWN]
    try:
        at = datetime.fromisoformat(text)
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise argparse.ArgumentTypeError(f"{shown!r} is no ISO 8601 time, such as 2026-11-20T09:00:00Z") from error


def business_time(text: str) -> datetime:
    """A time between the first block of Solana and now."""
    at, now = time(text), datetime.now(UTC)
    if at > now + MOST_AHEAD:
        raise argparse.ArgumentTypeError(
            f"{at:%Y-%m-%dT%H:%M:%SZ} lies in the future, and this machine's clock says {now:%Y-%m-%dT%H:%M:%SZ};"
            " nothing was written"
        )
    if at < _EARLIEST:
        raise argparse.ArgumentTypeError(f"{text[:_SHOWN]!r} lies before the first block of Solana")
    return at


def run_id(text: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", text):
        return text
    raise argparse.ArgumentTypeError("up to 64 letters, digits, dots, underscores and hyphens")


def address(text: str) -> str:
    if re.fullmatch(r"[1-9A-HJ-NP-Za-km-z]{1,64}", text):
        return text
    raise argparse.ArgumentTypeError(f"{text[:_SHOWN]!r} is no address: 32 to 44 letters and digits without 0, I, O, l")


def version(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,15}", text):
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no version, such as 12")


def table(text: str) -> str:
    return _one_of(TABLE_NAMES, "table", text)


def series(text: str) -> str:
    return _one_of(SERIES_NAMES, "series", text)


def _one_of(names: Sequence[str], what: str, text: str) -> str:
    if text in names:
        return text
    near = difflib.get_close_matches(text, names, n=1)
    hint = f"the nearest is {near[0]}" if near else f"there are {', '.join(names)}"
    raise argparse.ArgumentTypeError(f"there is no {what} {text[:_SHOWN]!r}; {hint}")


def count(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text) and int(text) > 0:
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number above 0")


def number(text: str) -> float:
    """A finite number in the syntax of JSON; a leading + or point is allowed."""
    if re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) and math.isfinite(value := float(text)):
        return value
    raise argparse.ArgumentTypeError(f"{text[:_SHOWN]!r} is no number")


def seconds(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,7}(\.[0-9]{1,3})?", text):
        return float(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds")


def _path(text: str) -> Path:
    try:
        return paths.file_path(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:_SHOWN]!r} {error}") from error


def file(text: str) -> Path:
    path = _path(text)
    if paths.is_file(path):
        return path
    raise argparse.ArgumentTypeError(f"{text} is no file")


def landed(text: str) -> str:
    """How the place of a file is spelled: a file that is there, or an address in a store, where nobody has looked."""
    try:
        place = paths.location(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text[:_SHOWN]!r} {error}") from error
    folder = paths.local_folder(place)
    if folder is None or paths.is_file(folder):
        return place
    raise argparse.ArgumentTypeError(f"{text} is no file")


def target(text: str) -> Path:
    path = _path(text)
    if paths.is_folder(path):
        raise argparse.ArgumentTypeError(f"{text} is a folder; name a file in it")
    if not paths.is_folder(path.parent):
        raise argparse.ArgumentTypeError(f"the folder {path.parent} does not exist")
    return path


def pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key.strip(), value
