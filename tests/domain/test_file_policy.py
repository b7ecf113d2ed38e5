"""What is to be done to the files of a table, by facts alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain import catalog
from smart_trader.domain.foundation.tables import TABLES
from smart_trader.domain.silver import trades
from smart_trader.domain.tables.file_policy import (
    FileFacts,
    Step,
    plan_maintenance,
    vacuum_due,
    wants_clustering,
    wants_compaction,
)
from smart_trader.domain.tables.table import Table

MB = 2**20
CLUSTERED, PLAIN, BY_DAY = trades.TABLE, catalog.TABLES[0], TABLES["signals"]
START = datetime(2026, 1, 5, tzinfo=UTC)

bytes_ = st.integers(0, 300 * MB)
facts = st.builds(
    lambda files, mergeable, size, new: FileFacts(files, size, min(files, mergeable), min(size, new)),
    st.integers(0, 9),
    st.integers(0, 9),
    bytes_,
    bytes_,
)
counts = st.integers(0, 12)


@pytest.mark.parametrize(
    ("table", "facts", "clusters", "compacts"),
    [
        (PLAIN, FileFacts(1, 5 * MB, 0, 5 * MB), False, False),
        (PLAIN, FileFacts(2, 5 * MB, 2, 5 * MB), False, True),
        (PLAIN, FileFacts(9, 500 * MB, 2, 500 * MB), False, True),
        (CLUSTERED, FileFacts(2, 100 * MB, 2, 100 * MB), False, True),
        (CLUSTERED, FileFacts(9, 200 * MB, 9, 40 * MB), True, False),
        (CLUSTERED, FileFacts(9, 200 * MB, 9, 40 * MB - 1), False, False),
        (BY_DAY, FileFacts(9, 200 * MB, 9, 40 * MB), True, False),
        (BY_DAY, FileFacts(9, 200 * MB, 9, 40 * MB - 1), False, True),
    ],
)
def test_files_are_written_anew_when_it_is_worth_it(
    table: Table, facts: FileFacts, clusters: bool, compacts: bool
) -> None:
    assert (wants_clustering(table, facts), wants_compaction(table, facts)) == (clusters, compacts)


@given(st.sampled_from(catalog.TABLES), facts, counts, counts)
def test_a_plan_has_each_step_that_is_worth_it_once_and_in_order(
    table: Table, found: FileFacts, expired: int, commits: int
) -> None:
    plan = plan_maintenance(table, found, expired_files=expired, commits_to_replay=commits)

    assert plan == [step for step in Step if step in plan]
    assert not {Step.CLUSTER, Step.COMPACT} <= set(plan)
    assert (Step.CLUSTER in plan) == wants_clustering(table, found)
    assert (Step.COMPACT in plan) == wants_compaction(table, found)
    assert (Step.VACUUM in plan) == (expired > 0)
    assert (Step.CHECKPOINT in plan) == (commits >= 3)


@given(st.sampled_from(catalog.TABLES), facts, counts, counts)
def test_nothing_is_left_to_do_once_a_plan_is_carried_out(
    table: Table, found: FileFacts, expired: int, commits: int
) -> None:
    plan = plan_maintenance(table, found, expired_files=expired, commits_to_replay=commits)
    if Step.CLUSTER in plan:
        found = replace(found, unclustered_bytes=0, mergeable=0)
    if Step.COMPACT in plan:
        found = replace(found, mergeable=0)
    expired = 0 if Step.VACUUM in plan else expired
    commits = 0 if Step.CHECKPOINT in plan else commits

    assert plan_maintenance(table, found, expired_files=expired, commits_to_replay=commits) == []


@given(st.sampled_from(catalog.TABLES), st.integers(0, 2_000), st.none() | st.integers(0, 2_000))
def test_files_are_looked_for_once_one_can_have_expired_and_then_every_few_days(
    table: Table, retention: int, vacuumed: int | None
) -> None:
    vacuumed_at = None if vacuumed is None else START + timedelta(hours=vacuumed)
    due = vacuum_due(table, first_commit_at=START, vacuumed_at=vacuumed_at, retention_hours=retention)

    if vacuumed_at is None:
        assert due - START == timedelta(hours=retention)
    else:
        assert due - vacuumed_at == timedelta(days=table.maintenance.vacuum_days)
