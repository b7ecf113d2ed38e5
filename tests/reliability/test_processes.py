"""What only real processes can show: signals, a second start, kills. Not part of a plain `bin/test`.

bin/test tests/reliability -m long                                       as CI runs it
SMART_TRADER_KILL_SEED=12345 bin/test tests/reliability -m long -k kill  repeats the kills of that seed
"""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from smart_trader.io.lock.file import hold
from smart_trader.simulator.faults import Fault, Faults
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator
from tests.reliability import lakes
from tests.reliability.kills import Round
from tests.reliability.processes import Place, Run, are_gone, eventually
from tests.reliability.world import first_market, spoiled

pytestmark = [pytest.mark.long, pytest.mark.spark]


@pytest.fixture(scope="module")
def market() -> Market:
    return first_market()


@pytest.fixture
def simulator(market: Market) -> Iterator[Simulator]:
    with Simulator(spoiled(market)) as simulator:
        yield simulator


def test_ten_kills_at_random_moments_end_in_the_same_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kills = Round(tmp_path, int(os.environ.get("SMART_TRADER_KILL_SEED") or time.time()), times=10)
    try:
        kills.run()
    finally:
        with capsys.disabled():
            said = ", ".join(map(str, kills.kills))
            print(f"\n  SMART_TRADER_KILL_SEED={kills.seed}: {said}")  # noqa: T201 - one command repeats it


def test_signals_second_starts_and_what_follows(market: Market, tmp_path: Path) -> None:
    place = Place(tmp_path)
    hanging = Faults(Fault("read-timeout", endpoint="trades", times=None, seconds=60))
    with Simulator(spoiled(market), faults=hanging) as simulator:
        first = place.start("pipeline", simulator=simulator)
        assert eventually(
            lambda: (place.root / "bronze/token_metrics/_delta_log/00000000000000000001.json").exists(), 120
        )

        refused = place.start("pipeline", simulator=simulator)
        assert refused.wait() == 75
        assert re.search(
            rf"Another run works on {place.root}: job pipeline, run \S+, pid {first.process.pid}, host \S+, since 2",
            refused.said,
        )
        waiting = place.start("pipeline", "--wait-lock", "300", "--json", simulator=simulator)
        ends_within_15_seconds(first, signal.SIGTERM)
        assert eventually(lambda: any(request.fault for request in simulator.requests), 120), "it began at once"
        ends_within_15_seconds(waiting, signal.SIGINT)

        document = json.loads(waiting.output)
        assert (document["exit_code"], document["outcome"]) == (75, "partial")
        assert document["jobs"][-1]["job"] == "bronze_transactions"
    lakes.check(place.root)
    with hold(str(place.root), {}):
        assert list(place.scratch.iterdir()) == []


def ends_within_15_seconds(run: Run, name: signal.Signals) -> None:
    """In good order: with its summary, and with nobody left."""
    processes = run.processes()
    began = time.monotonic()
    run.process.send_signal(name)
    assert run.wait(30) == 75, run.said
    assert time.monotonic() - began < 15
    assert "Told to stop; what was committed stays, run again to go on." in run.said
    *_, last = map(json.loads, run.said.splitlines())
    assert (last["event"], last["context"]["outcome"], last["context"]["exit_code"]) == ("summary", "partial", 75)
    assert eventually(lambda: are_gone(processes), 5)


def test_a_failpoint_kills_the_jvm_and_the_record_of_the_run_can_fail(simulator: Simulator, tmp_path: Path) -> None:
    place = Place(tmp_path)
    run = place.start("init", simulator=simulator, failpoints="init.before_commit:silver.trades=kill-jvm")
    assert run.wait() == 75, run.said
    wrong = place.start("init", simulator=simulator, failpoints="init.nowhere=kill")
    assert wrong.wait() == 78
    assert "SMART_TRADER_FAILPOINTS cannot be understood" in wrong.said
    run = place.start("init", simulator=simulator, failpoints="ops.before_commit=raise")
    assert run.wait() == 70, run.said
    assert "ops.before_commit:ops.runs: failed on request" in run.said
    place.run("init", simulator=simulator)
    lakes.check(place.root)
