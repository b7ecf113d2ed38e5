"""How many units a raw amount is, from all rows of a wallet, and the legs of its rows. See `swaps.py` for readings."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from tests.oracle.numbers import Row, fraction

SOL = "SOL"
SOL_MINTS = ("So11111111111111111111111111111111111111111", "So11111111111111111111111111111111111111112")
STABLE_MINTS = (
    "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v",
    "Es9vMFrzaCERmJfrF4H2FYD4KCoNkY11McCe8BenwNYB",
    "2b1kV6DkPAnxd5ixfnxCpjxmKwqjjaYmCZfHsFu24GXo",
    "USDSwr9ApdHk5bvJKMjzff41FfuX8bSxdKcR81vTwcA",
    "USD1ttGY1N17NEEHLmELoaybftRBUSErhqYiQzvEmuB",
    "2u1tszSeqZ3qBWF3uNGPFc8TzMk2tdiwknnRMWGWjGWH",
    "9zNQRsGLjNKwCUU5Gq5LR8beUCPzQMVMqKAi3SSZh54u",
)
MONEY_DECIMALS = dict.fromkeys(SOL_MINTS, 9) | dict.fromkeys(STABLE_MINTS, 6)

SOL_PRICES = (Fraction(1), Fraction(10_000))


@dataclass(frozen=True)
class Leg:
    mint: str
    symbol: str | None
    raw: int
    units: Fraction | None
    price: Fraction | None

    @property
    def asset(self) -> str:
        return SOL if self.mint in SOL_MINTS else self.mint

    @property
    def is_money(self) -> bool:
        return self.mint in MONEY_DECIMALS

    @property
    def worth(self) -> Fraction | None:
        return None if self.units is None or self.price is None else abs(self.units) * self.price


class Scales:
    """How many units a raw amount is, from all rows of a wallet."""

    def __init__(self, rows: Sequence[Row], listed: Mapping[str, int]) -> None:
        self._rows, self._listed = rows, listed

    def leg(self, row: Row, side: str, place: int) -> Leg:
        mint, raw, price = row[f"{side}_address"], row[f"{side}_change_raw"], fraction(row[f"{side}_price"])
        if price is not None and (price <= 0 or (mint in SOL_MINTS and not SOL_PRICES[0] <= price <= SOL_PRICES[1])):
            price = None
        decimals, multiplier = self.decimals(mint), self.multiplier(mint, row.get(f"{side}_multiplier"), place)
        units = None
        if decimals is not None and multiplier is not None:
            units = Fraction(raw, 10**decimals) * multiplier
        return Leg(mint, row[f"{side}_symbol"], raw, units, price)

    def decimals(self, mint: str) -> int | None:
        if mint in MONEY_DECIMALS:
            return MONEY_DECIMALS[mint]
        told = [decimals for _, decimals, _ in self._of(mint) if decimals is not None]
        if not told:
            return self._listed.get(mint)
        counts = Counter(told)
        most = max(counts.values())
        return next(decimals for decimals in reversed(told) if counts[decimals] == most)

    def multiplier(self, mint: str, given: Decimal | int | None, place: int) -> Fraction | None:
        if given is None:
            return Fraction(1)
        own = Fraction(given)
        if own:
            return own
        known = [(at, Fraction(multiplier)) for at, _, multiplier in self._of(mint) if multiplier]
        earlier = [multiplier for at, multiplier in known if at < place]
        later = [multiplier for at, multiplier in known if at > place]
        return earlier[-1] if earlier else later[0] if later else None

    def newest_multiplier(self, mint: str) -> Fraction | None:
        """Of the wallet's rows; 1 where none of them is scaled, None where none that is has one."""
        given = [multiplier for _, _, multiplier in self._of(mint) if multiplier is not None]
        known = [Fraction(multiplier) for multiplier in given if multiplier]
        return known[-1] if known else None if given else Fraction(1)

    def _of(self, mint: str) -> list[tuple[int, int | None, Fraction | None]]:
        return [
            (place, row[f"{side}_decimals"], row.get(f"{side}_multiplier"))
            for place, row in enumerate(self._rows)
            for side in ("base", "quote")
            if row[f"{side}_address"] == mint
        ]


def order_of(row: Row) -> tuple[object, ...]:
    block = row["block_number"]
    return (row["block_time"], block is not None, block or 0, *index_of(row))


def index_of(row: Row) -> tuple[object, ...]:
    ins, inner = row["ins_index"], row["inner_ins_index"]
    return (ins is not None, ins or 0, inner is not None, inner or 0, row["event_id"])
