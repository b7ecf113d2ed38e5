"""Named points at which a run can be made to fail, so that tests can look at the run after it.

Off unless `SMART_TRADER_FAILPOINTS` is set, to POINT=ACTION, several separated by commas:

    silver_pnl.after_commit:silver.trades=kill      after that commit
    silver_pnl.before_commit=sleep:5                before the first commit of the job, whichever table it is of
    bronze_transactions.after_commit#3=raise        after its third commit

Points are JOB.before_commit:TABLE and JOB.after_commit:TABLE. The store has them around each of its commits, so jobs
contain no failpoints. Actions: `raise` an error; `kill` this process, without a message;
`kill-jvm`, the process above; `sleep:SECONDS`; before a commit also `commit-then-raise`, where the commit is made and
looks as if it had failed.
"""

import os
import re
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from smart_trader.errors import ConfigurationError, SmartTraderError

VARIABLE = "SMART_TRADER_FAILPOINTS"
COMMIT_THEN_RAISE = "commit-then-raise"
_RULE = re.compile(
    r"(?P<point>\w+\.(?:before|after)_commit(?::[\w.]+)?)(?:#(?P<nth>[1-9]\d{0,5}))?"
    r"=(?P<action>raise|kill|kill-jvm|sleep:\d{1,5}(?:\.\d{1,3})?|commit-then-raise)"
)

plan: Callable[[str], str | None] | None = None
"""The action at a point, None for none. Without a plan no point is looked at."""


class FailpointReached(SmartTraderError):
    """Raised on request, at a failpoint."""

    def __init__(self, point: str) -> None:
        super().__init__(f"{point}: failed on request ({VARIABLE}). What was committed stays, run again to go on.")


def arm(environ: Mapping[str, str]) -> None:
    """Set the plan from the environment. Raises ConfigurationError if it cannot be understood."""
    global plan
    text = environ.get(VARIABLE, "").strip()
    plan = _parse(text) if text else None


@contextmanager
def around_commit(job: str, table: str) -> Iterator[None]:
    """Put a failpoint before and one after the commit that is made inside."""
    if plan is None:
        yield
        return
    before = f"{job}.before_commit:{table}"
    action = plan(before)
    if action not in (None, COMMIT_THEN_RAISE):
        _act(action, before)
    yield
    if action == COMMIT_THEN_RAISE:
        raise FailpointReached(before)
    after = f"{job}.after_commit:{table}"
    _act(plan(after), after)


def _parse(text: str) -> Callable[[str], str | None]:
    rules: dict[tuple[str, int], str] = {}
    for part in text.split(","):
        rule = _RULE.fullmatch(part.strip())
        if rule is None or (rule["action"] == COMMIT_THEN_RAISE and ".after_commit" in rule["point"]):
            raise ConfigurationError(
                f"{VARIABLE} cannot be understood: {part.strip()!r} is not POINT=ACTION, such as"
                " silver_pnl.after_commit:silver.trades=kill. Nothing was started."
            )
        rules[rule["point"], int(rule["nth"] or 1)] = rule["action"]
    reached = Counter[str]()

    def action(point: str) -> str | None:
        found = None
        for name in (point, point.partition(":")[0]):
            reached[name] += 1
            found = found or rules.get((name, reached[name]))
        return found

    return action


def end_process() -> None:
    """Kill this process as the kernel does when memory is short: no handler, no `finally`."""
    os.kill(os.getpid(), signal.SIGKILL)


def _act(action: str | None, point: str) -> None:
    match (action or "").partition(":"):
        case ("", _, _):
            return
        case ("kill", _, _):
            end_process()
        case ("kill-jvm", _, _):
            os.kill(os.getppid(), signal.SIGKILL)
        case ("sleep", _, seconds):
            time.sleep(float(seconds))  # not to be woken: it stands for a commit that takes its time
        case _:
            raise FailpointReached(point)
