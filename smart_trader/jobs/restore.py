"""an earlier version of a table -> that table

Makes a table what it was at a version or a time, and sets back to pending what had been said to be done with the rows
that this changes, so that the next pipeline makes them anew. Without --yes it only says what would change. Running it
twice is running it once.
"""

import sys
from collections import Counter

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain import catalog
from smart_trader.domain.bronze import transaction_history, whale_holders
from smart_trader.domain.gold import rank_history
from smart_trader.domain.silver import tracked_whales
from smart_trader.domain.silver.tracked_whales import name_wallets
from smart_trader.domain.tables.changes import CHANGE, DELETE, INSERT, UPDATE
from smart_trader.domain.tables.restoring import differences
from smart_trader.domain.tables.state_flags import Mark
from smart_trader.domain.tables.table import Table
from smart_trader.errors import UsageError
from smart_trader.ports import Commit
from smart_trader.run.app import App
from smart_trader.run.runner import run_job
from smart_trader.run.versions import chosen_commit, chosen_table

_TABLES = {table.name: table for table in catalog.TABLES}


def run(app: App) -> None:
    table = chosen_table(app)
    commits = app.upkeep.commits(table)
    commit = chosen_commit(app, table, commits)
    assert commit is not None, "the command line asks for one"
    found = differences(table, app.tables.read(table), app.tables.read(table, version=commit.version)).persist()
    try:
        counts = Counter({row[CHANGE]: row["count"] for row in found.groupBy(CHANGE).count().collect()})
        affected = [(mark, _entities(found, mark)) for mark in table.vouched_by]
        touched = [(mark, entities, entities.count()) for mark, entities in affected]
        app.report.document = {
            "table": table.name,
            "newest_version": commits[0].version,
            "restored_version": commit.version,
            "restored_at": commit.at.isoformat(),
            "rows_inserted": counts[INSERT],
            "rows_updated": counts[UPDATE],
            "rows_deleted": counts[DELETE],
            "states": [
                {"table": mark.table, "entity": mark.entity, "count": count, "reset": [name for name, _ in mark.reset]}
                for mark, _, count in touched
            ],
        }
        plan = (
            f"{table.name} as of version {commit.version} of {commit.at:%Y-%m-%dT%H:%M:%SZ} instead of version"
            f" {commits[0].version}: {counts[INSERT]} rows come back, {counts[UPDATE]} change, {counts[DELETE]} go."
            f" {_what_follows(table, touched)}"
        )
        if not counts.total():
            app.report.notes.append(f"{table.name} holds what it held at version {commit.version}: nothing to restore")
            if app.options.yes and not app.options.dry_run:
                _finish(app, table, _left_behind(app, table, commits, commit))
            return
        app.tables.refuse_undeclared(table, commit.version)  # the states in it could not be set back afterwards
        if app.options.dry_run:
            app.report.notes.append(plan)
            return
        if not app.options.yes:
            raise UsageError(f"{plan} Nothing was changed; add --yes to do it.")
        _restore(app, table, commit.version, [(mark, entities) for mark, entities, count in touched if count])
        app.report.notes.append(plan)
    finally:
        found.unpersist()


def _restore(app: App, table: Table, version: int, marks: list[tuple[Mark, DataFrame]]) -> None:
    """First no state vouches for the rows, then they go; what the table itself says is set back after it has gone."""
    for mark, entities in marks:
        if mark.table != table.name:
            _set_back(app, mark, entities)
    with app.tables.committing(table):
        app.upkeep.restore(table, version)
    _finish(app, table, [(mark, entities) for mark, entities in marks if mark.table == table.name])


def _finish(app: App, table: Table, own: list[tuple[Mark, DataFrame]]) -> None:
    """What the restored table itself says of its entities, after its commit; again if that was missed."""
    app.tables.create([table])  # a version from before a column was added does not have it
    for mark, entities in own:
        _set_back(app, mark, entities)
    if table is tracked_whales.TABLE:
        _name_lost_wallets(app)


def _left_behind(app: App, table: Table, commits: list[Commit], commit: Commit) -> list[tuple[Mark, DataFrame]]:
    """The states in `table` itself that a restore to `commit` did not set back, since it was stopped after its commit:
    then that commit is the last, but for columns that were added."""
    own = [mark for mark in table.vouched_by if mark.table == table.name]
    last, *earlier = [found for found in commits if found.job != "init"] or commits
    if not own or last.operation != "RESTORE" or not earlier:
        return []
    before = app.tables.read(table, version=earlier[0].version)
    changed = differences(table, before, app.tables.read(table, version=commit.version))
    return [(mark, entities) for mark in own if not (entities := _entities(changed, mark)).isEmpty()]


def _set_back(app: App, mark: Mark, entities: DataFrame) -> None:
    table = _TABLES[mark.table]
    values = {name: F.lit(value).cast(table.schema[name].dataType) for name, value in mark.reset}
    app.tables.update(table, entities.withColumns(values), on=(mark.entity,))


def _name_lost_wallets(app: App) -> None:
    """Wallets whose trades are known, and that no list of holders will bring back."""
    wallets = app.tables.read(transaction_history.TABLE).select("wallet_address").distinct()
    holders = app.tables.read(whale_holders.TABLE).select("wallet_address")
    named = wallets.join(holders, "wallet_address", "left_anti")
    lost = name_wallets(named, app.tables.read(tracked_whales.TABLE), as_of=app.as_of).persist()
    if not lost.isEmpty():
        app.tables.append(tracked_whales.TABLE, lost)
    lost.unpersist()


def _entities(found: DataFrame, mark: Mark) -> DataFrame:
    return found.where(F.col(mark.entity).isNotNull()).select(mark.entity).distinct()


def _what_follows(table: Table, touched: list[tuple[Mark, DataFrame, int]]) -> str:
    if touched:
        return (
            "Set back to pending: "
            + "; ".join(
                f"{', '.join(name for name, _ in mark.reset)} of {count} {_UNITS[mark.entity]} in {mark.table}"
                for mark, _, count in touched
            )
            + ". The next pipeline makes them anew."
        )
    if table is rank_history.TABLE:
        return "The next pipeline ranks anew; rankings that go are not made again, but for the last."
    return "The next pipeline ranks anew." if table.layer == "gold" else "No state vouches for its rows."


_UNITS = {"wallet_address": "wallets", "token_address": "tokens"}


if __name__ == "__main__":
    sys.exit(run_job("restore", run))
