"""The disk space of the warehouse, of short-lived files and of log files; removal of what dead runs left."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from smart_trader.config.model import Settings
from smart_trader.io.machine import disks, log_files, scratch
from smart_trader.run import folders
from smart_trader.run.tables_on_disk import TableUsage, usage_of_tables


def on_disk(settings: Settings) -> dict[str, Any]:
    """All that takes room, with a warehouse in a folder. Needs no Spark."""
    root = folders.warehouse(settings)
    assert root is not None, "Spark measures what is in a store"
    return document(settings, disks.bytes_in(root), usage_of_tables(root))


def document(settings: Settings, warehouse_bytes: int, tables: Sequence[TableUsage]) -> dict[str, Any]:
    """All that takes room. A store has no disk to describe."""
    named = folders.all_of(settings)
    places = {"warehouse": settings.warehouse.root} | {name: str(folder) for name, folder in named.items()}
    runs: list[dict[str, Any]] = [
        {"scratch": found.path.name, "run": "alive" if found.is_alive else "dead", "bytes": disks.bytes_in(found.path)}
        for found in scratch.found_in(folders.scratch(settings))
    ]
    taken: dict[str, Callable[[], int]] = {
        "warehouse": lambda: warehouse_bytes,
        "scratch": lambda: sum(run["bytes"] for run in runs),
        "logs": lambda: sum(file.bytes for file in log_files.found_in(named["logs"])),
    }
    return {
        "disks": [
            {
                "disk": str(found.mount),
                "holds": ", ".join(found.holds),
                "used_percent": float(found.used_percent),
                "inodes_percent": float(found.inodes_percent),
                "total_bytes": found.total_bytes,
                "free_bytes": found.free_bytes,
            }
            for found in disks.disks_of(named)
        ],
        "folders": [{"holds": name, "folder": place, "bytes": taken[name]()} for name, place in places.items()],
        "tables": [table_document(table) for table in tables],
        "runs": runs,
    }


def table_document(table: TableUsage) -> dict[str, Any]:
    return {
        "table": table.name,
        "version": table.version,
        "versions": table.versions,
        "live_bytes": table.live_bytes,
        "total_bytes": table.total_bytes,
    }


def clean(settings: Settings) -> list[dict[str, Any]]:
    dead = [found.path for found in scratch.found_in(folders.scratch(settings)) if not found.is_alive]
    sizes = {folder: disks.bytes_in(folder) for folder in dead}
    gone = {folder: sizes.get(folder, 0) for folder in scratch.remove_dead(folders.scratch(settings))}
    gone |= {file.path: file.bytes for file in folders.remove_old_logs(settings, datetime.now(UTC))}
    return [{"removed": str(path), "bytes": size} for path, size in sorted(gone.items())]
