"""The shapes of transactions. Each says what it amounts to, hop by hop and trade by trade."""

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from random import Random

from smart_trader.simulator.planned import Deal, Hop, Outcome
from smart_trader.simulator.wire import Coin
from smart_trader.simulator.world import MONEY_MINTS, SOL, USDC, World

_DUST_PERCENT, _TAX_PERCENT = 2, 5
_NEARLY_DUST_USD = (9.0, 11.0)
"""Up to two percent and ten dollars of a middle token are dust. What is close to ten dollars is not planned."""


def swap(hop: Hop) -> Deal:
    """A token for money, or money for a token."""
    return Deal((hop,), (_paid(hop),))


def together(deals: Sequence[Deal]) -> Deal:
    """Swaps of different tokens for money in one transaction: each is a trade of its own."""
    return Deal(tuple(hop for deal in deals for hop in deal.hops), tuple(one for deal in deals for one in deal.trades))


def conversion(*hops: Hop) -> Deal:
    """Money for other money, perhaps over a token of which nothing stays: no trade."""
    return Deal(hops)


def loop(*hops: Hop) -> Deal:
    """Arbitrage: the coin that was given comes back, and at most dust of another stays."""
    return Deal(hops, is_arbitrage=True)


def token_for_token(hop: Hop) -> Deal:
    """Two tokens at once, worth what the provider says."""
    return Deal((hop,), _two(hop, Outcome(hop.given, 0, hops=(0,))))


def partly_over_sol(world: World, time: int, hop: Hop, rng: Random) -> Deal:
    """Two tokens, a part at once and the rest over SOL, of which a little stays: still one for the other. The SOL tells
    what it was worth if most of what was sold went that way."""
    percent = rng.choice((30, 60, 80))
    if min(hop.given_raw, hop.taken_raw) < 1_000:
        return token_for_token(hop)
    over, arrived = hop.given_raw * percent // 100, hop.taken_raw * percent // 100
    sol = world.raw(SOL, hop.usd * percent / 100, time, rng)
    at_once = hop.usd * (100 - percent) / 100
    hops = (
        Hop(hop.given, hop.given_raw - over, hop.taken, hop.taken_raw - arrived, usd=at_once),
        Hop(hop.given, over, SOL, sol),
        Hop(SOL, sol - min(sol * 8 // 100, rng.randrange(1, 9_000_000)), hop.taken, arrived),
    )
    by_money = Outcome(hop.given, 0, ((SOL, sol),), Fraction(hop.given_raw, over))
    return Deal(hops, _two(hop, by_money if percent > 50 else Outcome(hop.given, 0, hops=(0, 1))))


def round_trip(out: Hop, back: Hop) -> Deal:
    """A purchase of which a part is sold again. If that brings all of the money back, they are two trades; else what
    stays was bought for the money that stays away."""
    money, paid, got = out.given, out.given_raw, back.taken_raw
    if got >= paid:
        return Deal((out, back), (_paid(out), _paid(back)))
    return Deal((out, back), (Outcome(out.taken, out.taken_raw - back.given_raw, ((money, paid - got),)),))


def route(world: World, time: int, hop: Hop, rng: Random) -> Deal:
    """A token for money or money for a token, by one of the ways of a router."""
    way = rng.random()
    if way < 0.82:
        return swap(hop)
    if way < 0.91:
        return _through_another(world, time, hop, rng, may_leave_tokens=True)
    if way < 0.94:
        return swap(replace(hop, parts=2 if way < 0.92 else 3))
    if way < 0.96 and min(hop.given_raw, hop.taken_raw) > 100:
        return _partly_through_another(world, time, hop, rng)
    return swap(replace(hop, parts=2, on_order_book=True))


def _through_another(world: World, time: int, hop: Hop, rng: Random, *, may_leave_tokens: bool) -> Deal:
    between = rng.choice((USDC, USDC, SOL, rng.choice(world.tokens).coin))
    if between in (hop.given, hop.taken):
        return swap(hop)
    usd = world.worth(hop.given, hop.given_raw, time)
    raw = world.raw(between, usd, time, rng)
    if between.mint in MONEY_MINTS:
        trace = rng.randrange(2, 500) if raw > 100_000 and rng.random() < 0.2 else 0
        first, second = _over(hop, between, raw, trace, usd)
        # Money does not connect: the trade is for the money that its own row has.
        return Deal((first, second), (_paid(second if hop.given.mint in MONEY_MINTS else first),))
    left = _left_between(world, between, raw, usd, rng) if may_leave_tokens else 0
    hops = _over(hop, between, raw, left, usd)
    if usd * left < _NEARLY_DUST_USD[0] * raw and left * 100 <= _DUST_PERCENT * raw:
        return Deal(hops, (_paid(hop),))
    return Deal(hops, tuple(one for nth, part in enumerate(hops) for one in _by_itself(part, nth)))


def _over(hop: Hop, between: Coin, arrived: int, left: int, usd: float) -> tuple[Hop, Hop]:
    return (
        Hop(hop.given, hop.given_raw, between, arrived, usd=usd),
        Hop(between, arrived - left, hop.taken, hop.taken_raw, usd=usd),
    )


def _left_between(world: World, between: Coin, raw: int, usd: float, rng: Random) -> int:
    """What stays of a middle token: its fee for transfers, else nothing, dust, or the tax of a contract."""
    drawn, left = rng.random(), 0
    if world.by_mint[between.mint].fee_percent:
        left = raw // 100
    elif drawn < 0.3:
        left = raw // rng.randrange(200, 5_000)
    elif drawn < 0.35:
        left = raw * _TAX_PERCENT // 100
    return 0 if _NEARLY_DUST_USD[0] * raw <= usd * left <= _NEARLY_DUST_USD[1] * raw else left


def _partly_through_another(world: World, time: int, hop: Hop, rng: Random) -> Deal:
    given, taken = hop.given_raw // 3, hop.taken_raw // 3
    part = swap(Hop(hop.given, given, hop.taken, taken))
    rest = Hop(hop.given, hop.given_raw - given, hop.taken, hop.taken_raw - taken)
    other = _through_another(world, time, rest, rng, may_leave_tokens=False)
    (one,), (two,) = part.trades, other.trades
    return Deal(part.hops + other.hops, (Outcome(one.coin, one.change + two.change, one.money + two.money),))


def _by_itself(hop: Hop, nth: int) -> tuple[Outcome, ...]:
    if MONEY_MINTS.isdisjoint((hop.given.mint, hop.taken.mint)):
        return _two(hop, Outcome(hop.given, 0, hops=(nth,)))
    return (_paid(hop),)


def _paid(hop: Hop) -> Outcome:
    if hop.given.mint in MONEY_MINTS:
        return Outcome(hop.taken, hop.taken_raw, ((hop.given, hop.given_raw),))
    return Outcome(hop.given, -hop.given_raw, ((hop.taken, hop.taken_raw),))


def _two(hop: Hop, worth: Outcome) -> tuple[Outcome, Outcome]:
    """A sale and a purchase, both worth what `worth` is."""
    return replace(worth, change=-hop.given_raw), replace(worth, coin=hop.taken, change=hop.taken_raw)
