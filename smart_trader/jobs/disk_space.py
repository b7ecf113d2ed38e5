"""warehouse, scratch and logs -> standard output

Says what the tables, the runs' short-lived files and the log files take, and how full the disks under them are. Warns
from disk.warn_percent (80) on and ends with 74 from disk.critical_percent (90) on. --clean first removes what dead runs
left in scratch, and old log files; it touches no table.

Needs neither Spark, which a full disk may keep from starting, nor the lock: it answers at once and at any time. Only to
measure a warehouse in a store it starts Spark; a store has no disk to warn of.
"""

import json
import sys
from typing import Any

from smart_trader import cli
from smart_trader.config.model import Settings
from smart_trader.config.settings import load
from smart_trader.errors import SmartTraderError
from smart_trader.messages import tell
from smart_trader.run import disk_usage, folders
from smart_trader.run.summary import render_document


def run(options: cli.Options, settings: Settings) -> int:
    """Print what takes the room, with a warehouse in a folder; returns the exit status. Raises StorageError if a disk
    is too full."""
    removed = _removed(options, settings)
    document = disk_usage.on_disk(settings) | removed
    print(json.dumps(document, indent=2) if options.json else render_document(document), flush=True)
    for warning in folders.check_disks(settings):
        tell(warning, level="WARNING")
    return 0


def _run_in_store() -> int:
    """The same of a warehouse in a store."""
    from smart_trader.run.app import App  # with Spark, which takes long to import
    from smart_trader.run.runner import run_job
    from smart_trader.run.tables_in_store import in_store

    def measure(app: App) -> None:
        removed = _removed(app.options, app.settings)
        app.report.document = in_store(app.spark, app.settings) | removed
        app.report.warnings += folders.check_disks(app.settings)

    return run_job("disk_space", measure)


def _removed(options: cli.Options, settings: Settings) -> dict[str, Any]:
    return {"removed": disk_usage.clean(settings)} if options.clean and not options.dry_run else {}


def _main() -> int:
    try:
        options = cli.parse("disk_space", sys.argv[1:])
        settings = load(options.profile, overrides=options.overrides)
        return run(options, settings) if folders.warehouse(settings) else _run_in_store()
    except SmartTraderError as error:
        tell(str(error), level="ERROR")
        return error.exit_status


if __name__ == "__main__":
    sys.exit(_main())
