"""The behaviour of wallets. A trader writes one day after the other, so a longer market begins with the shorter one."""

import heapq
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, replace
from random import Random
from typing import NamedTuple

from smart_trader.simulator import shapes
from smart_trader.simulator.flaws import draw_flaw
from smart_trader.simulator.planned import Deal, Hop, Transaction
from smart_trader.simulator.tape import Tape
from smart_trader.simulator.wire import Coin
from smart_trader.simulator.world import (
    DAY,
    FDUSD,
    HOUR,
    NATIVE_SOL,
    PYUSD,
    SOL,
    USD1,
    USDC,
    USDG,
    USDS,
    USDT,
    World,
)


@dataclass(frozen=True, slots=True)
class Style:
    """The parameters of one kind of wallet. Shares refer to its occasions to buy."""

    size_usd: tuple[float, float] = (50, 900)
    holding_seconds: tuple[float, float] = (2 * HOUR, 4 * DAY)
    foresight: int = 0
    """Number of chances whose future it knows. It takes the best of them, or the worst for a negative number."""
    edge: float = 0.0
    """Gain of its sales over the market price, like a bot that trades before others."""
    unsold: float = 0.12
    transfers_in: float = 0.02
    loops: float = 0.002
    conversions: float = 0.01
    several_tokens: float = 0.004
    round_trips: float = 0.003
    made_up: float = 0.0
    """Worthless coins, bought for a few dollars and swapped for others at prices that somebody makes up."""
    dust: float = 0.01
    days_per_active_day: int = 1
    contaminated: float = 0.0
    """Share of payments in SOL at a thousand times its price."""
    has_jackpot: bool = False
    """Its first purchase is the best that the market allows, and a large one."""

    def without_skill(self) -> "Style":
        """The same habits of somebody who buys any token and sells it at the market price."""
        return replace(self, foresight=0, edge=0.0, has_jackpot=False)


STYLES = {
    "skilled": Style((700, 4000), (4 * HOUR, 3 * DAY), 7, unsold=0.03, transfers_in=0.004, several_tokens=0.002),
    "modest": Style((40, 200), (4 * HOUR, 3 * DAY), 6, unsold=0.05, transfers_in=0.004, several_tokens=0.002),
    "lucky": Style((150, 400), (8 * HOUR, 4 * DAY), -5, unsold=0.05, transfers_in=0.0, has_jackpot=True),
    "losing": Style((100, 1500), (6 * HOUR, 5 * DAY), -4, unsold=0.15),
    "person": Style(contaminated=0.001),
    "bot": Style((40, 200), (2, 40), 0, edge=0.02, unsold=0.0, transfers_in=0.0, days_per_active_day=24),
    "arbitrageur": Style((500, 5000), (HOUR, DAY), 0, loops=0.75, days_per_active_day=3),
    "converter": Style((500, 5000), conversions=1.0, loops=0, transfers_in=0, several_tokens=0, round_trips=0, dust=0),
    "pool": Style((500, 3000), (HOUR, DAY), 5, unsold=0.0, transfers_in=0.0),
    "exchange": Style((2000, 9000), (HOUR, 2 * DAY), 4, transfers_in=0.3),
    "pretender": Style((20, 200), (HOUR, 2 * DAY), -3, made_up=0.6, contaminated=0.02),
}

_MONEY = (
    *((SOL, 0.745), (USDC, 0.18), (USDT, 0.03), (PYUSD, 0.015), (NATIVE_SOL, 0.01), (USDS, 0.005)),
    *((USD1, 0.007), (USDG, 0.004), (FDUSD, 0.004)),
)
_FEE = 0.003
_ROWS_PER_ENTRY = 2.45
"""Rows of a purchase, its sale, and further hops, on average."""


class _Plan(NamedTuple):
    time: int
    order: int
    mint: str | None
    """The token to sell then; None for an occasion to buy."""
    raw: int


class Trader:
    """One wallet. `rows` is what it writes in the first `days` days, `style` says how it trades."""

    def __init__(
        self, world: World, owner: str, kind: str, style: Style, *, rows: float, joined: int, days: int
    ) -> None:
        self.owner, self.kind = owner, kind
        self._world, self._tape, self._style = world, Tape(world, owner), style
        self._joined = joined
        active_days = len([day for day in range(joined, days) if self._is_active(day)])
        self._rows_per_active_day = rows / max(1, active_days)
        self._allowed, self._written, self._planned = 0.5, 0, 0
        self._agenda: list[_Plan] = []
        self.mints: list[str] = []
        """All tokens that it bought or sold, in the order of first use."""

    def copy(self) -> "Trader":
        """An independent copy that continues from here."""
        twin = copy(self)
        twin._agenda, twin.mints = [*self._agenda], [*self.mints]
        return twin

    def day(self, day: int) -> list[Transaction]:
        """Transactions of that day, oldest first. Call it for one day after the other."""
        rng = Random(f"{self._world.seed}:{self.owner}:{day}")
        begin = self._world.start + day * DAY
        if day >= self._joined and self._is_active(day):
            self._allowed += self._rows_per_active_day
            self._plan_entries(begin, rng)
        done = list[Transaction]()
        while self._agenda and self._agenda[0].time < begin + DAY:
            plan = heapq.heappop(self._agenda)
            deal = self._enter(plan.time, rng) if plan.mint is None else self._exit(plan, rng)
            if deal is not None:
                done.append(self._write(plan.time, deal, rng))
        self._written += sum(len(transaction.rows) for transaction in done)
        return done

    def _is_active(self, day: int) -> bool:
        every = self._style.days_per_active_day
        return day % every == every - 1

    def _plan_entries(self, begin: int, rng: Random) -> None:
        rows_per_entry = 1.0 if self.kind == "converter" else _ROWS_PER_ENTRY
        left = self._allowed - self._written - len(self._agenda)
        time = begin
        for _ in range(int(left / rows_per_entry)):
            # Now and then two transactions fall into the same second.
            time = time if time > begin and rng.random() < 0.03 else begin + rng.randrange(DAY - 1)
            self._plan(time, None, 0)

    def _plan(self, time: int, mint: str | None, raw: int) -> None:
        self._planned += 1
        heapq.heappush(self._agenda, _Plan(time, self._planned, mint, raw))

    def _plan_sale(self, time: int, coin: Coin, raw: int, rng: Random) -> None:
        self._plan(time + max(1, int(rng.uniform(*self._style.holding_seconds))), coin.mint, raw)

    def _enter(self, time: int, rng: Random) -> Deal | None:
        style, drawn = self._style, rng.random()
        if style.has_jackpot and not self.mints:
            return self._buy(time, rng, best_of=80, usd=rng.uniform(3000, 4500), holding=(3 * DAY, 15 * DAY))
        occasions: tuple[tuple[float, Callable[[int, Random], Deal | None]], ...] = (
            (style.conversions, self._convert),
            (style.loops, self._loop),
            (style.transfers_in, self._sell_what_was_sent),
            (style.several_tokens, self._buy_two),
            (style.round_trips, self._round_trip),
            (style.made_up, self._buy_worthless),
            (style.dust, self._buy_dust),
        )
        for share, act in occasions:
            if drawn < share:
                return act(time, rng)
            drawn -= share
        return self._buy(time, rng, self._style.foresight, rng.uniform(*style.size_usd), style.holding_seconds)

    def _buy(self, time: int, rng: Random, best_of: int, usd: float, holding: tuple[float, float]) -> Deal:
        chances = []
        for _ in range(max(1, abs(best_of))):
            coin, until = self._any_token(rng), time + max(1, int(rng.uniform(*holding)))
            chances.append((self._world.price(coin, until) / self._world.price(coin, time), until, coin))
        # Skilled wallets are sometimes wrong, unlucky ones sometimes right.
        is_slip = rng.random() < 0.08 and best_of < 20
        chances = chances[:1] if is_slip else chances
        _, until, coin = (max if best_of >= 0 else min)(chances, key=lambda chance: chance[0])
        money, raw = _draw_money(rng), self._world.raw(coin, usd * (1 - _FEE), time, rng)
        if rng.random() >= self._style.unsold or self.kind == "lucky":
            self._plan(until, coin.mint, raw)
        return self._exchange(time, Hop(money, self._world.raw(money, usd, time, rng), coin, raw), rng)

    def _exit(self, plan: _Plan, rng: Random) -> Deal | None:
        token = self._world.by_mint.get(plan.mint or "")
        if token is None:
            return self._swap_worthless(plan, rng)
        time, coin = plan.time, token.coin
        raw = plan.raw - plan.raw * token.fee_percent // 100
        if rng.random() < 0.2 and raw > 10:
            raw = int(raw * rng.uniform(0.3, 0.7)) if raw < 2**53 else raw // 3
            later = time + max(1, int(rng.uniform(*self._style.holding_seconds) / 4))
            self._plan(later, coin.mint, plan.raw - raw)
        usd = self._proceeds(coin, raw, time)
        if usd > 1 and rng.random() < 0.015:
            return self._swap_for_token(time, coin, raw, usd, rng)
        if rng.random() < self._style.several_tokens and (other := self._next_sale(plan)):
            return shapes.together([self._sale_for_sol(time, coin, raw, rng), self._sale_for_sol(time, *other, rng)])
        money = _draw_money(rng)
        return self._exchange(time, Hop(coin, raw, money, self._world.raw(money, usd, time, rng)), rng)

    def _proceeds(self, coin: Coin, raw: int, time: int) -> float:
        return self._world.worth(coin, raw, time) * (1 + self._style.edge) * (1 - _FEE)

    def _next_sale(self, plan: _Plan) -> tuple[Coin, int] | None:
        """Take the next sale of another token off the agenda."""
        for other in sorted(self._agenda):
            if other.mint in self._world.by_mint and other.mint != plan.mint:
                self._agenda.remove(other)
                heapq.heapify(self._agenda)
                return self._world.by_mint[other.mint].coin, other.raw
        return None

    def _sale_for_sol(self, time: int, coin: Coin, raw: int, rng: Random) -> Deal:
        return shapes.swap(Hop(coin, raw, SOL, self._world.raw(SOL, self._proceeds(coin, raw, time), time, rng)))

    def _swap_for_token(self, time: int, coin: Coin, raw: int, usd: float, rng: Random) -> Deal | None:
        """Token for token: at once, partly or all over SOL."""
        other = self._any_token(rng)
        if other == coin:
            return None
        hop = Hop(coin, raw, other, self._world.raw(other, usd, time, rng), usd=usd)
        self._plan_sale(time, other, hop.taken_raw, rng)
        way = rng.random()
        if way < 0.5:
            return shapes.token_for_token(hop)
        if way < 0.7:
            return shapes.partly_over_sol(self._world, time, hop, rng)
        # A sale and a purchase: SOL does not connect them.
        sol = self._world.raw(SOL, usd, time, rng) + 10_000_000
        change = rng.randrange(10_000_000)
        return shapes.together(
            [shapes.swap(Hop(coin, raw, SOL, sol)), shapes.swap(Hop(SOL, sol - change, other, hop.taken_raw))]
        )

    def _sell_what_was_sent(self, time: int, rng: Random) -> Deal:
        coin, money = self._any_token(rng), _draw_money(rng)
        usd = rng.uniform(*self._style.size_usd) / 3
        raw = self._world.raw(coin, usd, time, rng)
        return self._exchange(time, Hop(coin, raw, money, self._world.raw(money, usd, time, rng)), rng)

    def _buy_two(self, time: int, rng: Random) -> Deal:
        """Two tokens for SOL in one transaction."""
        bought = []
        for coin in {coin.mint: coin for coin in (self._any_token(rng), self._any_token(rng))}.values():
            usd = rng.uniform(10, 100)
            sol, raw = self._world.raw(SOL, usd, time, rng), self._world.raw(coin, usd, time, rng)
            bought.append(shapes.swap(Hop(SOL, sol, coin, raw)))
        return shapes.together(bought)

    def _round_trip(self, time: int, rng: Random) -> Deal | None:
        """A purchase of which nine tenths or the half are sold again at once; the rest is sold later."""
        coin, usd = self._any_token(rng), rng.uniform(*self._style.size_usd)
        sol, raw = self._world.raw(SOL, usd, time, rng), self._world.raw(coin, usd, time, rng)
        if raw < 1_000:
            return None
        back, got = rng.choice(((raw * 9 // 10, sol), (raw * 9 // 10, sol + sol // 20), (raw // 2, sol // 2)))
        self._plan_sale(time, coin, raw - back, rng)
        return shapes.round_trip(Hop(SOL, sol, coin, raw), Hop(coin, back, SOL, got))

    def _buy_worthless(self, time: int, rng: Random) -> Deal:
        coin, raw = rng.choice(self._world.worthless), rng.randrange(10**9, 10**12)
        self._plan_sale(time, coin, raw, rng)
        return shapes.swap(Hop(SOL, self._world.raw(SOL, rng.uniform(5, 30), time, rng), coin, raw))

    def _swap_worthless(self, plan: _Plan, rng: Random) -> Deal:
        """One worthless coin for another, at a price that makes both look like a fortune."""
        coin, other = rng.sample(self._world.worthless, 2)
        if coin.mint != plan.mint:
            coin, other = next(one for one in self._world.worthless if one.mint == plan.mint), coin
        usd = rng.uniform(20_000, 300_000)
        return shapes.token_for_token(Hop(coin, plan.raw, other, rng.randrange(10**9, 10**12), usd=usd))

    def _buy_dust(self, time: int, rng: Random) -> Deal | None:
        """A purchase of a few base units, with an absurd price."""
        coin = self._any_token(rng)
        if coin.decimals < 5:
            return None
        return shapes.swap(Hop(SOL, rng.randrange(1, 20), coin, rng.randrange(1, 10)))

    def _convert(self, time: int, rng: Random) -> Deal:
        usd = rng.uniform(*self._style.size_usd)
        pair = rng.choice(((SOL, USDC), (USDC, SOL), (USDC, USDT), (USDC, USD1)))
        given, taken = (self._world.raw(coin, usd, time, rng) for coin in pair)
        if self.kind == "converter" or rng.random() < 0.6:
            return shapes.conversion(Hop(pair[0], given, pair[1], taken))
        coin = self._any_token(rng)
        raw = self._world.raw(coin, usd, time, rng)
        return shapes.conversion(Hop(pair[0], given, coin, raw), Hop(coin, raw, pair[1], taken))

    def _loop(self, time: int, rng: Random) -> Deal:
        """Through one or two tokens and back, the gain in SOL or, seldom, in the token; now and then dust stays."""
        usd = rng.uniform(*self._style.size_usd)
        one, other = self._any_token(rng), self._any_token(rng)
        sol = self._world.raw(SOL, usd, time, rng)
        gain = sol // rng.randrange(200, 3000)
        raw, other_raw = self._world.raw(one, usd, time, rng), self._world.raw(other, usd, time, rng)
        if rng.random() < 0.04 and raw > 1000:
            return shapes.loop(Hop(one, raw, SOL, sol), Hop(SOL, sol, one, raw + raw // 500))
        dust = raw // 2_000 if rng.random() < 0.2 else 0
        way = rng.random()
        if one == other or way < 0.6:
            return shapes.loop(Hop(SOL, sol, one, raw), Hop(one, raw - dust, SOL, sol + gain))
        if way < 0.65:
            usdc = self._world.raw(USDC, usd, time, rng)
            return shapes.loop(Hop(SOL, sol, one, raw), Hop(one, raw, USDC, usdc), Hop(USDC, usdc, SOL, sol + gain))
        return shapes.loop(
            Hop(SOL, sol, one, raw),
            Hop(one, raw - dust, other, other_raw, usd=usd),
            Hop(other, other_raw, SOL, sol + gain),
        )

    def _exchange(self, time: int, hop: Hop, rng: Random) -> Deal:
        return shapes.swap(hop) if self.kind == "bot" else shapes.route(self._world, time, hop, rng)

    def _write(self, time: int, deal: Deal, rng: Random) -> Transaction:
        for hop in deal.hops:
            for coin in (hop.given, hop.taken):
                if coin.mint in self._world.by_mint and coin.mint not in self.mints:
                    self.mints.append(coin.mint)
        return self._tape.record(time, deal, draw_flaw(deal, self._style.contaminated, rng), rng)

    def _any_token(self, rng: Random) -> Coin:
        return rng.choice(self._world.tokens).coin


def _draw_money(rng: Random) -> Coin:
    drawn = rng.random()
    for coin, share in _MONEY:
        if drawn < share:
            return coin
        drawn -= share
    return SOL
