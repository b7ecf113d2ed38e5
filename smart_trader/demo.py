"""The demonstration: the whole pipeline on a simulated market, checked against what was planted there."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import functions as F

from smart_trader.domain.gold import smart_traders
from smart_trader.domain.silver import tracked_whales, wallet_pnl
from smart_trader.domain.silver.books import ALL_TOKENS
from smart_trader.errors import QualityError
from smart_trader.ports import TableStore
from smart_trader.simulator.market import Market
from smart_trader.simulator.server import Simulator

ROOT = "./demo"
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
            ("birdeye.base_url", self.url),
            ("birdeye.api_key", "demo"),
            ("birdeye.requests_per_second", "200"),
        )

    def check(self, tables: TableStore, *, max_rows: int) -> str:
        """Compare the tables with the truth; returns what was found, in words.

        Raises QualityError if a figure differs in any digit.
        """
        wrong = self._wrong_figures(tables, max_rows)
        if wrong:
            raise QualityError(
                f"The figures of {len(wrong)} wallets differ from the simulated truth, such as {min(wrong)}.\n"
                f"  next: this is a bug; please report it with the log of this run."
            )
        recommended = tables.read(smart_traders.TABLE).where("recommended").select("wallet_address").collect()
        found = {row.wallet_address for row in recommended}
        planted = {wallet for wallet, truth in self.market.truth.items() if truth.kind == "skilled"}
        return (
            f"{len(found & planted)} of {len(planted)} planted skilled wallets are recommended, "
            f"and {len(found - planted)} others; every PnL equals the simulated truth to the last digit."
        )

    def _wrong_figures(self, tables: TableStore, max_rows: int) -> set[str]:
        """Wallets that were read up to now and whose portfolio is not what the simulator planted."""
        read = tables.read(tracked_whales.TABLE).where(F.col("txns_last_fetched_at").isNotNull())
        pnl = tables.read(wallet_pnl.TABLE).where(F.col("token_address") == ALL_TOKENS)
        rows = pnl.join(read.select("wallet_address").distinct(), "wallet_address", "left_semi").collect()
        wrong = set()
        for row in rows:
            truth = self.market.truth_for(
                row.wallet_address,
                self.market.rows_within(row.wallet_address, max_rows),
            )
            total = truth.total
            planted = (
                total.realized_pnl,
                total.cost_of_sold,
                total.unmatched_proceeds,
                total.trade_count,
            )
            if (
                row.realized_pnl,
                row.cost_of_sold,
                row.unmatched_proceeds,
                row.trade_count,
            ) != planted:
                wrong.add(row.wallet_address)
        return wrong


@contextlib.contextmanager
def serve() -> Iterator[Demo]:
    """Serve the market of the demonstration on loopback."""
    market = Market.generate(SEED)
    with Simulator(market) as simulator:
        yield Demo(market, simulator.url)
