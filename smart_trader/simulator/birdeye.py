"""BirdEye's endpoints: from a path and a query to the text of the answer. Shapes and messages: reference §1 to §4."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from threading import Lock

from smart_trader.simulator.addresses import is_address
from smart_trader.simulator.market import Entry, Market
from smart_trader.simulator.planned import Row
from smart_trader.simulator.wire import json_text

TOKENS, HOLDERS, TRADES = "/defi/v3/token/list", "/defi/v3/token/holder", "/trader/txs/seek_by_time"
ENDPOINTS = {TOKENS: "tokens", HOLDERS: "holders", TRADES: "trades"}

_WINDOWS = r"(1h|2h|4h|8h|24h|7d|30d)"
_MEASURES = re.compile(
    rf"volume_{_WINDOWS}_usd|volume_{_WINDOWS}_change_percent|price_change_{_WINDOWS}_percent|trade_{_WINDOWS}_count"
)
_SORTABLE = {"liquidity", "market_cap", "fdv", "recent_listing_time", "last_trade_unix_time", "holder"}
_BOUNDED_BOTH_WAYS = _SORTABLE - {"holder"}
_ARRIVING = 20
"""New trades of a wallet between two calls without a fixed time; recorded pages had as many rows in common."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    text: str
    has_next: bool = False


class BadRequest(Exception):
    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def refusal(status: int, message: str) -> Answer:
    return Answer(status, json_text({"success": False, "message": message}))


class BirdEye:
    """Serves a market. A later market may replace it at any time."""

    def __init__(self, market: Market, *, inclusive_bounds: bool) -> None:
        self.market = market
        self._inclusive = inclusive_bounds
        self._live_calls = Counter[str]()
        self._lock = Lock()

    def answer(self, path: str, query: Mapping[str, str]) -> Answer:
        serve = {TOKENS: self._tokens, HOLDERS: self._holders, TRADES: self._trades}.get(path)
        if serve is None:
            return refusal(404, "Not found")
        try:
            return serve(query)
        except BadRequest as refused:
            return refusal(refused.status, str(refused))

    def _tokens(self, query: Mapping[str, str]) -> Answer:
        sort_by, descending = query.get("sort_by", ""), query.get("sort_type", "") == "desc"
        if not _is_sortable(sort_by):
            raise BadRequest("sort_by invalid format")
        if query.get("sort_type") not in ("asc", "desc"):
            raise BadRequest("sort_type invalid format")
        passing = [entry for entry in self.market.tokens if _passes(entry, query)]
        with_value = [entry for entry in passing if entry.fields.get(sort_by) is not None]
        with_value.sort(key=lambda entry: entry.fields[sort_by], reverse=descending)
        without = [entry for entry in passing if entry.fields.get(sort_by) is None]
        return _page([entry.text for entry in with_value + without], query, ',"has_next":{}')

    def _holders(self, query: Mapping[str, str]) -> Answer:
        return _page(self.market.holders.get(_address(query), ()), query, "")

    def _trades(self, query: Mapping[str, str]) -> Answer:
        wallet, before, after = _address(query), _seconds(query, "before_time"), _seconds(query, "after_time")
        if before is not None and after is not None:
            raise BadRequest("before_time and after_time cannot be used together", 422)
        if query.get("tx_type", "swap") not in ("swap", "add", "remove", "all"):
            raise BadRequest("tx_type invalid format")
        margin = 1 if self._inclusive else 0
        texts = [
            row.text
            for row in self._happened(wallet, before)
            if _is_between(
                row.time, None if before is None else before + margin, None if after is None else after - margin
            )
        ]
        if query.get("tx_type") in ("add", "remove"):
            texts = []
        return _page(texts, query, ',"has_next":{}')

    def _happened(self, wallet: str, before: int | None) -> Sequence[Row]:
        """Rows up to now, and a few newer ones with each call that does not exclude them, as on a living market."""
        market, now = self.market, int(self.market.now.timestamp())
        rows = market.trades.get(wallet, ())
        newer = sum(row.time is not None and row.time > now for row in rows)
        arrived = 0
        if newer and (before is None or before > now):
            with self._lock:
                arrived = min(newer, _ARRIVING * self._live_calls[wallet])
                self._live_calls[wallet] += 1
        return rows[newer - arrived :]


def _is_between(time: int | None, before: int | None, after: int | None) -> bool:
    """Whether `time` is between the bounds, both exclusive. A row without a time always is."""
    return time is None or ((before is None or time < before) and (after is None or time > after))


def _page(texts: Sequence[str], query: Mapping[str, str], flag: str) -> Answer:
    offset, limit = _integer(query, "offset", 0, 0, 10_000), _integer(query, "limit", 100, 1, 100)
    if offset + limit > 10_000:
        raise BadRequest("offset + limit should be less than or equal to 10000")
    has_next = len(texts) > offset + limit
    items = ",".join(texts[offset : offset + limit])
    text = f'{{"data":{{"items":[{items}]{flag.format(json_text(has_next))}}},"success":true}}'
    return Answer(200, text, has_next)


def _is_sortable(name: str) -> bool:
    return name in _SORTABLE or _MEASURES.fullmatch(name) is not None


def _passes(entry: Entry, query: Mapping[str, str]) -> bool:
    for name, text in query.items():
        way, _, measure = name.partition("_")
        if way not in ("min", "max"):
            continue
        if not _is_sortable(measure) or (way == "max" and measure not in _BOUNDED_BOTH_WAYS):
            raise BadRequest(f"{name} is not a filter")
        try:
            bound = float(text)
        except ValueError:
            raise BadRequest(f"{name} invalid format") from None
        value = entry.fields.get(measure)
        if value is None or (value < bound if way == "min" else value > bound):
            return False
    return True


def _address(query: Mapping[str, str]) -> str:
    if not is_address(query.get("address", "")):
        raise BadRequest("address is invalid format")
    return query["address"]


def _seconds(query: Mapping[str, str], name: str) -> int | None:
    return _integer(query, name, 0, 0, 10_000_000_000) if name in query else None


def _integer(query: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"[0-9]{1,12}", text) or not least <= int(text) <= most:
        raise BadRequest(f"{name} should be integer, range {least}-{most}")
    return int(text)
