"""The behaviour of wallets. A trader writes one day after the other, so a longer market begins with the shorter one."""

import heapq
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from smart_trader.simulator.tape import Hop, Row, Tape
from smart_trader.simulator.wire import Coin
from smart_trader.simulator.world import DAY, HOUR, NATIVE_SOL, PYUSD, SOL, USDC, USDS, USDT, World


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
    dust: float = 0.01
    days_per_active_day: int = 1
    has_jackpot: bool = False
    """Its first purchase is the best that the market allows, and a large one."""


STYLES = {
    "skilled": Style((700, 4000), (4 * HOUR, 3 * DAY), 7, unsold=0.03, transfers_in=0.004, several_tokens=0.002),
    "modest": Style((40, 200), (4 * HOUR, 3 * DAY), 6, unsold=0.05, transfers_in=0.004, several_tokens=0.002),
    "lucky": Style((150, 400), (8 * HOUR, 4 * DAY), -5, unsold=0.05, transfers_in=0.0, has_jackpot=True),
    "losing": Style((100, 1500), (6 * HOUR, 5 * DAY), -4, unsold=0.15),
    "person": Style(),
    "bot": Style((40, 200), (2, 40), 0, edge=0.02, unsold=0.0, transfers_in=0.0, days_per_active_day=24),
    "arbitrageur": Style((500, 5000), (HOUR, DAY), 0, loops=0.75, days_per_active_day=3),
    "converter": Style((500, 5000), conversions=1.0, loops=0, transfers_in=0, several_tokens=0, dust=0),
    "pool": Style((500, 3000), (HOUR, DAY), 5, unsold=0.0, transfers_in=0.0),
    "exchange": Style((2000, 9000), (HOUR, 2 * DAY), 4, transfers_in=0.3),
}

_MONEY = ((SOL, 0.76), (USDC, 0.18), (USDT, 0.03), (PYUSD, 0.015), (NATIVE_SOL, 0.01), (USDS, 0.005))
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
    """One wallet. `rows` is what it writes in the first `days` days."""

    def __init__(self, world: World, owner: str, kind: str, *, rows: float, joined: int, days: int) -> None:
        self.owner, self.kind = owner, kind
        self._world, self._tape, self._style = world, Tape(world, owner), STYLES[kind]
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

    def day(self, day: int) -> list[Row]:
        """Rows of that day, oldest first. Call it for one day after the other."""
        rng = Random(f"{self._world.seed}:{self.owner}:{day}")
        begin = self._world.start + day * DAY
        if day >= self._joined and self._is_active(day):
            self._allowed += self._rows_per_active_day
            self._plan_entries(begin, rng)
        rows: list[Row] = []
        while self._agenda and self._agenda[0].time < begin + DAY:
            plan = heapq.heappop(self._agenda)
            rows += self._enter(plan.time, rng) if plan.mint is None else self._exit(plan, rng)
        self._written += len(rows)
        return rows

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

    def _enter(self, time: int, rng: Random) -> list[Row]:
        style, drawn = self._style, rng.random()
        if style.has_jackpot and not self.mints:
            return self._buy(time, rng, best_of=80, usd=rng.uniform(3000, 4500), holding=(3 * DAY, 15 * DAY))
        occasions: tuple[tuple[float, Callable[[int, Random], list[Row]]], ...] = (
            (style.conversions, self._convert),
            (style.loops, self._loop),
            (style.transfers_in, self._sell_what_was_sent),
            (style.several_tokens, self._buy_two),
            (style.dust, self._buy_dust),
        )
        for share, act in occasions:
            if drawn < share:
                return act(time, rng)
            drawn -= share
        return self._buy(time, rng, self._style.foresight, rng.uniform(*style.size_usd), style.holding_seconds)

    def _buy(self, time: int, rng: Random, best_of: int, usd: float, holding: tuple[float, float]) -> list[Row]:
        chances = []
        for _ in range(max(1, abs(best_of))):
            coin, until = self._any_token(rng), time + max(1, int(rng.uniform(*holding)))
            chances.append((self._world.price(coin, until) / self._world.price(coin, time), until, coin))
        # Skilled wallets are sometimes wrong, unlucky ones sometimes right.
        is_slip = rng.random() < 0.08 and best_of < 20
        chances = chances[:1] if is_slip else chances
        _, until, coin = (max if best_of >= 0 else min)(chances, key=lambda chance: chance[0])
        money, raw = _draw_money(rng), self._raw(coin, usd * (1 - _FEE), time, rng)
        if rng.random() >= self._style.unsold or self.kind == "lucky":
            self._plan(until, coin.mint, raw)
        return self._exchange(time, money, self._raw(money, usd, time, rng), coin, raw, rng)

    def _exit(self, plan: _Plan, rng: Random) -> list[Row]:
        token = self._world.by_mint[plan.mint or ""]
        coin, price = token.coin, self._world.price(token.coin, plan.time) * (1 + self._style.edge)
        raw = plan.raw - plan.raw * token.fee_percent // 100
        if rng.random() < 0.2 and raw > 10:
            raw = int(raw * rng.uniform(0.3, 0.7)) if raw < 2**53 else raw // 3
            self._plan(
                plan.time + max(1, int(rng.uniform(*self._style.holding_seconds) / 4)), coin.mint, plan.raw - raw
            )
        usd = raw / 10**coin.decimals * price * (1 - _FEE)
        if rng.random() < 0.015:
            return self._swap_for_token(plan.time, coin, raw, usd, rng)
        money = _draw_money(rng)
        return self._exchange(plan.time, coin, raw, money, self._raw(money, usd, plan.time, rng), rng)

    def _swap_for_token(self, time: int, coin: Coin, raw: int, usd: float, rng: Random) -> list[Row]:
        """Token for token: at once, or through SOL of which a little stays as change."""
        other = self._any_token(rng)
        if other == coin:
            return []
        other_raw = self._raw(other, usd, time, rng)
        self._plan(time + max(1, int(rng.uniform(*self._style.holding_seconds))), other.mint, other_raw)
        hops = [Hop(coin, raw, other, other_raw)]
        if rng.random() < 0.4:
            sol = self._raw(SOL, usd, time, rng) + 10_000_000
            hops = [Hop(coin, raw, SOL, sol), Hop(SOL, sol - rng.randrange(10_000_000), other, other_raw)]
        return self._write(time, hops, rng)

    def _sell_what_was_sent(self, time: int, rng: Random) -> list[Row]:
        coin, money = self._any_token(rng), _draw_money(rng)
        usd = rng.uniform(*self._style.size_usd) / 3
        raw = self._raw(coin, usd, time, rng)
        return self._exchange(time, coin, raw, money, self._raw(money, usd, time, rng), rng)

    def _buy_two(self, time: int, rng: Random) -> list[Row]:
        """Two tokens for SOL in one transaction, so the money cannot be assigned to either."""
        hops = []
        for coin in {coin.mint: coin for coin in (self._any_token(rng), self._any_token(rng))}.values():
            usd = rng.uniform(10, 100)
            hops.append(Hop(SOL, self._raw(SOL, usd, time, rng), coin, self._raw(coin, usd, time, rng)))
        return self._write(time, hops, rng)

    def _buy_dust(self, time: int, rng: Random) -> list[Row]:
        """A purchase of a few base units, with an absurd price."""
        coin = self._any_token(rng)
        if coin.decimals < 5:
            return []
        return self._write(time, [Hop(SOL, rng.randrange(1, 20), coin, rng.randrange(1, 10))], rng)

    def _convert(self, time: int, rng: Random) -> list[Row]:
        usd = rng.uniform(*self._style.size_usd)
        pair = rng.choice(((SOL, USDC), (USDC, SOL), (USDC, USDT)))
        given, taken = (self._raw(coin, usd, time, rng) for coin in pair)
        return self._write(time, [Hop(pair[0], given, pair[1], taken)], rng)

    def _loop(self, time: int, rng: Random) -> list[Row]:
        """Arbitrage: through one or two tokens and back, the gain in SOL or, seldom, in the token."""
        usd = rng.uniform(*self._style.size_usd)
        one, other = self._any_token(rng), self._any_token(rng)
        sol = self._raw(SOL, usd, time, rng)
        gain = sol // rng.randrange(200, 3000)
        raw, other_raw = self._raw(one, usd, time, rng), self._raw(other, usd, time, rng)
        if rng.random() < 0.04 and raw > 1000:
            hops = [Hop(one, raw, SOL, sol), Hop(SOL, sol, one, raw + raw // 500)]
        elif one == other or rng.random() < 0.6:
            hops = [Hop(SOL, sol, one, raw), Hop(one, raw, SOL, sol + gain)]
        else:
            hops = [Hop(SOL, sol, one, raw), Hop(one, raw, other, other_raw), Hop(other, other_raw, SOL, sol + gain)]
        return self._write(time, hops, rng)

    def _exchange(self, time: int, given: Coin, given_raw: int, taken: Coin, taken_raw: int, rng: Random) -> list[Row]:
        """One coin for another by one of the routes of a router."""
        way, direct = rng.random(), Hop(given, given_raw, taken, taken_raw)
        if self.kind == "bot" or way < 0.82:
            hops = [direct]
        elif way < 0.91:
            hops = self._through_another(time, direct, rng)
        elif way < 0.94:
            hops = [Hop(given, given_raw, taken, taken_raw, parts=2 if way < 0.93 else 3)]
        elif way < 0.96 and min(given_raw, taken_raw) > 100:
            part = Hop(given, given_raw // 3, taken, taken_raw // 3)
            rest = Hop(given, given_raw - given_raw // 3, taken, taken_raw - taken_raw // 3)
            hops = [part, *self._through_another(time, rest, rng)]
        else:
            hops = [Hop(given, given_raw, taken, taken_raw, parts=2, on_order_book=True)]
        return self._write(time, hops, rng)

    def _through_another(self, time: int, direct: Hop, rng: Random) -> list[Hop]:
        """Two hops. The coin between them cancels to the last unit, or leaves a little money behind."""
        between = rng.choice((USDC, USDC, SOL, self._any_token(rng)))
        if between in (direct.given, direct.taken):
            return [direct]
        usd = direct.given_raw / 10**direct.given.decimals * self._world.price(direct.given, time)
        raw = self._raw(between, usd, time, rng)
        trace = rng.randrange(2, 500) if between == USDC and raw > 100_000 and rng.random() < 0.2 else 0
        return [
            Hop(direct.given, direct.given_raw, between, raw),
            Hop(between, raw - trace, direct.taken, direct.taken_raw),
        ]

    def _write(self, time: int, hops: list[Hop], rng: Random) -> list[Row]:
        for hop in hops:
            for coin in (hop.given, hop.taken):
                if coin.mint in self._world.by_mint and coin.mint not in self.mints:
                    self.mints.append(coin.mint)
        return self._tape.record(time, hops, rng)

    def _any_token(self, rng: Random) -> Coin:
        return rng.choice(self._world.tokens).coin

    def _raw(self, coin: Coin, usd: float, time: int, rng: Random) -> int:
        """Base units worth about `usd`, at least one. Digits beyond a double are random."""
        digits = min(coin.decimals, 9)
        rest = int(10 ** (coin.decimals - digits))
        return max(1, int(usd / self._world.price(coin, time) * 10**digits)) * rest + rng.randrange(rest)


def _draw_money(rng: Random) -> Coin:
    drawn = rng.random()
    for coin, share in _MONEY:
        if drawn < share:
            return coin
        drawn -= share
    return SOL
