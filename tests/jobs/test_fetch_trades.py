"""Reading one wallet page by page, cut by the limit, run after run. No Spark, no server."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smart_trader.jobs.bronze_transactions import Trades, fetch_trades
from smart_trader.ports import Page
from smart_trader.simulator.addresses import signature
from tests.bronze import rows
from tests.bronze.rows import NOW, WALLET
from tests.domain.test_reading import State


@dataclass
class Wallet(State):
    """State columns of a wallet, as the job has them from Spark."""

    wallet_address: str = WALLET


@dataclass
class Api:
    """Serves a wallet's rows newest first; `seconds` has one entry a row."""

    seconds: Sequence[int]
    page_size: int = 2
    bounds_are_inclusive: bool = False
    minds_its_bound: bool = True
    now: datetime = NOW
    items: dict[int, Any] = field(default_factory=dict)

    def trade_pages(self, wallet: str, *, before: datetime) -> Iterator[Page]:
        served = [self._item(nth) for nth in self._newest_first() if self._is_served(nth, before)]
        starts = range(0, len(served), self.page_size) or [0]
        for start in starts:
            yield Page(tuple(served[start : start + self.page_size]), is_last=start == starts[-1])

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
        return self.items.setdefault(nth, rows.trade({"block_unix_time": time, "tx_hash": signature(nth)}))


def read(api: Api, wallet: Wallet, *, limit: int, as_of: datetime) -> tuple[Trades, Wallet]:
    """One run of the job on one wallet, and the state that it leaves."""
    settings = SimpleNamespace(transactions=SimpleNamespace(max_trades_per_wallet=limit))
    app: Any = SimpleNamespace(as_of=as_of, settings=settings, market=replace(api, now=as_of))
    state: Any = wallet
    trades = fetch_trades(app, state)
    return trades, replace(wallet, txns_last_fetched_at=as_of, **asdict(trades.reach))


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
    known: dict[str, int] = {}
    for pause, limit in [*runs, *((60, 1) for _ in range(len(set(seconds)) + 2))]:
        now += pause
        trades, wallet = read(api, wallet, limit=limit, as_of=NOW + timedelta(seconds=now))
        known |= dict(zip((row["event_id"] for row in trades.rows), seconds_of(trades), strict=True))
        whole = [second for second in seconds if second in known.values()]
        assert sorted(known.values()) == sorted(whole), "a second, and so perhaps a transaction, was split"
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


def test_a_known_wallet_is_read_down_to_its_newest_second_and_no_further() -> None:
    known = Wallet(NOW, True, NOW - timedelta(seconds=90), NOW - timedelta(seconds=3))
    api = Api([-1, -2, -3, -3, -4, *range(-90, -4)], page_size=5)

    trades, wallet = read(api, known, limit=100, as_of=NOW)

    assert seconds_of(trades) == [-1, -2, -3, -3, -4]
    assert (wallet.history_complete, wallet.gap_older_than) == (True, None)
    assert wallet.oldest_trade_at == known.oldest_trade_at
