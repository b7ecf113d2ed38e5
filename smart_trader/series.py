"""Writing time series from a program: a model of each series, and a writer of files that `ingest_timeseries` reads.

    with SeriesWriter("/data/landing", MarketRegime) as writer:
        writer.write(MarketRegime(timestamp=datetime.now(UTC), symbol="SPY", regime="calm", vix=14.2))

Needs pydantic and the standard library; no Spark.
"""

import contextlib
import logging
import os
import secrets
import threading
import weakref
from datetime import UTC, datetime, timedelta
from multiprocessing.util import Finalize
from pathlib import Path
from types import TracebackType
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from smart_trader.domain.foundation import market_regimes, performance_metrics, signals
from smart_trader.domain.foundation.records import Rejection, read_record
from smart_trader.domain.foundation.series import FuturesTrend, Series
from smart_trader.domain.foundation.values import Number, value_of

CLOCK_SKEW = timedelta(seconds=300)
"""How far a time may be ahead of this machine's clock: the default of `series.clock_skew_seconds`."""
_log = logging.getLogger(__name__)


def _moment(value: object) -> object:
    """An ISO 8601 text with date and time of day as `datetime`; other values as they are."""
    if isinstance(value, str) and value[10:11] in ("T", " "):
        return datetime.fromisoformat(value)
    return value


def _utc(value: datetime) -> datetime:
    """A plain time: a subclass, as that of pandas, can be finer than microseconds, or no time (ValueError)."""
    plain = datetime.combine(value.date(), value.timetz())
    try:
        return plain.replace(tzinfo=UTC) if plain.tzinfo is None else plain.astimezone(UTC)
    except OverflowError:
        raise ValueError("in UTC it lies before the year 1 or after 9999") from None


def _encodable(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("cannot be written in UTF-8") from None
    return value


Time = Annotated[datetime, BeforeValidator(_moment), AfterValidator(_utc)]
"""A `datetime`, or its ISO 8601 text. Without a zone it is UTC."""
Text = Annotated[str, AfterValidator(_encodable)]
Integer = Annotated[int, Field(ge=-(2**31), lt=2**31)]
Trend = Annotated[FuturesTrend, Field(strict=False)]


class SeriesRow(BaseModel):
    """A row of a series that ingestion does not reject. What is not given is null.

    Raises pydantic.ValidationError for any other row. Of a time that lies ahead, this machine's clock decides here, and
    the time of the ingestion there.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, revalidate_instances="always"
    )
    series: ClassVar[Series]

    timestamp: Time

    @model_validator(mode="after")
    def _keep_rules(self) -> Self:
        values = {name: _as_in_a_file(value) for name, value in self}
        found = read_record(self.series, values, value_of, latest=datetime.now(UTC) + CLOCK_SKEW)
        if isinstance(found, Rejection):
            raise ValueError(f"{found.reason}, {found.detail}")
        return self


def _as_in_a_file(value: object) -> object:
    """A value as ingestion reads it from a file."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return Number(repr(value)) if is_number else value


class MarketRegime(SeriesRow):
    """A row of `foundation.market_regimes`: the state of a market, as a model sees it."""

    series = market_regimes.SERIES

    symbol: Text
    regime: Text | None = None
    vix: float | None = None
    put_call_ratio: float | None = None
    futures_trend: Trend | None = None
    confidence: float | None = None
    model_version: Text | None = None
    source: Text | None = None
    updated_at: Time | None = None


class PerformanceMetric(SeriesRow):
    """A row of `foundation.performance_metrics`: PnL, greeks and prices of a strategy's position."""

    series = performance_metrics.SERIES

    strategy_id: Text
    unrealized_pnl: float | None = None
    realized_pnl: float | None = None
    total_pnl: float | None = None
    delta: float | None = None
    gamma: float | None = None
    theta: float | None = None
    vega: float | None = None
    dte: Integer | None = None
    entry_price: float | None = None
    current_price: float | None = None
    regime_at_entry: Text | None = None
    regime_current: Text | None = None
    updated_at: Time | None = None


class Signal(SeriesRow):
    """A row of `foundation.signals`: a signal of a strategy, and whether somebody acted upon it."""

    series = signals.SERIES

    strategy_id: Text
    signal_type: Text
    signal_value: float | None = None
    source: Text | None = None
    source_version: Text | None = None
    acted_upon: bool | None = None
    acted_at: Time | None = None
    regime: Text | None = None
    futures_trend: Trend | None = None
    updated_at: Time | None = None


R = TypeVar("R", bound=SeriesRow)


class SeriesWriter(Generic[R]):
    """Writes rows of one model into files below `landing`, a folder of this machine. Safe to use from several threads.

    Rows wait in memory until there are `flush_rows`, or the oldest has waited for `flush_seconds`. They are written
    before the process ends, unless it is killed. Each file appears whole or not at all. Names of files sort by time.
    """

    def __init__(self, landing: str | Path, model: type[R], flush_rows: int = 1_000, flush_seconds: float = 60) -> None:
        if not (isinstance(model, type) and issubclass(model, SeriesRow) and model is not SeriesRow):
            raise TypeError(f"{model!r} is no model of a series")
        if "://" in str(landing):
            raise ValueError(f"{landing} is no folder of this machine")
        if flush_rows < 1 or not 0 < flush_seconds <= threading.TIMEOUT_MAX:
            raise ValueError("flush_rows and flush_seconds must be above 0, and no longer than a timer can wait")
        self._model, self._folder = model, Path(landing).absolute() / model.series.name
        self._flush_rows, self._flush_seconds = flush_rows, flush_seconds
        self._start()
        _WRITERS.add(self)

    def _start(self) -> None:
        """Begin without rows, as a new process does."""
        self._lock = threading.RLock()
        self._lines: list[str] = []
        self._timer: threading.Timer | None = None
        self._at_exit: Finalize | None = None
        self._owner = secrets.token_hex(6)
        self._last_name = datetime.min.replace(tzinfo=UTC)

    def write(self, row: R) -> None:
        """Take `row`. It is in a file after `flush_seconds` at the latest.

        Raises TypeError for a row of another model, pydantic.ValidationError for one that was made without its rules
        (`model_copy`, `model_construct`), and OSError as `flush` does.
        """
        if type(row) is not self._model:
            raise TypeError(f"this writer takes {self._model.__name__}, not {type(row).__name__}")
        line = self._model.model_validate(row).model_dump_json(exclude_none=True)
        with self._lock:
            self._lines.append(line)
            if self._at_exit is None:
                # Also at the end of a process of `multiprocessing`, where `atexit` is not heard.
                self._at_exit = Finalize(None, self.flush, exitpriority=0)
            if self._timer is None:
                self._wait()
            if len(self._lines) >= self._flush_rows:
                self.flush()

    def flush(self) -> None:
        """Write the waiting rows into a file. Raises OSError if that fails: the rows wait for the next attempt."""
        with self._lock:
            if not self._lines:
                return
            self._write_file("".join(f"{line}\n" for line in self._lines))
            self._lines.clear()
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._at_exit is not None:
                self._at_exit.cancel()
                self._at_exit = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.flush()

    def _wait(self) -> None:
        """Flush after `flush_seconds`. The thread keeps no process alive."""
        self._timer = threading.Timer(self._flush_seconds, self._flush_in_time)
        self._timer.daemon = True
        self._timer.start()

    def _flush_in_time(self) -> None:
        try:
            self.flush()
        except OSError:
            _log.exception("rows of %s wait in memory, since they cannot be written", self._model.series.name)
            with self._lock:
                self._wait()

    def _write_file(self, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"{self._next_name()}.jsonl"
        partial = target.with_name(f"{target.name}.tmp")
        try:
            with open(partial, "x", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.rename(partial, target)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
        _sync_folder(self._folder)

    def _next_name(self) -> str:
        """The time, later than that of the file before, and what no other writer has."""
        self._last_name = max(datetime.now(UTC), self._last_name + timedelta(microseconds=1))
        return f"{self._last_name:%Y%m%dT%H%M%S.%fZ}-{self._owner}"


_WRITERS: weakref.WeakSet[SeriesWriter[Any]] = weakref.WeakSet()


def _forget_rows_of_parent() -> None:
    """A forked process has no thread but one, and the waiting rows are its parent's to write."""
    for writer in _WRITERS:
        writer._start()


os.register_at_fork(after_in_child=_forget_rows_of_parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a loss of power, on file systems that can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
