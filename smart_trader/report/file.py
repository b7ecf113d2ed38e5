"""The file of a report: written whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from smart_trader.errors import StorageError
from smart_trader.io.plain_file import open_plain
from smart_trader.report.page import identity_tag

_BEGINNING = 4096


def write(text: str, target: Path) -> None:
    """Put `text` into `target`. At any moment `target` is either the old file or the new one.

    Raises StorageError if it cannot be written.
    """
    partial = ""
    try:
        descriptor, partial = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.", suffix=".partial")
        with open(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        os.chmod(partial, 0o644)
        os.replace(partial, target)
    except OSError as error:
        if partial:
            with contextlib.suppress(OSError):
                os.unlink(partial)
        raise StorageError(
            f"The report cannot be written to {target} ({error.strerror}). The tables are as they were, and so is an "
            "older report. Next: make room or make the folder writable, or name another file with --out."
        ) from error


def is_made_from(target: Path, identity: str) -> bool:
    """Whether `target` is a page with that `identity`."""
    try:
        with open(open_plain(target, os.O_RDONLY), encoding="utf-8", errors="replace") as file:
            return identity_tag(identity) in file.read(_BEGINNING)
    except OSError:
        return False
