"""A machine that is too small for what is asked of it: how that shows, and what to do. Standard library only."""

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
    "nable to create native thread",  # with a large or a small letter
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
"""Of the JVM, of the shell that starts it, of Spark and of Python."""
_ERRORS = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
_UNITS = {"m": 2**20, "g": 2**30}
_MEMINFO = Path("/proc/meminfo")
_OF_CONTAINER = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))

_FEWEST_FILES = 512
"""Open at once: with 300, Java does not find its own classes, and says nothing of the reason."""

ADVICE = (
    "This machine, or a limit on it, is too small for the run: {}. What was committed stays. Give Java what the machine"
    " has (spark.driver_memory; 1g does for a small run), or raise the limits of memory, processes and open files"
    " (`ulimit -a` shows them), then run again."
)


def line_in(text: str) -> str:
    """The first line of `text` that says that memory, threads or files have run out; empty if none does."""
    return next((line.strip() for line in text.splitlines() if any(said in line for said in TEXTS)), "")


def is_reached(error: BaseException) -> bool:
    """Whether `error` itself is how Python says so."""
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno in _ERRORS)


def missing(memory: str) -> str:
    """What this machine lacks to run Java with a heap of `memory`; empty if nothing is known to be missing."""
    most, files = machine_memory(), resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if most is not None and memory_bytes(memory) > most:
        return f"it has {most // _UNITS['m']} MB of memory, and spark.driver_memory is {memory}"
    if files != resource.RLIM_INFINITY and files < _FEWEST_FILES:
        return f"a process may open {files} files (ulimit -n), and Java needs {_FEWEST_FILES}"
    return ""


def memory_bytes(text: str) -> int:
    """What a setting such as `2g` means."""
    return int(text[:-1]) * _UNITS[text[-1]]


def machine_memory() -> int | None:
    """Bytes of memory of this machine, or of the container that this is; None where nothing says so."""
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
