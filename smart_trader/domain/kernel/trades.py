"""The rows that come in, and the trades that netting makes of them."""

from enum import StrEnum
from hashlib import sha256
from typing import NamedTuple


class Side(StrEnum):
    """Whether the token came in or went out."""

    BUY = "BUY"
    SELL = "SELL"


BUY, SELL = (side.value for side in Side)
"""Plain text for the loops of netting, which run once for each trade."""


class Leg(NamedTuple):
    """One side of a swap, from the wallet's view."""

    mint: str
    symbol: str | None
    decimals: int | None
    change: int
    """Base units, signed: below zero left the wallet."""
    price: int | None
    """10^-18 USD a whole token."""


class Row(NamedTuple):
    """One row of `bronze.transaction_history`, as far as netting needs it: two legs side by side, and the volume."""

    base_mint: str
    base_symbol: str | None
    base_decimals: int | None
    base_change: int
    base_price: int | None
    quote_mint: str
    quote_symbol: str | None
    quote_decimals: int | None
    quote_change: int
    quote_price: int | None
    volume: int | None
    """Nano-dollars, as served."""

    @property
    def base(self) -> Leg:
        return Leg(*self[:5])

    @property
    def quote(self) -> Leg:
        return Leg(*self[5:10])


class Trade(NamedTuple):
    """One mint that a transaction brought or took."""

    mint: str
    symbol: str | None
    decimals: int | None
    side: str
    quantity: int
    """Base units, above zero."""
    value: int | None
    """Nano-dollars; None when unknown."""
    value_source: str
    price_check: str


def trade_id(wallet: str, tx_hash: str, mint: str) -> str:
    """Identity of a trade: SHA-256 of wallet, transaction and mint, lower-case hex."""
    return sha256(f"{wallet}|{tx_hash}|{mint}".encode()).hexdigest()


def swap_group_id(wallet: str, tx_hash: str) -> str:
    """Shared by the SELL and the BUY of one token-for-token swap."""
    return sha256(f"{wallet}|{tx_hash}".encode()).hexdigest()
