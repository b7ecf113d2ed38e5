"""Folders for the short-lived files of a run, removed after it, or at the next start if it was killed.

Other users can write to the parent folder too. So only folders of this user that nobody else can enter are removed, as
`mkdtemp` makes them, and only through a descriptor: a link under the same name has no effect.
"""

import contextlib
import errno
import fcntl
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from smart_trader.errors import StorageError
from smart_trader.io.plain_file import open_plain

_PREFIX = "smart-trader-"
_ALIVE = "alive"
_NAME = re.compile(rf"{_PREFIX}[a-z0-9_]{{8}}")
"""As `mkdtemp` makes it."""


@dataclass(frozen=True, slots=True)
class Scratch:
    """The folder of a run."""

    path: Path
    is_alive: bool
    """Whether a process still uses it."""


@contextlib.contextmanager
def folder(parent: str | None) -> Iterator[tuple[Path, int]]:
    """A new folder in `parent` (None: the system's temporary folder), and the descriptor that keeps it in use.

    Processes that inherit the descriptor keep it in use. Folders of dead runs are removed first.
    """
    place = Path(parent or tempfile.gettempdir())
    remove_dead(place)
    try:
        place.mkdir(parents=True, exist_ok=True)
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
    """The folders of all runs of this user in `place`."""
    return [Scratch(Path(own), is_alive=not is_free) for own, is_free in _look_at(place)]


def remove_dead(place: Path) -> list[Path]:
    """Remove the folders in `place` that no process uses; returns them."""
    return [Path(own) for own, is_free in _look_at(place) if is_free and _remove(Path(own))]


def _mark(own: Path) -> int:
    """A descriptor that keeps `own` in use as long as it is open in some process."""
    starting = own / "starting"
    try:
        descriptor = os.open(starting, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        starting.rename(own / _ALIVE)  # others see the file only now, when it is locked
    except OSError:
        shutil.rmtree(own, ignore_errors=True)
        raise
    return descriptor


def _look_at(place: Path) -> list[tuple[str, bool]]:
    """The folders of this user's runs in `place`, each with True if no process uses it."""
    try:
        names = [entry.path for entry in os.scandir(place) if _NAME.fullmatch(entry.name)]
    except OSError:
        return []
    found = []
    for own in sorted(names):
        with contextlib.suppress(OSError), _opened(own) as folder:
            found.append((own, _is_free(folder)))
    return found


@contextlib.contextmanager
def _opened(own: str | Path) -> Iterator[int]:
    """A descriptor of the folder of a run. Raises OSError for a link or a folder of another user with such a name."""
    folder = os.open(own, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        found = os.fstat(folder)
        if found.st_uid != os.geteuid() or found.st_mode & 0o077:
            raise PermissionError(errno.EPERM, "it is not a run's own folder", str(own))
        yield folder
    finally:
        os.close(folder)


def _is_free(folder: int) -> bool:
    """Whether nobody holds the lock in `folder`. A free folder stays free, since no name of a folder is used twice.

    Raises OSError without a lock file.
    """
    descriptor = open_plain(_ALIVE, os.O_RDONLY, folder=folder)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return True
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)


def _remove(own: Path) -> bool:
    """Whether `own` was removed. Its lock file goes last, so that the next run finds the rest of a killed removal."""
    with contextlib.suppress(OSError), _opened(own) as folder:
        for name in os.listdir(folder):
            if stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode):
                shutil.rmtree(name, ignore_errors=True, dir_fd=folder)
            elif name != _ALIVE:
                os.unlink(name, dir_fd=folder)
        if os.listdir(folder) == [_ALIVE]:
            os.unlink(_ALIVE, dir_fd=folder)
            os.rmdir(own)
    return not own.exists()
