"""The simulated market: the data that BirdEye would serve at one moment, and the truth about it.

market = Market.generate(seed=7)                      planted wallets, the same for the same seed
later = market.advance(days=1)                        a day later: old rows unchanged, new ones added
market = Market.of_payloads(trades={wallet: [...]})   exactly these rows
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from random import Random
from typing import Any

from smart_trader.simulator.addresses import address
from smart_trader.simulator.cast import Account, cast_idle, cast_traders, place_holdings
from smart_trader.simulator.planned import Row, Transaction
from smart_trader.simulator.traders import STYLES, Trader
from smart_trader.simulator.truth import WalletTruth, true_wallet
from smart_trader.simulator.wire import holder_text, json_text
from smart_trader.simulator.world import DAY, SCALED_KEYS_SINCE, World

DEMO_NOW = datetime(2025, 9, 1, 9, 0, tzinfo=UTC)
"""Business time of the demo."""
_DAYS = 120
"""Length of the generated history."""


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of the token list."""

    fields: Mapping[str, Any]
    text: str


@dataclass(frozen=True)
class Market:
    """The served data. Rows of a wallet are ordered newest first. Rows after `now` have not happened yet."""

    now: datetime
    tokens: Sequence[Entry]
    holders: Mapping[str, Sequence[str]]
    """Texts by mint."""
    trades: Mapping[str, Sequence[Row]]
    """Rows by wallet; a wallet without trades may be missing."""
    kinds: Mapping[str, str]
    """The planted kind of each wallet."""
    planned: Mapping[str, Sequence[Transaction]] = field(default_factory=dict)
    """What a wallet was planned to do; of a generated market only."""
    _history: "_History | None" = field(default=None, repr=False)

    @classmethod
    def generate(
        cls,
        seed: int,
        *,
        tokens: int = 20,
        wallets: int = 300,
        trade_rows: int = 30_000,
        now: datetime = DEMO_NOW,
        has_skill: bool = True,
    ) -> "Market":
        """A market of `tokens` that pass the default filters (others are in the list as well), `wallets` distinct
        owners in their holder lists, and `trade_rows` rows up to `now`.

        Without skill all have the same habits and kinds, and nobody chooses better or worse than the others.
        """
        return _History.begin(seed, tokens, wallets, trade_rows, now, has_skill=has_skill).market(now)

    @classmethod
    def of_payloads(
        cls,
        *,
        tokens: Sequence[Mapping[str, Any] | str] = (),
        holders: Mapping[str, Sequence[Mapping[str, Any] | str]] | None = None,
        trades: Mapping[str, Sequence[Mapping[str, Any] | str]] | None = None,
        now: datetime = DEMO_NOW,
    ) -> "Market":
        """A market of exactly these items in the given order. A string is JSON text, sent unchanged, valid or not."""
        return cls(
            now=now,
            tokens=[Entry(_fields(item), _text(item)) for item in tokens],
            holders={mint: [_text(item) for item in items] for mint, items in (holders or {}).items()},
            trades={
                wallet: [Row(_time(item), _text(item)) for item in items] for wallet, items in (trades or {}).items()
            },
            kinds=dict.fromkeys(trades or {}, "given"),
        )

    def at(self, time: datetime) -> "Market":
        """The same market at another time: what was to be seen then.

        ValueError for a market of given payloads.
        """
        if self._history is None:
            raise ValueError("only a generated market has other times")
        return self._history.market(time)

    def advance(self, *, days: float = 0, hours: float = 0) -> "Market":
        return self.at(self.now + timedelta(days=days, hours=hours))

    def rows(self, wallet: str) -> list[dict[str, Any]]:
        """All rows of `wallet` up to now, newest first, parsed without floats."""
        now = self.now.timestamp()
        happened = (row.text for row in self.trades.get(wallet, ()) if row.time is None or row.time <= now)
        return [dict(fields) for text in happened if (fields := _fields(text))]

    def read_down_to(self, wallet: str, limit: int) -> int | None:
        """The time down to which a reader keeps what it reads in `limit` rows: without the oldest second read. None if
        it reads all."""
        rows = self.rows(wallet)
        if len(rows) <= limit:
            return None
        return int(rows[limit - 1]["block_unix_time"]) + 1

    def truth_for(self, wallet: str, down_to: float | None = None) -> WalletTruth:
        """The truth about `wallet` from what happened up to now and not before `down_to`.

        KeyError if nobody planned it, as in a market of given payloads.
        """
        now = self.now.timestamp()
        happened = [one for one in self.planned[wallet] if (down_to or 0) <= one.time <= now]
        return true_wallet(wallet, self.kinds[wallet], happened)

    @cached_property
    def truth(self) -> Mapping[str, WalletTruth]:
        """The truth about each wallet from all that it did up to `now`, computed at the first use."""
        return _Truth(self)


class _Truth(Mapping[str, WalletTruth]):
    def __init__(self, market: Market) -> None:
        self._market, self._known = market, dict[str, WalletTruth]()

    def __getitem__(self, wallet: str) -> WalletTruth:
        if wallet not in self._known:
            self._known[wallet] = self._market.truth_for(wallet)
        return self._known[wallet]

    def __iter__(self) -> Iterator[str]:
        return iter(self._market.planned)

    def __len__(self) -> int:
        return len(self._market.planned)


class _History:
    """The days of a generated market. A longer history is a copy that continues."""

    def __init__(self, world: World, traders: list[Trader], wallets: int) -> None:
        self.world, self.traders = world, traders
        self.done: dict[str, list[Transaction]] = {trader.owner: [] for trader in traders}
        self._days, self._wallets = 0, wallets
        self._idle: dict[str, str] = {}
        self._accounts: dict[str, list[Account]] = {}

    @classmethod
    def begin(
        cls, seed: int, tokens: int, wallets: int, trade_rows: int, now: datetime, *, has_skill: bool
    ) -> "_History":
        world = World(seed, int(now.timestamp()) - _DAYS * DAY, tokens)
        sizes = {"wallets": wallets, "trade_rows": trade_rows, "days": _DAYS}
        history = cls(world, cast_traders(world, **sizes, has_skill=has_skill), wallets)
        history._write_days(_DAYS)
        missing = trade_rows - sum(len(one.rows) for done in history.done.values() for one in done)
        name, kind = address(seed, "wallet", "converter"), "converter"
        last = Trader(world, name, kind, STYLES[kind], rows=max(0, missing), joined=0, days=_DAYS)
        history.done[last.owner] = [one for day in range(_DAYS) for one in last.day(day)]
        history.traders.append(last)
        history._idle = cast_idle(world, history.traders, wallets)
        history._accounts = place_holdings(world, history.traders, history._idle)
        return history

    def _write_days(self, days: int) -> None:
        for trader in self.traders:
            for day in range(self._days, days):
                self.done[trader.owner] += trader.day(day)
        self._days = days

    def market(self, now: datetime) -> Market:
        """The market at `now`, with rows up to the end of the next day, so that new ones can arrive later."""
        time = int(now.timestamp())
        going_on = copy(self)
        going_on.traders = [trader.copy() for trader in self.traders]
        going_on.done = {wallet: [*done] for wallet, done in self.done.items()}
        going_on._write_days(max(self._days, (time - self.world.start) // DAY + 1))
        entries = [self.world.list_entry(token, time) for token in (*self.world.tokens, *self.world.decoys)]
        kinds = {trader.owner: _kind(trader.kind) for trader in self.traders} | self._idle
        return Market(
            now=now,
            tokens=[Entry(entry, json_text(entry)) for entry in entries],
            holders={mint: self._holder_texts(held, time) for mint, held in self._accounts.items()},
            trades={
                wallet: sorted((row for one in done for row in one.rows), key=_newest_first)
                for wallet, done in going_on.done.items()
            },
            kinds=kinds,
            planned={wallet: going_on.done.get(wallet, ()) for wallet in kinds},
            _history=going_on,
        )

    def _holder_texts(self, held: list[Account], time: int) -> list[str]:
        """The JSON texts of the holders. Holdings change a little from day to day."""
        day = (time - self.world.start) // DAY - _DAYS
        moved = []
        for account in held:
            percent = Random(f"{account.address}:{day}").randrange(98, 103) if day else 100
            moved.append((account.raw * percent // 100, account))
        moved.sort(key=lambda item: (-item[0], item[1].address))
        has_scaled_keys = time >= SCALED_KEYS_SINCE
        return [
            holder_text(
                account.coin,
                account.owner,
                account.address,
                raw,
                self.world.multiplier(account.coin, time),
                has_scaled_keys=has_scaled_keys,
            )
            for raw, account in moved
        ]


def _kind(kind: str) -> str:
    """The kind of wallet of a trading style; two styles differ in amounts only."""
    return "skilled" if kind == "modest" else kind


def _newest_first(row: Row) -> int:
    return -(row.time or 0)


def _text(item: Mapping[str, Any] | str) -> str:
    return item if isinstance(item, str) else json_text(item)


def _fields(item: Mapping[str, Any] | str) -> Mapping[str, Any]:
    """The fields of an item; none if it is no JSON object."""
    if not isinstance(item, str):
        return item
    try:
        parsed = json.loads(item, parse_float=Decimal)
    except ValueError:
        return {}
    return parsed if isinstance(parsed, dict) else {}


def _time(item: Mapping[str, Any] | str) -> int | None:
    time = _fields(item).get("block_unix_time")
    return time if isinstance(time, int) else None
