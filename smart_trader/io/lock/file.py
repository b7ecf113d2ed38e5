"""One writing run at a time per warehouse: a lock that the operating system releases when its holders have ended."""

import contextlib
import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from smart_trader.errors import LockHeld, StorageError
from smart_trader.foreign import json_object, name_in
from smart_trader.io.plain_file import open_plain
from smart_trader.job_table import Lock
from smart_trader.paths import local_folder

LOCK_FILE = ".lock"
FILES = {Lock.WAREHOUSE: LOCK_FILE, Lock.SERIES: ".series.lock"}
_OWNER = ("job", "run", "pid", "host", "since")
"""The facts about a run in its lock file, for other runs that find the lock held."""
_POLL_SECONDS = 0.2


@contextlib.contextmanager
def hold(
    root: str,
    owner: dict[str, str],
    *,
    name: str = LOCK_FILE,
    wait_seconds: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[int, ...]]:
    """Hold the lock of the warehouse at `root`, or another one of that `name`. Yields the file descriptors of the lock.

    Every process that inherits them holds the lock too, until the last of them ends. `owner` names the holder for
    other runs. Raises LockHeld if it is not free within `wait_seconds`, StorageError if `root` cannot be written.
    An object store has no such lock, so nothing is held there.
    """
    folder = local_folder(root)
    if folder is None:
        yield ()
        return
    descriptor = _open(folder, name)
    try:
        _acquire(descriptor, folder, wait_seconds, sleep)
        _write_owner(descriptor, owner, folder)
        yield (descriptor,)
    finally:
        os.close(descriptor)


def _open(folder: Path, name: str) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return open_plain(folder / name, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _acquire(descriptor: int, folder: Path, wait_seconds: float, sleep: Callable[[float], None]) -> None:
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LockHeld(
                    f"Another run works on {folder}: {_read_owner(descriptor)}. Nothing was started; "
                    "run again when it has ended, or wait for it with --wait-lock SECONDS."
                ) from error
            sleep(min(_POLL_SECONDS, left))
        except OSError as error:
            raise _unwritable(folder, error) from error


def _write_owner(descriptor: int, owner: dict[str, str], folder: Path) -> None:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, (json.dumps(owner) + "\n").encode(), 0)
    except OSError as error:
        raise _unwritable(folder, error) from error


def _read_owner(descriptor: int) -> str:
    try:
        owner = json_object(os.pread(descriptor, 4096, 0))
    except OSError:
        owner = {}
    facts = [f"{name} {value}" for name in _OWNER if (value := name_in(owner, name))]
    return ", ".join(facts) or "it has not said yet who it is"


def _unwritable(folder: Path, error: OSError) -> StorageError:
    return StorageError(
        f"The warehouse {folder} cannot be written ({error.strerror}), so nothing was started. "
        "Make it writable, or set warehouse.root to another folder."
    )
