"""Opens regular files only, for folders in which other users can write too."""

import errno
import os
import stat
from pathlib import Path


def open_plain(path: str | Path, flags: int, *, folder: int | None = None) -> int:
    """A descriptor as from `os.open`, without following a link and without waiting. `folder` is the descriptor of the
    folder to which `path` is relative.

    Raises OSError, also for a link, a pipe, a device or a folder of that name.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK, 0o644, dir_fd=folder)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link; a pipe without a reader, a socket
            raise _no_file(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_file(path)
    return descriptor


def _no_file(path: str | Path) -> OSError:
    return OSError(errno.EINVAL, "a link or something else than a file has its name", str(path))
