"""Runs of the pipeline that are killed at random moments, each the recovery of the one before, and what they end in."""

import signal
import subprocess
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from random import Random

from smart_trader.simulator.birdeye import TRADES
from smart_trader.simulator.server import Simulator
from tests.reliability import lakes
from tests.reliability.processes import Place, Run, are_gone, eventually
from tests.reliability.world import first_market, later_market, spoiled

VICTIMS = ("driver", "jvm", "group")
IN_A_ROW = 6
"""Kills before the lake is compared: a run that is left alone costs as much as three."""
SMALL_BATCHES = ("--set", "transactions.wallets_per_commit=5")
"""So that the few wallets are read in several commits, between which a kill can come."""


@dataclass
class Kill:
    """What was done to a run, and what it was doing."""

    victim: str
    after_seconds: float
    during: str

    def __str__(self) -> str:
        return f"{self.victim} at {self.after_seconds} s in {self.during}"


def kill_after(run: Run, seconds: float, victim: str) -> bool:
    """Kill `victim` of a run after so many seconds; whether the run had ended by then. Raises AssertionError unless the
    launcher ends as documented, with nobody left."""
    try:
        status = run.process.wait(seconds)
    except subprocess.TimeoutExpired:
        processes = run.processes()
        expected = -signal.SIGKILL if run.kill(victim) else 75
        status = run.wait(120)
        assert status in (expected, 0), f"{status} instead of {expected}: {run.said}"  # 0: it had just ended
        assert eventually(partial(are_gone, processes), 60), "a process outlived its run"
    else:
        assert status == 0, run.said
    return status == 0


@dataclass
class Round:
    """So many kills on the market of a seed: first of runs that fill a lake, then of those that update it."""

    folder: Path
    seed: int
    times: int
    kills: list[Kill] = field(default_factory=list)

    def run(self) -> None:
        """Raises AssertionError if the lake is not that of runs that were left alone, or anything else is wrong."""
        random, market = Random(self.seed), first_market(self.seed)
        calm, place = Place(self.folder / "undisturbed"), Place(self.folder / "disturbed")
        with Simulator(spoiled(market)) as simulator:
            while len(self.kills) < self.times:
                simulator.market = spoiled(market)
                began = time.monotonic()
                calm.run("pipeline", *SMALL_BATCHES, simulator=simulator)
                longest = time.monotonic() - began
                if not self._is_done_after_kills(place, simulator, random, longest):
                    place.run("pipeline", *SMALL_BATCHES, simulator=simulator)
                lakes.check(place.root)
                assert lakes.digests(place.root) == lakes.digests(calm.root), "I3: other tables"
                market = later_market(market)
            before = lakes.versions(place.root)
            place.run("pipeline", *SMALL_BATCHES, simulator=simulator)
            assert lakes.versions(place.root) == before, "I6: an idle run committed"
        assert list(place.scratch.iterdir()) == [], "I12: scratch was left"

    def _is_done_after_kills(self, place: Place, simulator: Simulator, random: Random, longest: float) -> bool:
        """Kill runs in a row; true if one of them came to its end first.

        A moment is any of a whole run's, early ones oftener: a run begins where the one before was killed, so that late
        steps are hit early in it. Each time the launcher ends as documented, nobody is left, and what was completed is
        not asked for again.
        """
        done: set[str] = set()
        for _ in range(min(IN_A_ROW, self.times - len(self.kills))):
            victim = random.choice(VICTIMS)
            moment = min(random.uniform(2, longest), random.uniform(2, longest))
            asked = len(simulator.requests)
            run = place.start("pipeline", *SMALL_BATCHES, simulator=simulator)
            has_ended = kill_after(run, moment, victim)
            again = {request.query.get("address") for request in simulator.requests[asked:] if request.path == TRADES}
            assert not again & done, "I8: what was completed was fetched again"
            if has_ended:
                return True
            done = place.completed_wallets(simulator.market.now)
            self.kills.append(Kill(victim, round(moment, 1), run.under_way))
        return False
