"""The demonstration: the whole pipeline on a simulated market, checked against what was planted there."""

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from multiprocessing.connection import Connection
from pathlib import Path

from pyspark.sql import Row
from pyspark.sql import functions as F

from smart_trader.domain.gold import rank_history, smart_traders
from smart_trader.domain.silver import tracked_whales, wallet_pnl
from smart_trader.domain.silver.wallet_pnl import ALL_TOKENS
from smart_trader.errors import QualityError, SmartTraderError
from smart_trader.ports import TableStore
from smart_trader.rows import collect
from smart_trader.run import process
from smart_trader.simulator.helius import Helius
from smart_trader.simulator.market import DEMO_NOW, Market
from smart_trader.simulator.server import Simulator
from smart_trader.simulator.truth import TokenTruth, WalletTruth

ROOT = "./demo"
LOGS = "demo/logs"  # in the folder of the warehouse, so that a demonstration leaves nothing elsewhere
LANDING = "./demo/landing"
SEED = 20261120
NOW = DEMO_NOW
"""The time of the market: every demonstration gives the same figures."""
PAST = (NOW - timedelta(days=35), NOW - timedelta(days=7))
"""Mondays at which the pipeline of a demonstration runs before: their rankings can be graded for 30 days and for 7."""

COMPARED = (
    *("realized_pnl", "cost_of_sold", "unmatched_proceeds", "coverage_ratio"),
    *("trusted_pnl", "trusted_cost_of_sold", "trusted_sales", "trusted_winning_sales", "trusted_ratio"),
    *("trade_count", "buy_count", "sell_count", "arbitrage_tx_count"),
)
"""The figures of a wallet that are compared with the truth, under the same names there and here."""

ONLY_NOW = ("evaluate", "validate", "helius_webhooks", "report")
"""Steps whose result the same step at the next time would replace or repeat."""

ReadDownTo = Mapping[str, datetime | None]
"""The oldest trade that was read, by wallet; None if its history was read whole."""


@dataclass(frozen=True, slots=True)
class Planted:
    """What the simulator planted."""

    skilled: frozenset[str]
    """Wallets."""
    totals: Mapping[str, TokenTruth]
    """The sums of each wallet that was asked for, from the rows that were read."""


def generate_market(*, has_skill: bool = True) -> Market:
    """The market of the demonstration. Its edge lies in so many tokens that it shows, and its rows are few."""
    return Market.generate(SEED, tokens=64, trade_rows=15_000, has_skill=has_skill)


def missing_past(tables: TableStore) -> list[datetime]:
    """The times of `PAST` after the last ranking: of none if the demonstration has been run before."""
    newest = tables.read(rank_history.TABLE).agg(F.max("ranked_at")).collect()[0][0]
    return [time for time in PAST if newest is None or time > newest]


def planted_in(market: Market, read: ReadDownTo) -> Planted:
    """The truth about wallets, as far as they were read."""
    skilled = frozenset(wallet for wallet, kind in market.kinds.items() if kind == "skilled")
    return Planted(skilled, {wallet: _truth(market, wallet, oldest).total for wallet, oldest in read.items()})


def _truth(market: Market, wallet: str, oldest: datetime | None) -> WalletTruth:
    return market.truth[wallet] if oldest is None else market.truth_for(wallet, oldest.timestamp())


@dataclass(frozen=True, slots=True)
class Demo:
    """A simulated market on loopback, a function that returns what was planted there, and one that has the market
    served as it was to be seen at a time."""

    url: str
    ask: Callable[[ReadDownTo], Planted]
    serve_at: Callable[[datetime], None]

    @property
    def overrides(self) -> Sequence[tuple[str, str]]:
        """Settings with the addresses of the simulator and a warehouse of its own."""
        return (
            ("warehouse.root", ROOT),
            ("logs.folder", LOGS),
            ("series.landing", LANDING),
            ("birdeye.base_url", self.url),
            ("birdeye.api_key", "simulated-birdeye-key"),
            ("birdeye.requests_per_second", "200"),
            ("tokens.per_run", "100"),  # all of its tokens
            ("whales.refresh_hours", "700"),  # at its first time and its last
            ("transactions.wallets_per_commit", "1000"),  # all at once: they are fetched in seconds
            ("transactions.refresh_days", "7"),  # so that each of its times has the trades of all wallets
            ("pnl.refresh_days", "7"),
            ("helius.base_url", self.url),
            ("helius.api_key", "simulated-helius-key"),
            ("helius.auth_header", "simulated-auth-header"),
            ("helius.webhook_url", "https://example.org/simulated-hook"),
            ("helius.webhook_id", ""),
        )

    def check(self, tables: TableStore) -> str:
        """Compare the tables with the truth; returns the result as text.

        Raises QualityError if a figure differs in any digit.
        """
        figures = _figures(tables)
        planted = self.ask({wallet: figure.down_to for wallet, figure in figures.items()})
        wrong = {wallet for wallet, figure in figures.items() if figure.sums != _sums(planted.totals[wallet])}
        if wrong:
            raise QualityError(
                f"The figures of {len(wrong)} wallets differ from the simulated truth, such as {min(wrong)}.\n"
                f"  next: this is a bug; please report it with the log of this run."
            )
        recommended = tables.read(smart_traders.TABLE).where("recommended").select("wallet_address").collect()
        found = {row.wallet_address for row in recommended}
        return (
            f"{len(found & planted.skilled)} of {len(planted.skilled)} planted skilled wallets are recommended, "
            f"and {len(found - planted.skilled)} others; every PnL equals the simulated truth to the last digit."
        )


@dataclass(frozen=True, slots=True)
class _Figure:
    """The portfolio of a wallet in the tables, and how far its history was read."""

    sums: tuple[object, ...]
    down_to: datetime | None


def _figures(tables: TableStore) -> dict[str, _Figure]:
    """The portfolios of the wallets that were read. A cut history was read down to its oldest trade."""
    state = tables.read(tracked_whales.TABLE).where(F.col("txns_last_fetched_at").isNotNull())
    down_to = F.when(~F.col("history_complete"), F.col("oldest_trade_at")).alias("down_to")
    pnl = tables.read(wallet_pnl.TABLE).where(F.col("token_address") == ALL_TOKENS)
    rows = collect(pnl.join(state.select("wallet_address", down_to).distinct(), "wallet_address"))
    return {row.wallet_address: _Figure(_sums(row), row.down_to) for row in rows}


def _sums(portfolio: Row | TokenTruth) -> tuple[object, ...]:
    return tuple(getattr(portfolio, name) for name in COMPARED)


@contextlib.contextmanager
def serve() -> Iterator[Demo]:
    """Serve the market of the demonstration on loopback. It has its own process, which makes the market and its truth
    while the driver waits for Spark."""
    ours, theirs = multiprocessing.Pipe()
    simulator = multiprocessing.get_context("fork").Process(target=_simulate, args=(theirs, ours), daemon=True)
    simulator.start()
    theirs.close()  # with a second open end, `recv` would wait for a simulator that has ended

    def ask(message: ReadDownTo | datetime) -> Planted:
        try:
            ours.send(message)
            planted: Planted = ours.recv()
        except (EOFError, OSError) as error:
            raise SmartTraderError(
                "The simulated market has ended, so nothing was compared with it. What was committed stays, run again."
            ) from error
        return planted

    def serve_at(time: datetime) -> None:
        ask(time)

    try:
        yield Demo(ours.recv(), ask, serve_at)
    finally:
        simulator.terminate()
        simulator.join()


def _simulate(driver: Connection, other_end: Connection) -> None:
    process.end_with_parent()
    other_end.close()
    # It listens from here on. Requests wait until the market is made.
    simulator = Simulator(Market.of_payloads(), helius=Helius(kept_in=Path(ROOT, "simulated-helius.json")))
    driver.send(simulator.url)
    simulator.market = market = newest = generate_market()
    with simulator:
        os.nice(10)  # the truth is needed last
        untold = iter(newest.truth)
        with contextlib.suppress(EOFError, OSError):  # the driver has ended
            while True:
                while not driver.poll() and (wallet := next(untold, None)):
                    newest.truth[wallet]  # kept for when it is asked for
                message = driver.recv()
                if isinstance(message, datetime):
                    simulator.market = market = newest if message == newest.now else newest.at(message)
                    message = {}
                driver.send(planted_in(market, message))
