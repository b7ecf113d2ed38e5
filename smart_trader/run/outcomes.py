"""From the end of a job to its exit status, its message, and whether it was ok, partial or failed."""

import errno
from collections.abc import Callable, Iterator

import structlog
from py4j.protocol import Py4JNetworkError

from smart_trader.config import limits
from smart_trader.domain.ops.runs import Outcome
from smart_trader.errors import ConfigurationError, ExitStatus, Interrupted, SmartTraderError, StorageError
from smart_trader.io.jvm import java_text
from smart_trader.io.machine.clock import SystemClock
from smart_trader.io.store_faults import fault_in
from smart_trader.run.results import Work

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
# Texts of the JVM for the same errors, and for folders that it cannot make.
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
# Texts of Spark and Delta for missing or damaged files.
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
# Texts of Spark after the JVM was killed, or stopped for longer than its timeouts.
_GONE_TEXTS = (
    "SparkContext was shut down",
    "stopped SparkContext",
    "heartbeat timed out",
    "ExecutorLostFailure",
    "RpcTimeoutException",
    "Futures timed out",
)
_FULL = "The disk is full or cannot be written: {}. Tables stay readable as of their last commit."
_GONE = (
    "Spark's Java process was killed, or stopped for too long: {}. What was committed stays; run again to go on. If it"
    " happens again, the system may have too little memory for spark.driver_memory."
)
_DAMAGED = "A table cannot be read: {}. Nothing was changed. Restore its files, or start anew with init --recreate."

_TOO_MUCH = (
    "More was to be brought to the driver at once than it takes: {}. What was committed stays. Raise"
    " spark.driver_max_result_size, and spark.driver_memory to twice as much, then run again."
)


def _is_disk_error(cause: BaseException) -> bool:
    return isinstance(cause, OSError) and cause.errno in _DISK_ERRORS


def _is_lost_connection(cause: BaseException) -> bool:
    """Whether the JVM is gone: the driver has no other connections. A silent API is a `SourceUnavailable`."""
    return isinstance(cause, ConnectionError | EOFError | Py4JNetworkError)


def _is_none(_told: BaseException) -> bool:
    return False


_KINDS: tuple[tuple[tuple[str, ...], Callable[[BaseException], bool], type[SmartTraderError], str], ...] = (
    (_DISK_TEXTS, _is_disk_error, StorageError, _FULL),
    (_DAMAGE_TEXTS, _is_none, StorageError, _DAMAGED),
    (_LIMIT_TEXTS, _is_none, ConfigurationError, _TOO_MUCH),
    (limits.TEXTS, limits.is_reached, ConfigurationError, limits.ADVICE),
    (_GONE_TEXTS, _is_lost_connection, Interrupted, _GONE),
)
"""For each kind: texts in the messages, test of the exception, error that it counts as, message to the user."""


def explain(error: Exception, clock: SystemClock) -> tuple[int, str]:
    """Exit status and message for an exception of a job. Only a bug is logged with its trace."""
    if clock.is_stopped:
        return clock.exit_status, clock.farewell
    if fault := _store_fault(error):
        log.error(str(fault))
        return fault.exit_status, str(fault)
    if isinstance(error, SmartTraderError):
        log.error(str(error))
        return error.exit_status, str(error)
    for texts, is_one, kind, meaning in _KINDS:
        if line := _line_with(texts, is_one, error):
            log.error(meaning.format(line))
            return kind.exit_status, meaning.format(line)
    log.error("a bug", exc_info=error)
    return (
        SmartTraderError.exit_status,
        f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}",
    )


def _store_fault(error: Exception) -> SmartTraderError | None:
    """The fault of a store behind an error of the JVM, also where that was taken for an unreadable table."""
    found = (fault_in(java_text(cause)) for cause in _chain(error) if not isinstance(cause, SmartTraderError))
    return next(filter(None, found), None)


def judge(work: Work | None) -> tuple[int, str]:
    """Exit status and message of a job that raised nothing: it failed if more than half of its due entities did."""
    if work is not None and 2 * work.failed > work.due:
        return ExitStatus.UNAVAILABLE.number, f"{work.failed} of {work.due} {work.unit} failed; they stay pending."
    return 0, ""


def outcome(status: int, work: Work | None) -> Outcome:
    """The outcome in `ops.runs` of a job that ended with `status`."""
    if status not in (0, Interrupted.exit_status):
        return Outcome.FAILED
    return Outcome.PARTIAL if status or (work is not None and work.failed) else Outcome.OK


def _line_with(texts: tuple[str, ...], is_one: Callable[[BaseException], bool], error: BaseException) -> str:
    """The first line with one of `texts` in the messages of `error` and its causes, the JVM's included; or the whole
    message of a cause that `is_one` accepts. Empty if there is none."""
    for cause in _chain(error):
        if is_one(cause):
            return f"{cause}" or type(cause).__name__
        # PySpark keeps the JVM's causes apart from the message.
        for line in f"{cause}\n{getattr(cause, '_stackTrace', '')}".splitlines():
            if any(text in line for text in texts):
                return line.strip().removeprefix("Caused by: ")
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
