"""Reading one wallet page by page, cut by the limit, run after run. No Spark, no server."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader.domain.bronze.read_window import Trades
from smart_trader.errors import LimitReached, QuotaExhausted, SourceRejected, SourceUnavailable
from smart_trader.io.birdeye.trades import parse_trade
from smart_trader.jobs.bronze_transactions import fetch_trades
from smart_trader.ports import TradePage
from smart_trader.run.fetching import CutShort
from smart_trader.simulator.addresses import signature
from tests.domain.bronze.test_read_window import State
from tests.io.birdeye import rows
from tests.io.birdeye.rows import MISSING, NOW, WALLET

OVERLAP = 5
"""Seconds."""


@dataclass
class Wallet(State):
    """State columns of a wallet, as the job has them from Spark."""

    wallet_address: str = WALLET


@dataclass
class Api:
    """Serves a wallet's rows newest first; `seconds` has one entry a row.

    Of the `page_size` rows asked for it serves `served_at_once`. `spoiled` are changes of the row of that number, and
    `fault` is raised after so many pages.
    """

    seconds: Sequence[int]
    page_size: int = 2
    bounds_are_inclusive: bool = False
    minds_its_bound: bool = True
    now: datetime = NOW
    items: dict[int, Any] = field(default_factory=dict)
    served_at_once: int = 100
    spoiled: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)
    fault: tuple[int, Exception] | None = None
    calls: list[datetime] = field(default_factory=list)

    def trade_pages(self, wallet: str, *, before: datetime, fetched_at: datetime) -> Iterator[TradePage]:
        served = [self._item(nth) for nth in self._newest_first() if self._is_served(nth, before)]
        at_once = min(self.page_size, self.served_at_once)
        starts = range(0, len(served), at_once) or [0]
        for nth, start in enumerate(starts):
            if self.fault and self.fault[0] <= nth:
                raise self.fault[1]
            self.calls.append(before)
            items = served[start : start + at_once]
            page = [parse_trade(item, wallet=wallet, fetched_at=fetched_at, now=self.now) for item in items]
            yield TradePage(page, is_last=start == starts[-1], asked=self.page_size)

    def _newest_first(self) -> list[int]:
        return sorted(range(len(self.seconds)), key=lambda nth: (-self.seconds[nth], nth))

    def _is_served(self, nth: int, before: datetime) -> bool:
        time = self.time(nth)
        has_happened = time <= self.now and (time < before or (self.bounds_are_inclusive and time == before))
        return has_happened or not self.minds_its_bound

    def time(self, nth: int) -> datetime:
        return NOW + timedelta(seconds=self.seconds[nth])

    def _item(self, nth: int) -> Any:
        time = int(self.time(nth).timestamp())
        made = {"block_unix_time": time, "tx_hash": signature(nth), **self.spoiled.get(nth, {})}
        if nth not in self.items:
            self.items[nth] = rows.trade(made)
        return self.items[nth]


def read(api: Api, wallet: Wallet, *, limit: int, as_of: datetime) -> tuple[Trades, Wallet]:
    """One run of the job on one wallet, and the state that it leaves."""
    transactions = SimpleNamespace(max_trades_per_wallet=limit, overlap_hours=OVERLAP / 3600)
    app: Any = SimpleNamespace(
        as_of=as_of,
        settings=SimpleNamespace(transactions=transactions),
        market=replace(api, now=as_of),
    )
    state: Any = wallet
    trades = fetch_trades(app, state)
    return trades, replace(wallet, **(asdict(trades.reach) if trades.reach else {}))


def seconds_of(trades: Trades) -> list[int]:
    return [int((row["block_time"] - NOW).total_seconds()) for row in trades.rows]


@given(
    seconds=st.lists(st.integers(-30, 30), max_size=30),
    runs=st.lists(st.tuples(st.integers(0, 15), st.integers(1, 6)), max_size=8),
    page_size=st.integers(1, 5),
    bounds_are_inclusive=st.booleans(),
)
def test_whatever_the_limit_cuts_every_row_is_read_in_the_end(
    seconds: list[int], runs: list[tuple[int, int]], page_size: int, bounds_are_inclusive: bool
) -> None:
    api, wallet, now = Api(seconds, page_size, bounds_are_inclusive), Wallet(), 0
    completed = 0
    known: dict[str, int] = {}
    to_the_end = ((60 if nth == 0 else 0, 1) for nth in range(2 * len(set(seconds)) + 9))
    for nth, (pause, limit) in enumerate([*runs, *to_the_end]):
        now += pause
        trades, wallet = read(api, wallet, limit=limit, as_of=NOW + timedelta(seconds=now))
        known |= dict(zip((row["event_id"] for row in trades.rows), seconds_of(trades), strict=True))
        whole = [second for second in seconds if second in known.values()]
        assert sorted(known.values()) == sorted(whole), "a second, and so perhaps a transaction, was split"
        completed += nth >= len(runs) and wallet.history_complete is True
        if completed == 2:  # what a cut had left, and what is newer than that
            break
    assert sorted(known.values()) == sorted(seconds)
    assert wallet.history_complete


def test_a_cut_leaves_the_oldest_second_for_the_next_run() -> None:
    api = Api([-1, -2, -3, -3, -4])

    first, wallet = read(api, Wallet(), limit=3, as_of=NOW)
    assert seconds_of(first) == [-1, -2]
    assert (first.served, wallet.history_complete) == (3, False)

    second, wallet = read(api, wallet, limit=3, as_of=NOW)
    assert seconds_of(second) == [-2, -3, -3, -4]
    assert wallet.history_complete


def test_a_limit_that_falls_on_the_last_row_cuts_nothing() -> None:
    trades, wallet = read(Api([-1, -2, -3]), Wallet(), limit=3, as_of=NOW)

    assert seconds_of(trades) == [-1, -2, -3]
    assert wallet.history_complete


def test_trades_after_the_business_time_are_not_used_even_when_served() -> None:
    trades, wallet = read(Api([5, 1, 0, -1], minds_its_bound=False), Wallet(), limit=9, as_of=NOW)

    assert seconds_of(trades) == [0, -1]
    assert wallet.newest_trade_at == NOW


def test_a_known_wallet_is_read_down_to_what_may_come_late_and_no_further() -> None:
    known = Wallet(True, NOW - timedelta(seconds=90), NOW - timedelta(seconds=3))
    api = Api([-1, -2, -3, -3, *range(-90, -3)], page_size=5)

    trades, wallet = read(api, known, limit=100, as_of=NOW)

    assert seconds_of(trades) == [-1, -2, -3, -3, -4, -5, -6, -7, -8, -9]
    assert (wallet.history_complete, wallet.gap_older_than) == (True, None)
    assert wallet.oldest_trade_at == known.oldest_trade_at


def test_a_late_row_is_found_within_the_overlap_whatever_the_limit_cuts() -> None:
    late = Api([-1, -2, -3, -4, -6, -30])
    known = Wallet(True, NOW - timedelta(seconds=90), NOW - timedelta(seconds=3))
    found, runs = set[int](), 0
    while runs == 0 or not known.history_complete:
        trades, known = read(late, known, limit=1, as_of=NOW)
        found |= set(seconds_of(trades))
        runs += 1

    assert found == {-1, -2, -3, -4, -6, -30}, "the page that comes down to what is known is used whole"
    assert 1 < runs < 6


SPOILED = {"tx_hash": MISSING}


def test_the_limit_counts_rows_that_cannot_be_used_and_says_why_the_wallet_waits() -> None:
    api = Api(range(-3_000, 0), page_size=100, spoiled=dict.fromkeys(range(3000), SPOILED))

    trades, wallet = read(api, Wallet(), limit=1_000, as_of=NOW)

    assert len(api.calls) == 10
    assert (trades.served, len(trades.rejected), trades.rows, trades.reach) == (1_000, 1_000, [], None)
    assert trades.failure == "1000 of 1000 rows could not be used: no_tx_hash (tx_hash: null)"
    assert wallet == Wallet()


@pytest.mark.parametrize(("spoiled", "is_done"), [(50, True), (51, False)])
def test_more_than_half_of_the_rows_have_to_be_usable(spoiled: int, is_done: bool) -> None:
    api = Api(range(-100, 0), page_size=100, spoiled=dict.fromkeys(range(spoiled), SPOILED))

    trades, wallet = read(api, Wallet(), limit=1_000, as_of=NOW)

    assert (trades.failure is None, len(trades.rows)) == (is_done, 50 if is_done else 0)
    assert wallet.history_complete is (True if is_done else None)


def test_pages_of_one_row_cost_no_more_calls_than_full_ones_and_are_read_in_the_end() -> None:
    api, wallet, runs = Api(range(-30, 0), page_size=100, served_at_once=1), Wallet(), 0
    found: set[int] = set()
    while not wallet.history_complete:
        asked = len(api.calls)
        trades, wallet = read(api, wallet, limit=500, as_of=NOW)
        assert len(api.calls) - asked <= 5
        found |= set(seconds_of(trades))
        runs += 1

    assert found == set(range(-30, 0))
    assert runs <= 30 / 3 + 1, "of five rows one was known and one waits"


def test_rows_after_the_business_time_count_for_the_limit_and_are_never_all_that_is_said() -> None:
    api = Api([*range(1, 500), -1], page_size=10, minds_its_bound=False)

    trades, _ = read(api, Wallet(), limit=100, as_of=NOW)

    assert len(api.calls) == 10
    assert (trades.rows, trades.rejected, trades.reach) == ([], [], None)
    assert trades.failure == (
        "100 rows were served, and none leads further back than 2026-01-05 09:00:00 UTC. Nothing was lost; a later run"
        " tries again."
    )


def test_a_second_with_more_rows_than_the_limit_is_read_to_its_end() -> None:
    api = Api([-2] + [-3] * 250 + [-4, -5, -6], page_size=100)

    first, wallet = read(api, Wallet(), limit=100, as_of=NOW)
    assert (seconds_of(first), wallet.history_complete) == ([-2], False), "the second waits whole"

    second, wallet = read(api, wallet, limit=100, as_of=NOW)
    assert seconds_of(second) == [-2, *[-3] * 250]
    assert len(api.calls) == 1 + 3

    third, wallet = read(api, wallet, limit=1_000, as_of=NOW)
    assert seconds_of(third) == [*[-3] * 250, -4, -5, -6]
    assert wallet.history_complete


@pytest.mark.parametrize("error", [SourceRejected("the same page again"), SourceUnavailable("503")])
def test_what_came_before_a_fault_is_kept_whole_seconds_of_it(error: Exception) -> None:
    api = Api([-1, -2, -2, -3, -4], fault=(2, error))

    trades, wallet = read(api, Wallet(), limit=100, as_of=NOW)
    assert (seconds_of(trades), trades.failure) == ([-1, -2, -2], str(error))
    assert (wallet.history_complete, wallet.oldest_trade_at) == (False, NOW - timedelta(seconds=2))

    trades, wallet = read(replace(api, fault=None), wallet, limit=100, as_of=NOW)
    assert (seconds_of(trades), trades.failure, wallet.history_complete) == ([-2, -2, -3, -4], None, True)


@pytest.mark.parametrize("error", [LimitReached("10 units are spent"), QuotaExhausted("used up")])
def test_units_that_are_spent_in_the_middle_cut_a_history_like_the_limit_on_rows(error: Exception) -> None:
    api = Api([-1, -2, -2, -3, -4], fault=(2, error))

    with pytest.raises(CutShort) as cut:
        read(api, Wallet(), limit=100, as_of=NOW)

    trades: Any = cut.value.answer
    assert cut.value.cause is error
    assert (seconds_of(trades), trades.failure) == ([-1, -2, -2], None)
    assert trades.reach.history_complete is False


@pytest.mark.parametrize("pages", [0, 1])
def test_a_fault_before_anything_can_be_kept_is_the_wallets_error(pages: int) -> None:
    with pytest.raises(SourceUnavailable, match="503"):
        read(Api([-1, -1, -1], fault=(pages, SourceUnavailable("503"))), Wallet(), limit=100, as_of=NOW)


PATHS = [
    *rows.trade(),
    *(f"{side}.{name}" for side in ("base", "quote") for name in rows.trade()[side]),
]
IDENTITY = ("ins_index", "address")
"""May be missing, and are in the identity of a row: what was read before would be read once more."""


@pytest.mark.parametrize("path", PATHS)
def test_a_field_that_gets_another_name_fails_the_wallet_or_is_one_that_nothing_hangs_on(path: str) -> None:
    value = rows.trade()
    for name in path.split("."):
        value = value[name]
    renamed = {path: MISSING, f"{path}_new": value} if path != "tx_hash" else SPOILED
    honest, _ = read(Api(range(-20, 0), page_size=100), Wallet(), limit=100, as_of=NOW)
    trades, _ = read(
        Api(range(-20, 0), page_size=100, spoiled=dict.fromkeys(range(20), renamed)),
        Wallet(),
        limit=100,
        as_of=NOW,
    )

    if trades.failure:
        assert trades.failure.startswith("20 of 20 rows could not be used: ")
        assert (trades.rows, trades.reach) == ([], None)
    else:
        facts = ("tx_hash", "block_time", "base_change_raw", "quote_change_raw", "base_address", "quote_address")
        assert [[row[name] for name in facts] for row in trades.rows] == [
            [row[name] for name in facts] for row in honest.rows
        ]
        is_same = [row["event_id"] for row in trades.rows] == [row["event_id"] for row in honest.rows]
        assert is_same or path in IDENTITY
