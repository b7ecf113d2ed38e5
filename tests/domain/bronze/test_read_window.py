"""How far a wallet has been read: whatever cuts the reading, in the end every trade was read. No Spark."""

import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smart_trader.domain.bronze.read_window import Reach, ReadWindow, Stretch, next_stretch, reach_after

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
OVERLAP = timedelta(seconds=3)


@dataclass
class State:
    """A wallet that was never fetched."""

    history_complete: bool | None = None
    oldest_trade_at: datetime | None = None
    newest_trade_at: datetime | None = None
    gap_newer_than: datetime | None = None
    gap_older_than: datetime | None = None
    read_until: datetime | None = None


def second(number: int) -> datetime:
    return START + timedelta(seconds=number)


@dataclass
class Reader:
    """A wallet with a trade in some seconds, and what was read of it so far."""

    trades: set[int]
    bounds_are_inclusive: bool
    state: State = field(default_factory=State)
    known: frozenset[int] = frozenset()

    def run(self, now: int, seconds_per_run: int) -> bool:
        """Read as the job does, at most so many seconds that were not read before; whether the limit cut it."""
        stretch = next_stretch(self.state, as_of=second(now), overlap=OVERLAP)
        served = [second(trade) for trade in sorted(self.trades, reverse=True) if self._is_served(trade, stretch, now)]
        wanted = [time for time in served if stretch.down_to is None or time >= stretch.down_to]
        new = [time for time in wanted if time < stretch.before - timedelta(seconds=1)]
        is_cut = len(new) > seconds_per_run
        kept = [time for time in wanted if time >= new[seconds_per_run - 1]] if is_cut else served
        reach = reach_after(self.state, stretch, kept, is_cut=is_cut)
        self.known |= {int((time - START).total_seconds()) for time in kept}
        self.state = State(**asdict(reach))
        return is_cut

    def _is_served(self, trade: int, stretch: Stretch, now: int) -> bool:
        time = second(trade)
        return time <= second(now) and (time < stretch.before or (self.bounds_are_inclusive and time == stretch.before))


_runs = st.lists(st.tuples(st.integers(-15, 12), st.integers(1, 4)), max_size=12)


@given(st.sets(st.integers(0, 80), max_size=40), _runs, st.booleans())
@example({1, 5, 8, 9}, [(0, 1), (-6, 4)], False)  # at an earlier business time the API serves less than is unread
def test_every_trade_is_read_in_the_end_and_complete_means_without_a_hole(
    trades: set[int], runs: list[tuple[int, int]], bounds_are_inclusive: bool
) -> None:
    reader, now = Reader(trades, bounds_are_inclusive), 10
    for pause, seconds_per_run in runs:
        now = max(0, now + pause)
        reader.run(now, seconds_per_run)
        newest = reader.state.newest_trade_at
        passed = {trade for trade in trades if newest is not None and second(trade) <= newest}
        oldest = reader.state.oldest_trade_at
        if reader.state.history_complete:
            assert reader.known == passed
            assert oldest == (second(min(reader.known)) if reader.known else None)
        elif reader.state.gap_older_than is None:
            assert oldest is not None
            assert {trade for trade in passed if second(trade) >= oldest} <= reader.known
        assert newest == (second(max(reader.known)) if reader.known else None)

    for _ in range(2 * len(trades) + 9):
        is_cut = reader.run(200, 1)
        assert reader.state.history_complete != is_cut
        if not is_cut and reader.state.newest_trade_at == second(max(trades, default=0)):
            break
    assert reader.known == trades
    assert reader.state.history_complete


FIRST, OLD, NEW, LATE, NOW = (second(number) for number in (0, 10, 20, 30, 40))


@pytest.mark.parametrize(
    ("state", "stretch"),
    [
        pytest.param(State(), Stretch(NOW, None), id="never fetched: all"),
        pytest.param(State(True, OLD, NEW), Stretch(NOW, second(17)), id="complete: what is newer, and late"),
        pytest.param(State(True), Stretch(NOW, None), id="complete without a trade: all"),
        pytest.param(State(False, OLD, NEW), Stretch(second(11), None), id="cut: on from the oldest second"),
        pytest.param(
            State(False, FIRST, LATE, gap_newer_than=OLD, gap_older_than=NEW),
            Stretch(second(21), OLD),
            id="a gap first",
        ),
        pytest.param(State(False, second(50), second(60)), Stretch(NOW, None), id="never after the present"),
    ],
)
def test_the_next_fetch_goes_on_where_the_last_one_ended(state: State, stretch: Stretch) -> None:
    assert next_stretch(state, as_of=NOW, overlap=OVERLAP) == stretch


def test_a_cut_above_known_trades_leaves_a_gap_and_not_an_older_end() -> None:
    known = State(True, FIRST, OLD)

    reach = reach_after(known, Stretch(NOW, OLD), [LATE, NEW], is_cut=True)

    assert reach == Reach(False, FIRST, LATE, gap_newer_than=OLD, gap_older_than=NEW)


@pytest.mark.parametrize(
    ("state", "read_until"),
    [
        pytest.param(State(), NOW, id="never fetched"),
        pytest.param(State(True, FIRST, OLD, read_until=OLD), NOW, id="from the newest on"),
        pytest.param(State(False, OLD, NEW, read_until=LATE), LATE, id="an old cut goes on, and nothing newer is read"),
        pytest.param(State(False, FIRST, LATE, OLD, NEW, read_until=LATE), LATE, id="a gap is read, and nothing newer"),
        pytest.param(State(False, OLD, NEW), NEW, id="of a cut by an edition that did not say: its newest trade"),
    ],
)
def test_until_when_a_wallet_was_read_is_when_its_newest_trades_were(state: State, read_until: datetime) -> None:
    window = ReadWindow(state, next_stretch(state, as_of=NOW, overlap=OVERLAP), as_of=NOW, limit=9)
    window.take([], asked=9, is_last=True)
    reach = window.trades().reach
    assert reach is not None and reach.read_until == read_until


def read_in_one_second(count: int, *, limit: int) -> tuple[ReadWindow, int]:
    """A window over so many rows of one second, and the calls that it took."""
    rows = [{"event_id": str(nth), "block_time": OLD} for nth in range(count)]
    window, calls = ReadWindow(State(), Stretch(NOW, None), as_of=NOW, limit=limit), 0
    while not window.is_done:
        page = rows[100 * calls : 100 * calls + 100]
        calls += 1
        window.take(page, asked=100, is_last=100 * calls >= count)
    return window, calls


def test_a_second_that_does_not_end_is_left_with_a_word() -> None:
    window, calls = read_in_one_second(30_000, limit=1_000)

    trades = window.trades()
    assert (calls, trades.served, trades.rows, trades.reach) == (110, 11_000, [], None)
    assert trades.failure == (
        f"11000 rows were served, and none leads further back than {NOW:%Y-%m-%d %H:%M:%S} UTC. Nothing was lost; a"
        " later run tries again."
    )


def test_the_time_that_reading_takes_grows_with_the_rows_and_no_faster() -> None:
    started = time.process_time()
    window, _ = read_in_one_second(20_000, limit=10_001)

    assert len(window.trades().rows) == 20_000
    assert time.process_time() - started < 1
