"""The rules that the log of a table in Delta must keep: no row shows whether they hold."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import types as T

from smart_trader.domain.tables.table import Table

READER_VERSION, NEWEST_WRITER_VERSION = 1, 4
"""What the common readers outside Spark open, and writers outside Spark as well."""
DELETED_FILES, LOG = "delta.deletedFileRetentionDuration", "delta.logRetentionDuration"
CHECK = "delta.constraints."
"""How the properties begin that hold a table's checks."""
_MAPPING = "delta.columnMapping.mode"
_HOURS = {"hour": 1, "day": 24, "week": 168}
_LONGEST_HOURS = 876_000
"""A hundred years, the most that the settings take: what other programs wrote beyond it reaches as far for us."""


@dataclass(frozen=True, slots=True)
class StoredTable:
    """A table as its log describes it."""

    schema: T.StructType
    partitioned_by: tuple[str, ...]
    properties: Mapping[str, str]

    @property
    def checks(self) -> dict[str, str]:
        """Conditions that Delta enforces, by the name of the check in lower case."""
        return {name[len(CHECK) :]: rule for name, rule in self.properties.items() if name.startswith(CHECK)}


@dataclass(frozen=True, slots=True)
class LogFacts(StoredTable):
    """The newest version of a table, and which files its log consists of."""

    version: int
    reader_version: int
    writer_version: int
    commits: tuple[int, ...]
    """Versions that have a commit file, in order."""
    checkpoints: tuple[int, ...]
    """Versions that have a checkpoint, in order."""
    last_operation: str | None = None
    """Delta's name of the operation that made the newest version; None where it is not given."""


def broken_log_rules(table: Table, facts: LogFacts) -> Mapping[str, Sequence[str]]:
    """The rules that the log of `table` breaks, each with what breaks it."""
    found = {
        "log_contiguous": _gaps(facts),
        "schema_as_declared": schema_differences(table, facts),
        "checks_enforced": check_differences(table, facts),
        "readers_can_open_it": _protocol_differences(facts),
        "retention_set": _retention_differences(facts),
    }
    return {rule: details for rule, details in found.items() if details}


def plain_fields(schema: T.StructType) -> dict[str, T.StructField]:
    """Fields by name, without the metadata that Delta keeps beside them; a column added later stands last."""
    return {f.name: T.StructField(f.name, f.dataType, f.nullable) for f in schema}


def retention_hours(properties: Mapping[str, str], name: str) -> int | None:
    """How far back a property reaches, a hundred years at most; None if it is missing or no whole number of hours, days
    or weeks, such as one that Delta could not read either."""
    match = re.fullmatch(r"(?:interval )?([0-9]{1,10}) (hour|day|week)s?", properties.get(name, ""))
    return min(int(match[1]) * _HOURS[match[2]], _LONGEST_HOURS) if match else None


def _gaps(facts: LogFacts) -> list[str]:
    first = facts.commits[0] if facts.commits else facts.version
    there = set(facts.commits)
    missing = [f"version {version}" for version in range(first, facts.version + 1) if version not in there]
    begins = first == 0 or any(first - 1 <= version for version in facts.checkpoints)
    return missing if begins else [*missing, f"no checkpoint stands before version {first}"]


def schema_differences(table: Table, found: StoredTable) -> list[str]:
    """Each column, and the partitions, in which a stored table is not as declared: both sides, in words.

    Columns that one side lacks come first: another program that renames one also lets the others be null.
    """
    stored, declared = plain_fields(found.schema), plain_fields(table.as_stored(found.schema).schema)
    differing = [name for name in {**declared, **stored} if stored.get(name) != declared.get(name)]
    differing.sort(key=lambda name: name in stored and name in declared)
    different = [f"{name}: stored {_field(stored, name)}, declared {_field(declared, name)}" for name in differing]
    if found.partitioned_by != table.partitioned_by:
        sides = [", ".join(names) or "nothing" for names in (found.partitioned_by, table.partitioned_by)]
        different.append(f"partitions: stored by {sides[0]}, declared by {sides[1]}")
    return different


def columns_to_add(table: Table, found: StoredTable) -> list[T.StructField] | None:
    """Declared columns that the stored table lacks; None if adding them does not make it as declared.

    Where columns are mapped, which this program never does, one that is missing was dropped by another program.
    """
    stored, declared = plain_fields(found.schema), plain_fields(table.as_stored(found.schema).schema)
    new = [field for name, field in declared.items() if name not in stored]
    rest = {name: field for name, field in declared.items() if name in stored}
    is_mapped = found.properties.get(_MAPPING, "none") != "none"
    is_addable = rest == stored and all(field.nullable and not is_mapped for field in new)
    return new if is_addable and found.partitioned_by == table.partitioned_by else None


def _field(fields: Mapping[str, T.StructField], name: str) -> str:
    if name not in fields:
        return "no such column"
    return fields[name].dataType.simpleString() + ("" if fields[name].nullable else " not null")


def check_differences(table: Table, found: StoredTable) -> list[str]:
    """The checks, in lower case, that are declared or enforced alone, or otherwise than declared."""
    declared = {check.name.lower(): check.condition for check in table.checks}
    return [name for name in {**declared, **found.checks} if found.checks.get(name) != declared.get(name)]


def _protocol_differences(facts: LogFacts) -> list[str]:
    found = []
    if facts.reader_version != READER_VERSION:
        found.append(f"reader version {facts.reader_version}")
    if facts.writer_version > NEWEST_WRITER_VERSION:
        found.append(f"writer version {facts.writer_version}")
    if facts.properties.get("delta.enableDeletionVectors", "false") != "false":
        found.append("deletion vectors")
    if facts.properties.get(_MAPPING, "none") != "none":
        found.append("column mapping")
    return found


def _retention_differences(facts: LogFacts) -> list[str]:
    files, log = (retention_hours(facts.properties, name) for name in (DELETED_FILES, LOG))
    unset = [name for name, hours in ((DELETED_FILES, files), (LOG, log)) if hours is None]
    if unset or files is None or log is None:
        return unset
    return [f"the log is kept for {log} hours, deleted files for {files}"] if log < files else []
