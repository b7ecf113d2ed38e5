"""The port `Landing`: the folder in which files land, and the lists of what was found in it."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession

from smart_trader.errors import UsageError
from smart_trader.io.landing.folder import LandingFolder
from smart_trader.io.landing.lists import FileLists, split
from smart_trader.ports import LandedBatch, LandedFile, ListedFile


class LandedSeries:
    """The files below `root`. What was ingested of them is recorded below `checkpoints`; nothing is in a
    dry run."""

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        *,
        checkpoints: str,
        files_per_batch: int,
        bytes_per_batch: int,
        is_dry_run: bool,
    ) -> None:
        self._spark, self._folder = spark, LandingFolder(spark, root)
        self._checkpoints, self._is_dry_run = checkpoints, is_dry_run
        self._files_per_batch, self._bytes_per_batch = files_per_batch, bytes_per_batch
        self._only_found: dict[str, list[ListedFile]] = {}
        """By series: files that a dry run does not list."""

    def folders(self) -> list[str] | None:
        """See `Landing`."""
        return self._folder.folders()

    def list_new(self, series: str, *, at: datetime) -> list[str]:
        """See `Landing`."""
        lists = self._lists_of(series)
        known, found = lists.known(), self._folder.files(series)
        new = [ListedFile(file.path, file.bytes, file.modified_ms, at) for file in found if file.path not in known]
        if self._is_dry_run:
            self._only_found[series] = new
        else:
            lists.add(self._batches(new))
        return [file.path for file in found if file.path in known and not _is_same(file, known[file.path])]

    def ingest(self, series: str, each: Callable[[LandedBatch], None]) -> None:
        """See `Landing`."""

        def ingest_list(files: Sequence[ListedFile], checkpoint: str, number: int) -> None:
            each(LandedBatch(self._folder.frame(files), files[0].listed_at, checkpoint, number))

        lists = self._lists_of(series)
        if not self._is_dry_run:
            lists.ingest(ingest_list)
            return
        for files in self._batches([*lists.pending(), *self._only_found[series]]):
            ingest_list(files, "dry run", 0)

    def _batches(self, files: Sequence[ListedFile]) -> Iterator[list[ListedFile]]:
        return split(files, most_files=self._files_per_batch, most_bytes=self._bytes_per_batch)

    def named(self, paths: Sequence[str]) -> DataFrame:
        """See `Landing`."""
        series = sorted({path.partition("/")[0] for path in paths})
        found = {file.path: file for name in series for file in self._folder.files(name)}
        if missing := [path for path in paths if path not in found]:
            raise UsageError(f"{self._folder.root}/{missing[0]} is no file. Nothing was ingested.")
        return self._folder.frame([file for path, file in found.items() if path in paths])

    def listed_before(self, series: str, before: datetime) -> list[str]:
        """See `Landing`."""
        known = self._lists_of(series).known()
        old = {path: file for path, file in known.items() if file.listed_at < before}
        return [file.path for file in self._folder.files(series) if file.path in old and _is_same(file, old[file.path])]

    def delete(self, paths: Sequence[str]) -> None:
        """See `Landing`."""
        self._folder.delete(paths)

    def _lists_of(self, series: str) -> FileLists:
        return FileLists(self._spark, f"{self._checkpoints}/{series}")


def _is_same(file: LandedFile, known: LandedFile) -> bool:
    return (file.bytes, file.modified_ms) == (known.bytes, known.modified_ms)
