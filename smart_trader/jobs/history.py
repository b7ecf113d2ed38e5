"""a table of the lake -> standard output

The versions of a table: when each was committed, by which run, job and user, and how many rows it changed. With
--version or --time the rows as they were then, in the order of the key. Writes nothing and needs no lock.
"""

import sys
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from smart_trader.rows import collect
from smart_trader.run.app import App
from smart_trader.run.runner import run_job
from smart_trader.run.versions import chosen_commit, chosen_table, oldest_readable


def run(app: App) -> None:
    table = chosen_table(app)
    commits = app.maintenance.commits(table)
    limit = app.options.limit or len(commits)
    commit = chosen_commit(app, table, commits)
    document: dict[str, Any] = {"table": table.name, "newest_version": commits[0].version}
    if commit is None:
        document["oldest_readable"] = oldest_readable(app, table, commits).version
        document["commits"] = [
            {
                "version": str(one.version),
                "at": one.at.isoformat(timespec="milliseconds"),
                "operation": one.operation,
                "job": one.job or "-",
                "run_id": one.run_id or "-",
                "user": one.user_name or "-",
                "rows": one.rows,
            }
            for one in commits[:limit]
        ]
    else:
        rows = app.tables.read(table, version=commit.version)
        document |= {"version": commit.version, "at": commit.at.isoformat(), "rows_in_all": rows.count()}
        document["rows"] = [
            {name: _plain(value) for name, value in row.asDict().items()}
            for row in collect(rows.orderBy(*table.key).limit(limit))
        ]
    app.report.document = document


def _plain(value: Any) -> Any:
    """`value` in types of JSON. An exact number becomes text, which has all its digits."""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value.isoformat() if isinstance(value, date | datetime) else value


if __name__ == "__main__":
    sys.exit(run_job("history", run))
