"""warehouse, scratch and logs -> standard output

Says what the tables, the runs' short-lived files and the log files take, and how full the disks under them are. Warns
from disk.warn_percent (80) on and ends with 74 from disk.critical_percent (90) on. --clean first removes what dead runs
left in scratch, and old log files; it touches no table.

Needs neither Spark, which a full disk may keep from starting, nor the lock: it answers at once and at any time.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from smart_trader import cli, log_files, places
from smart_trader.errors import SmartTraderError
from smart_trader.io import disk, scratch
from smart_trader.io.tables_on_disk import usage_of_tables
from smart_trader.messages import tell
from smart_trader.settings import load
from smart_trader.settings_model import Settings
from smart_trader.summary import render_document


def run(options: cli.Options, settings: Settings) -> int:
    """Print what takes the room; returns the exit status. Raises StorageError if a disk is too full."""
    removed = {"removed": _clean(settings)} if options.clean and not options.dry_run else {}
    document = _document(settings) | removed
    print(json.dumps(document, indent=2) if options.json else render_document(document), flush=True)
    for warning in places.check_disks(settings):
        tell(warning, level="WARNING")
    return 0


def _document(settings: Settings) -> dict[str, Any]:
    folders = places.all_of(settings)
    runs: list[dict[str, Any]] = [
        {"scratch": found.path.name, "run": "alive" if found.is_alive else "dead", "bytes": disk.bytes_in(found.path)}
        for found in scratch.found_in(places.scratch(settings))
    ]
    taken: dict[str, Callable[[], int]] = {
        "warehouse": lambda: disk.bytes_in(folders["warehouse"]),
        "scratch": lambda: sum(run["bytes"] for run in runs),
        "logs": lambda: sum(file.bytes for file in log_files.found_in(folders["logs"])),
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
            for found in disk.disks_of(folders)
        ],
        "folders": [{"holds": name, "folder": str(folder), "bytes": taken[name]()} for name, folder in folders.items()],
        "tables": [
            {
                "table": table.name,
                "version": table.version,
                "versions": table.versions,
                "live_bytes": table.live_bytes,
                "total_bytes": table.total_bytes,
            }
            for table in usage_of_tables(folders.get("warehouse"))
        ],
        "runs": runs,
    }


def _clean(settings: Settings) -> list[dict[str, Any]]:
    dead = [found.path for found in scratch.found_in(places.scratch(settings)) if not found.is_alive]
    sizes = {folder: disk.bytes_in(folder) for folder in dead}
    gone = {folder: sizes.get(folder, 0) for folder in scratch.remove_dead(places.scratch(settings))}
    gone |= {file.path: file.bytes for file in places.remove_old_logs(settings, datetime.now(UTC))}
    return [{"removed": str(path), "bytes": size} for path, size in sorted(gone.items())]


def _main() -> int:
    try:
        options = cli.parse("disk_space", sys.argv[1:])
        return run(options, load(options.profile, overrides=options.overrides))
    except SmartTraderError as error:
        tell(str(error), level="ERROR")
        return error.exit_status


if __name__ == "__main__":
    sys.exit(_main())
