"""BirdEye in a dry run: counts the calls of a run and makes none."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NoReturn

from smart_trader.domain.bronze.records import Record, Rejected
from smart_trader.domain.bronze.token_metrics import TokenCriteria
from smart_trader.domain.bronze.whale_holders import HolderAccount
from smart_trader.errors import NotAsked
from smart_trader.io.birdeye.client import DEEPEST_ROW, HOLDERS, PAGE_SIZE, TOKENS, TRADES, Endpoint
from smart_trader.io.birdeye.tokens import total_supply_in
from smart_trader.ports import TradePage, Usage


@dataclass(frozen=True, slots=True)
class Plan:
    """The requests of a job to an endpoint. The number of calls depends on the answers: `least` to `most`."""

    about: tuple[str, ...]
    """Mints or wallets in the order of their addresses; empty for the token list."""
    least: int
    most: int
    units_per_call: int

    @property
    def compute_units(self) -> tuple[int, int]:
        return self.least * self.units_per_call, self.most * self.units_per_call


class PlannedMarket:
    """`MarketData` without data: each method that needs a call notes its request and raises `NotAsked`.

    `listed` is the number of tokens that a run reads from the list, `trades` the number of rows of a wallet.
    """

    def __init__(self, *, listed: int, trades: int, units: Mapping[str, int]) -> None:
        self._listed, self._trades, self._units = listed, trades, units
        self._lock = threading.Lock()
        self._noted: list[tuple[Endpoint, str, int]] = []

    def tokens(self, criteria: TokenCriteria, *, fetched_at: datetime) -> Iterator[Record | Rejected]:
        self._note(TOKENS, "", self._listed)

    def holder_accounts(self, mint: str, *, limit: int, fetched_at: datetime) -> list[HolderAccount | Rejected]:
        self._note(HOLDERS, mint, limit)

    def total_supply(self, snapshot: str) -> Decimal | None:
        return total_supply_in(snapshot)

    def trade_pages(self, wallet: str, *, before: datetime, fetched_at: datetime) -> Iterator[TradePage]:
        self._note(TRADES, wallet, self._trades)

    def usage(self) -> Usage:
        return Usage(0, 0, 0.0)

    def take_plan(self) -> Plan | None:
        """The requests noted since the last call of this method; None if there are none."""
        with self._lock:
            noted, self._noted = self._noted, []
        if not noted:
            return None
        endpoint = noted[0][0]
        return Plan(
            about=tuple(sorted(about for _, about, _ in noted if about)),
            least=len(noted),
            most=sum(-(-rows // PAGE_SIZE) for _, _, rows in noted),
            units_per_call=self._units[endpoint.name],
        )

    def _note(self, endpoint: Endpoint, about: str, rows: int) -> NoReturn:
        with self._lock:
            self._noted.append((endpoint, about, min(rows, DEEPEST_ROW)))
        raise NotAsked("nothing is asked in a dry run without --fetch")
