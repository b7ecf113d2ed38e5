"""A failure at every commit of every job, one after the other on one lake: in the end it is as if nothing had happened.

Three walks have each failpoint × {raise, kill, commit-then-raise}. One of the jobs that fetch is part of a plain
`bin/test`, the others are too long for it: `bin/test tests/reliability -m long`.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from smart_trader import failpoints
from smart_trader.domain import catalog
from smart_trader.failpoints import COMMIT_THEN_RAISE, FailpointReached
from smart_trader.pipeline import STEPS
from smart_trader.simulator.market import Market
from tests.lake import Lake
from tests.reliability import lakes
from tests.reliability.world import COMPUTING, FETCHING, copied, rank_a_month_ago, run

COMMITS = tuple(f"{s.job}.before_commit:{table}" for s in STEPS for table in (*s.writes, *s.updates_state_of))
"""The point before each commit of the pipeline."""
ACTIONS = ("raise", "kill", COMMIT_THEN_RAISE)
IN_ITS_OWN_LANE = [pytest.param(phase, marks=pytest.mark.long) for phase in range(3)]


class Killed(BaseException):
    """Nothing in the program catches it: what it leaves is what a killed process leaves."""


class Walk:
    """A plan under which each commit fails once: before it with an error, after it with the end of the process, or so
    that it is made and looks failed. The three take turns, and `phase` says which begins."""

    def __init__(self, phase: int) -> None:
        self._action = {commit: ACTIONS[(nth + phase) % 3] for nth, commit in enumerate(COMMITS)}
        self.failed: set[str] = set()

    def __call__(self, point: str) -> str | None:
        commit = point.replace(".after_commit:", ".before_commit:")
        action = self._action.get(commit)
        is_here = (point == commit) == (action != "kill")
        if action is None or not is_here or commit in self.failed:
            return None
        self.failed.add(commit)
        return action


@contextmanager
def following(plan: Callable[[str], str | None]) -> Iterator[None]:
    failpoints.plan = plan
    try:
        yield
    finally:
        failpoints.plan = None


def walk(lake: Lake, market: Market, jobs: Sequence[str], phase: int) -> None:
    """Run each of `jobs` until it no longer fails."""
    plan = Walk(phase)
    with following(plan):
        for job in jobs:
            for _ in range(100):
                try:
                    run(lake, market, job)
                    break
                except (FailpointReached, Killed):
                    lake.spark.catalog.clearCache()
    assert plan.failed == {commit for commit in COMMITS if commit.partition(".")[0] in jobs}


def is_as_undisturbed(lake: Lake, market: Market, jobs: Sequence[str], undisturbed: Path) -> None:
    """I1, I3, I5, I6, I7 and I12."""
    lakes.check(lake.root)
    assert lakes.digests(lake.root) == lakes.digests(undisturbed)
    before = lakes.versions(lake.root)
    run(lake, market, *jobs)
    assert lakes.versions(lake.root) == before


@pytest.mark.parametrize("phase", [0, *IN_ITS_OWN_LANE[1:]])
def test_jobs_that_fetch_survive_a_failure_at_every_commit(
    phase: int, spark: SparkSession, market: Market, fetched: Path, tmp_path: Path, kill: None
) -> None:
    lake = Lake(spark, tmp_path / "lake")
    walk(lake, market, FETCHING, phase)
    is_as_undisturbed(lake, market, FETCHING, fetched)


@pytest.mark.parametrize("phase", IN_ITS_OWN_LANE)
def test_jobs_that_compute_survive_a_failure_at_every_commit(
    phase: int, spark: SparkSession, market: Market, ranked_before: Path, graded: Path, tmp_path: Path, kill: None
) -> None:
    lake = copied(spark, ranked_before, tmp_path)
    walk(lake, market, COMPUTING, phase)
    is_as_undisturbed(lake, market, COMPUTING, graded)


@pytest.fixture(scope="module")
def ranked_before(spark: SparkSession, market: Market, fetched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The lake that was read, with an earlier ranking."""
    lake = copied(spark, fetched, tmp_path_factory.mktemp("ranked_before"))
    rank_a_month_ago(lake, market)
    return lake.root


@pytest.fixture(scope="module")
def graded(spark: SparkSession, market: Market, ranked_before: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after the jobs that follow, undisturbed: the earlier ranking is graded."""
    lake = copied(spark, ranked_before, tmp_path_factory.mktemp("graded"))
    run(lake, market, *COMPUTING)
    return lake.root


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> None:
    def end_process() -> None:
        raise Killed

    monkeypatch.setattr(failpoints, "end_process", end_process)


@pytest.mark.long
def test_a_recreation_that_is_killed_anywhere_leaves_no_status_without_its_rows(once: Path) -> None:
    content = lakes.content_of(once)
    for table in catalog.DROP_ORDER:
        content[table.name] = []
        lakes.no_status_refers_to_missing_rows(content)
