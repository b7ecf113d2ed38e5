"""Random sequences of refresh, failure, crash, reset, late data and clock jumps against a simple model. No Spark.

Reading a wallet and what becomes of its state are the job's own functions. What is due is decided by the model, and
`test_cycles.py` compares the model's decisions with those of the tables, state by state.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from pyspark.sql import Row

from smart_trader.domain.tables import state_flags
from smart_trader.errors import SourceUnavailable
from smart_trader.io.birdeye.trades import parse_trade
from smart_trader.jobs.bronze_transactions import _state, fetch_trades
from smart_trader.ports import TradePage
from smart_trader.run.fetching import Fetched
from smart_trader.simulator.addresses import address, signature
from tests.io.birdeye.rows import NOW, trade

WALLETS = tuple(address("machine", nth) for nth in range(3))
REFRESH = timedelta(days=14)
PAGE_SIZE = 2
OVERLAP = timedelta(seconds=18)
NEVER_FETCHED: dict[str, Any] = {
    "txns_fetch_status": "pending",
    "txns_last_fetched_at": None,
    "history_complete": None,
    "oldest_trade_at": None,
    "newest_trade_at": None,
    "gap_newer_than": None,
    "gap_older_than": None,
    "read_until": None,
    "trade_rows": 0,
    "rejected_rows": None,
    "attempts": 0,
    "last_error": None,
    "pnl_processing_status": "pending",
    "pnl_last_processed_at": None,
    "pnl_definition": None,
}
RULES, OTHER_RULES = "2-these", "2-others"


def is_due_for_trades(state: dict[str, Any], as_of: datetime) -> bool:
    """Pending, cut short, never fetched as far as is known by then, or long ago."""
    is_cut = state["history_complete"] is False
    return state["txns_fetch_status"] == "pending" or is_cut or is_old(state["txns_last_fetched_at"], as_of)


def is_due_for_pnl(state: dict[str, Any], as_of: datetime, rules: str) -> bool:
    """Read at least once, and pending, never computed as far as is known by then, long ago, or by other rules."""
    is_pending = state["pnl_processing_status"] == "pending"
    is_outdated = is_old(state["pnl_last_processed_at"], as_of) or state["pnl_definition"] != rules
    return state["txns_last_fetched_at"] is not None and (is_pending or is_outdated)


def is_misleading(state: dict[str, Any], as_of: datetime, rules: str) -> bool:
    """Completed, by other rules or at a later business time than those of the figures that are about to be written."""
    computed_at = state["pnl_last_processed_at"]
    return computed_at is not None and (state["pnl_definition"] != rules or computed_at > as_of)


def is_old(done: datetime | None, as_of: datetime) -> bool:
    """A time after the business time is one of a run that this one knows nothing of."""
    return done is None or done > as_of or done <= as_of - REFRESH


@dataclass
class Api:
    """Serves rows newest first, of what has happened and is shown by now. `rows`: nth row, its time, shown since."""

    now: datetime
    rows: dict[str, list[tuple[int, datetime, datetime]]] = field(default_factory=dict)
    down: tuple[str, ...] = ()

    def trade_pages(self, wallet: str, *, before: datetime, fetched_at: datetime) -> Iterator[TradePage]:
        if wallet in self.down:
            raise SourceUnavailable(f"BirdEye does not answer for {wallet}")
        shown = sorted(
            (r for r in self.rows.get(wallet, ()) if self._is_shown(r, before)), key=lambda r: (-_at(r), r[0])
        )
        items = [self._item(wallet, nth, time) for nth, time, _ in shown]
        rows = [parse_trade(item, wallet=wallet, fetched_at=fetched_at, now=self.now) for item in items]
        for start in range(0, len(rows), PAGE_SIZE) or [0]:
            yield TradePage(rows[start : start + PAGE_SIZE], start + PAGE_SIZE >= len(rows), asked=PAGE_SIZE)

    def _is_shown(self, row: tuple[int, datetime, datetime], before: datetime) -> bool:
        _, time, since = row
        return time <= self.now and since <= self.now and time < before

    def _item(self, wallet: str, nth: int, time: datetime) -> Any:
        seconds = int(time.timestamp())
        return trade({"owner": wallet, "block_unix_time": seconds, "tx_hash": signature(wallet, nth)})


def _at(row: tuple[int, datetime, datetime]) -> float:
    return row[1].timestamp()


class Refreshing(RuleBasedStateMachine):
    """Wallets, what bronze holds of them, their state, and the rows that their figures were computed from."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.api = Api(self.now)
        self.state = {wallet: dict(NEVER_FETCHED) for wallet in WALLETS}
        self.bronze: dict[str, dict[str, datetime]] = {wallet: {} for wallet in WALLETS}
        self.rules = RULES
        self.figures: dict[str, tuple[str, set[str]]] = {wallet: (RULES, set()) for wallet in WALLETS}
        self.late: set[str] = set()
        self.count = 0

    @rule(wallet=st.sampled_from(WALLETS), ages=st.lists(st.integers(0, 40), min_size=1, max_size=4))
    def trade(self, wallet: str, ages: list[int]) -> None:
        """Swaps of the last seconds. Those that are much older than the newest one that was read are late: only a
        reading from the start finds them."""
        newest = self.state[wallet]["newest_trade_at"]
        for age in ages:
            time = self.now - timedelta(seconds=age)
            self.count += 1
            self.api.rows.setdefault(wallet, []).append((self.count, time, self.now))
            if newest is not None and time < newest - OVERLAP:
                self.late.add(wallet)

    @rule(seconds=st.integers(1, 50) | st.sampled_from([13 * 86400, 14 * 86400 - 1, 14 * 86400, 15 * 86400]))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(seconds=st.integers(1, 60) | st.just(20 * 86400))
    def the_clock_is_set_back(self, seconds: int) -> None:
        self.now -= timedelta(seconds=seconds)

    @rule(
        limit=st.integers(1, 4),
        down=st.sampled_from([(), (), WALLETS[:1], WALLETS[1:]]),
        killed_after=st.sampled_from(["rows", "marks", "figures", "", ""]),
    )
    def run(self, limit: int, down: tuple[str, ...], killed_after: str) -> None:
        """bronze_transactions, then silver_pnl, if it comes that far."""
        self.fetch(limit, down, is_killed=killed_after == "rows")
        if killed_after not in ("rows", "marks"):
            self.compute(is_killed=killed_after == "figures")

    def fetch(self, limit: int, down: tuple[str, ...] = (), *, is_killed: bool = False) -> None:
        """A run of bronze_transactions; killed between the rows and the marks, or not."""
        app = self._app(limit, down)
        for wallet in [w for w in WALLETS if is_due_for_trades(self.state[w], self.now)]:
            before = Row(wallet_address=wallet, **self.state[wallet])
            try:
                fetched: Fetched[Any, Any] = Fetched(before, fetch_trades(app, before))
            except SourceUnavailable as error:
                fetched = Fetched(before, None, error)
            if fetched.answer is not None:
                self.bronze[wallet] |= {row["event_id"]: row["block_time"] for row in fetched.answer.rows}
            if not is_killed:
                changed = _state(app, fetched, {wallet: len(self.bronze[wallet])}, {})
                self.state[wallet] |= {name: changed[name] for name in changed if name != "wallet_address"}
                self._is_marked(wallet, before, fetched)

    def _is_marked(self, wallet: str, before: Row, fetched: Fetched[Any, Any]) -> None:
        state = self.state[wallet]
        if fetched.error is not None:
            assert (state["txns_fetch_status"], state["attempts"]) == ("pending", before.attempts + 1)
            assert wallet in state["last_error"]
            assert state["txns_last_fetched_at"] == before.txns_last_fetched_at
        else:
            assert (state["txns_fetch_status"], state["attempts"], state["last_error"]) == ("completed", 0, None)
            assert state["trade_rows"] == len(self.bronze[wallet])

    def compute(self, *, is_killed: bool = False) -> None:
        """A run of silver_pnl: from all rows up to the business time, and a state that refers to no more."""
        for wallet in [w for w in WALLETS if is_due_for_pnl(self.state[w], self.now, self.rules)]:
            known, state = self.bronze[wallet], self.state[wallet]
            if is_misleading(state, self.now, self.rules):
                state["pnl_processing_status"] = "pending"
            seen = {event for event, time in known.items() if time <= self.now}
            self.figures[wallet] = self.rules, seen
            if not is_killed:
                is_whole = len(seen) == len(known)
                state["pnl_processing_status"] = "completed" if is_whole else "pending"
                state |= {"pnl_last_processed_at": self.now, "pnl_definition": self.rules}

    @rule(rules=st.sampled_from([RULES, OTHER_RULES]))
    def the_rules_change(self, rules: str) -> None:
        self.rules = rules

    @rule(wallet=st.sampled_from(WALLETS), from_start=st.booleans())
    def reset(self, wallet: str, from_start: bool) -> None:
        others = {w: dict(self.state[w]) for w in WALLETS if w != wallet}
        self.state[wallet] |= {"txns_fetch_status": "pending"} | (dict(state_flags.NEVER_READ) if from_start else {})
        assert {w: self.state[w] for w in others} == others

    @invariant()
    def nothing_is_known_that_was_never_served(self) -> None:
        for wallet, known in self.bronze.items():
            assert len(known) <= len(self.api.rows.get(wallet, ()))

    @invariant()
    def figures_that_are_completed_are_of_all_rows(self) -> None:
        for wallet, state in self.state.items():
            if state["pnl_processing_status"] == "completed" and state["trade_rows"] == len(self.bronze[wallet]):
                assert self.figures[wallet][1] == set(self.bronze[wallet]), "I7"

    @precondition(lambda self: self.count)
    @rule()
    def undisturbed_runs_end_in_the_truth(self) -> None:
        """Whatever happened before: everything is read in the end, and every figure is of everything."""
        shown = [since for rows in self.api.rows.values() for _, _, since in rows]
        done = [state[name] for state in self.state.values() for name in state if name.endswith("_at") and state[name]]
        self.now = max([self.now, *shown, *done]) + REFRESH
        for wallet in self.late:
            self.reset(wallet, from_start=True)
        self.late.clear()
        # What is newer than a history that was cut is read at the refresh after its end.
        for later in (timedelta(), REFRESH):
            self.now += later
            for _ in range(2 * self.count + 3):
                if any(is_due_for_trades(state, self.now) for state in self.state.values()):
                    self.fetch(limit=1)
        self.compute()
        for wallet in WALLETS:
            assert len(self.bronze[wallet]) == len(self.api.rows.get(wallet, ()))
            assert self.figures[wallet] == (self.rules, set(self.bronze[wallet]))
            assert not is_due_for_trades(self.state[wallet], self.now)
            assert not is_due_for_pnl(self.state[wallet], self.now, self.rules)

    def _app(self, limit: int, down: tuple[str, ...]) -> Any:
        transactions = SimpleNamespace(max_trades_per_wallet=limit, overlap_hours=OVERLAP / timedelta(hours=1))
        self.api.now, self.api.down = self.now, down
        settings = SimpleNamespace(transactions=transactions)
        return SimpleNamespace(as_of=self.now, settings=settings, market=self.api)


TestRefreshing = Refreshing.TestCase
TestRefreshing.settings = settings(stateful_step_count=20)
