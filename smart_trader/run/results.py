"""What a run did, as values: the work and the record of each job, and the run as a whole."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from smart_trader.domain.ops.runs import Outcome
from smart_trader.errors import ExitStatus, Interrupted

_REASONS, _REASON_LENGTH = 3, 400
"""The most reasons of failed entities in the summary, and the most characters of each."""
_NEXT_STEPS = {status.number: status.next_step for status in ExitStatus}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRecord:
    """A row of `ops.runs`, column by column."""

    run_id: str
    job: str
    started_at: datetime
    finished_at: datetime
    outcome: Outcome
    exit_code: int
    rows_in: int
    rows_out: int
    rows_rejected: int
    api_calls: int
    compute_units: int
    table_versions: str
    """JSON, made by `versions_json`."""
    code_version: str
    settings_hash: str
    message: str
    document: str | None = None
    """JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A reason why `count` entities failed, with the message of one of them."""

    count: int
    example: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What was due, in the job's own unit. Due is done + failed + left over for the next run."""

    unit: str
    due: int
    done: int
    failed: int = 0
    left_over: int = 0
    failures: tuple[Failure, ...] = ()
    """The most frequent reasons; each entity has its own in `last_error`."""


class WorkTally:
    """Counts the entities of a job that are done and that have failed."""

    def __init__(self, unit: str, due: int) -> None:
        self.due = due
        self._unit, self._done = unit, 0
        self._reasons = Counter[str]()
        self._examples: dict[str, tuple[str, str]] = {}

    def add(self, entity: str, failure: str | None) -> None:
        """Count `entity` as done, or as failed because of `failure`."""
        if failure is None:
            self._done += 1
            return
        # What differs from one entity to the next: its name, figures, and an example in brackets.
        kind = re.sub(r"\d+|\(.*", "", failure.replace(entity, ""), flags=re.DOTALL)
        self._reasons[kind] += 1
        self._examples.setdefault(kind, (entity, failure[:_REASON_LENGTH]))

    @property
    def work(self) -> Work:
        failed = self._reasons.total()
        return Work(
            unit=self._unit,
            due=self.due,
            done=self._done,
            failed=failed,
            left_over=self.due - self._done - failed,
            failures=tuple(
                Failure(count=count, example=self._examples[kind][0], reason=self._examples[kind][1])
                for kind, count in self._reasons.most_common(_REASONS)
            ),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TierChange:
    """Wallets of a tier in the new ranking, and how many entered or left it since the one before."""

    tier: str
    wallets: int
    entered: int
    left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSummary:
    """A job's record, and what the summary shows but `ops.runs` does not have."""

    record: JobRecord
    spark_jobs: int = 0
    delta_commits: int = 0
    work: Work | None = None
    tiers: tuple[TierChange, ...] = ()
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSummary:
    """A run with its jobs in their order. `message` is why it ended early, empty otherwise."""

    run_id: str
    started_at: datetime
    finished_at: datetime
    exit_code: int
    jobs: tuple[JobSummary, ...] = ()
    message: str = ""
    warnings: tuple[str, ...] = ()
    """Warnings about the run as a whole, such as a disk that fills up."""

    @property
    def outcome(self) -> Outcome:
        outcomes = {job.record.outcome for job in self.jobs}
        if self.exit_code not in (0, Interrupted.exit_status) or Outcome.FAILED in outcomes:
            return Outcome.FAILED
        return Outcome.PARTIAL if self.exit_code or Outcome.PARTIAL in outcomes else Outcome.OK

    @property
    def next_step(self) -> str:
        """What to do about it; empty when there is nothing to do."""
        return _NEXT_STEPS[self.exit_code]


def versions_json(before: Mapping[str, int | None], after: Mapping[str, int]) -> str:
    """JSON with the Delta versions of the tables that a job wrote; `before` is null for a table that it created."""
    tables = {table: {"before": before.get(table), "after": after[table]} for table in sorted(after)}
    return json.dumps(tables)
