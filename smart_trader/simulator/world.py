"""The tokens of the simulated market: prices over time, pools, entries in the token list.

Everything is a pure function of the seed, the name of the thing and the time, so a later market continues an
earlier one without changing it.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

from smart_trader.simulator import addresses
from smart_trader.simulator.addresses import address
from smart_trader.simulator.wire import Coin, Pool

HOUR, DAY = 3600, 86400

SOL = Coin(addresses.WRAPPED_SOL, "SOL", 9)
NATIVE_SOL = Coin(addresses.NATIVE_SOL, "SOL", 9)
USDC = Coin(addresses.USDC, "USDC", 6)
USDT = Coin(addresses.USDT, "USDT", 6)
PYUSD = Coin(addresses.PYUSD, "PYUSD", 6)
USDS = Coin(addresses.USDS, "USDS", 6)
USD1 = Coin(addresses.USD1, "USD1", 6)
USDG = Coin(addresses.USDG, "USDG", 6)
FDUSD = Coin(addresses.FDUSD, "FDUSD", 6)
STABLE = (USDC, USDT, PYUSD, USDS, USD1, USDG, FDUSD)
SOL_MINTS = {SOL.mint, NATIVE_SOL.mint}
STABLE_MINTS = {coin.mint for coin in STABLE}
MONEY_MINTS = SOL_MINTS | STABLE_MINTS

SCALED_KEYS_SINCE = 1_754_006_400  # August 2025
_SPLIT_AT = SCALED_KEYS_SINCE + 10 * DAY
_SPLIT = 5
"""Units of a scaled token after its split, where there was one before."""

_PROGRAMS = {
    "raydium": "675kPX9MHTjS2zt1qfr1NYHuzeLXfQM9H24wFSUt1Mp8",
    "raydium_clamm": "CAMMCzo5YL8w4VFF8KVHrK22GGUsp5VTaW7grrKgrWqK",
    "raydium_cp": "CPMMoo8L3F4NbTegBCKVNunggL7H1ZpdTHKxQB5qKP1C",
    "whirlpool": "whirLbMiicVdio4qvUfM5KAg6Ct8VwpYzGff3uctyCc",
    "meteora_dlmm": "LBUZKhRxPF3XUpBCjp4YzTKgLccjZhTSDM9YuVaPwxo",
    "meteora_damm_v2": "cpamdpZCGKUy5JxQXB4dcpGPiikHawvSWAd6mEn1sGG",
    "pump_amm": "pAMMBay6oceH9fJKBRHGP5D4bD4sWpmSwMn52FMfXEA",
    "pump_dot_fun": "6EF8rrecthR5Dkzon8Nwu78hRvfCKubJ14M5uBEwF6P",
    "lifinity": "2wT8Yq49kHgDzXuPxZSaeLaH1qbmGXtEyPy64bL7aD3c",
    "phoenix": "PhoeNiXZ8ByJGLkxNfZRnkUfjvmuYqLR89jjFHGqdXY",
    "openbook_v2": "opnb2LAfJYbRMAHHvqjCwQxanZn7ReEHp1k81EohpZb",
}
NAMED_POOL = Pool("jupiterz", "jupiterz", "61DFfeTKM7trxYcPQCM78bJ794ddZprZpAwAnLiwTpYH", "")
"""An exchange that serves its name where others have a pool, and neither signers nor an inner index. It trades all."""
_SOURCES = tuple(source for source in _PROGRAMS if source != "openbook_v2")

# Names and symbols are chosen by attackers, or by people in a hurry.
NAMES = (
    ("PAWS & Co.", "PAWS"),
    ("Fartcoin ", "Fartcoin "),
    ("<script>alert(document.domain)</script>", "<b>XSS</b>"),
    ('=cmd|"/c calc"!A1', "=cmd()"),
    ("safe\u202efdp.exe", "\u202eDSU"),
    ("line\nbreak\ttab\x1b[31mred\x07", "C\x01T\x7fL"),
    ("🐸 to the moon 🚀", "🐸🚀"),
    ("", ""),
    ("long " * 200, "L" * 300),
    ("'; DROP TABLE silver.trades; --", "';--"),
    ("ALL_TOKENS", "ALL_TOKENS"),
    ("../../etc/passwd", "../x"),
    ("+1+1", "@SUM(A1)"),
    ("USD Coin", "USDC"),
    ("Zero\u200bWidth\u00a0Blank", "\u00a0ZW\u200b"),
    ('"quoted", and, commas', 'Q"U,O'),
    ("\u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd", "\u0645\u05e9"),
    ("&lt;img src=x onerror=alert(1)&gt;", "<img src=x>"),
    ("{{7*7}} ${jndi:ldap://127.0.0.1/x}", "{{7*7}}"),
    ("NULL", "null"),
)

# Decimals, price and first liquidity of a token; repeated along the list.
_MAKES = ((6, 4e-4), (9, 0.02), (6, 1.7), (5, 3e-6), (0, 2.5), (6, 0.09), (9, 6e-5), (18, 1e-13), (6, 8.0), (6, 1e-3))
_LIQUIDITY = (6.4e6, 150e3, 599_921.27, 2.3e6, 224_553.0, 820e3, 419_586.18, 1.05e6, 580_656.99, 100_000.0)


class PricePath:
    """USD price over time: an hourly random walk that tends back to its start, linear in between."""

    def __init__(self, name: str, start: int, price: float, hourly_sigma: float) -> None:
        self._name, self._start, self._price, self._sigma = name, start, price, hourly_sigma
        self._levels = [0.0]

    def at(self, time: float) -> float:
        hours = max(0.0, (time - self._start) / HOUR)
        whole = int(hours)
        while len(self._levels) < whole + 2:
            self._extend()
        before, after = self._levels[whole], self._levels[whole + 1]
        return self._price * math.exp(before + (after - before) * (hours - whole))

    def _extend(self) -> None:
        rng = Random(f"{self._name}:{len(self._levels)}")
        for _ in range(24):
            self._levels.append(self._levels[-1] * 0.996 + rng.gauss(0, self._sigma))


@dataclass(frozen=True, slots=True)
class Token:
    coin: Coin
    name: str
    price: PricePath
    supply_raw: int
    liquidity: float
    fee_percent: int
    """Fee of the token itself for each transfer."""
    is_scaled: bool
    """Whether it has a multiplier, like a share that can be split."""
    is_tracked: bool
    """Passes the default filters of the product."""
    listed: Mapping[str, float | None]
    """Fields of its entry in the token list that do not depend on the market."""


class World:
    """Prices and pools. `start` is the time of the first possible trade."""

    def __init__(self, seed: int, start: int, tokens: int) -> None:
        self.seed, self.start = seed, start
        self._money = {coin.mint: self._path(coin.symbol, 0.9999, 3e-5) for coin in STABLE}
        self._money[SOL.mint] = self._money[NATIVE_SOL.mint] = self._path("SOL", 190.0, 0.005)
        self.tokens = [self._token(index) for index in range(tokens)]
        self.decoys = self._decoys()
        self._paths = {token.coin.mint: token.price for token in (*self.tokens, *self.decoys)} | self._money
        self.by_mint = {token.coin.mint: token for token in self.tokens}
        self.worthless = [Coin(address(seed, "worthless", nth), f"GEM{nth}", 6) for nth in range(12)]
        """Coins that no list has, at prices that somebody makes up."""
        self.pool, self.order_book = cache(self._pool), cache(self._order_book)

    def price(self, coin: Coin, time: float) -> float:
        """USD for 10^decimals base units."""
        return self._paths[coin.mint].at(time)

    def worth(self, coin: Coin, raw: int, time: int) -> float:
        return raw / 10**coin.decimals * self.price(coin, time)  # type: ignore[no-any-return]  # a power is Any

    def raw(self, coin: Coin, usd: float, time: int, rng: Random) -> int:
        """Base units worth about `usd`, at least one. Digits beyond a double are random."""
        digits = min(coin.decimals, 9)
        rest = int(10 ** (coin.decimals - digits))
        return max(1, int(usd / self.price(coin, time) * 10**digits)) * rest + rng.randrange(rest)

    def multiplier(self, coin: Coin, time: int) -> int | None:
        """Units that 10^decimals base units of a scaled token are at that time; None: the token is not scaled."""
        token = self.by_mint.get(coin.mint)
        if token is None or not token.is_scaled:
            return None
        return _SPLIT if time >= _SPLIT_AT else 1

    def _path(self, name: str, price: float, hourly_sigma: float) -> PricePath:
        return PricePath(f"{self.seed}:price:{name}", self.start, price, hourly_sigma)

    def _token(self, index: int) -> Token:
        rng = Random(f"{self.seed}:token:{index}")
        name, symbol = NAMES[index % len(NAMES)]
        decimals, price = _MAKES[index % len(_MAKES)]
        liquidity = _LIQUIDITY[index % len(_LIQUIDITY)] if index < len(_LIQUIDITY) else rng.uniform(1.1e5, 8e6)
        # The token of 18 decimals fills the 38 digits of an exact count.
        supply = 98 * 10**36 + rng.randrange(10**36) if decimals == 18 else int(2e7 / price) * 10**decimals
        mint = address(self.seed, "mint", index)
        return Token(
            coin=Coin(mint, symbol, decimals),
            name=name,
            price=self._path(mint, price, 0.06),
            supply_raw=supply,
            liquidity=liquidity,
            fee_percent=1 if index % 10 == 8 else 0,
            is_scaled=index % 10 == 1,
            is_tracked=True,
            listed={},
        )

    def _decoys(self) -> list[Token]:
        """Entries that the product has to leave out, each for one reason."""
        wash = {"holder": 32, "volume_1h_usd": 1_251_201.1251306743}

        def decoy(name: str, coin: Coin, liquidity: float, listed: Mapping[str, float | None]) -> Token:
            path = self._money.get(coin.mint) or self._path(coin.mint, 0.01, 0.02)
            return Token(coin, name, path, int(1e9) * 10**coin.decimals, liquidity, 0, False, False, listed)

        def meme(symbol: str) -> Coin:
            return Coin(address(self.seed, "decoy", symbol), symbol, 6)

        calm = {"price_change_24h_percent": -1.9, "price_change_2h_percent": -0.4}
        return [
            decoy("Wrapped SOL", SOL, 13_282_238_756.185713, {"holder": 2_223_780, **calm}),
            decoy("USD Coin", USDC, 3_037_752_377.1716795, {"holder": 4_615_028, **calm}),
            decoy("USDT", USDT, 233_287_760.70094875, {"holder": 2_119_229, **calm}),
            # Money whose figures pass every filter: only its mint shows that it is no position.
            decoy("Solana", NATIVE_SOL, 9_990_000.0, {"holder": 5_000}),
            decoy("PayPal USD", PYUSD, 9_500_000.0, {"holder": 40_000}),
            decoy("World Liberty Financial USD", USD1, 9_400_000.0, {"holder": 30_000}),
            decoy("washed", meme("WASH"), 164_136.95065347367, wash),
            decoy("too deep", meme("DEEP"), 10_000_000.01, {}),
            decoy("too shallow", meme("THIN"), 99_999.99, {}),
            decoy("quiet", meme("QUIET"), 300_000.0, {"volume_1h_usd": 199_999.99}),
            decoy("slow", meme("SLOW"), 310_000.0, {"price_change_24h_percent": 29.99}),
            decoy("over", meme("OVER"), 320_000.0, {"price_change_2h_percent": 9.99}),
            decoy("new", meme("NEW"), 330_000.0, {"price_change_24h_percent": None, "price_change_2h_percent": None}),
        ]

    def _pool(self, one: str, other: str, nth: int = 0) -> Pool:
        """The `nth` pool of two coins, given by mint."""
        pair = sorted((one, other))
        rng = Random(f"{self.seed}:pool:{pair}:{nth}")
        source = rng.choice(_SOURCES)
        return Pool(address(self.seed, "pool", *pair, nth), source, _PROGRAMS[source], rng.choice(pair))

    def _order_book(self, one: str, other: str) -> Pool:
        pair = sorted((one, other))
        return Pool(address(self.seed, "book", *pair), "openbook_v2", _PROGRAMS["openbook_v2"], pair[0])

    def list_entry(self, token: Token, now: int) -> dict[str, object]:
        """The item of `/defi/v3/token/list`; a tracked token passes the default filters at any time."""
        lasting = Random(f"{self.seed}:listed:{token.coin.mint}")
        rng = Random(f"{self.seed}:listed:{token.coin.mint}:{now}")
        multiplier = self.multiplier(token.coin, now)
        price = token.price.at(now) / (multiplier or 1)
        supply = token.supply_raw / 10**token.coin.decimals * (multiplier or 1)
        hourly = rng.uniform(2.2e5, 3e6)
        entry: dict[str, object] = {
            "address": token.coin.mint,
            "logo_uri": None if lasting.random() < 0.2 else f"https://ipfs.io/ipfs/{token.coin.mint}",
            "name": token.name,
            "symbol": token.coin.symbol,
            "decimals": token.coin.decimals,
            "extensions": None if lasting.random() < 0.3 else {"description": token.name, "twitter": None},
            "market_cap": price * supply,
            "fdv": price * supply,
            "liquidity": token.liquidity,
            "last_trade_unix_time": now - rng.randrange(1, 600),
        }
        for hours in (1, 2, 4, 8, 24):
            entry[f"volume_{hours}h_usd"] = hourly * hours * rng.uniform(0.8, 1.2) if hours > 1 else hourly
            entry[f"volume_{hours}h_change_percent"] = None if rng.random() < 0.2 else rng.uniform(-70, 600)
        for hours in (1, 2, 4, 8, 24):
            entry[f"trade_{hours}h_count"] = int(hourly * hours / 300)
        entry["price"] = price
        for hours, least in ((1, -20.0), (2, 11.0), (4, 12.0), (8, 12.0), (24, 31.0)):
            entry[f"price_change_{hours}h_percent"] = least + rng.random() * 100
        entry["holder"] = rng.randrange(150, 40_000)
        entry["recent_listing_time"] = None if lasting.random() < 0.5 else self.start - lasting.randrange(90 * DAY)
        entry.update(token.listed)
        if now >= SCALED_KEYS_SINCE:
            entry.update(is_scaled_ui_token=multiplier is not None, multiplier=multiplier)
        return entry
