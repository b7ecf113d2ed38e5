"""Writers that change one table at the same moment, again and again, and what the table has to be in the end."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from threading import Barrier, BrokenBarrierError, Lock
from typing import Any

from delta.exceptions import DeltaConcurrentModificationException
from pyspark.sql import DataFrame, SparkSession

from smart_trader.domain.tables.changes import RowScope
from smart_trader.domain.tables.table import STRING, USD, Column, Table, not_negative
from smart_trader.errors import Interrupted
from smart_trader.io.delta.maintenance import DeltaMaintenance
from smart_trader.io.delta.store import DeltaStore
from smart_trader.io.machine.clock import SystemClock
from tests.reliability.lakes import log_is_contiguous_and_every_version_reads, rows_of

TABLE = Table(
    name="silver.contested",
    grain="one row per thing",
    key=("id",),
    job="maker",
    columns=(
        Column("id", STRING, "Key.", nullable=False),
        Column("part", STRING, "Whose row it is."),
        Column("usd", USD, "The round that it was written in."),
    ),
    checks=not_negative("usd"),
)
MEETINGS = {
    "merge and merge": ("merge", "merge"),
    "append and merge": ("append", "merge"),
    "merge and OPTIMIZE": ("merge", "OPTIMIZE"),
    "merge and VACUUM": ("merge", "VACUUM"),
    "four writers": ("merge", "merge", "append", "append"),
    "three writers, OPTIMIZE and VACUUM": ("merge", "merge", "append", "OPTIMIZE", "VACUUM"),
}
"""Who meets at the table."""


class Meeting:
    """Writers that do one thing each a round, all at the same moment."""

    def __init__(self, spark: SparkSession, root: Path, writers: tuple[str, ...], rounds: int) -> None:
        self._spark, self._root, self.rounds = spark, root, rounds
        self._writers = [(kind, f"{kind}-{nth}") for nth, kind in enumerate(writers)]
        self._together, self._lock = Barrier(len(writers)), Lock()
        self.beaten: Counter[str] = Counter()
        """How often a writer had to begin anew after five attempts, and maintenance was left for the next time."""

    def run(self) -> None:
        """Raises AssertionError unless everybody's last word stands, every version reads, and nothing else is there."""
        self._store("first").create([TABLE])
        with ThreadPoolExecutor(len(self._writers)) as pool:
            ends = [pool.submit(self._work, kind, name).exception for kind, name in self._writers]
            errors = [error for error in (end() for end in ends) if error]
        for error in sorted(errors, key=lambda error: isinstance(error, BrokenBarrierError)):
            raise error  # not that of the others, who waited for the one that failed
        stored = sorted((row["id"], row["part"], row["usd"]) for row in rows_of(self._root, TABLE))
        assert stored == self._wanted()
        log_is_contiguous_and_every_version_reads(self._root, TABLE)

    def _work(self, kind: str, name: str) -> None:
        store, maintenance = self._store(name), DeltaMaintenance(self._spark, self._store(name).path)
        do: dict[str, Callable[[int], None]] = {
            "merge": lambda nth: _merge(store, name, nth),
            "append": lambda nth: store.append_new(TABLE, _frame(store, [_row(f"{name}-{nth}", name, nth)])),
            "OPTIMIZE": lambda _: maintenance.optimize(TABLE, cluster=False),
            "VACUUM": lambda _: maintenance.vacuum(TABLE),
        }
        try:
            for nth in range(self.rounds):
                self._together.wait(300)
                # The checker infers no type of a lambda with a default.
                self._until_done(lambda nth=nth: do[kind](nth), kind)  # type: ignore[misc]
        except BaseException:
            self._together.abort()
            raise

    def _until_done(self, write: Callable[[], None], kind: str) -> None:
        """As the user does who is told to run again; maintenance waits for the next time."""
        for _ in range(5):
            try:
                return write()
            except Interrupted:
                self._note(kind)
            except DeltaConcurrentModificationException:
                self._note(kind)
                if kind in ("OPTIMIZE", "VACUUM"):
                    return None
                raise
        raise AssertionError(f"{kind} never came through")

    def _note(self, kind: str) -> None:
        with self._lock:
            self.beaten[kind] += 1

    def _wanted(self) -> list[tuple[Any, ...]]:
        last, rows = self.rounds - 1, []
        for kind, name in self._writers:
            if kind == "merge":
                rows += _merged(name, last)
            elif kind == "append":
                rows += [_row(f"{name}-{nth}", name, nth) for nth in range(self.rounds)]
        return sorted((row["id"], row["part"], row["usd"]) for row in rows)

    def _store(self, name: str) -> DeltaStore:
        days = {"silver": 90}
        return DeltaStore(self._spark, str(self._root), clock=SystemClock(), run_id=name, retention_days=days)


def _merge(store: DeltaStore, name: str, nth: int) -> None:
    """The two ways to change rows that are stored, in turn."""
    if nth % 2:
        changed = [{"id": f"{name}-changes", "usd": Decimal(nth)}]
        store.update(TABLE, store.frame(TABLE.fields(("id", "usd")), changed))
    else:
        scope = RowScope(store.frame(TABLE.fields(("part",)), [{"part": name}]))
        store.replace(TABLE, _frame(store, _merged(name, nth)), within=scope)


def _merged(name: str, nth: int) -> list[dict[str, Any]]:
    """What that leaves: a row that stays, one that changes, and the new one of every other round."""
    added = nth - nth % 2
    return [_row(f"{name}-same", name, 0), _row(f"{name}-changes", name, nth), _row(f"{name}-{added}", name, added)]


def _row(key: str, part: str, nth: int) -> dict[str, Any]:
    return {"id": key, "part": part, "usd": Decimal(nth)}


def _frame(store: DeltaStore, rows: list[dict[str, Any]]) -> DataFrame:
    return store.frame(TABLE.own_schema, rows)
