"""What a dry run found: the changes that a run would make, as a page for a person and as a document for programs."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from smart_trader.domain.gold.watch_list import WebhookChange
from smart_trader.domain.kernel.ranking import PerformanceTier
from smart_trader.domain.tables.changes import TableChange
from smart_trader.errors import Interrupted
from smart_trader.foreign import printable
from smart_trader.io.birdeye.planned import Plan
from smart_trader.run import layout
from smart_trader.run.progress import duration
from smart_trader.run.results import JobSummary, RunSummary
from smart_trader.run.summary import job_document, jobs_part, remarks_part, work_part

_SHOWN = 20
"""The most wallets on the page. The document has all of them."""


@dataclass(frozen=True, slots=True)
class Move:
    """A wallet that changes its tier. A tier of None is outside of the ranking."""

    wallet: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """What a run would do. `plans` has the calls that were not made, by job."""

    run: RunSummary
    as_of: datetime
    has_fetched: bool
    calls_per_second: Decimal
    units_limit: int | None
    plans: Mapping[str, Plan]
    tables: Sequence[TableChange]
    tiers: Mapping[str, int]
    """Wallets of each tier afterwards."""
    moves: Sequence[Move]
    """By rank afterwards, those that leave the ranking last."""
    webhook: WebhookChange | None = None
    """None where no webhook is configured."""

    @property
    def next_step(self) -> str:
        if self.run.exit_code == 0:
            return "Nothing was changed. The same command without --dry-run does it."
        if self.run.exit_code == Interrupted.exit_status:
            return "Nothing was changed. This is as far as the dry run came."
        return "Nothing was changed. A run would end like this too."


def prediction_document(prediction: Prediction) -> dict[str, Any]:
    """One document for programs, with every wallet that moves."""
    run = prediction.run
    return {
        "dry_run": True,
        "has_fetched": prediction.has_fetched,
        "run_id": run.run_id,
        "as_of": prediction.as_of.isoformat(),
        "outcome": run.outcome,
        "exit_code": run.exit_code,
        "started_at": run.started_at.isoformat(),
        "finished_at": run.finished_at.isoformat(),
        "message": run.message,
        "next_step": prediction.next_step,
        "warnings": list(run.warnings),
        "jobs": [_job(job) for job in run.jobs],
        "planned_calls": [_plan(job, plan, prediction.calls_per_second) for job, plan in prediction.plans.items()],
        "tables": [asdict(table) for table in prediction.tables],
        "tiers": [
            {
                "tier": tier,
                "wallets": prediction.tiers.get(tier, 0),
                "entered": [move.wallet for move in prediction.moves if move.after == tier],
                "left": [move.wallet for move in prediction.moves if move.before == tier],
            }
            for tier in PerformanceTier
        ],
        "webhook": _webhook_document(prediction.webhook),
    }


def _job(job: JobSummary) -> dict[str, Any]:
    """The document of a job without tiers, which the run has as a whole, and without versions, which are of clones."""
    return {name: value for name, value in job_document(job).items() if name not in ("tiers", "table_versions")}


def _plan(job: str, plan: Plan, calls_per_second: Decimal) -> dict[str, Any]:
    least, most = plan.compute_units
    return {
        "job": job,
        "calls": {"least": plan.least, "most": plan.most},
        "compute_units": {"least": least, "most": most},
        "seconds": {"least": _seconds(plan.least, calls_per_second), "most": _seconds(plan.most, calls_per_second)},
        "about": list(plan.about),
    }


def _seconds(calls: int, calls_per_second: Decimal) -> float:
    return round(float(calls / calls_per_second), 3)


def render_text(prediction: Prediction) -> str:
    """A page for a person."""
    run = prediction.run
    took = duration((run.finished_at - run.started_at).total_seconds())
    title = (
        f"Dry run {printable(run.run_id)}  {run.outcome}, exit {run.exit_code}, {took}\n"
        f"What a run as of {prediction.as_of:%Y-%m-%d %H:%M} UTC would do. Nothing was changed."
    )
    parts = [
        title,
        _plans(prediction),
        jobs_part(run.jobs),
        work_part([job for job in run.jobs if job.record.job not in prediction.plans]),
        _tables(prediction.tables),
        _tiers(prediction),
        _moves(prediction.moves),
        _webhook(prediction),
        remarks_part(run, prediction.next_step),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _plans(prediction: Prediction) -> str:
    if not prediction.plans:
        return ""
    works = {job.record.job: job.work for job in prediction.run.jobs}
    rows: list[tuple[object, ...]] = []
    for job, plan in prediction.plans.items():
        work = works.get(job)
        due = work.due if work else None
        rows.append((job, work.unit if work else "token list", due, len(plan.about), *_cost(prediction, [plan])))
    if len(rows) > 1:
        rows.append(("total", "", "", "", *_cost(prediction, list(prediction.plans.values()))))
    header = ("would fetch", "", "due", "this run", "calls", "units", f"at {prediction.calls_per_second:g} a second")
    return "\n".join([layout.table(header, rows, texts=2), *_about_plans(prediction)])


def _cost(prediction: Prediction, plans: Sequence[Plan]) -> tuple[str, str, str]:
    least, most = sum(plan.least for plan in plans), sum(plan.most for plan in plans)
    units = [sum(plan.compute_units[end] for plan in plans) for end in (0, 1)]
    times = [duration(_seconds(calls, prediction.calls_per_second)) for calls in (least, most)]
    return _range(f"{least:,}", f"{most:,}"), _range(f"{units[0]:,}", f"{units[1]:,}"), _range(*times)


def _range(least: str, most: str) -> str:
    return least if least == most else f"{least} to {most}"


def _about_plans(prediction: Prediction) -> list[str]:
    lines = ["No call was made, so what follows rests on what the lake holds now; --fetch makes the calls that read."]
    least, most = (sum(plan.compute_units[end] for plan in prediction.plans.values()) for end in (0, 1))
    limit = prediction.units_limit
    if limit is not None and most > limit:
        end = "ends" if least > limit else "may end"
        lines.append(f"birdeye.compute_units_per_run ({limit:,}) {end} the run before all of it is read, with 75.")
    return lines


def _tables(tables: Sequence[TableChange]) -> str:
    changed = [table for table in tables if not table.is_none]
    if not tables:
        return ""
    if not changed:
        return f"No table would change ({len(tables)} looked at)."
    rows = [(_name(t), t.inserted, t.updated, t.deleted, t.unchanged) for t in changed]
    rest = len(tables) - len(changed)
    note = f"\n{rest} more would not change" if rest else ""
    return layout.table(("table", "inserted", "updated", "deleted", "unchanged"), rows, texts=1) + note


def _name(table: TableChange) -> str:
    if table.is_new:
        return f"{table.table} (new)"
    added = f" (new column: {', '.join(table.new_columns)})" if table.new_columns else ""
    return f"{table.table}{added}"


def _tiers(prediction: Prediction) -> str:
    if not prediction.tiers and not prediction.moves:
        return ""
    rows = [
        (
            tier,
            prediction.tiers.get(tier, 0),
            sum(move.after == tier for move in prediction.moves),
            sum(move.before == tier for move in prediction.moves),
        )
        for tier in PerformanceTier
    ]
    return layout.table(("traders", "wallets", "enter", "leave"), rows, texts=1)


def _moves(moves: Sequence[Move]) -> str:
    if not moves:
        return ""
    rows = [(move.wallet, move.before or "not ranked", move.after or "not ranked") for move in moves[:_SHOWN]]
    rest = len(moves) - len(rows)
    note = f"\n{rest:,} more; --json names them all" if rest else ""
    return layout.table(("wallet", "from", "to"), rows, texts=3) + note


def _webhook_document(change: WebhookChange | None) -> dict[str, Any] | None:
    return None if change is None else {**asdict(change), "credits": change.credits}


def _webhook(prediction: Prediction) -> str:
    change = prediction.webhook
    if change is None:
        return ""
    rows = [
        *((wallet, "would be added") for wallet in change.added),
        *((wallet, "would be removed") for wallet in change.removed),
    ]
    if not rows:
        return "The webhook's addresses would not change."
    source = "" if prediction.has_fetched else " As the last run read it back; --fetch reads what is there now."
    return layout.table(("webhook", ""), rows, texts=2) + f"\nOne write, {change.credits} credits.{source}"
