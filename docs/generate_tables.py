"""Writes docs/tables.md from the declarations of the tables: .venv/bin/python -m docs.generate_tables"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from smart_trader.domain import catalog
from smart_trader.domain.tables.state_flags import StateFlag
from smart_trader.domain.tables.table import Column, Table
from smart_trader.pipeline import STEPS

TARGET = Path(__file__).with_name("tables.md")

INTRODUCTION = """\
# Tables

Written by `docs/generate_tables.py` from the declarations in the code; a test keeps it current.

All tables are Delta tables in the folder `LAYER/NAME` below `warehouse.root`, such as `lakehouse/gold/smart_traders`.
They use neither deletion vectors nor column mapping, so that the common readers outside Spark can open them.

- Types are Spark SQL's. `DECIMAL(38,0)` counts base units of a token, `DECIMAL(28,9)` is US dollars, `DECIMAL(38,18)` a
  price or an amount of whole tokens. Only the measurements in `foundation` are `DOUBLE`, never NaN or infinite. Times
  are UTC.
- **Null means unknown**, never zero. "no" under *null* is enforced on every write, and so are the checks.
- *state of*: the job that keeps the column as state. Other columns belong to the job that writes the table's rows.
- Every table also has the columns `batch_id` (the run that wrote the row) and `ingested_at` (when), both never null.
  They say how a row came about, not what it says: two lakes hold the same when all other columns agree.
- Every commit carries the run id, the job, the version of the program and the user of the operating system
  (`user_name`) in Delta's `userMetadata`.
- *clustered by*: the column in whose order `maintain` lays out the files of a large table (Z-order). Writes do not sort
  by it.
- *maintenance*: to which size `maintain` merges files, from which share of new bytes on it lays out a large clustered
  table anew, and how often it looks for files that no readable version needs.
- *reset on restore*: the state that refers to the table's rows. `restore` resets it for the entities whose rows it
  changes, so that the next pipeline makes them anew. *removed on restore*: rows of another table that refer to them.
- "Hostile text" is chosen by strangers: escape it before you show it.

## Who writes what

The jobs of `pipeline` in their order. *updates state of*: tables of which the job changes state columns only. Every job
appends its record to `ops.runs`.
"""


def render() -> str:
    """The whole page."""
    rows = [(_code(step.job), _codes(step.reads), _codes(step.writes), _codes(step.updates_state_of)) for step in STEPS]
    steps = _grid(("job", "reads", "writes", "updates state of"), rows)
    return "\n".join([INTRODUCTION, steps, *map(_section, catalog.TABLES)])


def _section(table: Table) -> str:
    facts = [f"- key: {_codes(table.key)}", f"- rows written by: {table.job}"]
    facts += [f"- partitioned by: {_codes(table.partitioned_by)}"] if table.partitioned_by else []
    facts += [f"- clustered by: {_codes(table.clustered_by)}"] if table.clustered_by else []
    facts += [_maintenance(table)]
    facts += [_state(flag) for flag in table.reset_on_restore]
    facts += [f"- check `{check.name}`: `{check.condition}`" for check in table.checks]
    columns = _grid(("column", "type", "null", "state of", "meaning"), map(_column, table.columns))
    return "\n".join([f"## {table.name}", "", f"{table.grain[0].upper()}{table.grain[1:]}.", "", *facts, "", columns])


def _maintenance(table: Table) -> str:
    policy = table.maintenance
    clustering = f", laid out anew from {policy.cluster_percent} % new bytes on" if table.clustered_by else ""
    vacuum = f"vacuumed at most every {policy.vacuum_days} days"
    return f"- maintenance: files of up to {policy.file_megabytes} MB{clustering}, {vacuum}"


def _state(flag: StateFlag) -> str:
    if not flag.reset:
        return f"- removed on restore: the rows of each `{flag.entity}` in `{flag.table}`"
    return f"- reset on restore: {_codes(name for name, _ in flag.reset)} of each `{flag.entity}` in `{flag.table}`"


def _column(column: Column) -> Sequence[str]:
    null = "yes" if column.nullable else "no"
    return (_code(column.name), _code(column.type.simpleString().upper()), null, column.owner or "", column.doc)


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |\n" for line in lines)


def _codes(names: Iterable[str]) -> str:
    return ", ".join(map(_code, names))


def _code(name: str) -> str:
    return f"`{name}`"


if __name__ == "__main__":
    TARGET.write_text(render(), encoding="utf-8")
