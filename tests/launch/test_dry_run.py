"""A dry run as a process: it needs no lock and no key, makes no folder, and leaves nothing, however it ends."""

import json
from pathlib import Path

import pytest

from smart_trader.domain import catalog
from smart_trader.io.lock.file import LOCK_FILE, hold
from tests.launch.test_processes import driver_of, eventually, is_gone, start
from tests.warehouse_files import fingerprint

pytestmark = pytest.mark.spark


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working folder with room for scratch."""
    (tmp_path / "scratch").mkdir()
    return tmp_path


def test_beside_a_run_that_holds_the_lock(folder: Path) -> None:
    root = folder / "lakehouse"
    with hold(str(root), {"job": "pipeline"}):
        before = fingerprint(root)
        run = start(folder, "pipeline", "--dry-run", "--json", "--set", "logs.folder=")
        output, messages = run.communicate()
        assert run.returncode == 0, messages
        assert fingerprint(root) == before
    assert [path.name for path in root.iterdir()] == [LOCK_FILE]

    found = json.loads(output)
    assert (found["dry_run"], found["has_fetched"], found["exit_code"]) == (True, False, 0)
    assert [table["table"] for table in found["tables"]] == [t.name for t in catalog.TABLES if t.layer != "ops"]
    assert all(table["is_new"] and table["inserted"] == 0 for table in found["tables"])
    assert [(plan["job"], plan["calls"]) for plan in found["planned_calls"]] == [
        ("bronze_tokens", {"least": 1, "most": 1})
    ]
    last = json.loads(messages.splitlines()[-1])
    assert (last["event"], last["context"]["dry_run"], last["context"]["tables"]) == ("summary", True, found["tables"])
    assert list((folder / "scratch").iterdir()) == []


def test_a_signal_ends_it_without_a_trace(folder: Path) -> None:
    run = start(folder, "pipeline", "--dry-run", "--set", "logs.folder=")
    driver = driver_of(folder)
    assert eventually(lambda: any((folder / "scratch").glob("*/*/silver")), 120)
    run.terminate()
    _, messages = run.communicate(timeout=40)
    assert run.returncode == 75, messages
    assert is_gone(driver)
    assert [path.name for path in folder.iterdir()] == ["scratch"]
    assert list((folder / "scratch").iterdir()) == []
