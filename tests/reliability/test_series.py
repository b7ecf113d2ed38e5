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
from tests.jobs.test_ingest_timeseries import NOW, Place

pytestmark = pytest.mark.long

REGIMES = TABLES["market_regimes"]
LAKES, SEQUENCES = 3, 9
"""Sequences of a lake share its runs, which cost nearly the same for one as for all."""
DAYS = {"SPY": 19, "QQQ": 20, "Ünï": 20}
Value = tuple[str | None, float | None]
Versions = dict[str, tuple[tuple[int, bytes, int], Value]]
"""By key: what decides, and the values."""


@dataclass
class Sequence:
    """Files with versions of three keys of its own, in an order of chance. The model is a dictionary. A time of an
    update stands at most twice: of three the order of runs may show."""

    name: str
    random: Random
    state: Versions = field(default_factory=dict)
    landed: dict[str, Versions] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)
    then: dict[int, Versions] = field(default_factory=dict)
    """By version of the table: the state that it has."""
    minutes: dict[str, list[int]] = field(default_factory=dict)
    """Of updates that are to come, by key."""

    def __post_init__(self) -> None:
        for key in DAYS:
            self.minutes[key] = [*range(1, 50), *range(1, 50)]
            self.random.shuffle(self.minutes[key])

    def land(self, place: Place) -> None:
        ending = self.random.choice(("jsonl", "csv"))
        name = f"market_regimes/{self.random.choice('aBé')}{len(self.landed)}-{self.name}.{ending}"
        versions: Versions = {}
        lines = [] if ending == "jsonl" else ["timestamp,symbol,regime,vix,updated_at"]
        for key in self.random.choices(list(DAYS), k=self.random.randrange(1, 5)):
            minute, regime, vix = (
                self.minutes[key].pop(),
                self.random.choice(("calm", "storm", None)),
                self.random.random(),
            )
            symbol = f"{key}-{self.name}"
            row = {"timestamp": f"2026-11-{DAYS[key]}T08:00Z", "symbol": symbol, "regime": regime, "vix": vix}
            row |= {"updated_at": f"2026-11-20T08:{minute:02}Z"}
            values = ["" if value is None else str(value) for value in row.values()]
            lines.append(json.dumps(row) if ending == "jsonl" else ",".join(values))
            version = ((minute, name.encode(), len(lines)), (regime, vix))
            versions[symbol] = max(versions.get(symbol, version), version, key=lambda one: one[0])
        place.land_text(name, "\n".join(lines))
        self.landed[name] = versions
        self.waiting.append(name)

    def take(self, name: str) -> None:
        for symbol, version in self.landed[name].items():
            self.state[symbol] = max(self.state.get(symbol, version), version, key=lambda one: one[0])

    def take_all(self) -> None:
        while self.waiting:
            self.take(self.waiting.pop())


@dataclass
class Runs:
    """What the runs of a lake do with the files of its sequences."""

    place: Place
    random: Random
    sequences: list[Sequence]

    def run(self) -> None:
        """Raises AssertionError after the first step with another outcome than that of the models."""
        steps = [self.fail, self.go_back, self.read_again, self.forget]
        for step in [self.ingest, *self.random.sample(steps, k=len(steps))]:
            for sequence in self.sequences:
                for _ in range(self.random.randrange(1, 3)):
                    sequence.land(self.place)
            step()
            found = {row.symbol: (row.regime, row.vix) for row in self.place.lake.rows(REGIMES)}
            states = {symbol: value for each in self.sequences for symbol, (_, value) in each.state.items()}
            assert found == states, step.__name__
            for sequence in self.sequences:
                sequence.then[self.place.lake.tables.version(REGIMES)] = dict(sequence.state)

    def ingest(self) -> None:
        self.place.ingest([("series.files_per_batch", str(self.random.randrange(8, 25)))])
        for sequence in self.sequences:
            sequence.take_all()

    def fail(self) -> None:
        point = f"ingest_timeseries.{self.random.choice(('before', 'after'))}_commit:{REGIMES.name}"
        failpoints.arm({failpoints.VARIABLE: f"{point}#{self.random.randrange(1, 3)}=raise"})
        try:
            with pytest.raises(FailpointReached):
                self.place.ingest([("series.files_per_batch", "5")])
        finally:
            failpoints.arm({})
        self.ingest()

    def go_back(self) -> None:
        """What landed since is read again only if it is named."""
        version = self.random.choice(list(self.sequences[0].then))
        self.ingest()
        report = self.place.lake.run("restore", as_of=NOW, table=REGIMES.name, version=version, yes=True)["restore"]
        assert any("--again FILE" in note or "nothing to restore" in note for note in report.notes)
        for sequence in self.sequences:
            sequence.state = dict(sequence.then[version])

    def read_again(self) -> None:
        """Files that were ingested, and files that were not yet."""
        chosen = [(each, name) for each in self.sequences for name in each.random.sample(sorted(each.landed), k=2)]
        self.place.ingest(again=tuple(str(self.place.landing / name) for _, name in chosen))
        for sequence, name in chosen:
            sequence.take(name)

    def forget(self) -> None:
        """Without its checkpoint all that lies there is read again."""
        shutil.rmtree(self.place.lake.root / "_checkpoints")
        for sequence in self.sequences:
            sequence.waiting = list(sequence.landed)
        self.ingest()


@pytest.mark.parametrize("seed", range(LAKES))
def test_the_greatest_version_stays_whatever_happens(spark: SparkSession, tmp_path: Path, seed: int) -> None:
    sequences = [Sequence(f"{nth}", Random(f"{seed}-{nth}")) for nth in range(SEQUENCES)]
    Runs(Place(spark, tmp_path), Random(seed), sequences).run()
