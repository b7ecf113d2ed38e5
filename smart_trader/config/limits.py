"""Recognizes a machine that is too small for a run, with advice. Standard library only."""

import errno
import resource
from pathlib import Path

TEXTS = (
    "Could not reserve enough space",
    "Could not allocate compressed class space",
    "Invalid maximum heap size",
    "Invalid initial heap size",
    "Too small maximum heap",
    "insufficient memory for the Java Runtime",
    "nable to create native thread",  # upper or lower case
    "Failed to start thread",
    "Cannot create worker GC thread",
    "Cannot create GC thread",
    "Cannot allocate memory",
    "Resource temporarily unavailable",
    "Too many open files",
    "OutOfMemoryError",
    "Please increase heap size",
    "can't start new thread",
    "Could not create the Java Virtual Machine",
)
"""Error texts of the JVM, of the shell that starts it, of Spark and of Python."""
_ERRORS = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_UNITS = {"m": 2**20, "g": 2**30}
_MEMINFO = Path("/proc/meminfo")
_OF_CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

_FEWEST_FILES = 512
"""Open files that Java needs: with 300 it does not find its own classes, and its message hides the reason."""

ADVICE = (
    "This machine, or a limit on it, is too small for the run: {}. What was committed stays. Give Java what the machine"
    " has (spark.driver_memory; 1g does for a small run), or raise the limits of memory, processes and open files"
    " (`ulimit -a` shows them), then run again."
)


def line_in(text: str) -> str:
    """The first line of `text` about a lack of memory, threads or files; empty if there is none."""
    return next((line.strip() for line in text.splitlines() if any(known in line for known in TEXTS)), "")


def is_reached(error: BaseException) -> bool:
    """Whether `error` is an error of Python about a lack of memory, threads or files."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _ERRORS)


def missing(memory: str) -> str:
    """The resource that this machine lacks to run Java with a heap of `memory`; empty if it seems to lack none."""
    most, files = machine_memory(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most is not None and memory_bytes(memory) > most:
        return f"it has {most // _UNITS['m']} MB of memory, and spark.driver_memory is {memory}"
    if files != resource.RLIM_INFINITY and files < _FEWEST_FILES:
        return f"a process may open {files} files (ulimit -n), and Java needs {_FEWEST_FILES}"
    return ""


def memory_bytes(text: str) -> int:
    """The bytes of a setting such as `2g`."""
    return int(text[:-1]) * _UNITS[text[-1]]


def machine_memory() -> int | None:
    """Bytes of memory of this machine or container; None if unknown."""
    known = [_kilobytes(_MEMINFO), *map(_bytes, _OF_CONTAINER)]
    return min((size for size in known if size is not None), default=None)


def _kilobytes(meminfo: Path) -> int | None:
    try:
        words = meminfo.read_text(encoding="ascii").split()
        return int(words[words.index("MemTotal:") + 1]) * 1024
    except (OSError, ValueError, IndexError):
        return None


def _bytes(limit: Path) -> int | None:
    try:
        return int(limit.read_text(encoding="ascii"))
    except (OSError, ValueError):  # "max" is no limit
        return None
