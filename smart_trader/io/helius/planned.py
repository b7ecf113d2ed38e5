"""The webhook in a dry run: read with `--fetch`, never written."""

from collections.abc import Callable, Collection

from smart_trader.domain.gold.watch_list import WebhookChange, change_to
from smart_trader.ports import Usage, Watched, WatchList

_NOT_MADE_YET = "the webhook that would be made"


class PlannedWatchList:
    """`WatchList` with the webhook of `connect`, or without `connect` the remembered one; it notes writes."""

    def __init__(self, connect: Callable[[], WatchList] | None) -> None:
        self._connect = connect
        self._real: WatchList | None = None
        self._held: Watched | None = None
        self.change: WebhookChange | None = None
        """The write of the job; None if the job did not read the webhook."""
        self.writes = 0

    def find(self, remembered: Watched | None = None) -> Watched | None:
        if self._connect is None:
            self._held = remembered
        else:
            self._real = self._real or self._connect()
            self._held = self._real.find(remembered)
        self.change = WebhookChange((), ())
        return self._held

    def watch(self, wallets: Collection[str]) -> Watched:
        wanted = frozenset(wallets)
        held = self._held.wallets if self._held else frozenset()
        self.change = change_to(wanted, held)
        self.writes += 1
        return Watched(self._held.webhook_id if self._held else _NOT_MADE_YET, wanted)

    def usage(self) -> Usage:
        return self._real.usage() if self._real else Usage(0, 0, 0.0)
