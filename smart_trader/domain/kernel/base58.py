"""Names of accounts and transactions on Solana: numbers in base58."""

import re
from functools import lru_cache

_DIGITS = {letter: n for n, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}
_is_base58 = re.compile(r"[1-9A-HJ-NP-Za-km-z]{32,44}").fullmatch
_is_signature = re.compile(r"[1-9A-HJ-NP-Za-km-z]{64,88}").fullmatch


@lru_cache(maxsize=1 << 16)
def is_address(text: str) -> bool:
    """Whether `text` is base58 of an account's 32 bytes."""
    if not _is_base58(text):
        return False
    number = 0
    for letter in text:
        number = 58 * number + _DIGITS[letter]
    zeros = len(text) - len(text.lstrip("1"))
    return zeros + (number.bit_length() + 7) // 8 == 32


def is_signature(text: str) -> bool:
    """Whether `text` can be base58 of a transaction's hash."""
    return _is_signature(text) is not None
