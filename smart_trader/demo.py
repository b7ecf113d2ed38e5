"""The demonstration: the whole pipeline on a simulated market, checked against what was planted there."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pyspark.sql import Row
from pyspark.sql import functions as F

from smart_trader.collecting import collect
from smart_trader.domain.gold import smart_traders
from smart_trader.domain.silver import tracked_whales, wallet_pnl
from smart_trader.domain.silver.books import ALL_TOKENS
from smart_trader.errors import QualityError
from smart_trader.ports import TableStore
from smart_trader.simulator.helius import Helius
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator

ROOT = "./demo"
LOGS = "demo/logs"  # beside the warehouse, which it is in, so that nothing is anywhere else
SEED = 20261120


@dataclass(frozen=True, slots=True)
class Demo:
    """A simulated market that is being served."""

    market: Market
    url: str

    @property
    def now(self) -> datetime:
        """The market's own time, so that every demonstration is the same."""
        return self.market.now

    @property
    def overrides(self) -> Sequence[tuple[str, str]]:
        """Settings that lead to the simulator and away from the real lake."""
        return (
            ("warehouse.root", ROOT),
            ("logs.folder", LOGS),
            ("birdeye.base_url", self.url),
            ("birdeye.api_key", "simulated-birdeye-key"),
            ("birdeye.requests_per_second", "200"),
            ("helius.base_url", self.url),
            ("helius.api_key", "simulated-helius-key"),
            ("helius.auth_header", "simulated-auth-header"),
            ("helius.webhook_url", "https://example.org/simulated-hook"),
            ("helius.webhook_id", ""),
        )

    def check(self, tables: TableStore) -> str:
        """Compare the tables with the truth; returns what was found, in words.

        Raises QualityError if a figure differs in any digit.
        """
        wrong = self._wrong_figures(tables)
        if wrong:
            raise QualityError(
                f"The figures of {len(wrong)} wallets differ from the simulated truth, such as {min(wrong)}.\n"
                f"  next: this is a bug; please report it with the log of this run."
            )
        recommended = tables.read(smart_traders.TABLE).where("recommended").select("wallet_address").collect()
        found = {row.wallet_address for row in recommended}
        planted = {wallet for wallet, kind in self.market.kinds.items() if kind == "skilled"}
        return (
            f"{len(found & planted)} of {len(planted)} planted skilled wallets are recommended, "
            f"and {len(found - planted)} others; every PnL equals the simulated truth to the last digit."
        )

    def _wrong_figures(self, tables: TableStore) -> set[str]:
        """Wallets whose portfolio is not what the simulator planted in the rows that were read of them so far."""
        state = tables.read(tracked_whales.TABLE).where(F.col("txns_last_fetched_at").isNotNull())
        read = state.select("wallet_address", F.col("history_complete").alias("is_read_whole"), "oldest_trade_at")
        pnl = tables.read(wallet_pnl.TABLE).where(F.col("token_address") == ALL_TOKENS)
        wrong = set()
        for row in collect(pnl.join(read.distinct(), "wallet_address")):
            truth = self.market.truth_for(row.wallet_address, self._rows_read(row)).total
            planted = (truth.realized_pnl, truth.cost_of_sold, truth.unmatched_proceeds, truth.trade_count)
            if (row.realized_pnl, row.cost_of_sold, row.unmatched_proceeds, row.trade_count) != planted:
                wrong.add(row.wallet_address)
        return wrong

    def _rows_read(self, wallet: Row) -> list[dict[str, Any]]:
        """A history that was cut has been read down to its oldest trade."""
        rows = self.market.rows(wallet.wallet_address)
        if wallet.is_read_whole or wallet.oldest_trade_at is None:
            return rows
        return [row for row in rows if row["block_unix_time"] >= wallet.oldest_trade_at.timestamp()]


@contextlib.contextmanager
def serve() -> Iterator[Demo]:
    """Serve the market of the demonstration on loopback."""
    market = Market.generate(SEED)
    with Simulator(market, helius=Helius(kept_in=Path(ROOT, "simulated-helius.json"))) as simulator:
        yield Demo(market, simulator.url)
