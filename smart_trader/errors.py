"""Every error that a user can meet: what failed, that nothing was lost, what to do next.

Each class carries the exit status of the process that it ends. An exception that is not a `SmartTraderError` is a bug
of ours.
"""

from collections.abc import Sequence
from enum import Enum


class ExitStatus(Enum):
    """Every status that a command ends with; the numbers are those of BSD's ``sysexits.h``."""

    DONE = (
        0,
        "done, or nothing to do",
        "done, or nothing to do; also when some entities failed, or a limit of the settings was reached, and they wait"
        " for the next run",
        "",
    )
    USAGE = (
        64,
        "bad command line",
        "the command line cannot be understood",
        "Correct the command line; --help shows what it takes.",
    )
    CHECK_FAILED = (
        65,
        "a quality check failed",
        "a check failed; what depends on it was not published",
        "What failed the check was not published; look at the named table, then run again.",
    )
    UNAVAILABLE = (
        69,
        "API or store unavailable",
        "the API or the store did not answer, the API refused what it was asked, or failed for more than half of what"
        " was due",
        "The API or the store did not answer. What was committed stays; run the same command later.",
        True,
    )
    BUG = (
        70,
        "a bug of ours",
        "a bug",
        "This is a bug. What was committed stays; please report it with the log of this run.",
    )
    STORAGE = (
        74,
        "disk full, table unreadable",
        "disk or store full or read-only, or from `disk.critical_percent` on; a table cannot be read",
        "Make room on the disk, or restore the table named above; then run again.",
    )
    INTERRUPTED = (
        75,
        "lock held, quota or time spent, interrupted: run again",
        "lock or lease held or lost, the plan's units or the time budget spent, or interrupted. What was committed"
        " stays: run again",
        "What was committed stays; run the same command again to go on.",
        True,
    )
    ACCESS_DENIED = (
        77,
        "key refused in the middle of a run",
        "the API or the store refused the key, or the plan does not include the call (401, 403)",
        "Check the key, and what it may do, then run again; what was committed stays.",
    )
    CONFIGURATION = (
        78,
        "bad or missing setting",
        "a setting is missing, unknown or out of range; the machine, or a limit on it, is too small for Java; the store"
        " has no such bucket, refused the key at the start, or would not keep two runs apart",
        "Correct the setting; --print-settings shows all of them and where each comes from.",
    )

    def __init__(self, number: int, brief: str, when: str, next_step: str, is_temporary: bool = False) -> None:
        self.number = number
        self.brief = brief
        """When, as `--help` says it."""
        self.when = when
        """When, as the README says it."""
        self.next_step = next_step
        """What to do about it, as the summary of a run says it."""
        self.is_temporary = is_temporary
        """Whether the same command may succeed a little later: schedulers try it once more."""


class SmartTraderError(Exception):
    """Base of all errors with a documented exit status."""

    exit_status = ExitStatus.BUG.number


class UsageError(SmartTraderError):
    """The command line cannot be understood."""

    exit_status = ExitStatus.USAGE.number


class ConfigurationError(SmartTraderError):
    """A setting is missing, unknown or out of range, or the key was refused at the start."""

    exit_status = ExitStatus.CONFIGURATION.number


class QualityError(SmartTraderError):
    """A quality check failed; what depends on it was not published."""

    exit_status = ExitStatus.CHECK_FAILED.number


class SchemaMismatch(QualityError):
    """Rows, or a stored table, do not fit the declared columns of their table."""

    @classmethod
    def of_rows(cls, table: str, *, missing: set[str], unexpected: set[str]) -> "SchemaMismatch":
        return cls(
            f"{table}: the columns do not fit the declaration, so nothing was written.\n"
            f"  missing:    {', '.join(sorted(missing)) or 'none'}\n"
            f"  unexpected: {', '.join(sorted(unexpected)) or 'none'}\n"
            f"  next: change the transformation, or the declaration beside it."
        )

    @classmethod
    def of_stored(cls, table: str, differences: Sequence[str]) -> "SchemaMismatch":
        """`differences` name both sides, what is stored and what is declared."""
        return cls(
            f"{table}: the stored table is not as declared; nothing was changed.\n  "
            + "\n  ".join(differences)
            + "\n  next: `init` adds columns that are missing and may be null. For anything else: if an earlier version"
            f" of this program made the table, `maintain --rewrite {table}` writes it anew; if another program altered"
            f" it, `restore --table {table} --version N` goes back."
        )

    @classmethod
    def of_version(cls, table: str, version: int, differences: Sequence[str]) -> "SchemaMismatch":
        """`differences` as in `of_stored`, of an earlier version to go back to."""
        return cls(
            f"{table}: version {version} is not as declared, and cannot be made so by adding columns; nothing was"
            " changed.\n  " + "\n  ".join(differences) + "\n  next: choose a later version."
        )


class SourceUnavailable(SmartTraderError):
    """The API or the store did not answer after bounded retries; a later run may succeed."""

    exit_status = ExitStatus.UNAVAILABLE.number


class SourceRejected(SmartTraderError):
    """The API refused this one request or sent an answer that cannot be used; other entities may go on."""

    exit_status = ExitStatus.UNAVAILABLE.number


class NotFound(SourceRejected):
    """The API has nothing of that name (404)."""


class NotAsked(SmartTraderError):
    """A dry run makes no call: what would have been asked was noted, and whatever it was for is left as it is."""


class LimitReached(SmartTraderError):
    """What the settings allow one run is spent; the rest waits for the next one."""

    exit_status = ExitStatus.DONE.number


class StorageError(SmartTraderError):
    """A disk is full or read-only, or a table cannot be read."""

    exit_status = ExitStatus.STORAGE.number


class Interrupted(SmartTraderError):
    """Stopped by a signal, a budget, a lock or conflicts that do not end; what was committed stays, run again."""

    exit_status = ExitStatus.INTERRUPTED.number


class QuotaExhausted(Interrupted):
    """The API's compute units are used up."""


class LockHeld(Interrupted):
    """Another run works on the same warehouse."""


class LeaseLost(Interrupted):
    """Another run has taken over the warehouse in a store, or may do so: this one commits nothing more."""


class AccessDenied(SmartTraderError):
    """The API answered 401 or 403 in the middle of a run."""

    exit_status = ExitStatus.ACCESS_DENIED.number


class KeyRefused(AccessDenied):
    """The API answered 401 or 403 before it had answered anything else: the key is wrong."""

    exit_status = ExitStatus.CONFIGURATION.number
