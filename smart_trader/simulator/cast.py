"""The participants of the market, the number of their trades, and their holdings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from smart_trader.simulator.addresses import EXCHANGES, INCINERATOR, RAYDIUM_AUTHORITY, address
from smart_trader.simulator.traders import STYLES, Trader
from smart_trader.simulator.wire import Coin
from smart_trader.simulator.world import SOL, World

# Share of all wallets, and rows in the first months (a range).
_TRADING = {
    "skilled": (0.035, (60, 320)),
    "modest": (0.015, (40, 150)),
    "lucky": (0.02, (60, 200)),
    "losing": (0.12, (16, 400)),
    "bot": (0.02, (480, 481)),
    "arbitrageur": (0.013, (400, 401)),
    "pool": (0.007, (200, 300)),
    "exchange": (0.003, (150, 200)),
    "person": (0.36, (14, 500)),
    "pretender": (0.01, (40, 120)),
}
_MAX_ROWS = 930
"""Fewer than the product reads of one wallet in a run, so that every history is read whole."""


@dataclass(frozen=True, slots=True)
class Account:
    """A token account: an owner can have several for one token."""

    coin: Coin
    owner: str
    address: str
    raw: int


def cast_traders(world: World, *, wallets: int, trade_rows: int, days: int, has_skill: bool) -> list[Trader]:
    """All traders but the last one, whose rows fill the total that the others miss."""
    rng = Random(f"{world.seed}:cast")
    wanted: list[tuple[str, str, float]] = []
    for kind, (share, (least, most)) in _TRADING.items():
        for nth in range(max(1, round(share * wallets))):
            rows = min(most, least * rng.paretovariate(1.05))
            wanted.append((_address_of(world, kind, nth), kind, rows))
    # The last one gets the rest.
    scale = 0.995 * trade_rows / sum(rows for _, _, rows in wanted)
    return [
        Trader(
            world,
            owner,
            kind,
            STYLES[kind] if has_skill else STYLES[kind].without_skill(),
            rows=min(rows * scale, _MAX_ROWS),
            joined=rng.randrange(days // 2) if kind == "person" else rng.randrange(days // 6),
            days=days,
        )
        for owner, kind, rows in wanted
    ]


def _address_of(world: World, kind: str, nth: int) -> str:
    if kind == "pool":
        token = world.tokens[nth % len(world.tokens)]
        return world.pool(token.coin.mint, SOL.mint, nth // len(world.tokens)).address
    if kind == "exchange" and nth < len(EXCHANGES):
        return EXCHANGES[nth]
    return address(world.seed, "wallet", kind, nth)


def cast_idle(world: World, traders: Sequence[Trader], wallets: int) -> dict[str, str]:
    """Owners that never trade, with their kind. Together with the traders they are `wallets` owners."""
    kinds = {INCINERATOR: "burn", RAYDIUM_AUTHORITY: "pool"} | dict.fromkeys(EXCHANGES, "exchange")
    kinds |= {world.pool(token.coin.mint, SOL.mint).address: "pool" for token in world.tokens}
    idle = {owner: kind for owner, kind in kinds.items() if owner not in {trader.owner for trader in traders}}
    missing = wallets - len(traders) - len(idle)
    return idle | {address(world.seed, "wallet", "idle", nth): "holder_only" for nth in range(missing)}


def place_holdings(world: World, traders: Sequence[Trader], idle: dict[str, str]) -> dict[str, list[Account]]:
    """The token accounts by mint, largest first; every wallet is among the first hundred of at least one token."""
    rng = Random(f"{world.seed}:holdings")
    accounts: dict[str, list[Account]] = {token.coin.mint: [] for token in world.tokens}
    for mint, owner, share, nth in (*_shares_of_nobody(world, rng), *_shares_of_wallets(world, traders, idle, rng)):
        token = world.by_mint[mint]
        raw = token.supply_raw * int(share * 1e12) // 10**12 + rng.randrange(1000)
        accounts[mint].append(Account(token.coin, owner, address(world.seed, "account", mint, owner, nth), raw))
    for held in accounts.values():
        held.sort(key=lambda account: (-account.raw, account.address))
    _crowd(world, accounts[world.tokens[0].coin.mint])
    return accounts


_Share = tuple[str, str, float, int]
"""Mint, owner, share of the supply, number of the owner's account."""


def _shares_of_nobody(world: World, rng: Random) -> Iterator[_Share]:
    """Large accounts of no person: pools, a burn address, exchanges."""
    for token in world.tokens:
        yield token.coin.mint, world.pool(token.coin.mint, SOL.mint).address, rng.uniform(0.08, 0.2), 0
    for owner in (INCINERATOR, RAYDIUM_AUTHORITY, *EXCHANGES):
        chosen = [mint for mint in world.by_mint if rng.random() < 0.3] or [rng.choice([*world.by_mint])]
        for mint in chosen:
            yield mint, owner, rng.uniform(0.01, 0.3 if owner == INCINERATOR else 0.06), 0


def _shares_of_wallets(world: World, traders: Sequence[Trader], idle: dict[str, str], rng: Random) -> Iterator[_Share]:
    """Holdings of wallets in tokens that they trade, now and then in several accounts."""
    first_pools = {world.pool(token.coin.mint, SOL.mint).address for token in world.tokens}
    placed = {INCINERATOR, RAYDIUM_AUTHORITY, *EXCHANGES, *first_pools}
    favourites = {trader.owner: trader.mints[:4] for trader in traders}
    for owner in (*favourites, *idle):
        if owner in placed:
            continue
        mints = favourites.get(owner) or rng.sample([*world.by_mint], min(len(world.by_mint), 4))
        for mint in mints[: int(rng.paretovariate(1.2))]:
            share = min(0.03, 3e-5 * rng.paretovariate(0.7))
            for nth in range(3 if rng.random() < 0.02 else 2 if rng.random() < 0.1 else 1):
                yield mint, owner, share / (nth + 1), nth


def _crowd(world: World, held: list[Account]) -> None:
    """Add small accounts of known owners, more than fit one page."""
    smallest = held[-1].raw
    for nth in range(140 - len(held)):
        known = held[nth % len(held)]
        raw = max(1, smallest - 1 - nth)
        held.append(Account(known.coin, known.owner, address(world.seed, "crowd", nth), raw))
