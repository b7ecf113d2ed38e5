"""Versions of tables: the newest, the one on the command line, the oldest that can be read."""

from collections.abc import Iterable
from datetime import timedelta

from smart_trader.domain import catalog
from smart_trader.domain.tables.log_rules import DELETED_FILES, retention_hours
from smart_trader.domain.tables.table import Table
from smart_trader.errors import StorageError, UsageError
from smart_trader.ports import Commit
from smart_trader.run.app import App


def versions_of(app: App, tables: Iterable[Table]) -> dict[str, int]:
    """The newest version of each of `tables`. Raises StorageError that names those that are missing."""
    versions = {table.name: app.tables.version(table) for table in tables}
    if missing := [name for name, version in versions.items() if version < 0]:
        raise StorageError(
            f"{', '.join(missing)}: missing below {app.settings.warehouse.root}. Nothing was changed.\n"
            "  next: restore its folder; for a new warehouse run `init`, or any job that writes."
        )
    return versions


def chosen_table(app: App) -> Table:
    """The table of `--table`."""
    assert app.options.table is not None, "the command line asks for it"
    return catalog.BY_NAME[app.options.table]


def oldest_readable(app: App, table: Table, commits: list[Commit]) -> Commit:
    """The oldest version that can be read: Delta rejects versions older than the table's retention."""
    hours = retention_hours(app.maintenance.inspect(table).properties, DELETED_FILES)
    since = app.clock.now() - timedelta(hours=hours or 0)
    return [commit for commit in commits if commit.at >= since or commit is commits[0]][-1]


def chosen_commit(app: App, table: Table, commits: list[Commit]) -> Commit | None:
    """The version that `--version` or `--time` names; None without either. `commits` are the newest first.

    Raises UsageError if there never was such a version, StorageError if it is older than the retention.
    """
    version, time = app.options.version, app.options.time
    if version is None and time is None:
        return None
    oldest, newest = oldest_readable(app, table, commits), commits[0]
    if version is not None and version > newest.version:
        raise UsageError(f"{table.name} has no version {version}; the newest is {newest.version}.")
    for commit in commits:
        if commit.version == version or (time is not None and commit.at <= time):
            if commit.version >= oldest.version:
                return commit
            break
    asked = f"version {version}" if time is None else f"a version as old as {time:%Y-%m-%dT%H:%M:%SZ}"
    raise StorageError(
        f"{table.name} cannot be read as of {asked}: the oldest readable version is {oldest.version} of"
        f" {oldest.at:%Y-%m-%dT%H:%M:%SZ}. Nothing was changed."
    )
