"""all tables -> standard output

Checks that every table can be read, is as declared, and says the same as the others: logs, schemas, keys, checks,
amounts that add up, orphans, ranks. Ends with 65 and names what is wrong, or with 74 if a table cannot be read. Writes
nothing and needs no lock. In a pipeline it looks at the logs, and at the rows of what that run has changed, before
anything is published. --digests adds what two warehouses that hold the same agree in.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from smart_trader.config.settings import settings_hash
from smart_trader.config.thresholds import ranked_by
from smart_trader.domain import catalog
from smart_trader.domain.gold import grades, outcomes, rank_history, smart_traders
from smart_trader.domain.gold import rankings as ranking_certificates
from smart_trader.domain.invariants import evidence, rankings, tokens, trading, wallets
from smart_trader.domain.invariants.wallets import Rows
from smart_trader.domain.ops import runs
from smart_trader.domain.silver import tracked_whales, wallet_pnl
from smart_trader.domain.tables import digests
from smart_trader.domain.tables.changes import MAX_LITERALS, RowScope
from smart_trader.domain.tables.log_rules import LogFacts, broken_log_rules
from smart_trader.domain.tables.row_rules import EXAMPLES, Examination, examine_rows
from smart_trader.domain.tables.table import BATCH_ID, Table
from smart_trader.errors import QualityError, SchemaMismatch, StorageError
from smart_trader.ports import TableMaintenance, TableStore
from smart_trader.rows import collect, persisted, results_of
from smart_trader.run.app import App
from smart_trader.run.runner import run_job


@dataclass(frozen=True, slots=True)
class Failure:
    """A rule that a table breaks, how often, and up to three of those that break it."""

    table: str
    rule: str
    examples: Sequence[str]
    rows: int


@dataclass(frozen=True, slots=True)
class _Findings:
    """Rules that are broken, and messages of tables that cannot be read."""

    failures: tuple[Failure, ...] = ()
    unreadable: tuple[str, ...] = ()

    def __add__(self, other: "_Findings") -> "_Findings":
        return _Findings(self.failures + other.failures, self.unreadable + other.unreadable)


def run(app: App) -> None:
    is_whole = app.options.job != "pipeline"
    changed = {table.name for table in catalog.TABLES if is_whole or app.tables.rows_written[table.name]}
    logs, found = _look_at_logs(app)
    if changed and not found.unreadable:
        rows = _every_row(app) if is_whole else _rows_of_this_run(app)
        for questions in (_row_questions, _lake_questions):
            if not found.unreadable:
                found += _ask(app.spark, questions(app, changed, rows))
    tables = [_described(table, logs.get(table.name)) for table in catalog.TABLES]
    app.report.document = {
        "as_of": app.as_of.isoformat(),
        "tables": tables,
        "broken_rules": len(found.failures),
        "unreadable": len(found.unreadable),
        "failures": [asdict(failure) for failure in found.failures],
    }
    if app.options.digests and not found.unreadable:
        for described, digest in zip(tables, _digests(app.tables), strict=True):
            described["digest"] = digest
    _raise_if_bad(found)


def _raise_if_bad(found: _Findings) -> None:
    if found.unreadable:
        raise StorageError("\n".join(found.unreadable))
    if found.failures:
        named = "; ".join(f"{f.table} {f.rule}: {f.rows} ({', '.join(f.examples)})" for f in found.failures)
        raise QualityError(f"{len(found.failures)} rules are broken. {named}. What they mean: docs/operations.md.")


_AS_A_WHOLE = (smart_traders.TABLE, outcomes.TABLE)
"""A ranking is made as a whole, and outcomes belong to days long before the run."""
Question = Callable[[], Sequence[Failure]]


def _ask(spark: SparkSession, questions: Sequence[Question]) -> _Findings:
    """The findings in the order of the questions."""
    return sum(results_of(spark, [partial(_answer, question) for question in questions]), _Findings())


def _answer(question: Question) -> _Findings:
    try:
        return _Findings(failures=tuple(question()))
    except StorageError as error:
        return _Findings(unreadable=(str(error),))
    except SchemaMismatch:  # reported from its log; its rows cannot be compared with the declaration
        return _Findings()


def _described(table: Table, facts: LogFacts | None) -> dict[str, Any]:
    """The log of a table in figures; None for each where it cannot be read."""
    return {
        "table": table.name,
        "is_delta": facts is not None,
        "version": facts and facts.version,
        "versions": facts and len(facts.commits),
        "last_operation": facts and facts.last_operation,
    }


def _digests(tables: TableStore) -> Iterator[str | None]:
    """The digest of each table; None for the record of runs, which differs in every warehouse."""
    for table in catalog.TABLES:
        if table is runs.TABLE:
            yield None
            continue
        parts = digests.digest_parts(table, tables.read(table)).collect()
        yield digests.digest_of(row.digest for row in parts)


def _look_at_logs(app: App) -> tuple[Mapping[str, LogFacts], _Findings]:
    """The log of each table that can be read, by name; and the findings in the logs."""
    logs = results_of(app.spark, [partial(_log_of, app.maintenance, table) for table in catalog.TABLES])
    readable = {
        table.name: log for table, log in zip(catalog.TABLES, logs, strict=True) if not isinstance(log, StorageError)
    }
    broken = (
        Failure(table.name, rule, given[:EXAMPLES], len(given))
        for table in catalog.TABLES
        if table.name in readable
        for rule, given in broken_log_rules(table, readable[table.name]).items()
    )
    return readable, _Findings(tuple(broken), tuple(str(log) for log in logs if isinstance(log, StorageError)))


def _log_of(maintenance: TableMaintenance, table: Table) -> LogFacts | StorageError:
    try:
        return maintenance.inspect(table)
    except StorageError as error:
        return error


def _row_questions(app: App, changed: set[str], rows: Rows) -> list[Question]:
    def look(table: Table) -> list[Failure]:
        read = app.tables.read if table in _AS_A_WHOLE else rows
        return _examine(table.name, lambda: examine_rows(table, read(table)))

    return [partial(look, table) for table in catalog.TABLES if table.name in changed]


def _lake_questions(app: App, changed: set[str], rows: Rows) -> list[Question]:
    def touches(tables: Iterable[Table]) -> bool:
        return any(table.name in changed for table in tables)

    questions: list[Question] = []
    if touches(wallets.USES + trading.EVENTS_USE + trading.POSITIONS_USE):
        questions.append(partial(_wallets, rows, touches))
    if touches(tokens.USES):
        questions.append(partial(_examine, "bronze.whale_holders", lambda: tokens.examine_tokens(rows)))
    if touches(rankings.USES):
        questions += [partial(_ranks, app.tables, rows), partial(_certificates, rows), partial(_ranking, app)]
    if touches(evidence.USES):
        questions += [partial(_outcomes, app.tables), partial(_grades, app.tables)]
    return questions


def _examine(name: str, examined: Callable[[], Examination]) -> list[Failure]:
    """The rules that rows break. All rules are counted at once; examples are read only of broken ones."""
    try:
        examination = examined()
        counts = examination.count().collect()[0]
        return [
            Failure(rule.table, rule.name, [_named(row) for row in examination.examples(rule).collect()], count)
            for rule, count in zip(examination.rules, counts, strict=True)
            if count
        ]
    except AnalysisException:
        raise
    except (Py4JJavaError, PySparkException) as error:
        raise StorageError(f"The rows of {name} cannot be read: {str(error).splitlines()[0][:300]}") from error


def _named(subject: Row) -> str:
    return " ".join(str(value) for value in subject if value is not None)


def _wallets(rows: Rows, touches: Callable[[Iterable[Table]], bool]) -> list[Failure]:
    with persisted(wallets.summarize_wallets(rows)) as summaries:
        failures = _examine("silver.tracked_whales", lambda: wallets.examine_wallets(summaries))
        consistent = wallets.consistent_wallets(summaries)
        if touches(trading.EVENTS_USE):
            failures += _examine("silver.trades", lambda: trading.examine_events(rows, consistent))
        if touches(trading.POSITIONS_USE):
            failures += _examine("silver.trades", lambda: trading.examine_positions(rows, consistent))
        return failures


def _ranks(tables: TableStore, rows: Rows) -> list[Failure]:
    traders = tables.read(smart_traders.TABLE)
    return _examine("gold.rank_history", lambda: rankings.examine_ranks(traders, rows(rank_history.TABLE)))


def _certificates(rows: Rows) -> list[Failure]:
    certificates, history = rows(ranking_certificates.TABLE), rows(rank_history.TABLE)
    return _examine("gold.rank_history", lambda: rankings.examine_certificates(certificates, history))


def _outcomes(tables: TableStore) -> list[Failure]:
    rows, history = tables.read(outcomes.TABLE), tables.read(rank_history.TABLE)
    return _examine("gold.outcomes", lambda: evidence.examine_outcomes(rows, history))


def _grades(tables: TableStore) -> list[Failure]:
    rows, stored = tables.read(outcomes.TABLE), tables.read(grades.TABLE)
    return _examine("gold.grades", lambda: evidence.examine_grades(rows, stored))


def _ranking(app: App) -> list[Failure]:
    """Compare the current ranking with the figures that it was made from, if these can still be read."""
    traders = app.tables.read(smart_traders.TABLE)
    made = collect(traders.select("ranked_at", "wallet_pnl_version").distinct())
    if not made:
        return []
    if len(made) > 1:
        return [
            Failure(smart_traders.TABLE.name, "one_ranking", [str(m.ranked_at) for m in made[:EXAMPLES]], len(made))
        ]
    at, version = made[0]
    is_this = (F.col("ranked_at") == F.lit(at)) & (F.col("wallet_pnl_version") == version)
    history = app.tables.read(rank_history.TABLE).where(is_this)
    ranked = history.select("settings_hash").first()
    is_same = ranked is not None and ranked.settings_hash == settings_hash(app.settings)
    try:
        pnl = app.tables.read(wallet_pnl.TABLE, version=version)
    except StorageError:
        app.report.warnings.append("the figures of the current ranking are older than the retention: not compared")
        return []
    figures = ranked_by(app.settings.ranking).figures if is_same else None
    return _examine(
        "gold.smart_traders", lambda: rankings.examine_ranking(traders, pnl, history if is_same else None, figures)
    )


def _every_row(app: App) -> Rows:
    return app.tables.read


def _rows_of_this_run(app: App) -> Rows:
    """A function that reads, of growing tables, only the day or the wallets of this run."""
    whales = app.tables.read(tracked_whales.TABLE)
    touched = whales.where(F.col(BATCH_ID.name) == app.run_id).select("wallet_address").distinct()
    named = tuple(row.wallet_address for row in touched.limit(MAX_LITERALS + 1).collect())
    scope = RowScope(touched, named if len(named) <= MAX_LITERALS else None)
    by_wallet = (tracked_whales.TABLE, smart_traders.TABLE)

    def read(table: Table) -> DataFrame:
        rows = app.tables.read(table)
        if table.partitioned_by:
            return rows.where(F.col(table.partitioned_by[0]) == F.lit(app.as_of.date()))
        if table is ranking_certificates.TABLE:  # those of the rankings of that day
            return rows.where(F.to_date("ranked_at") == F.lit(app.as_of.date()))
        return scope.filter(rows) if table.clustered_by or table in by_wallet else rows

    return read


if __name__ == "__main__":
    sys.exit(run_job("validate", run))
