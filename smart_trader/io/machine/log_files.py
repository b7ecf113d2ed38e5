"""Log files, two for each writing run: one of the driver, one of its JVM. Later runs remove old ones.

Each process rotates the file that it alone writes. This module decides which files stay.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from smart_trader.messages import as_line

PREFIX = "smart-trader-"
MAX_BYTES = 10 * 2**20
"""Of one file; then it is rotated, at most `BACKUPS` times. conf/log4j2.properties has the same limits for the JVM."""
BACKUPS = 3

_NAME = re.compile(rf"{PREFIX}[A-Za-z0-9][A-Za-z0-9._-]*?(\.jvm)?\.jsonl(\.[0-9]+)?")
"""The name of a log file, rotated ones included."""


@dataclass(frozen=True, slots=True)
class LogFile:
    path: Path
    bytes: int
    modified: float
    """Seconds since 1970."""


def of_driver(folder: Path, run_id: str) -> Path:
    return folder / f"{PREFIX}{run_id}.jsonl"


def of_jvm(folder: Path, run_id: str) -> Path:
    return folder / f"{PREFIX}{run_id}.jvm.jsonl"


def add_line(file: Path, *, run_id: str, job: str, message: str) -> None:
    """Add a line of the launcher about the end of a run, in the layout of the driver's lines. Raises OSError."""
    with file.open("a", encoding="utf-8") as opened:
        opened.write(as_line(message, level="ERROR", run_id=run_id, job=job) + "\n")


def found_in(folder: Path) -> list[LogFile]:
    """Log files of all runs of this user, the newest first."""
    return sorted(_scan(folder), key=lambda file: (-file.modified, file.path))


def remove_old(folder: Path, *, now: datetime, keep_days: int, keep_megabytes: int) -> list[LogFile]:
    """Remove files older than `keep_days`, then the oldest beyond `keep_megabytes`; returns the removed files.

    A file that cannot be removed stays: nothing depends on it.
    """
    oldest, left = (now - timedelta(days=keep_days)).timestamp(), keep_megabytes * 2**20
    removed = []
    for file in found_in(folder):
        left -= file.bytes
        if (file.modified < oldest or left < 0) and _attempt(file.path.unlink):
            removed.append(file)
    return removed


def _scan(folder: Path) -> Iterator[LogFile]:
    try:
        entries = list(os.scandir(folder))
    except OSError:
        return
    for entry in entries:
        if _NAME.fullmatch(entry.name):
            try:
                found = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid():
                yield LogFile(Path(entry.path), found.st_size, found.st_mtime)


def _attempt(remove: Callable[[], None]) -> bool:
    try:
        remove()
    except OSError:
        return False
    return True
