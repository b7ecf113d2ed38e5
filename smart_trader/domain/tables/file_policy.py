"""When the files of a table are worth writing anew, and what else is to be done to them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from smart_trader.domain.tables.table import Table

MEGABYTE = 2**20
_WORTH_A_CHECKPOINT = 3
"""So many commits after the last checkpoint are worth a new one; Delta writes one after ten."""


class Step(StrEnum):
    """A step of maintenance, named as what has become of the table then."""

    CLUSTER = "clustered"
    COMPACT = "compacted"
    VACUUM = "vacuumed"
    CHECKPOINT = "checkpointed"


@dataclass(frozen=True, slots=True)
class FileFacts:
    """The data files of the newest version of a table."""

    files: int
    bytes: int
    mergeable: int
    """Files below the wanted size that share their partition with another such."""
    unclustered_bytes: int
    """In files that were written since the table was clustered last."""


def wants_clustering(table: Table, facts: FileFacts) -> bool:
    """Whether enough has been written since the last time. A table of one file has nothing to find faster."""
    if not table.clustered_by or facts.bytes <= table.maintenance.file_megabytes * MEGABYTE:
        return False
    return 100 * facts.unclustered_bytes >= table.maintenance.cluster_percent * facts.bytes


def wants_compaction(table: Table, facts: FileFacts) -> bool:
    """Whether files can be merged, unless clustering is wanted, which merges them too. In a large clustered table that
    would mix what clustering has parted, unless partitions part it as well."""
    if facts.mergeable <= 1 or wants_clustering(table, facts):
        return False
    is_large = facts.bytes > table.maintenance.file_megabytes * MEGABYTE
    return not (table.clustered_by and is_large and not table.partitioned_by)


def wants_checkpoint(commits_to_replay: int) -> bool:
    """Whether a reader would have to replay so many commits that a checkpoint is worth it."""
    return commits_to_replay >= _WORTH_A_CHECKPOINT


def vacuum_due(
    table: Table, *, first_commit_at: datetime, vacuumed_at: datetime | None, retention_hours: int
) -> datetime:
    """When to look for files that no readable version needs: there are none before the first version is older than the
    retention."""
    if vacuumed_at is None:
        return first_commit_at + timedelta(hours=retention_hours)
    return vacuumed_at + timedelta(days=table.maintenance.vacuum_days)


def plan_maintenance(table: Table, facts: FileFacts, *, expired_files: int, commits_to_replay: int) -> list[Step]:
    """What is to be done to `table`, in order; nothing where it is not worth it. `expired_files` are those that no
    readable version needs, 0 while nobody has to look for them."""
    is_worth_it = {
        Step.CLUSTER: wants_clustering(table, facts),
        Step.COMPACT: wants_compaction(table, facts),
        Step.VACUUM: expired_files > 0,
        Step.CHECKPOINT: wants_checkpoint(commits_to_replay),
    }
    return [step for step, is_wanted in is_worth_it.items() if is_wanted]
