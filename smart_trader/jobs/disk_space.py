"""warehouse, scratch and logs -> standard output

Says what the tables, the runs' short-lived files and the log files take, and how full the disks under them are. Warns
from disk.warn_percent (80) on and ends with 74 from disk.critical_percent (90) on. --clean first removes what dead runs
left in scratch, and old log files; it touches no table.

Needs neither Spark, which a full disk may keep from starting, nor the lock: it answers at once and at any time.
"""

import json
import sys

from smart_trader import cli
from smart_trader.config.model import Settings
from smart_trader.config.settings import load
from smart_trader.errors import SmartTraderError
from smart_trader.messages import tell
from smart_trader.run import disk_usage, folders
from smart_trader.run.summary import render_document


def run(options: cli.Options, settings: Settings) -> int:
    """Print what takes the room; returns the exit status. Raises StorageError if a disk is too full."""
    removed = {"removed": disk_usage.clean(settings)} if options.clean and not options.dry_run else {}
    document = disk_usage.document(settings) | removed
    print(json.dumps(document, indent=2) if options.json else render_document(document), flush=True)
    for warning in folders.check_disks(settings):
        tell(warning, level="WARNING")
    return 0


def _main() -> int:
    try:
        options = cli.parse("disk_space", sys.argv[1:])
        return run(options, load(options.profile, overrides=options.overrides))
    except SmartTraderError as error:
        tell(str(error), level="ERROR")
        return error.exit_status


if __name__ == "__main__":
    sys.exit(_main())
