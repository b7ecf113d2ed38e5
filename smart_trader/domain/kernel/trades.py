"""The side of a trade, and its identity."""

from enum import StrEnum
from hashlib import sha256


class Side(StrEnum):
    """Whether the token came in or went out."""

    BUY = "BUY"
    SELL = "SELL"


BUY, SELL = (side.value for side in Side)
"""Plain text for the loops of netting, which run once for each trade."""


def trade_id(wallet: str, tx_hash: str, mint: str, *, is_second: bool = False) -> str:
    """Identity of a trade: SHA-256 of wallet, transaction and mint, lower-case hex.

    `is_second`: the SELL of a transaction that is a BUY of the mint too.
    """
    return sha256(f"{wallet}|{tx_hash}|{mint}{'|SELL' if is_second else ''}".encode()).hexdigest()
