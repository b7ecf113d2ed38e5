"""From the transactions that a wallet plans to the rows of BirdEye, and the trades that they are."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from random import Random

from smart_trader.simulator.addresses import address, signature
from smart_trader.simulator.flaws import BY_NOTHING, BY_TOKEN_PRICE, BY_VOLUME, NO_FLAW, Flaw
from smart_trader.simulator.planned import (
    PRICE_DIGITS,
    USD_DIGITS,
    Deal,
    Hop,
    Outcome,
    Row,
    Trade,
    Transaction,
    name_hash,
    rounded,
    stored,
)
from smart_trader.simulator.wire import Coin, Leg, Pool, Swap, number, swap_text
from smart_trader.simulator.world import MONEY_MINTS, NAMED_POOL, SCALED_KEYS_SINCE, SOL_MINTS, STABLE_MINTS, World


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a transaction stands on the chain."""

    time: int
    slot: int
    tx_hash: str


class Tape:
    """Writes the transactions of one wallet."""

    def __init__(self, world: World, owner: str) -> None:
        self._world, self._owner = world, owner

    def record(self, time: int, deal: Deal, flaw: Flaw, rng: Random) -> Transaction:
        """The transaction as it happened. The same generator state gives the same text."""
        slot = 300_000_000 + (time - self._world.start) * 5 // 2
        place = _Place(time, slot, signature(self._world.seed, self._owner, time, rng.random()))
        hops = self._hops(place, deal, flaw, rng)
        trades = tuple(self._trade(place, deal, outcome, hops, flaw) for outcome in deal.trades)
        rows = [swap for hop in hops for swap in hop]
        rng.shuffle(rows)
        return Transaction(time, tuple(Row(time, swap_text(row)) for row in rows), trades, deal.is_arbitrage)

    # ---- rows ----

    def _hops(self, place: _Place, deal: Deal, flaw: Flaw, rng: Random) -> list[list[Swap]]:
        """The rows of each hop."""
        index, inner, written = rng.randrange(1, 7), rng.randrange(0, 4), list[list[Swap]]()
        nearby = rng.random()
        is_alone = len(deal.hops) == 1 and deal.hops[0].parts == 1
        for hop in deal.hops:
            swaps = list[Swap]()
            for part, (given_raw, taken_raw) in enumerate(_split(hop, rng)):
                pool = self._pool(hop, part, rng, is_alone=is_alone)
                legs = self._legs(hop, given_raw, taken_raw, place.time, flaw, nearby)
                is_outer = is_alone and (inner > 0 or pool.address == NAMED_POOL.address)
                swaps.append(
                    Swap(
                        *legs,
                        pool=pool,
                        tx_hash=place.tx_hash,
                        owner=self._owner,
                        time=place.time,
                        slot=place.slot,
                        ins_index=None if hop.on_order_book else index,
                        inner_ins_index=None if hop.on_order_book or is_outer else inner,
                        signers=self._signers(pool, rng),
                        volume_usd=_volume_usd(*legs, pool=pool, one_to_one=inner == 0),
                        amounts=_amount_style(pool.source, rng),
                        has_scaled_keys=place.time >= SCALED_KEYS_SINCE,
                    )
                )
                inner += rng.randrange(1, 4)
            written.append(_with_wrong_units(swaps, rng))
        return written

    def _pool(self, hop: Hop, part: int, rng: Random, *, is_alone: bool) -> Pool:
        pair = hop.given.mint, hop.taken.mint
        if hop.on_order_book:
            return self._world.order_book(*pair)
        if is_alone and rng.random() < 0.01:
            return replace(NAMED_POOL, base_mint=pair[0])
        return self._world.pool(*pair, part if hop.parts > 1 else rng.randrange(3))

    def _signers(self, pool: Pool, rng: Random) -> tuple[str, ...] | None:
        drawn = rng.random()
        if drawn < 0.05 or pool.address == NAMED_POOL.address:
            return None
        return (address(self._world.seed, "relayer"),) if drawn < 0.07 else (self._owner,)

    def _legs(self, hop: Hop, given_raw: int, taken_raw: int, time: int, flaw: Flaw, nearby: float) -> tuple[Leg, Leg]:
        """Both legs with their prices. The price of a token comes from the money of the row, as in the API."""
        legs = ((hop.given, -given_raw), (hop.taken, taken_raw))
        usd = hop.usd
        for coin, change in reversed(legs):
            if coin.mint in MONEY_MINTS:
                usd = self._world.worth(coin, abs(change), time)
        is_pair = MONEY_MINTS.isdisjoint((hop.given.mint, hop.taken.mint))
        given, taken = (
            self._leg(coin, change, usd, time, NO_FLAW if is_pair and change < 0 else flaw, nearby)
            for coin, change in legs
        )
        return given, taken

    def _leg(self, coin: Coin, change: int, usd: float, time: int, flaw: Flaw, nearby: float) -> Leg:
        multiplier = self._world.multiplier(coin, time)
        units = abs(change) / 10**coin.decimals * (multiplier or 1)
        if coin.mint in MONEY_MINTS:
            price = self._world.price(coin, time)
            served = None if flaw.money is None else price * flaw.money
            nearest = price if flaw.has_nearest else None
        else:
            served = nearest = None if flaw.token is None else usd / units * flaw.token
        if served is not None and nearby > 0.72:
            nearest = served * (1 + (nearby - 0.86) / 50)
        return Leg(coin, change, units, coin.decimals, multiplier is not None, multiplier, served, nearest)

    # ---- trades ----

    def _trade(self, place: _Place, deal: Deal, outcome: Outcome, hops: list[list[Swap]], flaw: Flaw) -> Trade:
        token, side = outcome.coin.mint, "BUY" if outcome.change > 0 else "SELL"
        value, source = self._value(place.time, outcome, hops, flaw)
        is_both = any(other.coin == outcome.coin and other.change * outcome.change < 0 for other in deal.trades)
        return Trade(
            token=token,
            side=side,
            quantity=abs(outcome.change),
            value=None if value is None else rounded(value, USD_DIGITS),
            value_source=source,
            price_check=flaw.check,
            time=place.time,
            block=place.slot,
            tx_hash=place.tx_hash,
            trade_id=name_hash(self._owner, place.tx_hash, token, *(("SELL",) if is_both and side == "SELL" else ())),
        )

    def _value(self, time: int, outcome: Outcome, hops: list[list[Swap]], flaw: Flaw) -> tuple[Fraction | None, str]:
        """What the trade was worth by what is left to tell it."""
        if flaw.source == BY_NOTHING:
            return None, BY_NOTHING
        if flaw.source == BY_TOKEN_PRICE:
            return _token_value(outcome, hops[0][0]), BY_TOKEN_PRICE
        if outcome.hops or flaw.source == BY_VOLUME:
            volumes = [swap.volume_usd for nth in outcome.hops or (0,) for swap in hops[nth]]
            return sum((stored(number(volume), USD_DIGITS) for volume in volumes), Fraction(0)), BY_VOLUME
        sol = self._money_value(time, outcome, SOL_MINTS, flaw)
        stable = self._money_value(time, outcome, STABLE_MINTS, flaw)
        return (sol + stable) * outcome.share, "stable" if stable > sol else "sol"

    def _money_value(self, time: int, outcome: Outcome, kind: set[str], flaw: Flaw) -> Fraction:
        total = Fraction(0)
        for coin, raw in outcome.money:
            if coin.mint in kind:
                is_priced = kind is SOL_MINTS or flaw.is_off_peg
                price = number(self._world.price(coin, time) * (flaw.money or 1)) if is_priced else "1"
                total += stored(price, PRICE_DIGITS) * Fraction(raw, 10**coin.decimals)
        return total


def _token_value(outcome: Outcome, swap: Swap) -> Fraction:
    leg = swap.given if swap.given.coin == outcome.coin else swap.taken
    units = Fraction(abs(outcome.change), 10**outcome.coin.decimals) * (leg.multiplier or 1)
    return stored(number(leg.price), PRICE_DIGITS) * units


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


def _with_wrong_units(swaps: Sequence[Swap], rng: Random) -> list[Swap]:
    """The last row of several may be silent or wrong about the units of a token; those before it are right.

    One of two is enough to tell a multiplier, decimals need a majority. Rows without an index have no last one.
    """
    if len(swaps) < 2 or swaps[-1].ins_index is None or rng.random() < 0.3:
        return [*swaps]
    added = rng.choice((None, 3))

    def disturbed(leg: Leg) -> Leg:
        if leg.multiplier is not None:
            return replace(leg, multiplier=None)
        if leg.coin.mint in MONEY_MINTS or len(swaps) < 3:
            return leg
        return replace(leg, decimals=None if added is None else leg.coin.decimals + added)

    last = replace(swaps[-1], given=disturbed(swaps[-1].given), taken=disturbed(swaps[-1].taken), amounts="int")
    return [*swaps[:-1], last]


def _volume_usd(given: Leg, taken: Leg, *, pool: Pool, one_to_one: bool) -> float | None:
    """The value of the most reliable leg: a stable coin, else SOL, else the quote (reference §4.3)."""
    quote = taken if given.coin.mint == pool.base_mint else given
    for mints in (STABLE_MINTS, SOL_MINTS, {quote.coin.mint}):
        for leg in (given, taken):
            if leg.coin.mint in mints:
                price = 1.0 if one_to_one and mints is STABLE_MINTS else leg.price or leg.nearest_price
                return None if price is None else leg.units * price
    return None


def _amount_style(source: str, rng: Random) -> str:
    if source in ("meteora_dlmm", "meteora_damm_v2", "pump_dot_fun"):
        return "string"
    if source in ("openbook_v2", "phoenix"):
        return rng.choice(("int", "float", "floats"))
    return "int"
