"""What counts as money, and exact arithmetic on it.

Numbers in the kernel are integers: base units for quantities, and for the rest a fixed scale that is the scale of
the column they are stored in. Integers are exact at any width, and faster than `Decimal`.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

USD = 10**9
"""One dollar: money counts nano-dollars (DECIMAL(28,9))."""
PRICE = 10**18
"""One dollar a whole token: prices count 10^-18 dollars (DECIMAL(38,18))."""
MICRO = 10**6
"""One percent, one hour, or a ratio of one (DECIMAL(.,6))."""

USD_LIMIT = 10**28
RAW_LIMIT = 10**38
"""First magnitudes that do not fit their column."""

SOL = "So11111111111111111111111111111111111111112"
NATIVE_SOL = "So11111111111111111111111111111111111111111"
USDC = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"
USDT = "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB"
PYUSD = "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo"
USDS = "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA"

USD1 = "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB"
USDG = "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH"
FDUSD = "9zNQRsGLjNKwCUU5Gq5LR8beUCPzQMVMqKAi3SSZh54u"

STABLE_COINS = frozenset((USDC, USDT, PYUSD, USDS, USD1, USDG, FDUSD))
MONEY: Mapping[str, str] = MappingProxyType({NATIVE_SOL: SOL, SOL: SOL} | {mint: mint for mint in STABLE_COINS})
"""Money mints, each with the one under which it is added up: native and wrapped SOL are the same money."""
SOL_PLACES = 9
STABLE_PLACES = 6
"""Decimals of money, whatever a row says."""


def money_with(stable_coins: Iterable[str]) -> dict[str, str]:
    """`MONEY`, and more stable coins."""
    return {mint: mint for mint in stable_coins} | dict(MONEY)


def round_half_away(numerator: int, denominator: int) -> int:
    """`numerator / denominator` to the nearest integer, a half away from zero; `denominator` is above zero."""
    if numerator >= 0:
        return (2 * numerator + denominator) // (2 * denominator)
    return -((denominator - 2 * numerator) // (2 * denominator))
