"""When the files of a table are worth writing anew."""

from dataclasses import dataclass

from smart_trader.domain.tables.table import Table

MEGABYTE = 2**20


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
    if not table.clustered_by or facts.bytes <= table.upkeep.file_megabytes * MEGABYTE:
        return False
    return 100 * facts.unclustered_bytes >= table.upkeep.cluster_percent * facts.bytes


def wants_compaction(table: Table, facts: FileFacts) -> bool:
    """Whether files can be merged. In a large clustered table that would mix what clustering has parted."""
    is_large = facts.bytes > table.upkeep.file_megabytes * MEGABYTE
    return facts.mergeable > 1 and not (table.clustered_by and is_large)
