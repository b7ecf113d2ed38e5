"""Folders for what a run leaves behind: gone after it, or at the next start if it was killed."""

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smart_trader.errors import StorageError

_PREFIX = "smart-trader-"
_ALIVE = "alive"


@dataclass(frozen=True, slots=True)
class Scratch:
    """The folder of a run."""

    path: Path
    is_alive: bool
    """Whether a process still uses it."""


@contextlib.contextmanager
def folder(parent: str | None) -> Iterator[tuple[Path, int]]:
    """A new folder in `parent` (None: the system's temporary folder), and the descriptor that marks it as in use.

    Processes that inherit the descriptor keep it in use. Folders of dead runs are removed on the way.
    """
    place = Path(parent or tempfile.gettempdir())
    remove_dead(place)
    try:
        own = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=place))
        descriptor = _mark(own)
    except OSError as error:
        raise StorageError(
            f"No temporary files can be made in {place} ({error.strerror}), so nothing was started. "
            "Make room there, or set warehouse.scratch to another folder."
        ) from error
    try:
        yield own, descriptor
    finally:
        _remove(own)
        os.close(descriptor)


def found_in(place: Path) -> list[Scratch]:
    """The folders of all runs in `place`."""
    return [Scratch(mark.parent, is_alive=not _is_free(mark)) for mark in _marks(place)]


def remove_dead(place: Path) -> list[Path]:
    """Remove the folders in `place` that no process uses any more; returns them."""
    dead = [mark.parent for mark in _marks(place) if _is_free(mark)]
    return [path for path in dead if _remove(path)]


def _mark(own: Path) -> int:
    """Mark `own` as in use, for as long as the descriptor that is returned is open in some process."""
    starting = own / "starting"
    try:
        descriptor = os.open(starting, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        starting.rename(own / _ALIVE)  # only now do others see it, when it is locked
    except OSError:
        shutil.rmtree(own, ignore_errors=True)
        raise
    return descriptor


def _marks(place: Path) -> list[Path]:
    return sorted(place.glob(f"{_PREFIX}*/{_ALIVE}"))


def _is_free(mark: Path) -> bool:
    """Whether nobody holds the lock on `mark`. Once free it stays so: no name of a folder is used twice."""
    try:
        descriptor = os.open(mark, os.O_RDONLY)
    except OSError:  # somebody else's
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _remove(own: Path) -> bool:
    """The mark goes last: what is left of a removal that was killed is still known as a dead run's."""
    with contextlib.suppress(OSError):
        for path in own.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path, ignore_errors=True)
            elif path.name != _ALIVE:
                path.unlink()
    shutil.rmtree(own, ignore_errors=True)
    return not own.exists()
