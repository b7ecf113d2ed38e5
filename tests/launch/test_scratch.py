"""A run's own folder is gone after it, or at the next start."""

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smart_trader.errors import StorageError
from smart_trader.io.machine import scratch

HOLDER = """
import sys
from smart_trader.io.machine import scratch
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


def dead_run(place: Path, name: str = "smart-trader-abcdefgh") -> Path:
    """What a run that was killed leaves behind."""
    (place / name).mkdir(mode=0o700, parents=True)
    (place / name / "alive").touch()
    (place / name / "block").write_text("x")
    return place / name


def test_what_is_not_ours_stays(tmp_path: Path) -> None:
    (tmp_path / "smart-trader-notes").mkdir()
    (tmp_path / "other").mkdir()
    dead_run(tmp_path, "smart-trader-my-notes")
    dead_run(tmp_path, "smart-trader-12345678").chmod(0o755)
    (tmp_path / "smart-trader-87654321").mkdir(mode=0o700)
    assert scratch.remove_dead(tmp_path) == []
    assert scratch.found_in(tmp_path) == []
    assert len(os.listdir(tmp_path)) == 5


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_the_folder_of_another_user_stays(tmp_path: Path) -> None:
    os.chown(dead_run(tmp_path), 12345, 12345)
    assert scratch.remove_dead(tmp_path) == []
    assert scratch.found_in(tmp_path) == []


def test_a_link_with_the_name_of_a_run_leads_nowhere(tmp_path: Path) -> None:
    """Others can make one in a temporary folder that all share."""
    precious = dead_run(tmp_path / "elsewhere")
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "smart-trader-aaaaaaaa").symlink_to(precious)
    with scratch.folder(str(shared)):
        pass
    assert (precious / "block").read_text() == "x"
    assert [path.name for path in shared.iterdir()] == ["smart-trader-aaaaaaaa"]


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "link to a file", "socket", "folder"])
def test_a_mark_that_is_no_file_is_not_opened(tmp_path: Path, kind: str) -> None:
    """Opening a pipe waits until somebody writes into it: every start would hang."""
    mark = dead_run(tmp_path) / "alive"
    mark.unlink()
    target = tmp_path / "target" if kind.startswith("link") else mark
    if "pipe" in kind:
        os.mkfifo(target)
    elif "file" in kind:
        target.touch()
    elif kind == "folder":
        target.mkdir()
    else:
        os.mknod(target, stat.S_IFSOCK | 0o600)
    if target != mark:
        mark.symlink_to(target)
    started = time.monotonic()
    assert scratch.remove_dead(tmp_path) == []
    assert time.monotonic() - started < 1
    assert (mark.parent / "block").read_text() == "x"


def test_links_in_a_dead_folder_are_removed_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "file").write_text("x")
    dead = dead_run(tmp_path)
    (dead / "folder").mkdir()
    for place in (dead, dead / "folder"):
        (place / "link").symlink_to(tmp_path / "kept")
    assert scratch.remove_dead(tmp_path) == [dead]
    assert (tmp_path / "kept" / "file").read_text() == "x"


def test_a_missing_place_is_made(tmp_path: Path) -> None:
    with scratch.folder(str(tmp_path / "new" / "scratch")) as (folder, _):
        assert folder.parent == tmp_path / "new" / "scratch"


def test_a_place_that_cannot_be_made_is_a_storage_error() -> None:
    with pytest.raises(StorageError, match=r"warehouse\.scratch"), scratch.folder("/proc/nowhere"):
        pass
