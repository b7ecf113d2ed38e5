"""What the end of a job means: exit status and text of what it raised; whether its work was ok, partial or failed."""

import errno

import structlog

from smart_trader.errors import Interrupted, SmartTraderError, StorageError
from smart_trader.io.clock import SystemClock
from smart_trader.summary import Outcome, Work

log = structlog.get_logger(__name__)

_DISK_ERRORS = (errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT)
_DISK_TEXTS = ("No space left on device", "Read-only file system", "AccessDenied")


def explain(error: Exception, clock: SystemClock) -> tuple[int, str]:
    """Exit status and text of what a job raised; only a bug of ours is logged with its trace."""
    if clock.is_stopped:
        return Interrupted.exit_status, clock.farewell
    if isinstance(error, SmartTraderError):
        log.error(str(error))
        return error.exit_status, str(error)
    if _is_disk_trouble(error):
        text = "The disk is full or read-only. Tables stay readable as of their last commit; make room, run again."
        log.error(text)
        return StorageError.exit_status, text
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


def _is_disk_trouble(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
        return True
    return any(text in str(error) for text in _DISK_TEXTS)
