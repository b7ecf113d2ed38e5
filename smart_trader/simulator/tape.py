"""From the exchanges of a wallet to the rows of BirdEye: hops, splits, order-book fills and wrong prices."""

from dataclasses import dataclass
from random import Random

from smart_trader.simulator.addresses import address, signature
from smart_trader.simulator.wire import Coin, Leg, Pool, Swap, swap_text
from smart_trader.simulator.world import MONEY_MINTS, NATIVE_SOL, SOL, STABLE, USDC, World

_SCALED_KEYS_SINCE = 1_754_006_400  # August 2025
_STABLE_MINTS = {coin.mint for coin in STABLE}
_SOL_MINTS = {SOL.mint, NATIVE_SOL.mint}


@dataclass(frozen=True, slots=True)
class Hop:
    """One coin given for another in one pool, or in several if `parts` is above 1."""

    given: Coin
    given_raw: int
    taken: Coin
    taken_raw: int
    parts: int = 1
    on_order_book: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A trade row as served."""

    time: int | None
    """None if the text has no readable time."""
    text: str


class Tape:
    """Writes the transactions of one wallet."""

    def __init__(self, world: World, owner: str) -> None:
        self._world, self._owner = world, owner

    def record(self, time: int, hops: list[Hop], rng: Random) -> list[Row]:
        """The rows of one transaction. The same generator state gives the same text."""
        tx_hash = signature(self._world.seed, self._owner, time, rng.random())
        slot = 300_000_000 + (time - self._world.start) * 5 // 2
        index, inner = rng.randrange(1, 7), rng.randrange(0, 4)
        is_alone = len(hops) == 1 and hops[0].parts == 1
        poison = rng.random()
        rows = []
        for hop in hops:
            for part, (given_raw, taken_raw) in enumerate(_split(hop, rng)):
                pool = self._pool(hop, part, rng)
                swap = self._swap(hop, given_raw, taken_raw, pool, time, poison)
                rows.append(
                    Swap(
                        *swap,
                        pool=pool,
                        tx_hash=tx_hash,
                        owner=self._owner,
                        time=time,
                        slot=slot,
                        ins_index=None if hop.on_order_book else index,
                        inner_ins_index=None if hop.on_order_book or (is_alone and inner) else inner,
                        signers=self._signers(rng),
                        volume_usd=_volume_usd(*swap, pool=pool, one_to_one=inner == 0),
                        amounts=_amount_style(pool.source, rng),
                        has_scaled_keys=time >= _SCALED_KEYS_SINCE,
                    )
                )
                inner += rng.randrange(1, 4)
        rng.shuffle(rows)
        return [Row(time, swap_text(row)) for row in rows]

    def _pool(self, hop: Hop, part: int, rng: Random) -> Pool:
        pair = hop.given.mint, hop.taken.mint
        if hop.on_order_book:
            return self._world.order_book(*pair)
        return self._world.pool(*pair, part if hop.parts > 1 else rng.randrange(3))

    def _signers(self, rng: Random) -> tuple[str, ...] | None:
        drawn = rng.random()
        if drawn < 0.05:
            return None
        return (address(self._world.seed, "relayer"),) if drawn < 0.07 else (self._owner,)

    def _swap(self, hop: Hop, given_raw: int, taken_raw: int, pool: Pool, time: int, poison: float) -> tuple[Leg, Leg]:
        """Both legs with their prices. The price of a token comes from the money of the swap, as in the API."""
        prices = {coin.mint: self._world.price(coin, time) for coin in (hop.given, hop.taken)}
        given, taken = given_raw / 10**hop.given.decimals, taken_raw / 10**hop.taken.decimals
        if hop.given.mint in MONEY_MINTS and hop.taken.mint not in MONEY_MINTS:
            prices[hop.taken.mint] = given * prices[hop.given.mint] / taken
        elif hop.taken.mint in MONEY_MINTS and hop.given.mint not in MONEY_MINTS:
            prices[hop.given.mint] = taken * prices[hop.taken.mint] / given
        both_are_tokens = MONEY_MINTS.isdisjoint(prices)
        return (
            Leg(hop.given, -given_raw, *_quoted(hop.given, prices[hop.given.mint], poison)),
            # A wrong price is visible only if one of two tokens has it.
            Leg(hop.taken, taken_raw, *_quoted(hop.taken, prices[hop.taken.mint], 0.5 if both_are_tokens else poison)),
        )


def _split(hop: Hop, rng: Random) -> list[tuple[int, int]]:
    """Amounts of each part. Their sum is exact, and they differ from one another."""
    parts, given, taken = [], hop.given_raw, hop.taken_raw
    for left in range(hop.parts, 1, -1):
        share = rng.uniform(0.6, 1.2) / left
        part = int(given * share), int(taken * share)
        if min(part) > 0 and part[0] < given and part[1] < taken:
            parts.append(part)
            given, taken = given - part[0], taken - part[1]
    return [*parts, (given, taken)]


def _quoted(coin: Coin, price: float, poison: float) -> tuple[float | None, float | None]:
    """`price` and `nearest_price` of a leg. One transaction in some hundreds has wrong figures."""
    is_money = coin.mint in MONEY_MINTS
    if not is_money and poison < 0.008:
        absurd = price * 10 ** (poison * 2000 - 9)  # a dust trade set it: off by 1e-9 up to 1e7
        return absurd, absurd
    if not is_money and poison < 0.012:
        return None, None
    if coin.mint in _SOL_MINTS and poison < 0.014:
        return None, price
    if coin.mint in _SOL_MINTS and poison < 0.015:
        return None, None  # and no volume_usd in consequence
    if coin.mint in _STABLE_MINTS and coin.mint != USDC.mint and poison > 0.97:
        return price * 0.96, price * 0.96  # off its peg
    return price, price if poison < 0.72 else price * (1 + (poison - 0.85) / 50)


def _volume_usd(given: Leg, taken: Leg, *, pool: Pool, one_to_one: bool) -> float | None:
    """The value of the most reliable leg: a stable coin, else SOL, else the quote (reference §4.3)."""
    quote = taken if given.coin.mint == pool.base_mint else given
    for mints in (_STABLE_MINTS, _SOL_MINTS, {quote.coin.mint}):
        for leg in (given, taken):
            if leg.coin.mint in mints:
                amount = abs(leg.raw) / 10**leg.coin.decimals
                price = 1.0 if one_to_one and mints is _STABLE_MINTS else leg.price or leg.nearest_price
                return None if price is None else amount * price
    return None


def _amount_style(source: str, rng: Random) -> str:
    if source in ("meteora_dlmm", "meteora_damm_v2", "pump_dot_fun"):
        return "string"
    if source in ("openbook_v2", "phoenix"):
        return rng.choice(("int", "float", "floats"))
    return "int"
