"""Folders for what a run leaves behind: gone after it, or at the next start if it was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from smart_trader.errors import StorageError

_PREFIX = "smart-trader-"
_ALIVE = "alive"


@contextlib.contextmanager
def folder(parent: str | None) -> Iterator[tuple[Path, int]]:
    """A new folder in `parent` (None: the system's temporary folder), and the descriptor that marks it as in use.

    Processes that inherit the descriptor keep it in use. Folders of dead runs are removed on the way.
    """
    place = Path(parent or tempfile.gettempdir())
    remove_dead(place)
    try:
        own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
    except OSError as error:
        raise StorageError(
            f"No temporary files can be made in {place} ({error.strerror}), so nothing was started. "
            "Make room there, or set warehouse.scratch to another folder."
        ) from error
    descriptor = os.open(own / "starting", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        (own / "starting").rename(own / _ALIVE)  # only now do others see it, when it is locked
        yield own, descriptor
    finally:
        shutil.rmtree(own, ignore_errors=True)
        os.close(descriptor)


def remove_dead(place: Path) -> list[Path]:
    """Remove the folders in `place` that no process uses any more; returns them."""
    return [mark.parent for mark in place.glob(f"{_PREFIX}*/{_ALIVE}") if _remove_if_dead(mark)]


def _remove_if_dead(mark: Path) -> bool:
    try:
        descriptor = os.open(mark, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(mark.parent, ignore_errors=True)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
