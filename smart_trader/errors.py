"""Every error that a user can meet: what failed, that nothing was lost, what to do next.

Each class carries the exit status of the process that it ends (BSD ``sysexits.h`` numbers). An exception
that is not a `SmartTraderError` is a bug of ours and ends with 70.
"""

from collections.abc import Sequence


class SmartTraderError(Exception):
    """Base of all errors with a documented exit status."""

    exit_status = 70


class UsageError(SmartTraderError):
    """The command line cannot be understood."""

    exit_status = 64


class ConfigurationError(SmartTraderError):
    """A setting is missing, unknown or out of range, or the key was refused at the start."""

    exit_status = 78


class QualityError(SmartTraderError):
    """A quality check failed; what depends on it was not published."""

    exit_status = 65


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

    exit_status = 69


class SourceRejected(SmartTraderError):
    """The API refused this one request or sent an answer that cannot be used; other entities may go on."""

    exit_status = 69


class NotFound(SourceRejected):
    """The API has nothing of that name (404)."""


class NotAsked(SmartTraderError):
    """A dry run makes no call: what would have been asked was noted, and whatever it was for is left as it is."""


class LimitReached(SmartTraderError):
    """What the settings allow one run is spent; the rest waits for the next one."""

    exit_status = 0


class StorageError(SmartTraderError):
    """A disk is full or read-only, or a table cannot be read."""

    exit_status = 74


class Interrupted(SmartTraderError):
    """Stopped by a signal, a budget, a lock or conflicts that do not end; what was committed stays, run again."""

    exit_status = 75


class QuotaExhausted(Interrupted):
    """The API's compute units are used up."""


class LockHeld(Interrupted):
    """Another run works on the same warehouse."""


class AccessDenied(SmartTraderError):
    """The API answered 401 or 403 in the middle of a run."""

    exit_status = 77


class KeyRefused(AccessDenied):
    """The API answered 401 or 403 before it had answered anything else: the key is wrong."""

    exit_status = 78
