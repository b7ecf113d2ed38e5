"""Reading the trades of a wallet: where a fetch begins, when it has read enough, and how far it has come then."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol

from smart_trader.domain.bronze.records import Record, Rejected, mostly_rejected

_INCLUSIVE = timedelta(seconds=1)
"""Nobody knows whether the API's time bounds are inclusive: reading a second twice loses nothing."""
_ONE_SECOND_ROWS = 10_000
"""So many rows more than the limit may be asked for to come past a second. The API serves none that lies deeper."""


class WalletState(Protocol):
    """State columns of a wallet in silver.tracked_whales."""

    history_complete: bool | None
    oldest_trade_at: datetime | None
    newest_trade_at: datetime | None
    gap_newer_than: datetime | None
    gap_older_than: datetime | None
    read_until: datetime | None


@dataclass(frozen=True, slots=True)
class Stretch:
    """What to read: from `before` back to `down_to`, or to the first trade."""

    before: datetime
    down_to: datetime | None

    @property
    def new_before(self) -> datetime:
        """Trades before it have not been read yet; those of the second from it on may be served again."""
        return self.before - _INCLUSIVE


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a wallet has been read. A gap lies between two stretches that were read."""

    history_complete: bool
    oldest_trade_at: datetime | None
    newest_trade_at: datetime | None
    gap_newer_than: datetime | None = None
    gap_older_than: datetime | None = None
    read_until: datetime | None = None
    """No trade up to this time is newer than what was read: that of the last fetch that began with the newest."""


@dataclass(frozen=True, slots=True)
class Trades:
    """What a fetch of one wallet gave."""

    rows: list[Record]
    rejected: list[Rejected]
    served: int
    reach: Reach | None
    """None: as far as before."""
    failure: str | None = None
    """Why the wallet stays pending."""


def next_stretch(state: WalletState, *, as_of: datetime, overlap: timedelta) -> Stretch:
    """A gap first, then a history that was cut, then what is newer than the newest trade.

    Indexers deliver some trades late, so what lies within `overlap` before the newest one is read again.
    """
    unread = _unread_from(state)
    if unread is not None:
        return Stretch(min(as_of, unread + _INCLUSIVE), state.gap_newer_than)
    newest = state.newest_trade_at if state.history_complete else None
    return Stretch(as_of, None if newest is None else newest - overlap)


def _unread_from(state: WalletState) -> datetime | None:
    """Where the newest stretch ends that lies before a known trade and has not been read; None if there is none."""
    if state.gap_older_than is not None:
        return state.gap_older_than
    return None if state.history_complete else state.oldest_trade_at


def _is_earlier(state: WalletState, stretch: Stretch) -> bool:
    """Whether a business time before the last one keeps a run from the beginning of what is unread."""
    unread = _unread_from(state)
    return unread is not None and stretch.before < unread


def reach_after(state: WalletState, stretch: Stretch, times: Iterable[datetime], *, is_cut: bool) -> Reach:
    """How far the wallet has been read after `stretch` gave rows at `times`; `is_cut` if it was not read to its end.

    As far as before at an earlier business time: what lies between it and the rest stays unread.
    """
    if _is_earlier(state, stretch):
        return Reach(False, state.oldest_trade_at, state.newest_trade_at, state.gap_newer_than, state.gap_older_than)
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


class ReadWindow:
    """One fetch of a wallet: takes page after page, newest rows first, until it `is_done`.

    `limit` bounds the rows that are served, whatever becomes of them, and the rows that are asked for, so that short
    pages cost no more calls than full ones. A reading that it cuts leaves the rows of the oldest second for the next
    one, so that no transaction is split. Where these are all that is new, it goes on until the second is over:
    otherwise no reading would ever come past it.
    """

    def __init__(self, state: WalletState, stretch: Stretch, *, as_of: datetime, limit: int) -> None:
        self._state, self._stretch, self._as_of, self._limit = state, stretch, as_of, limit
        self._rows: dict[str, Record] = {}
        self._rejected: list[Rejected] = []
        self._served = self._asked = 0
        self._oldest: datetime | None = None
        self._new: tuple[datetime, datetime] | None = None
        """First and last time of what had not been read before."""
        self._is_cut = self._is_at_end = False

    @property
    def is_done(self) -> bool:
        return self._is_cut or self._is_at_end or self._is_below

    def take(self, rows: Iterable[Record | Rejected], *, asked: int, is_last: bool) -> None:
        """A page of rows as parsed, for which `asked` rows were asked. Those beyond the limit are passed over."""
        for row in rows:
            if self._is_enough(self._served):
                self._is_cut = True
                return
            self._take(row)
        self._asked += asked
        self._is_at_end = is_last
        self._is_cut = not is_last and self._is_enough(self._asked)

    def stop(self) -> bool:
        """Whether what was read so far can be kept, although the rest was not served: it is cut here then."""
        self._is_cut = self._comes_further
        return self._is_cut

    def trades(self) -> Trades:
        """What was read. Nothing of a wallet lands of whose rows most cannot be used, or that comes no further."""
        is_cut = self._is_cut and not self._is_below
        failure = mostly_rejected(self._rejected, self._served)
        if failure is None and is_cut and not self._comes_further:
            failure = (
                f"{self._served} rows were served, and none leads further back than"
                f" {self._stretch.before:%Y-%m-%d %H:%M:%S} UTC. Nothing was lost; a later run tries again."
            )
        if failure is not None:
            return Trades([], self._rejected, self._served, None, failure)
        oldest = self._oldest if is_cut else None
        kept = [row for row in self._rows.values() if row["block_time"] != oldest]
        reach = reach_after(self._state, self._stretch, [row["block_time"] for row in kept], is_cut=is_cut)
        return Trades(kept, self._rejected, self._served, replace(reach, read_until=self._read_until))

    def _take(self, row: Record | Rejected) -> None:
        self._served += 1
        if isinstance(row, Rejected):
            self._rejected.append(row)
            return
        time = row["block_time"]
        if time > self._as_of:
            return
        self._rows.setdefault(row["event_id"], row)
        self._oldest = time if self._oldest is None else min(self._oldest, time)
        if time < self._stretch.new_before:
            first, last = self._new or (time, time)
            self._new = min(first, time), max(last, time)

    def _is_enough(self, used: int) -> bool:
        """Whether the limit ends the reading after `used` rows."""
        if used < self._limit:
            return False
        is_vain = not self._rows or mostly_rejected(self._rejected, self._served) is not None
        return self._comes_further or is_vain or used >= self._limit + _ONE_SECOND_ROWS

    @property
    def _comes_further(self) -> bool:
        """Whether something new is left when the oldest second is taken away."""
        return self._new is not None and self._new[0] != self._new[1]

    @property
    def _read_until(self) -> datetime | None:
        state = self._state
        is_newest = self._stretch.before == self._as_of and not _is_earlier(state, self._stretch)
        return self._as_of if is_newest else state.read_until or state.newest_trade_at

    @property
    def _is_below(self) -> bool:
        """Whether the reading has come down to what is known."""
        down_to = self._stretch.down_to
        return down_to is not None and self._oldest is not None and self._oldest < down_to
