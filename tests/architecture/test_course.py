"""How the end of one job bears on those that follow."""

import pytest

from smart_trader.pipeline import STEPS, Course, End

JOBS = [step.job for step in STEPS]


def run(**ends: End) -> tuple[list[str], int]:
    """The jobs of a pipeline that run if some of them end so, and the exit status."""
    course, ran = Course(), []
    for job in JOBS:
        if course.left_out(job):
            continue
        ran.append(job)
        if not course.note(job, ends.get(job, End())):
            break
    return ran, course.end.status


def without(*left_out: str) -> list[str]:
    return [job for job in JOBS if job not in left_out]


def until(last: str) -> list[str]:
    return JOBS[: JOBS.index(last) + 1]


@pytest.mark.parametrize("status", [69, 70, 75])
def test_what_needs_no_api_runs_however_the_fetching_ends(status: int) -> None:
    early = End(status, "no more", is_early=True)
    later = ("bronze_whales", "bronze_transactions", "helius_webhooks")
    assert run(bronze_tokens=early) == (without(*later), status)
    assert run(bronze_whales=early) == (without(*later[1:]), status)
    assert run(bronze_transactions=early) == (without("helius_webhooks"), status)


def test_entities_that_failed_are_no_reason_to_leave_out_other_fetching() -> None:
    failed = End(69, "3 of 5 tokens failed")
    assert run(bronze_whales=failed) == (without("helius_webhooks"), 69)
    both = run(bronze_whales=failed, bronze_transactions=End(75, "no units left", is_early=True))
    assert both == (without("helius_webhooks"), 69)


@pytest.mark.parametrize("status", [65, 74, 77, 78])
def test_a_refused_key_or_a_fault_of_the_tables_ends_the_run(status: int) -> None:
    assert run(bronze_whales=End(status, "", is_early=True)) == (until("bronze_whales"), status)


def test_what_fails_a_check_is_not_published() -> None:
    assert run(validate=End(65, "a rule is broken", is_early=True)) == (until("validate"), 65)
    assert not {"helius_webhooks", "report"} & set(until("validate"))


def test_a_later_failure_is_that_of_the_run() -> None:
    spent = End(75, "no units left", is_early=True)
    assert run(bronze_transactions=spent, validate=End(65, "", is_early=True)) == (until("validate"), 65)


def test_a_run_in_which_all_went_well_ends_with_0() -> None:
    assert run() == (JOBS, 0)
