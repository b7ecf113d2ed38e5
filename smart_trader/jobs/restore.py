"""an earlier version of a table -> that table

Makes a table what it was at a version or a time, and sets back to pending what had been said to be done with the rows
that this changes, so that the next pipeline makes them anew. Without --yes it only says what would change. Running it
twice is running it once.
"""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from smart_trader.domain import catalog
from smart_trader.domain.bronze import transaction_history, whale_holders
from smart_trader.domain.gold import grades, outcomes, rank_history
from smart_trader.domain.silver import tracked_whales
from smart_trader.domain.silver.tracked_whales import name_wallets
from smart_trader.domain.tables.changes import CHANGE, DELETE, INSERT, UPDATE, RowScope
from smart_trader.domain.tables.restoring import differences, reset_columns
from smart_trader.domain.tables.state_flags import StateFlag
from smart_trader.domain.tables.table import Table
from smart_trader.errors import UsageError
from smart_trader.ports import Commit, TableStore
from smart_trader.rows import persisted
from smart_trader.run.app import App
from smart_trader.run.runner import run_job
from smart_trader.run.versions import chosen_commit, chosen_table

_UNITS = {"wallet_address": "wallets", "token_address": "tokens", "ranked_at": "rankings"}


def run(app: App) -> None:
    table = chosen_table(app)
    commits = app.maintenance.commits(table)
    commit = chosen_commit(app, table, commits)
    assert commit is not None, "the command line asks for one"
    then = app.tables.read(table, version=commit.version)
    with persisted(differences(table, app.tables.read(table), then)) as found:
        plan = _plan(table, found, commits, commit)
        app.report.document = plan.document
        if plan.rows.total():
            _restore_as_asked(app, plan)
            return
        app.report.notes.append(f"{table.name} holds what it held at version {commit.version}: nothing to restore")
        if app.options.yes and not app.options.dry_run:
            _finish(app, table, _left_behind(app, table, commits, commit))


@dataclass(frozen=True, slots=True)
class _Reset:
    """A state that is set back for the `count` entities whose rows change."""

    state: StateFlag
    entities: DataFrame
    count: int

    @property
    def text(self) -> str:
        return f"of {self.count} {_UNITS[self.state.entity]} in {self.state.table}"


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a restore changes: rows by kind of change, and states."""

    table: Table
    newest_version: int
    commit: Commit
    rows: Counter[str]
    resets: Sequence[_Reset]

    @property
    def document(self) -> dict[str, Any]:
        return {
            "table": self.table.name,
            "newest_version": self.newest_version,
            "restored_version": self.commit.version,
            "restored_at": self.commit.at.isoformat(),
            "rows_inserted": self.rows[INSERT],
            "rows_updated": self.rows[UPDATE],
            "rows_deleted": self.rows[DELETE],
            "states": [
                {
                    "table": reset.state.table,
                    "entity": reset.state.entity,
                    "count": reset.count,
                    "reset": [name for name, _ in reset.state.reset],
                }
                for reset in self.resets
            ],
        }

    @property
    def text(self) -> str:
        return (
            f"{self.table.name} as of version {self.commit.version} of {self.commit.at:%Y-%m-%dT%H:%M:%SZ} instead of"
            f" version {self.newest_version}: {self.rows[INSERT]} rows come back, {self.rows[UPDATE]} change,"
            f" {self.rows[DELETE]} go. {self._what_follows}"
        )

    @property
    def _what_follows(self) -> str:
        removed = [f"the rows {reset.text}" for reset in self.resets if not reset.state.reset]
        states = [
            f"{', '.join(name for name, _ in reset.state.reset)} {reset.text}"
            for reset in self.resets
            if reset.state.reset
        ]
        following = [f"Removed with them: {'; '.join(removed)}."] if removed else []
        if states:
            following.append(f"Set back to pending: {'; '.join(states)}. The next pipeline makes them anew.")
        if following:
            return " ".join(following)
        if self.table is rank_history.TABLE:
            return (
                "The next pipeline ranks anew; rankings that go are not made again, but for the last. The outcomes and"
                " grades of rankings that change go with them."
            )
        if self.table.layer == "foundation":
            return (
                "Files that were ingested since are not read again by themselves: `ingest_timeseries --again FILE`"
                " reads them."
            )
        return "The next pipeline ranks anew." if self.table.layer == "gold" else "No state refers to its rows."


def _plan(table: Table, found: DataFrame, commits: Sequence[Commit], commit: Commit) -> _Plan:
    rows = Counter({row[CHANGE]: row["count"] for row in found.groupBy(CHANGE).count().collect()})
    affected = [(state, _entities(found, state)) for state in table.reset_on_restore]
    resets = [_Reset(state, entities, entities.count()) for state, entities in affected]
    return _Plan(table, commits[0].version, commit, rows, resets)


def _restore_as_asked(app: App, plan: _Plan) -> None:
    """Restore with `--yes`; a dry run only notes the plan. Raises UsageError without either."""
    app.tables.refuse_undeclared(plan.table, plan.commit.version)  # the states in it could not be set back afterwards
    if not app.options.dry_run:
        if not app.options.yes:
            raise UsageError(f"{plan.text} Nothing was changed; add --yes to do it.")
        _restore(app, plan)
    app.report.notes.append(plan.text)


def _restore(app: App, plan: _Plan) -> None:
    """Set back the states in other tables, restore the table, then set back the states in it. A run that is killed in
    between then repeats work and loses nothing."""
    table, resets = plan.table, [reset for reset in plan.resets if reset.count]
    for reset in resets:
        if reset.state.table != table.name:
            _set_back(app.tables, reset.state, reset.entities)
    if table is rank_history.TABLE:
        _take_evidence(app.tables, app.tables.read(table, version=plan.commit.version))
    with app.tables.committing(table):
        app.maintenance.restore(table, plan.commit.version)
    _finish(app, table, [(reset.state, reset.entities) for reset in resets if reset.state.table == table.name])


def _take_evidence(tables: TableStore, then: DataFrame) -> None:
    """Delete what came after the rankings that a restore to `then` changes: it is of other rankings."""
    now = tables.read(rank_history.TABLE)
    names = [name for name in rank_history.TABLE.column_names if name in then.columns]
    kept, coming = now.select(names), then.select(names)
    changed = kept.exceptAll(coming).unionByName(coming.exceptAll(kept)).select("ranked_at").distinct()
    with persisted(changed) as rankings:
        for table in (grades.TABLE, outcomes.TABLE):
            tables.replace(table, tables.frame(table.own_schema, []), within=RowScope(rankings))


def _finish(app: App, table: Table, own: Sequence[tuple[StateFlag, DataFrame]]) -> None:
    """Set back the states in the restored table, after its commit; again if that was missed."""
    app.tables.create([table])  # a version from before a column was added does not have it
    for state, entities in own:
        _set_back(app.tables, state, entities)
    if table is tracked_whales.TABLE:
        _name_lost_wallets(app.tables, as_of=app.as_of)


def _left_behind(app: App, table: Table, commits: list[Commit], commit: Commit) -> list[tuple[StateFlag, DataFrame]]:
    """The states in `table` itself that a restore to `commit` did not set back, since it was stopped after its commit:
    then that commit is the last, but for columns that were added."""
    own = [state for state in table.reset_on_restore if state.table == table.name]
    last, *earlier = [found for found in commits if found.job != "init"] or commits
    if not own or last.operation != "RESTORE" or not earlier:
        return []
    before = app.tables.read(table, version=earlier[0].version)
    changed = differences(table, before, app.tables.read(table, version=commit.version))
    return [(state, entities) for state in own if not (entities := _entities(changed, state)).isEmpty()]


def _set_back(tables: TableStore, state: StateFlag, entities: DataFrame) -> None:
    table = catalog.BY_NAME[state.table]
    if not state.reset:
        tables.replace(table, tables.read(table).select(*table.column_names).where("false"), within=RowScope(entities))
        return
    tables.update(table, entities.withColumns(reset_columns(table, state.reset)), on=(state.entity,))


def _name_lost_wallets(tables: TableStore, *, as_of: datetime) -> None:
    """Add the wallets whose trades are known and that are in no list of holders."""
    wallets = tables.read(transaction_history.TABLE).select("wallet_address").distinct()
    holders = tables.read(whale_holders.TABLE).select("wallet_address")
    named = wallets.join(holders, "wallet_address", "left_anti")
    tables.append_new(tracked_whales.TABLE, name_wallets(named, tables.read(tracked_whales.TABLE), as_of=as_of))


def _entities(found: DataFrame, state: StateFlag) -> DataFrame:
    return found.where(F.col(state.entity).isNotNull()).select(state.entity).distinct()


if __name__ == "__main__":
    sys.exit(run_job("restore", run))
