"""What the provider gets wrong, in transactions that are plain enough to say what is then left.

A wrong price or a missing one stands in a transaction of one row. Wrong units stand in one of several rows of a
purchase or sale (`tape`), so that the others tell what is right, whatever part of a history is read.
"""

from dataclasses import dataclass
from random import Random

from smart_trader.simulator.planned import Deal, Hop
from smart_trader.simulator.world import MONEY_MINTS, SOL_MINTS, USDC

OK, ONE_SIDED, SUSPECT, REJECTED = "ok", "one_sided", "suspect", "rejected"
BY_VOLUME, BY_TOKEN_PRICE, BY_NOTHING = "volume_usd", "token_price", "none"


@dataclass(frozen=True, slots=True)
class Flaw:
    """Factors of the served figures; None: the figure is missing."""

    token: float | None = 1.0
    """Of the price of the token, in a swap of two tokens of the one taken."""
    money: float | None = 1.0
    """Of the price of the money."""
    has_nearest: bool = True
    """Whether the money has a price near the time. Where it has no other one, the volume is computed from it."""
    check: str = OK
    """Whether the two prices agree."""
    source: str | None = None
    """What is left to tell the value; None: what it always is."""
    is_off_peg: bool = False
    """Whether the stable coin really is worth what its price says."""


NO_FLAW = Flaw()
_ON_SOL = (
    (0.30, Flaw(token=0.001, check=SUSPECT)),
    (0.12, Flaw(token=4.0, check=SUSPECT)),
    (0.12, Flaw(token=1e9, check=SUSPECT)),
    (0.22, Flaw(token=None, check=ONE_SIDED)),
    (0.12, Flaw(money=None, check=ONE_SIDED, source=BY_VOLUME)),
    (0.08, Flaw(money=None, has_nearest=False, check=ONE_SIDED, source=BY_TOKEN_PRICE)),
    (0.04, Flaw(money=None, has_nearest=False, token=None, check=ONE_SIDED, source=BY_NOTHING)),
)
_THOUSANDFOLD = Flaw(money=1_000.0, check=ONE_SIDED, source=BY_VOLUME)
"""The price of SOL. The volume is computed from it."""
_ON_STABLE = (
    (0.35, Flaw(token=1e7, check=SUSPECT)),
    (0.25, Flaw(token=None, check=ONE_SIDED)),
    (0.20, Flaw(money=0.001, check=SUSPECT)),
    (0.20, Flaw(money=16.0, check=SUSPECT)),
)
_OFF_PEG = Flaw(money=0.96, is_off_peg=True)
_ON_TWO_TOKENS = Flaw(token=1e6, check=REJECTED, source=BY_NOTHING)

_FLAWED = 0.015
"""Share of purchases and sales of one row."""
_OFF_PEG_SHARE = 0.06
"""Share of payments in stable coins other than USDC."""
_WITHOUT_VALUE = 0.2
"""Share of swaps of two tokens."""


def draw_flaw(deal: Deal, contaminated: float, rng: Random) -> Flaw:
    """The flaw of a transaction, mostly none. `contaminated`: the share of payments in SOL at a thousand times its
    price, and whether swaps of two tokens may lose their value; 0 where the truth must stay what was planned."""
    drawn = rng.random()
    if len(deal.hops) != 1 or deal.hops[0].parts != 1 or not deal.trades:
        return NO_FLAW
    money = _money(deal.hops[0])
    if money is None:
        return _ON_TWO_TOKENS if contaminated and drawn < _WITHOUT_VALUE else NO_FLAW
    if money in SOL_MINTS:
        if drawn > 1 - contaminated:
            return _THOUSANDFOLD
        return _drawn(_ON_SOL, drawn / _FLAWED)
    if money != USDC.mint and drawn > 1 - _OFF_PEG_SHARE:
        return _OFF_PEG
    return _drawn(_ON_STABLE, drawn / _FLAWED)


def _drawn(flaws: tuple[tuple[float, Flaw], ...], drawn: float) -> Flaw:
    for share, flaw in flaws:
        if drawn < share:
            return flaw
        drawn -= share
    return NO_FLAW


def _money(hop: Hop) -> str | None:
    return next((coin.mint for coin in (hop.given, hop.taken) if coin.mint in MONEY_MINTS), None)
