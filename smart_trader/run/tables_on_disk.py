"""The disk space of the tables of a warehouse. Their logs are read without Spark."""

import json
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from deltalake import DeltaTable

from smart_trader.io.machine.disks import bytes_in

LOG = "_delta_log"
"""The folder of the log in that of a table."""
_COMMIT = "[0-9]" * 20 + ".json"


@dataclass(frozen=True, slots=True)
class TableUsage:
    """The room that a Delta table takes. Values from its log are None where the log cannot be read."""

    name: str
    version: int | None
    versions: int
    """Versions whose entry in the log is still there."""
    live_bytes: int | None
    """Data files of the newest version; the rest of `total_bytes` is history and log."""
    total_bytes: int


def is_commit(name: str) -> bool:
    """Whether the file of that name in a log is a version's entry."""
    return fnmatchcase(name, _COMMIT)


def usage_of_tables(root: Path) -> list[TableUsage]:
    """Every table below the warehouse `root`, by name."""
    return [_table(log.parent) for log in sorted(root.glob(f"*/*/{LOG}"))]


def _table(folder: Path) -> TableUsage:
    try:
        _read_commits(folder / LOG)
        table = DeltaTable(folder)
        version, live = table.version(), sum(table.get_add_actions(flatten=True)["size_bytes"].to_pylist())
    except Exception:  # the figures of a damaged log are missing: this report must not fail on it
        version, live = None, None
    return TableUsage(
        name=f"{folder.parent.name}.{folder.name}",
        version=version,
        versions=len(list((folder / LOG).glob(_COMMIT))),
        live_bytes=live,
        total_bytes=bytes_in(folder),
    )


def _read_commits(log: Path) -> None:
    """Parse the commits after the last checkpoint. Without it, deeply nested statistics would crash the process in the
    library, which is not Python. Raises ValueError, RecursionError, OSError."""
    held = max((file.name[:20] for file in log.glob("[0-9]*.checkpoint*.parquet")), default="")
    for commit in log.glob(_COMMIT):
        if commit.name[:20] > held:
            for line in commit.read_text(encoding="utf-8").splitlines():
                for action in json.loads(line).values():
                    json.loads((isinstance(action, dict) and action.get("stats")) or "null")
