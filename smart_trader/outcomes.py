"""What the end of a job means: exit status and text of what it raised; whether its work was ok, partial or failed."""

import errno
from collections.abc import Iterator

import structlog

from smart_trader.errors import ConfigurationError, Interrupted, SmartTraderError, StorageError
from smart_trader.io.clock import SystemClock
from smart_trader.summary import Outcome, Work

log = structlog.get_logger(__name__)

_DISK_ERRORS = (
    errno.ENOSPC,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.ENOTDIR,
)
# What the JVM says of the same, and of folders that it cannot make.
_DISK_TEXTS = (
    "No space left on device",
    "Read-only file system",
    "Permission denied",
    "Operation not permitted",
    "Disk quota exceeded",
    "File too large",
    "Input/output error",
    "Not a directory",
    "is not a directory",
    "Mkdirs failed",
    "ParentNotDirectoryException",
    "AccessDenied",
)
# What Spark and Delta say of files that are gone or damaged.
_DAMAGE_TEXTS = (
    "FAILED_READ_FILE",
    "FileNotFoundException",
    "is not a Parquet file",
    "DELTA_LOG_FILE_NOT_FOUND",
    "DELTA_TABLE_NOT_FOUND",
    "DELTA_TRUNCATED_TRANSACTION_LOG",
    "DELTA_VERSIONS_NOT_CONTIGUOUS",
    "DELTA_STATE_RECOVER_ERROR",
    "DELTA_FILE_NOT_FOUND",
)
_LIMIT_TEXTS = ("spark.driver.maxResultSize",)
_FULL = "The disk is full or cannot be written: {}. Tables stay readable as of their last commit."
_DAMAGED = "A table cannot be read: {}. Nothing was changed. Restore its files, or start anew with init --recreate."

_TOO_MUCH = (
    "More was to be brought to the driver at once than it takes: {}. What was committed stays. Raise"
    " spark.driver_max_result_size, and spark.driver_memory to twice as much, then run again."
)
_KINDS = (
    (_DISK_TEXTS, StorageError, _FULL),
    (_DAMAGE_TEXTS, StorageError, _DAMAGED),
    (_LIMIT_TEXTS, ConfigurationError, _TOO_MUCH),
)


def explain(error: Exception, clock: SystemClock) -> tuple[int, str]:
    """Exit status and text of what a job raised; only a bug of ours is logged with its trace."""
    if clock.is_stopped:
        return Interrupted.exit_status, clock.farewell
    if isinstance(error, SmartTraderError):
        log.error(str(error))
        return error.exit_status, str(error)
    for texts, kind, meaning in _KINDS:
        if said := _line_with(texts, error):
            log.error(meaning.format(said))
            return kind.exit_status, meaning.format(said)
    log.error("a bug", exc_info=error)
    return (
        SmartTraderError.exit_status,
        f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
    )


def judge(work: Work | None) -> tuple[int, str]:
    """A job of which more than half of the due entities failed has failed."""
    if work is not None and 2 * work.failed > work.due:
        return 69, f"{work.failed} of {work.due} {work.unit} failed; they stay pending."
    return 0, ""


def outcome(status: int, work: Work | None) -> Outcome:
    """What `ops.runs` says of a job that ended with `status`."""
    if status not in (0, Interrupted.exit_status):
        return "failed"
    return "partial" if status or (work is not None and work.failed) else "ok"


def _line_with(texts: tuple[str, ...], error: BaseException) -> str:
    """The first line of what `error` and its causes say, the JVM's included, that has one of `texts`."""
    for told in _chain(error):
        if texts is _DISK_TEXTS and isinstance(told, OSError) and told.errno in _DISK_ERRORS:
            return str(told)
        # PySpark keeps the JVM's causes apart from the message.
        for line in f"{told}\n{getattr(told, '_stackTrace', '')}".splitlines():
            if any(text in line for text in texts):
                return line.strip().removeprefix("Caused by: ")
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
