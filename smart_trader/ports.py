"""What jobs need from outside, in the domain's words. Adapters live in `smart_trader.io`."""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from pyspark.sql import DataFrame
from pyspark.sql.types import StructType

from smart_trader.domain.bronze.records import Record, Rejected
from smart_trader.domain.bronze.token_metrics import TokenCriteria
from smart_trader.domain.bronze.whale_holders import HolderAccount
from smart_trader.domain.tables.changes import RowScope
from smart_trader.domain.tables.file_policy import FileFacts
from smart_trader.domain.tables.log_rules import LogFacts
from smart_trader.domain.tables.table import Table


@dataclass(frozen=True, slots=True)
class TradePage:
    """Trades of a wallet that were served at once."""

    rows: Sequence[Record | Rejected]
    """Rows of bronze.transaction_history, or of bronze.rejected_rows: one for each that was served, in that order."""
    is_last: bool
    """True when nothing follows."""
    asked: int
    """How many rows were asked for: a page can be shorter and yet not the last one."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What was asked of an API so far in this process."""

    calls: int
    compute_units: int
    wait_seconds: float
    """Time spent waiting for the rate limit, added over all threads."""


@dataclass(frozen=True, slots=True)
class LandedFile:
    """A file below `series.landing`, by its path there, with its size and the time when it was written."""

    path: str
    bytes: int
    modified_ms: int
    """Milliseconds after 1970."""


@dataclass(frozen=True, slots=True)
class ListedFile(LandedFile):
    """A file as it was when it was found first, at that business time."""

    listed_at: datetime


@dataclass(frozen=True, slots=True)
class LandedBatch:
    """Files that are ingested together, as a frame (`FILES`), which were listed at that business time."""

    files: DataFrame
    listed_at: datetime
    checkpoint: str
    """Id of the record of what was ingested of the series; `number` is that of the batch in it."""
    number: int


@dataclass(frozen=True, slots=True)
class Contents:
    """The newest version of a table: its rows (None where a file does not say) and the bytes of its data files."""

    version: int
    rows: int | None
    bytes: int


class MarketData(Protocol):
    """BirdEye. Safe to call from several threads; all calls share one rate limit and one compute unit budget.

    `fetched_at` is the business time of a fetch; the rows that it gives have it.

    Every method that makes a call raises `SourceUnavailable` if a later run may succeed, `SourceRejected` if this
    request was rejected or its answer cannot be used, `QuotaExhausted`, `LimitReached` and `AccessDenied` if no further
    call of this run can succeed.
    """

    def tokens(self, criteria: TokenCriteria, *, fetched_at: datetime) -> Iterator[Record | Rejected]:
        """Tokens that meet `criteria`, by falling liquidity, page after page, each mint once.

        Each is a row of bronze.token_metrics, or of bronze.rejected_rows.
        """

    def holder_accounts(self, mint: str, *, limit: int, fetched_at: datetime) -> list[HolderAccount | Rejected]:
        """The largest token accounts of `mint`, at most `limit`: one owner may have several."""

    def total_supply(self, snapshot: str) -> Decimal | None:
        """Whole tokens, from `snapshot`, the `raw` of a row of bronze.token_metrics; None where it does not say.

        The table has no column for it, and its raw text is in the API's format. Makes no call.
        """

    def trade_pages(self, wallet: str, *, before: datetime, fetched_at: datetime) -> Iterator[TradePage]:
        """Pages of swaps of `wallet`, newest first, none later than `before`; the last page has `is_last`.

        Beyond the deepest offset that the API serves, paging goes on from the oldest second read, so rows of that
        second are served twice.
        """

    def usage(self) -> Usage: ...


@dataclass(frozen=True, slots=True)
class Watched:
    """Our webhook as the service holds it."""

    webhook_id: str
    wallets: frozenset[str]
    remarks: tuple[str, ...] = ()
    """What a person should know of it, such as that it is switched off."""


class WatchList(Protocol):
    """The wallets whose transactions a webhook of Helius delivers to us.

    Both methods raise `SourceUnavailable` if a later run may succeed, `SourceRejected` if what was asked was refused
    or the answer is unusable, `AccessDenied` if the key was.
    """

    def find(self, remembered: Watched | None = None) -> Watched | None:
        """Our webhook, None if there is none; it costs one call where its id is a setting, or it is `remembered`."""

    def watch(self, wallets: Collection[str]) -> Watched:
        """Make `wallets` (not empty) the whole list of the webhook that `find` found, or of a new one.

        Returns it as read back, so it holds exactly `wallets`. The list is unchanged or complete, whatever is raised.
        """

    @property
    def writes(self) -> int:
        """Writes that were done, or may have been: each of them costs credits."""

    def usage(self) -> Usage: ...


class Clock(Protocol):
    def now(self) -> datetime:
        """The time, UTC with zone."""

    def wait(self, seconds: float) -> None:
        """Return after `seconds`, or raise `Interrupted` as soon as the process is told to stop."""


class Landing(Protocol):
    """The files that programs land for the time series, and which of them were ingested.

    All methods raise StorageError if files cannot be read or written.
    """

    def folders(self) -> list[str] | None:
        """Names of the folders in which files land; None if there is no landing folder."""

    def list_new(self, series: str, *, at: datetime) -> list[str]:
        """List the files of a series that were not listed before, to be ingested from the business time `at` on.
        Returns the known files that have changed since they were listed."""

    def ingest(self, series: str, each: Callable[[LandedBatch], None]) -> None:
        """Have `each` ingest every batch of listed files that is not done. A batch is done when `each` returns; after a
        kill it is given again, the same. Raises what `each` raises."""

    def named(self, paths: Sequence[str]) -> DataFrame:
        """The files at these paths below the landing folder, as a frame (`FILES`)."""

    def listed_before(self, series: str, before: datetime) -> list[str]:
        """Paths of the files of a series that were listed before that business time, and are as they were then."""

    def delete(self, paths: Sequence[str]) -> None:
        """Delete these files."""


class TableStore(Protocol):
    """Delta tables. Every write is one commit, or none when nothing would change.

    Writes raise SchemaMismatch before anything is written, StorageError if the table cannot be read or written.
    """

    def frame(self, schema: StructType, records: Sequence[Mapping[str, Any]]) -> DataFrame:
        """A DataFrame of Python values: `Decimal`, `int`, aware `datetime`, `date`, text."""

    def read(self, table: Table, *, version: int | None = None) -> DataFrame:
        """The rows of `table` now, or as of `version`; later commits do not change the frame."""

    rows_written: Counter[str]
    """Rows inserted, updated and deleted so far, by table."""

    def version(self, table: Table) -> int:
        """Newest version of `table`; -1 if there is none."""

    def changed_since(self, table: Table, version: int, *, except_by: str = "") -> bool:
        """Whether a commit after `version` changed data, leaving out those of the job `except_by`."""

    def contents(self, table: Table) -> Contents | None:
        """What the newest version of `table` holds; None if there is no table. Reads its log, and no data."""

    def create(self, tables: Sequence[Table]) -> list[str]:
        """Make stored tables as they are declared where no row needs a value that nobody knows; returns the names of
        tables that changed."""

    def refuse_undeclared(self, table: Table, version: int) -> None:
        """Raises SchemaMismatch or QualityError if `create` could not make that `version` of `table` as declared."""

    def committing(self, table: Table) -> AbstractContextManager[None]:
        """Keep in the record of the run which version `table` had before what is done inside, and after it."""

    def append(self, table: Table, rows: DataFrame) -> None:
        """Add `rows`, whose keys are known to be new. Of no rows nothing is committed."""

    def append_new(self, table: Table, rows: DataFrame) -> None:
        """Add those of `rows` (unique keys) whose keys are not in `table`; what is there stays as it is."""

    def overwrite(self, table: Table, rows: DataFrame) -> None:
        """Make `rows` the whole of `table`."""

    def replace(self, table: Table, rows: DataFrame, *, within: RowScope | None = None) -> None:
        """Make `rows` (unique keys) the whole of `table`, or all rows `within` that scope of it."""

    def replace_each(self, wanted: Sequence[tuple[Table, DataFrame]], *, within: RowScope | None = None) -> None:
        """`replace` several tables at the same time, each in its own commit."""

    def upsert(
        self, table: Table, rows: DataFrame, *, version: Sequence[str], unlike: Sequence[str], within: RowScope
    ) -> None:
        """Insert those of `rows` (unique keys) whose key is new, and update where a row has a greater `version` than
        the stored one and differs from it in a column `unlike`. All stored rows of these keys are `within`."""

    def naming(self, name: str, number: int) -> AbstractContextManager[None]:
        """Name the commits that are made inside: a table that has a commit of that name with this number, or with a
        greater one, takes no other."""

    def update(self, table: Table, rows: DataFrame, *, on: tuple[str, ...] = ()) -> None:
        """Set the other columns of `rows` (not empty) wherever `on` (default: the key) agrees and one differs."""


@dataclass(frozen=True, slots=True)
class Commit:
    """One version of a table."""

    version: int
    at: datetime
    operation: str
    """Delta's name of it."""
    job: str | None
    run_id: str | None
    user_name: str | None
    """Of the operating system; None in commits that do not name it."""
    rows: int | None
    """Rows inserted, updated and deleted; None where the operation does not say."""
    is_clustering: bool = False


class TableMaintenance(Protocol):
    """What Delta itself offers for a table: its log, its history, going back in it, and tidying up.

    Raises StorageError if the table cannot be read.
    """

    def inspect(self, table: Table) -> LogFacts:
        """What the log says of the newest version, and of which files it consists."""

    def commits(self, table: Table) -> list[Commit]:
        """All versions of which the log still knows, newest first; at least one."""

    def restore(self, table: Table, version: int) -> None:
        """Commit what `version` held as the newest version."""

    def files(self, table: Table, *, clustered_at: datetime | None) -> FileFacts:
        """The data files of the newest version, of a table that was clustered last at `clustered_at`."""

    def optimize(self, table: Table, *, cluster: bool) -> None:
        """Merge small files; with `cluster` write all of them anew, in the order of `clustered_by`."""

    def expired_files(self, table: Table) -> int:
        """How many files no readable version needs any more; above a thousand Delta stops counting."""

    def vacuum(self, table: Table) -> None:
        """Delete these files."""

    def rewrite(self, table: Table, *, dry_run: bool) -> None:
        """Write all rows anew as the table is declared, as one commit; a dry run only says whether that is possible.

        Raises SchemaMismatch or QualityError, before anything is written, if a row or a value would be lost.
        """

    def checkpoint(self, table: Table) -> None:
        """Write the state of the newest version into one file, so that readers need not replay the log."""
