"""How far a wallet's trades have been read, and where the next fetch begins and ends."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

_OVERLAP = timedelta(seconds=1)
"""Nobody knows whether the API's time bounds are inclusive: reading a second twice loses nothing."""


class WalletState(Protocol):
    """State columns of a wallet in silver.tracked_whales."""

    txns_last_fetched_at: datetime | None
    history_complete: bool | None
    oldest_trade_at: datetime | None
    newest_trade_at: datetime | None
    gap_newer_than: datetime | None
    gap_older_than: datetime | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What to read: from `before` back to `down_to`, or to the first trade."""

    before: datetime
    down_to: datetime | None

    @property
    def new_before(self) -> datetime:
        """Trades before it have not been read yet; those of the second from it on may be served again."""
        return self.before - _OVERLAP


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a wallet has been read. A gap lies between two stretches that were read."""

    history_complete: bool
    oldest_trade_at: datetime | None
    newest_trade_at: datetime | None
    gap_newer_than: datetime | None = None
    gap_older_than: datetime | None = None


def next_stretch(state: WalletState, *, as_of: datetime) -> Stretch:
    """A gap first, then a history that was cut, then what is newer than the newest trade."""
    if state.gap_older_than is not None:
        return Stretch(min(as_of, state.gap_older_than + _OVERLAP), state.gap_newer_than)
    if state.txns_last_fetched_at is not None and not state.history_complete and state.oldest_trade_at is not None:
        return Stretch(min(as_of, state.oldest_trade_at + _OVERLAP), None)
    return Stretch(as_of, state.newest_trade_at if state.history_complete else None)


def reach_after(state: WalletState, stretch: Stretch, times: Iterable[datetime], *, is_cut: bool) -> Reach:
    """How far the wallet has been read after `stretch` gave rows at `times`; `is_cut` if the page limit ended it."""
    seen = list(times)
    known = [time for time in (state.oldest_trade_at, state.newest_trade_at) if time is not None]
    oldest, newest = min([*seen, *known], default=None), max([*seen, *known], default=None)
    if not is_cut:
        return Reach(True, oldest, newest)
    if stretch.down_to is None:
        return Reach(False, oldest, newest)
    return Reach(
        False, oldest, newest, gap_newer_than=stretch.down_to, gap_older_than=min(seen, default=stretch.before)
    )
