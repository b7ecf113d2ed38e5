"""The folders of this machine that a run uses, by the settings; checks of their disks, removal of old logs."""

import tempfile
from datetime import datetime
from pathlib import Path

from smart_trader.config.model import Settings
from smart_trader.io.machine import disks, log_files
from smart_trader.io.machine.log_files import LogFile
from smart_trader.paths import local_folder


def warehouse(settings: Settings) -> Path | None:
    """The folder with all tables; None where the warehouse is in an object store or HDFS."""
    return local_folder(settings.warehouse.root)


def scratch(settings: Settings) -> Path:
    """The parent of the folders with short-lived files, one for each run. Clones may go to a store instead."""
    given = settings.warehouse.scratch
    return (local_folder(given) if given else None) or Path(tempfile.gettempdir())


def logs(settings: Settings) -> Path | None:
    """The folder of log files, by default beside the warehouse; None if no log files are wanted."""
    if settings.logs.folder is None:
        return None
    root = warehouse(settings)
    return (root.parent if root else Path.cwd()) / Path(settings.logs.folder).expanduser()


def all_of(settings: Settings) -> dict[str, Path]:
    """All of these folders, by their use."""
    named = {"warehouse": warehouse(settings), "scratch": scratch(settings), "logs": logs(settings)}
    return {name: folder for name, folder in named.items() if folder is not None}


def check_disks(settings: Settings) -> list[str]:
    """A warning for each disk that fills up. Raises StorageError if one is too full for a run to start."""
    limits = settings.disk
    return disks.check(all_of(settings), warn_percent=limits.warn_percent, critical_percent=limits.critical_percent)


def remove_old_logs(settings: Settings, now: datetime) -> list[LogFile]:
    """Remove the log files that are not to be kept any longer; returns them."""
    folder, kept = logs(settings), settings.logs
    if folder is None:
        return []
    return log_files.remove_old(folder, now=now, keep_days=kept.keep_days, keep_megabytes=kept.keep_megabytes)
