"""Time series: what ingesting costs over a plain append, and how much a reader of one day reads. What the figures mean
and what they were: docs/performance.md."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from benchmarks import lakes, session
from benchmarks.session import Cost, Figure
from smart_trader.domain import catalog
from smart_trader.domain.foundation import queries
from smart_trader.domain.foundation.tables import DAY, SOURCE_FILE, SOURCE_LINE, TABLES
from smart_trader.io.delta.store import DeltaStore
from smart_trader.jobs import ingest_timeseries, maintain

_TABLE = TABLES["market_regimes"]
_OURS = (SOURCE_FILE.name, SOURCE_LINE.name, DAY.name)
_FIRST_DAY = datetime(2020, 1, 1, tzinfo=UTC)
_SYMBOLS, _DAYS, _UPDATED_DAYS = 40, 250, 7
_FILES, _TRIES = 20, 3


@dataclass(frozen=True, slots=True)
class Sizes:
    """Rows that are stored at first, rows that land at once, and files of one row."""

    stored: int
    new: int
    files: int


@dataclass(slots=True)
class Place:
    """A warehouse with a landing folder beside it. Rows are numbered: the `rows` that are known are those before it,
    and later ones have later times."""

    spark: SparkSession
    folder: Path
    sizes: Sizes
    rows: int = 0
    landed: int = 0

    @property
    def tables(self) -> DeltaStore:
        return lakes.open_store(self.spark, self.folder / "lake")

    @property
    def per_day(self) -> int:
        """Rows of a day, of all symbols."""
        return _SYMBOLS * max(1, self.sizes.stored // _DAYS // _SYMBOLS)

    def fill(self) -> None:
        """Store the first rows."""
        self.tables.create(catalog.TABLES)
        rows = self._records(self._new(self.sizes.stored), version=0)
        places = {SOURCE_FILE.name: F.lit("stored"), SOURCE_LINE.name: F.lit(1).cast("bigint")}
        self.tables.append(_TABLE, _with_day(rows).withColumns(places).repartition(DAY.name))

    def land(self, name: str, *, updates: int) -> Path:
        """Land new rows in some files, in the order of their times; `updates` of them are stored ones of the last
        days."""
        self.landed += 1
        first = max(0, self.rows - _UPDATED_DAYS * self.per_day)
        step = max(1, (self.rows - first) // max(1, updates))
        old = self.spark.range(first, self.rows, step).limit(updates)
        rows = self._records(old.union(self._new(self.sizes.new - updates)), version=self.landed)
        folder = self.folder / "landing" / "market_regimes" / name
        rows.repartitionByRange(_FILES, "timestamp").write.json(str(folder))
        return folder

    def land_single(self) -> None:
        """Land files of one new row each."""
        folder = self.folder / "landing" / "market_regimes" / "single"
        folder.mkdir(parents=True)
        rows = self._records(self._new(self.sizes.files), version=0).select(F.to_json(F.struct("*")))
        for nth, (text,) in enumerate(rows.collect()):
            (folder / f"{nth:05}.jsonl").write_text(f"{text}\n", encoding="utf-8")

    def ingest(self) -> None:
        self._run(ingest_timeseries)

    def maintain(self) -> None:
        self._run(maintain)

    def append_plainly(self, folder: Path) -> None:
        """Append what landed in `folder` to a table of its own, as Spark does it by itself."""
        schema = _TABLE.fields(name for name in _TABLE.column_names if name not in _OURS)
        rows = _with_day(self.spark.read.schema(schema).json(str(folder)))
        target = str(self.folder / "plain")
        rows.write.format("delta").mode("append").partitionBy(DAY.name).save(target)

    def measure(self, name: str, work: Callable[[], Any]) -> Cost:
        return session.measure(self.spark, self.folder.parent, f"{self.sizes.stored:,} rows: {name}", work)

    def _run(self, job: Any) -> None:
        settings = [("warehouse.root", str(self.folder / "lake")), ("series.landing", str(self.folder / "landing"))]
        lakes.run_job(self.spark, self.tables, job, settings)

    def _new(self, count: int) -> DataFrame:
        first, self.rows = self.rows, self.rows + count
        return self.spark.range(first, self.rows)

    def _records(self, numbers: DataFrame, *, version: int) -> DataFrame:
        """The rows of these numbers as a program writes them; those of a greater `version` are newer."""
        times = self.per_day // _SYMBOLS + 1
        time = f"timestamp_seconds({int(_FIRST_DAY.timestamp())} + 86400 * (id DIV {self.per_day})"
        time += f" + {86_400 // times} * (id % {self.per_day} DIV {_SYMBOLS}))"
        columns = {
            "timestamp": time,
            "symbol": f"concat('S', id % {self.per_day} % {_SYMBOLS})",
            "regime": "elt(1 + id % 3, 'calm', 'nervous', 'storm')",
            "vix": f"10 + (id * 7919 + {version}) % 3000 / 100D",
            "put_call_ratio": "id * 31 % 2000 / 1000D",
            "futures_trend": "elt(1 + id % 3, 'up', 'down', 'flat')",
            "confidence": "id * 17 % 1000 / 1000D",
            "model_version": "'1.4.2'",
            "source": "'regime-model'",
            "updated_at": f"{time} + INTERVAL {version} MINUTE",
        }
        return numbers.select(*(F.expr(text).alias(name) for name, text in columns.items()))


def run(scratch: Path, sizes: Sizes, warm_up: Sizes) -> None:
    """Print every figure of docs/performance.md."""
    spark = session.start(scratch)
    print("to warm up, since the first piece of work would else pay for what all have compiled:", flush=True)
    _measure(Place(spark, scratch / "first", warm_up))
    print("measured:", flush=True)
    session.show(_measure(Place(spark, scratch / "measured", sizes)))
    spark.stop()


def _measure(place: Place) -> list[Figure]:
    place.fill()
    new, plain_new = _in_turn(place, "new rows", updates=0)
    mixed, plain_mixed = _in_turn(place, "a tenth updates", updates=place.sizes.new // 10)
    again = place.measure("the same files again", place.ingest)
    place.land_single()
    single = place.measure("files of one row", place.ingest)
    place.measure("maintain", place.maintain)
    rows, files = f"{place.sizes.new:,} rows", f"{place.sizes.files:,} files of one row"
    return [
        Figure(f"{rows} of new dates over a plain append", new / plain_new, 3.0),
        Figure(f"{rows}, a tenth updates of the last days, over the same", mixed / plain_mixed, 6.0),
        Figure("the same files again over the first time", again.seconds / new, 0.3),
        Figure("commits of the same files again", again.commits, 0),
        Figure(f"{files}, commits", single.commits, 10),
        Figure(f"{files}", single.seconds, 60, unit=" s"),
        Figure("read for a day and a symbol, of all bytes", _share_read(place), 5, unit=" %"),
    ]


def _in_turn(place: Place, name: str, *, updates: int) -> tuple[float, float]:
    """Seconds of ingesting and of a plain append of the same files, the least of some tries each, in turn."""
    costs = []
    for nth in range(1, _TRIES + 1):
        folder = place.land(f"{name} {nth}", updates=updates)
        ingested = place.measure(f"{name}, try {nth}", place.ingest)
        plain = place.measure(f"{name}, plain append, try {nth}", partial(place.append_plainly, folder))
        costs.append((ingested.seconds, plain.seconds))
    ours, plainly = zip(*costs, strict=True)
    expected = place.rows
    assert place.tables.read(_TABLE).count() == expected, "a row was lost, or stands twice"
    return min(ours), min(plainly)


def _share_read(place: Place) -> float:
    """Percent of the bytes of the table that its query for one day and one symbol reads."""
    stored = place.tables.contents(_TABLE)
    assert stored is not None
    day = _FIRST_DAY + timedelta(days=place.rows // place.per_day // 2)

    def read() -> None:
        rows = queries.between(place.tables.read(_TABLE), day, day + timedelta(days=1))
        assert len(rows.where("symbol = 'S7'").collect()) == place.per_day // _SYMBOLS

    return 100 * place.measure("range of a day and a symbol", read).bytes_read / stored.bytes


def _with_day(rows: DataFrame) -> DataFrame:
    return rows.withColumn(DAY.name, F.to_date("timestamp"))
