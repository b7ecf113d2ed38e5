"""One run per warehouse: real processes meet at the lock."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smart_trader.errors import LockHeld, StorageError
from smart_trader.io.lock.file import LOCK_FILE, hold

HOLDER = """
import subprocess, sys
from smart_trader.io.lock.file import hold
with hold(sys.argv[1], {"job": "pipeline", "pid": "4711"}) as held:
    child = subprocess.Popen(["sleep", "600"], pass_fds=held, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def start_holder(root: Path) -> "tuple[subprocess.Popen[str], int]":
    """A process that holds the lock of `root` until its input ends, and its child, that holds it as well."""
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(root)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert holder.stdout
    return holder, int(holder.stdout.readline())


def end(holder: "subprocess.Popen[str]", child: int) -> None:
    os.kill(child, signal.SIGKILL)
    holder.communicate(timeout=10)


def test_a_second_run_is_refused_at_once_and_told_by_whom(tmp_path: Path) -> None:
    holder, child = start_holder(tmp_path)
    started = time.monotonic()
    with pytest.raises(LockHeld, match="job pipeline, pid 4711") as refused, hold(str(tmp_path), {}):
        pass
    assert refused.value.exit_status == 75
    assert time.monotonic() - started < 1
    end(holder, child)
    with hold(str(tmp_path), {}, wait_seconds=20):  # a killed child ends in its own time
        pass


def test_it_waits_no_longer_than_asked(tmp_path: Path) -> None:
    holder, child = start_holder(tmp_path)
    started = time.monotonic()
    with pytest.raises(LockHeld), hold(str(tmp_path), {}, wait_seconds=0.5):
        pass
    assert 0.5 <= time.monotonic() - started < 3
    end(holder, child)


def test_it_goes_on_as_soon_as_the_other_has_ended(tmp_path: Path) -> None:
    holder, child = start_holder(tmp_path)
    waits = 0

    def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        end(holder, child)

    with hold(str(tmp_path), {"job": "status"}, wait_seconds=60, sleep=sleep):
        assert waits == 1
        assert '"job": "status"' in (tmp_path / LOCK_FILE).read_text()


def test_a_killed_owner_leaves_no_lock(tmp_path: Path) -> None:
    holder, child = start_holder(tmp_path)
    holder.kill()
    end(holder, child)
    with hold(str(tmp_path), {}, wait_seconds=20):  # a killed child ends in its own time
        pass


def test_a_child_that_inherited_it_keeps_it_after_its_parent_was_killed(tmp_path: Path) -> None:
    """As the JVM does, which may outlive a killed launcher for a moment."""
    holder, child = start_holder(tmp_path)
    holder.kill()
    holder.communicate(timeout=10)
    with pytest.raises(LockHeld), hold(str(tmp_path), {}):
        pass
    os.kill(child, signal.SIGKILL)
    with hold(str(tmp_path), {}, wait_seconds=20):
        pass


def test_warehouses_do_not_meet(tmp_path: Path) -> None:
    with hold(str(tmp_path / "one"), {}), hold(str(tmp_path / "two"), {}):
        pass


def test_the_warehouse_is_made_with_the_folders_above_it(tmp_path: Path) -> None:
    with hold(str(tmp_path / "a" / "new lake"), {}) as held:
        assert len(held) == 1
        assert (tmp_path / "a" / "new lake" / LOCK_FILE).is_file()


@pytest.mark.parametrize("root", ["/proc/nowhere", "/dev/null/lake"])
def test_an_impossible_warehouse_is_a_storage_error(root: str) -> None:
    with pytest.raises(StorageError, match="nothing was started") as refused, hold(root, {}):
        pass
    assert refused.value.exit_status == 74


@pytest.mark.parametrize("kind", ["link", "link to nothing", "pipe", "folder"])
def test_a_lock_that_is_no_file_is_left_alone(tmp_path: Path, kind: str) -> None:
    """A link would have its target emptied, and a pipe would keep the run waiting."""
    target, place = tmp_path / "notes.txt", tmp_path / LOCK_FILE
    target.write_text("precious")
    if kind == "pipe":
        os.mkfifo(place)
    elif kind == "folder":
        place.mkdir()
    else:
        place.symlink_to(target if kind == "link" else tmp_path / "nothing")
    with pytest.raises(StorageError, match="nothing was started"), hold(str(tmp_path), {"job": "init"}):
        pass
    assert target.read_text() == "precious"
    assert not (tmp_path / "nothing").exists()
