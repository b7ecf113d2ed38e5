"""python -m tests.reliability --campaign: kill runs of the pipeline for hours, and say what came of it.

The same code as in the tests, with other markets and other moments each time. The seed of a round, which is printed,
repeats it: --seed SEED --rounds 1.
"""

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path
from random import Random

from smart_trader.simulator.server import Simulator
from tests.reliability import lakes
from tests.reliability.processes import Place, kill_in_a_row
from tests.reliability.world import first_market, later_market, spoiled


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.reliability", description=__doc__)
    parser.add_argument("--campaign", action="store_true", required=True)
    parser.add_argument("--hours", type=float, default=2.0, help="after which no new round begins (default 2)")
    parser.add_argument("--rounds", type=int, help="at most so many rounds")
    parser.add_argument("--kills", type=int, default=5, help="in a row, each of the recovery from the last (default 5)")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    deadline, rounds, kills, failures = time.monotonic() + 3600 * options.hours, 0, 0, 0
    while time.monotonic() < deadline and rounds != options.rounds:
        seed = options.seed + rounds
        killed, error = _round(seed, options.kills)
        rounds, kills, failures = rounds + 1, kills + killed, failures + (error is not None)
        _say(f"round {rounds}, seed {seed}: {killed} kills, {error or 'the same tables'}")
    _say(f"{kills} kills in {rounds} rounds, {failures} rounds failed; the first seed was {options.seed}")
    return 1 if failures else 0


def _round(seed: int, times: int) -> tuple[int, str | None]:
    """Kills of first runs, or with an odd seed of runs that update a lake; and what went wrong if anything did."""
    random, market, killed = Random(seed), first_market(seed), 0
    with tempfile.TemporaryDirectory() as folder, Simulator(spoiled(market)) as simulator:
        calm, place = Place(Path(folder, "undisturbed")), Place(Path(folder, "disturbed"))
        try:
            if seed % 2:
                calm.run("pipeline", simulator=simulator)
                shutil.copytree(calm.root, place.root)
                simulator.market = spoiled(later_market(market))
            began = time.monotonic()
            calm.run("pipeline", simulator=simulator)
            longest = time.monotonic() - began
            kills = kill_in_a_row(place, simulator, random, times=times, longest=longest)
            killed = sum(kill.status != 0 for kill in kills)
            _say("  " + ", ".join(f"{kill.victim} at {kill.after_seconds} s: {kill.status}" for kill in kills))
            place.run("pipeline", simulator=simulator)
            lakes.check(place.root)
            assert lakes.digests(place.root) == lakes.digests(calm.root), "I3: other tables"
            before = lakes.versions(place.root)
            place.run("pipeline", simulator=simulator)
            assert lakes.versions(place.root) == before, "I6: an idle run committed"
            assert list(place.scratch.iterdir()) == [], "I12: scratch was left"
        except AssertionError as error:
            return killed, str(error)
    return killed, None


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
