"""What following a wallet would have brought: its trades of a time, done at its own sizes and prices by somebody who
had nothing before (docs/evidence.md).

No network fees, no delay and no slippage: an upper bound.
"""

from collections.abc import Iterable
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from smart_trader.domain.kernel.fifo import Lot, Position
from smart_trader.domain.kernel.money import MICRO, round_half_away


class FollowUp(StrEnum):
    """Whose trades are fetched until a ranking is graded."""

    RANKED = "ranked"
    """Of all wallets that are graded."""
    RECOMMENDED = "recommended"
    """Of the recommended, and of those that skill would recommend."""
    NONE = "none"


class LastTrade(NamedTuple):
    """The newest trade of anybody in a token whose price can be believed: its value over its quantity is the mark."""

    value: int
    quantity: int
    """Above zero."""


class MarkLimits(NamedTuple):
    """Which trades can mark what is open at the end."""

    max_age: timedelta
    """Before that end."""
    min_value: Decimal
    """USD. A price that a few base units were paid with says nothing about the rest: it is dust, or made up for it."""


class Followed(NamedTuple):
    """Following a wallet in one token, or in several added up. Nano-dollars."""

    invested: int
    """Known value of the purchases."""
    realized: int
    """Matched proceeds less cost; a sale without a value is a sale for 0."""
    skipped_proceeds: int
    """Share of the proceeds for what was bought before, or at an unknown cost."""
    sales: int
    """With a matched part."""
    winning_sales: int
    open_cost: int
    """Known cost of the lots that are left."""
    open_value: int
    """Value of those of them that have a mark."""
    unmarked_cost: int
    """Known cost of those that have none: worth nothing to a follower."""
    trades: int

    @property
    def pnl(self) -> int:
        return self.realized + self.open_value - self.open_cost


def follow_return(pnl: int, invested: int) -> int | None:
    """100 x PnL / invested, in millionths: per dollar bought, no return on capital. None if nothing was bought."""
    return round_half_away(100 * MICRO * pnl, invested) if invested else None


def follow_token(trades: Iterable[tuple[bool, int, int | None]], last_trade: LastTrade | None) -> Followed:
    """Follow a wallet in one token, given its trades in their total order: whether it bought, base units, nano-dollars.

    The value is None where no money shows it. `last_trade` is None if there is none, or it is too old.
    """
    position = Position()
    count = invested = realized = skipped = sales = won = 0
    for is_buy, quantity, value in trades:
        count += 1
        proceeds = value or 0
        if is_buy:
            invested += proceeds
            position.buy(Lot(None, 0, quantity, value, is_trusted=True))
            continue
        sale = position.sell(quantity, proceeds, 0)
        skipped += proceeds - (sale.matched_proceeds or 0)
        if sale.realized is not None:
            realized += sale.realized
            sales += 1
            won += sale.realized > 0
    known = [lot for lot in position.lots if lot.cost is not None]
    cost = sum(lot.left_cost for lot in known)
    if last_trade is None:
        return Followed(invested, realized, skipped, sales, won, cost, 0, cost, count)
    worth = round_half_away(sum(lot.left for lot in known) * last_trade.value, last_trade.quantity)
    return Followed(invested, realized, skipped, sales, won, cost, worth, 0, count)


def add_up(followed: Iterable[Followed]) -> Followed:
    """Several tokens in one; zeros for none."""
    columns = zip(*followed, strict=True)
    return Followed._make([sum(column) for column in columns] or [0] * len(Followed._fields))
