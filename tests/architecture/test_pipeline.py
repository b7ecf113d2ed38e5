"""The pipeline as a value tells what the code does: jobs, arrows, and who writes what."""

import ast
import re

import pytest

from smart_trader.domain import catalog
from smart_trader.domain.tables.table import Table
from smart_trader.pipeline import STEPS, Step
from tests.lake import ROOT

JOBS = ROOT / "smart_trader" / "jobs"
TABLES = {table.name: table for table in catalog.TABLES}
SHARED = "bronze.rejected_rows"
"""Every job that reads the API puts its bad rows here."""
FROM_EARLIER_RUNS = {
    ("bronze_transactions", "gold.rank_history"),
    ("bronze_transactions", "gold.smart_traders"),
    ("helius_webhooks", "ops.runs"),
    ("report", "ops.runs"),
    ("validate", "ops.runs"),
    *(("validate", name) for name in TABLES if name.startswith("foundation.")),
}
"""Who is on a ranking stays due; the webhook is found where the last run left it; a run's record comes at its end;
the series are written by a job of their own."""
NAMED_BY_HAND = {("bronze_transactions", "silver.tracked_whales")}
"""A wallet that is named on the command line gets its row where it is fetched."""
SHARED_BY_JOBS = ("due", "ranking", "track_records")
"""Modules of `run` that read tables for several jobs."""
WRITERS = {"append", "append_new", "overwrite", "replace", "replace_each"}

each_step = pytest.mark.parametrize("step", STEPS, ids=lambda step: step.job)


def parsed(job: str) -> ast.Module:
    return ast.parse((JOBS / f"{job}.py").read_text("utf-8"))


def arrow(job: str) -> tuple[str, str]:
    """Both sides of the first line of a job's docstring."""
    first = (ast.get_docstring(parsed(job)) or "").splitlines()[0]
    assert first.count(" -> ") >= 1, first
    left, _, right = first.partition(" -> ")
    return left, right


def tables_in(side: str) -> set[str]:
    """Tables that one side of an arrow names: `silver.trades, rejected_rows` are two of silver."""
    found, layer = set(), ""
    for name in side.split(", "):
        if re.fullmatch(r"[a-z]+\.[a-z_]+", name):
            layer = name.partition(".")[0]
            found.add(name)
        elif re.fullmatch(r"[a-z_]+", name):
            found.add(f"{layer}.{name}")
    return found


def used_by(job: str) -> dict[str, set[str]]:
    """Tables that the job's code hands to each method of the store, by itself or through `SHARED_BY_JOBS`."""
    tree = parsed(job)
    used = handed_to_store(tree, tree)
    for name in SHARED_BY_JOBS:
        module = ast.parse((ROOT / "smart_trader" / "run" / f"{name}.py").read_text("utf-8"))
        for function in called(imported_from(tree, f"smart_trader.run.{name}"), module):
            for method, tables in handed_to_store(function, module).items():
                used.setdefault(method, set()).update(tables)
    return used


def imported_from(tree: ast.Module, module: str) -> set[str]:
    nodes = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == module)
    return {alias.name for node in nodes for alias in node.names}


def called(names: set[str], module: ast.Module) -> list[ast.FunctionDef]:
    """The functions of a module with these names, and those that they call."""
    functions = {node.name: node for node in module.body if isinstance(node, ast.FunctionDef)}
    found: dict[str, ast.FunctionDef] = {}
    waiting = sorted(names & functions.keys())
    while waiting:
        name = waiting.pop()
        found[name] = functions[name]
        inner = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
        waiting += sorted(inner & functions.keys() - found.keys())
    return list(found.values())


def handed_to_store(code: ast.AST, module: ast.Module) -> dict[str, set[str]]:
    """Tables that `code`, a part of `module`, hands to each method of the store."""
    tables = {
        alias.asname or alias.name: f"{node.module.rpartition('.')[2]}.{alias.name}"
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("smart_trader.domain.")
        for alias in node.names
    }
    named = {
        node.targets[0].id: node.value
        for node in ast.walk(code)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    used: dict[str, set[str]] = {}
    for node in ast.walk(code):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_store(node.func.value):
            given = node.args[0]
            given = named[given.id] if isinstance(given, ast.Name) and given.id in named else given
            several = [pair.elts[0] for pair in given.elts] if isinstance(given, ast.List) else [given]
            for table in several:
                if isinstance(table, ast.Attribute) and table.attr == "TABLE" and isinstance(table.value, ast.Name):
                    used.setdefault(node.func.attr, set()).add(tables[table.value.id])
    return used


def _is_store(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "tables"


@each_step
def test_each_job_has_a_file_whose_first_line_is_its_arrow(step: Step) -> None:
    left, right = arrow(step.job)
    assert tables_in(right) == set(step.writes) - {SHARED}
    assert tables_in(left) <= {*step.reads, *step.updates_state_of}


@each_step
def test_the_declared_tables_are_those_that_the_code_reads_and_writes(step: Step) -> None:
    if step.job == "validate":  # asks the catalog
        assert set(step.reads) == TABLES.keys()
        return
    used = used_by(step.job)
    written = set().union(*(used.get(method, set()) for method in WRITERS))
    updated = used.get("update", set())

    assert used.get("read", set()) - set(step.writes) == set(step.reads)
    assert written - {name for job, name in NAMED_BY_HAND if job == step.job} == set(step.writes) - {SHARED}
    assert updated - set(step.writes) == set(step.updates_state_of)


def test_each_step_reads_only_what_an_earlier_one_wrote() -> None:
    written: set[str] = set()
    for step in STEPS:
        missing = {*step.reads, *step.updates_state_of} - written
        assert {(step.job, table) for table in missing} <= FROM_EARLIER_RUNS, step.job
        written |= set(step.writes)
    assert written == {name for name, table in TABLES.items() if table.layer not in ("foundation", "ops")}


@pytest.mark.parametrize(
    "table", [t for t in catalog.TABLES if t.name not in (SHARED, "ops.runs")], ids=lambda t: t.name
)
def test_each_table_has_one_job_that_writes_its_rows(table: Table) -> None:
    writers = [step.job for step in STEPS if table.name in step.writes]
    assert writers == ([] if table.layer == "foundation" else [table.job])


def test_the_exceptions_name_their_writers() -> None:
    assert TABLES[SHARED].job == ", ".join(step.job for step in STEPS if SHARED in step.writes)
    assert TABLES["ops.runs"].job == "every job"


def test_each_state_column_has_one_job_that_keeps_it() -> None:
    owned = {
        (c.owner, table.name) for table in catalog.TABLES for c in table.columns if c.owner not in (None, table.job)
    }
    assert owned == {(step.job, table) for step in STEPS for table in step.updates_state_of}
