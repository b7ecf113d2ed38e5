"""Base58 addresses and signatures derived from names, and the public addresses that every Solana market has."""

import hashlib

_ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]

NATIVE_SOL = "So11111111111111111111111111111111111111111"
WRAPPED_SOL = "So11111111111111111111111111111111111111112"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
PYUSD = "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
USDS = "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA"
USD1 = "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB"
USDG = "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH"
FDUSD = "9zNQRsGLjNKwCUU5Gq5LR8beUCPzQMVMqKAi3SSZh54u"

INCINERATOR = "1nc1nerator11111111111111111111111111111111"
"""The burn address: holds tokens, signs nothing."""
RAYDIUM_AUTHORITY = "5Q544fKrFoe6tsEbD7S8EmxGTJYAKtTVhAW5Q5pge4j1"
"""Owner of the vaults of all Raydium AMM v4 pools."""
EXCHANGES = (
    "5tzFkiKscXHK5ZXCGbXZxdw7gTjjD1mBwuoFbhUvuAi9",  # Binance
    "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",  # Binance
    "H8sMJSCQxfKiFTCfDR3DUMLPwcRbM61LGFJ8N4dK3WjS",  # Coinbase
)


def address(*name: object) -> str:
    """The address of 32 bytes (43 or 44 characters) that belongs to `name`."""
    digest = hashlib.sha256(":".join(map(str, name)).encode()).digest()
    # A high first byte gives the text the usual length of an address.
    return base58(bytes([digest[0] | 0x10]) + digest[1:])


def signature(*name: object) -> str:
    """The transaction signature of 64 bytes that belongs to `name`."""
    return base58(hashlib.sha512(":".join(map(str, name)).encode()).digest())


def base58(data: bytes) -> str:
    """`data` in Bitcoin's base58 alphabet, each leading zero byte as a `1`."""
    number, pairs = int.from_bytes(data, "big"), list[str]()
    while number:
        # Ten digits at a time: the remainder then fits a machine word.
        number, rest = divmod(number, 58**10)
        for _ in range(5):
            rest, pair = divmod(rest, 58**2)
            pairs.append(_PAIRS[pair])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(pairs)).lstrip("1")


def is_address(text: str) -> bool:
    """Whether `text` is base58 of exactly 32 bytes."""
    if not text or any(letter not in _ALPHABET for letter in text):
        return False
    number = 0
    for letter in text:
        number = number * 58 + _ALPHABET.index(letter)
    leading = len(text) - len(text.lstrip("1"))
    return leading + (number.bit_length() + 7) // 8 == 32
