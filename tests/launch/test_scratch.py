"""A run's own folder is gone after it, or at the next start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from smart_trader.errors import StorageError
from smart_trader.io import scratch

HOLDER = """
import sys
from smart_trader.io import scratch
with scratch.folder(sys.argv[1]) as (folder, _):
    print(folder, flush=True)
    sys.stdin.read()
"""


def test_it_is_gone_with_all_that_is_in_it(tmp_path: Path) -> None:
    with scratch.folder(str(tmp_path)) as (folder, _):
        (folder / "deep" / "er").mkdir(parents=True)
        (folder / "deep" / "er" / "file").write_text("x")
    assert list(tmp_path.iterdir()) == []


def test_that_of_a_killed_run_is_removed_and_that_of_a_living_one_is_not(tmp_path: Path) -> None:
    def start() -> "tuple[subprocess.Popen[str], Path]":
        holder = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).parents[2],
        )
        assert holder.stdout
        return holder, Path(holder.stdout.readline().strip())

    (killed, dead), (living, alive) = start(), start()
    killed.kill()
    killed.communicate()
    assert dead.is_dir()
    with scratch.folder(str(tmp_path)):
        assert not dead.exists()
        assert alive.is_dir()
    living.communicate()
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "smart-trader-notes").mkdir()
    (tmp_path / "other").mkdir()
    assert scratch.remove_dead(tmp_path) == []
    assert len(os.listdir(tmp_path)) == 2


def test_a_missing_place_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match=r"warehouse\.scratch"), scratch.folder("/no/such/place"):
        pass
