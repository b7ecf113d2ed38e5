"""Trade rows as the API serves them, spelled in units of a token and days before the run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from smart_trader.simulator.addresses import USDC, WRAPPED_SOL, address, signature
from tests.io.birdeye.rows import trade

NOW = datetime(2026, 11, 1, tzinfo=UTC)
USD1 = "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB"
_MONEY = {"SOL": WRAPPED_SOL, "USDC": USDC, "USD1": USD1}


@dataclass(frozen=True, slots=True)
class Leg:
    symbol: str
    units: Decimal
    """Signed: below zero went out."""
    price: Decimal | None
    decimals: int = 6
    multiplier: int | None = None
    says_decimals: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    base: Leg
    quote: Leg
    volume: Decimal | None


@dataclass(frozen=True, slots=True)
class Transaction:
    days: float
    """Before `NOW`."""
    rows: Sequence[Row]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A history, and what the tables must say of it. A pair of numbers means between them, both included."""

    name: str
    history: Sequence[Transaction]
    portfolio: Mapping[str, object]
    """Columns of the `ALL_TOKENS` row of silver.wallet_pnl."""
    tokens: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    """Columns of other rows of silver.wallet_pnl, by symbol."""
    trades: Mapping[tuple[str, str], Mapping[str, object]] = field(default_factory=dict)
    """Columns of trades, by symbol and side."""
    trader: Mapping[str, object] | None = field(default_factory=dict)
    """Columns of the ranking; None: it is not ranked, since no money shows a gain."""
    failures: frozenset[str] = frozenset()
    """Some of the gates that the trader fails."""
    wallet_class: str = "person"

    @property
    def wallet(self) -> str:
        return address("what a trade is worth", self.name)

    def mint(self, symbol: str) -> str:
        return _MONEY.get(symbol) or address(self.name, symbol)

    def served(self) -> list[dict[str, Any]]:
        """Newest first."""
        newest_first = sorted(self.history, key=lambda transaction: transaction.days)
        return [
            self._row(transaction, place, nth)
            for nth, transaction in enumerate(newest_first)
            for place in range(len(transaction.rows))
        ]

    def _row(self, transaction: Transaction, place: int, nth: int) -> dict[str, Any]:
        at, row = NOW - timedelta(days=transaction.days), transaction.rows[place]
        fields: dict[str, Any] = {
            "owner": self.wallet,
            "signers": [self.wallet],
            "tx_hash": signature(self.name, nth),
            "block_unix_time": int(at.timestamp()),
            "block_number": int(at.timestamp()) // 2,
            "inner_ins_index": place if len(transaction.rows) > 1 else None,
            "volume_usd": row.volume,
            "base_price": row.base.price,
            "quote_price": row.quote.price,
        }
        return trade(fields | self._side("base", row.base) | self._side("quote", row.quote))

    def _side(self, side: str, leg: Leg) -> dict[str, Any]:
        raw = int((leg.units / (leg.multiplier or 1)).scaleb(leg.decimals))
        fields = {
            "symbol": leg.symbol,
            "address": self.mint(leg.symbol),
            "decimals": leg.decimals if leg.says_decimals else None,
            "amount": abs(raw),
            "change_amount": raw,
            "ui_amount": abs(leg.units),
            "ui_change_amount": leg.units,
            "type_swap": "to" if raw > 0 else "from",
            "price": leg.price,
            "nearest_price": leg.price,
        }
        if leg.multiplier is not None:
            fields |= {"is_scaled_ui_token": True, "multiplier": leg.multiplier}
        return {f"{side}.{name}": value for name, value in fields.items()}


def leg(symbol: str, units: str | int, price: str | None = None, **more: Any) -> Leg:
    return Leg(symbol, Decimal(units), None if price is None else Decimal(price), **more)


def sol(units: str | int, price: str = "150") -> Leg:
    return leg("SOL", units, price, decimals=9)


def usdc(units: str | int, price: str = "1") -> Leg:
    return leg("USDC", units, price)


def row(base: Leg, quote: Leg, volume: str | int | None = None) -> Row:
    return Row(base, quote, None if volume is None else Decimal(volume))


def tx(days: float, *rows: Row) -> Transaction:
    return Transaction(days, rows)


def bought(symbol: str, days: float, dollars: int, units: int = 1000) -> Transaction:
    """For USDC, all prices and the volume as they should be."""
    return tx(days, row(leg(symbol, units, str(Decimal(dollars) / units)), usdc(-dollars), dollars))


def sold(symbol: str, days: float, dollars: int, units: int = 1000) -> Transaction:
    return tx(days, row(leg(symbol, -units, str(Decimal(dollars) / units)), usdc(dollars), dollars))
