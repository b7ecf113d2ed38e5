"""Time series on real tables: whatever comes in whatever order, and whatever stops a run, the greatest version wins."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from pyspark.sql import SparkSession

from smart_trader import failpoints
from smart_trader.domain.foundation.tables import TABLES
from smart_trader.failpoints import FailpointReached
from tests.jobs.test_ingest_timeseries import NOW
from tests.jobs.test_ingest_timeseries import Place as InSession

pytestmark = pytest.mark.long

REGIMES = TABLES["market_regimes"]
SEQUENCES, STEPS = 25, 4
KEYS = ("SPY", "QQQ", "Ünï")
Value = tuple[str | None, float | None]
Versions = dict[str, tuple[tuple[int, bytes, int], Value]]
"""By key: what decides, and the values."""


@dataclass
class Sequence:
    """Files land, are ingested, read again and stopped on the way, and the table goes back, in an order of chance. The
    model is a dictionary. A time of an update stands at most twice: of three the order of runs may show."""

    place: InSession
    random: Random
    state: Versions = field(default_factory=dict)
    landed: dict[str, Versions] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    then: dict[int, Versions] = field(default_factory=dict)
    """By version of the table: the state that it has."""

    def run(self) -> None:
        """Raises AssertionError after the first step with another outcome than the model's."""
        minutes = {key: [*range(1, 50), *range(1, 50)] for key in KEYS}
        for each in minutes.values():
            self.random.shuffle(each)
        steps = [self.ingest, self.fail, self.go_back, self.read_again, self.forget]
        for step in [self.ingest, *self.random.choices(steps, k=STEPS - 1)]:
            for _ in range(self.random.randrange(1, 4)):
                self.land(minutes)
            step()
            found = {row.symbol: (row.regime, row.vix) for row in self.place.lake.rows(REGIMES)}
            assert found == {key: value for key, (_, value) in self.state.items()}, step.__name__
            self.then[self.place.lake.tables.version(REGIMES)] = dict(self.state)

    def land(self, minutes: dict[str, list[int]]) -> None:
        name = f"market_regimes/{self.random.choice('aBé')}{len(self.landed)}.{self.random.choice(('jsonl', 'csv'))}"
        versions: Versions = {}
        lines = [] if name.endswith("jsonl") else ["timestamp,symbol,regime,vix,updated_at"]
        for key in self.random.choices(KEYS, k=self.random.randrange(1, 5)):
            minute, regime, vix = minutes[key].pop(), self.random.choice(("calm", "storm", None)), self.random.random()
            row = {"timestamp": "2026-11-20T08:00Z", "symbol": key, "regime": regime, "vix": vix}
            row |= {"updated_at": f"2026-11-20T08:{minute:02}Z"}
            values = ["" if value is None else str(value) for value in row.values()]
            lines.append(json.dumps(row) if name.endswith("jsonl") else ",".join(values))
            version = ((minute, name.encode(), len(lines)), (regime, vix))
            versions[key] = max(versions.get(key, version), version, key=lambda one: one[0])
        self.place.land_text(name, "\n".join(lines))
        self.landed[name] = versions
        self.waiting.append(name)

    def ingest(self) -> None:
        self.place.ingest([("series.files_per_batch", str(self.random.randrange(1, 4)))])
        while self.waiting:
            self._take(self.waiting.pop())

    def fail(self) -> None:
        point = f"ingest_timeseries.{self.random.choice(('before', 'after'))}_commit:{REGIMES.name}"
        failpoints.arm({failpoints.VARIABLE: f"{point}#{self.random.randrange(1, 3)}=raise"})
        try:
            self.place.ingest([("series.files_per_batch", "1")])
        except FailpointReached:
            pass
        finally:
            failpoints.arm({})
        self.ingest()

    def go_back(self) -> None:
        """What landed since is read again only if it is named."""
        version, state = self.random.choice(list(self.then.items()))
        self.ingest()
        report = self.place.lake.run("restore", as_of=NOW, table=REGIMES.name, version=version, yes=True)["restore"]
        assert any("--again FILE" in note or "nothing to restore" in note for note in report.notes)
        self.state = dict(state)

    def read_again(self) -> None:
        names = self.random.sample(sorted(self.landed), k=min(2, len(self.landed)))
        self.place.ingest(again=tuple(str(self.place.landing / name) for name in names))
        for name in names:
            self._take(name)

    def forget(self) -> None:
        """Without its checkpoint all that lies there is read again."""
        shutil.rmtree(self.place.lake.root / "_checkpoints")
        self.waiting = list(self.landed)
        self.ingest()

    def _take(self, name: str) -> None:
        for key, version in self.landed[name].items():
            self.state[key] = max(self.state.get(key, version), version, key=lambda one: one[0])


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_the_greatest_version_stays_whatever_happens(spark: SparkSession, tmp_path: Path, seed: int) -> None:
    Sequence(InSession(spark, tmp_path), Random(seed)).run()
