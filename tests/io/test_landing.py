"""Which files are found in a landing folder, and that each list of them is ingested once."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from smart_trader.errors import StorageError
from smart_trader.io.landing.folder import LandingFolder
from smart_trader.io.landing.lists import FileLists, split
from smart_trader.ports import ListedFile

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


def file(path: str, size: int = 1) -> ListedFile:
    return ListedFile(path, size, 1_000, AT)


@given(st.lists(st.integers(0, 9), max_size=20), st.integers(1, 5), st.integers(1, 12))
def test_a_batch_keeps_both_limits_unless_one_file_is_larger(
    sizes: list[int], most_files: int, most_bytes: int
) -> None:
    files = [file(str(nth), size) for nth, size in enumerate(sizes)]
    parts = list(split(files, most_files=most_files, most_bytes=most_bytes))
    assert [one for part in parts for one in part] == files
    for part in parts:
        assert 1 <= len(part) <= most_files
        assert len(part) == 1 or sum(one.bytes for one in part) <= most_bytes


def test_each_list_is_ingested_once_also_after_a_failure(spark: SparkSession, tmp_path: Path) -> None:
    seen: list[str] = []

    def ingest(files: Sequence[ListedFile], _checkpoint: str, _number: int) -> None:
        seen.extend(one.path for one in files)

    def fail(_files: Sequence[ListedFile], _checkpoint: str, _number: int) -> None:
        raise KeyError("of the batch")

    lists = FileLists(spark, str(tmp_path / "one"))
    assert (lists.known(), lists.pending()) == ({}, [])
    lists.add([[file("a"), file("b: \n")], [file("c")]])
    with pytest.raises(KeyError, match="of the batch"):
        lists.ingest(fail)
    assert {one.path for one in lists.pending()} == {"a", "b: \n", "c"}
    lists.ingest(ingest)
    assert (sorted(seen), lists.pending()) == (["a", "b: \n", "c"], [])

    lists.add([[file("d")]])
    assert lists.pending() == [file("d")]
    seen.clear()
    lists.ingest(ingest)
    lists.ingest(ingest)
    assert (seen, lists.pending(), sorted(lists.known())) == (["d"], [], ["a", "b: \n", "c", "d"])

    (tmp_path / "one").rename(tmp_path / "two")
    with pytest.raises(StorageError, match=r"another folder.*delete that folder"):
        FileLists(spark, str(tmp_path / "two")).ingest(ingest)


def test_only_plain_files_that_are_complete_are_found(spark: SparkSession, tmp_path: Path) -> None:
    for name in ("s/a.csv", "s/x=1/b:c.csv", "s/.a.csv", "s/_x=1.csv", "s/a.tmp", "s/_new/d.csv", "other/e.csv"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    os.mkfifo(tmp_path / "s/pipe.csv")
    (tmp_path / "s/link.csv").symlink_to("/etc/passwd")
    (tmp_path / "s/linked").symlink_to(tmp_path / "other")
    folder = LandingFolder(spark, str(tmp_path))
    assert folder.folders() == ["other", "s"]
    assert [(found.path, found.bytes) for found in folder.files("s")] == [("s/a.csv", 1), ("s/x=1/b:c.csv", 1)]
    assert LandingFolder(spark, str(tmp_path / "none")).folders() is None
