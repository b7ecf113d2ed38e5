"""What a failpoint does, and what can be asked for. That every commit has its points is shown in tests/reliability."""

import time
from collections.abc import Iterator

import pytest

from smart_trader import failpoints
from smart_trader.errors import ConfigurationError
from smart_trader.failpoints import VARIABLE, FailpointReached, around_commit


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    failpoints.arm({})


def commits(*tables: str) -> list[str]:
    """The tables that are committed before something is raised."""
    done: list[str] = []
    try:
        for table in tables:
            with around_commit("job", table):
                done.append(table)
    except FailpointReached as reached:
        done.append(str(reached).partition(":")[0])
    return done


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("", ["a", "b", "a"]),
        ("other.before_commit=raise", ["a", "b", "a"]),
        ("job.before_commit:b=raise", ["a", "job.before_commit"]),
        ("job.after_commit:b=raise", ["a", "b", "job.after_commit"]),
        ("job.after_commit=raise", ["a", "job.after_commit"]),
        ("job.before_commit#3=raise", ["a", "b", "job.before_commit"]),
        ("job.before_commit:a#2=raise", ["a", "b", "job.before_commit"]),
        ("job.before_commit:b=commit-then-raise", ["a", "b", "job.before_commit"]),
        ("job.after_commit:b=sleep:0.01, job.before_commit:a#2=raise", ["a", "b", "job.before_commit"]),
    ],
)
def test_it_fails_where_it_was_asked_to(asked: str, left: list[str]) -> None:
    failpoints.arm({VARIABLE: asked})
    assert commits("a", "b", "a") == left


def test_a_kill_ends_the_process_and_a_sleep_takes_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    killed: list[str] = []
    monkeypatch.setattr(failpoints, "end_process", lambda: killed.append("here"))
    failpoints.arm({VARIABLE: "job.after_commit:a=kill,job.before_commit:b=sleep:0.2"})
    began = time.monotonic()
    assert commits("a", "b") == ["a", "b"]
    assert killed == ["here"]
    assert time.monotonic() - began > 0.2


@pytest.mark.parametrize(
    "asked",
    ["kill", "job.after_commit", "job.between=kill", "job.after_commit=explode", "job.after_commit=commit-then-raise"],
)
def test_what_cannot_be_understood_starts_nothing(asked: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot be understood"):
        failpoints.arm({VARIABLE: asked})
