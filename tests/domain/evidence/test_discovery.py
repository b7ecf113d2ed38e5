"""Figures since discovery: what finding wallets by tokens that rose does to their history, and not to what follows."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import exp, sqrt
from random import Random
from statistics import fmean, stdev
from typing import Any, NamedTuple

from pyspark.sql import SparkSession

from smart_trader.domain.evidence.discovery import since_discovery
from smart_trader.domain.kernel.following import Followed, LastTrade, MarkLimits, add_up, follow_return, follow_token
from smart_trader.domain.kernel.money import MICRO, USD
from smart_trader.domain.silver import tracked_whales, trades
from tests.frames import collected, frame

MARKETS, WALLETS, TOKENS, DAYS, FOUND_ON = 200, 40, 12, 60, 40
DAILY = 0.2
"""Standard deviation of the logarithm of a token's return in a day. Its expected price stays what it is."""
RISE, RISE_DAYS = 1.5, 5
"""A holder is found while the token costs so many times what it cost so many days before."""
STAKE = 100 * USD


class Bought(NamedTuple):
    """A position: units of a token, from one day to another."""

    token: int
    since: int
    until: int


def prices(random: Random) -> list[float]:
    price, found = 1.0, []
    for _ in range(DAYS + 1):
        found.append(price)
        price *= exp(random.gauss(-DAILY * DAILY / 2, DAILY))
    return found


def positions(random: Random) -> list[Bought]:
    """What a wallet buys has nothing to do with what becomes of it."""
    days = (*random.sample(range(FOUND_ON), 4), *random.sample(range(FOUND_ON + 1, DAYS), 4))
    return [Bought(random.randrange(TOKENS), day, day + random.randint(1, 15)) for day in days]


def is_found(bought: Sequence[Bought], market: Sequence[Sequence[float]]) -> bool:
    held = {one.token for one in bought if one.since <= FOUND_ON < one.until}
    return any(market[token][FOUND_ON] > RISE * market[token][FOUND_ON - RISE_DAYS] for token in held)


def units(price: float) -> int:
    """What the stake buys."""
    return round(STAKE / price)


def followed(bought: Sequence[Bought], market: Sequence[Sequence[float]], after: int) -> Followed:
    """The wallet followed from after that day to the end."""
    found = []
    for token in range(TOKENS):
        events = []
        for one in (one for one in bought if one.token == token):
            size = units(market[token][one.since])
            events.append((one.since, True, size, STAKE))
            if one.until <= DAYS:
                events.append((one.until, False, size, round(size * market[token][one.until])))
        own = [(is_buy, size, value) for day, is_buy, size, value in sorted(events) if after < day]
        found.append(follow_token(own, LastTrade(round(market[token][DAYS] * USD), USD)))
    return add_up(found)


def percent(wallets: Sequence[Followed]) -> float:
    """The mean return of those that bought something."""
    returns = [follow_return(one.pnl, one.invested) for one in wallets]
    return fmean(number / MICRO for number in returns if number is not None)


def test_finding_wallets_by_tokens_that_rose_flatters_their_history_and_not_what_follows() -> None:
    random = Random(20260105)
    whole, since = [], []
    for _ in range(MARKETS):
        market = [prices(random) for _ in range(TOKENS)]
        found = [own for own in (positions(random) for _ in range(WALLETS)) if is_found(own, market)]
        if found:
            whole.append(percent([followed(own, market, -1) for own in found]))
            since.append(percent([followed(own, market, FOUND_ON) for own in found]))
    error_of_history, error_since = (stdev(figures) / sqrt(len(figures)) for figures in (whole, since))
    assert len(since) > MARKETS // 2
    assert fmean(whole) > max(8, 4 * error_of_history), "without any skill"
    assert abs(fmean(since)) <= 2 * error_since, "the truth is 0"


FOUND_AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
RANKED_AT = FOUND_AT + timedelta(days=3)
HOUR = timedelta(hours=1)


def whale(wallet: str, token: str | None, found_at: datetime) -> dict[str, Any]:
    return {"wallet_address": wallet, "token_address": token, "discovered_at": found_at}


def trade(wallet: str, side: str, quantity: int, dollars: int, at: datetime) -> dict[str, Any]:
    return {
        "trade_id": f"{wallet} {side} {at}",
        "wallet_address": wallet,
        "token_address": "Token",
        "side": side,
        "quantity_raw": Decimal(quantity),
        "value_usd": Decimal(dollars),
        "value_source": "sol",
        "price_check": "ok",
        "block_time": at,
    }


def test_a_wallet_is_followed_from_its_first_sight_to_the_ranking(spark: SparkSession) -> None:
    whales = [
        whale("seen twice", "Token", FOUND_AT + HOUR),
        whale("seen twice", "Other", FOUND_AT),
        whale("named first", None, FOUND_AT - HOUR),
        whale("named first", "Token", FOUND_AT),
        whale("named", None, FOUND_AT),
        whale("found now", "Token", RANKED_AT),
    ]
    traded = [
        row
        for wallet in ("seen twice", "named first", "named", "found now")
        for row in (
            trade(wallet, "BUY", 10, 100, FOUND_AT),
            trade(wallet, "BUY", 10, 50, FOUND_AT + timedelta(microseconds=1)),
            trade(wallet, "SELL", 10, 80, RANKED_AT),
            trade(wallet, "SELL", 10, 1, RANKED_AT + timedelta(microseconds=1)),
        )
    ]
    rows = collected(
        since_discovery(
            frame(spark, trades.TABLE, *traded),
            frame(spark, tracked_whales.TABLE, *whales),
            ranked_at=RANKED_AT,
            limits=MarkLimits(timedelta(hours=24), Decimal(0)),
        )
    )
    found = {row.pop("wallet_address"): tuple(row.values()) for row in rows}
    followed = (FOUND_AT, 50, 30, 60, 1, 1)
    assert found == {
        "seen twice": followed,
        "named first": followed,
        "found now": (RANKED_AT, 0, 0, None, 0, 0),
    }
