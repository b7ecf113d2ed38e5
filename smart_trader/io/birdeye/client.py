"""BirdEye over HTTP: endpoints and pages. `io/http` retries; `tokens`, `holders` and `trades` parse the items."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from smart_trader.domain.bronze.records import Record, Rejected, Source
from smart_trader.domain.bronze.token_metrics import TokenCriteria
from smart_trader.domain.bronze.whale_holders import HolderAccount
from smart_trader.errors import SourceRejected
from smart_trader.io.birdeye.fields import FIRST_BLOCK
from smart_trader.io.birdeye.holders import parse_account
from smart_trader.io.birdeye.tokens import parse_token, query_of, total_supply_in
from smart_trader.io.birdeye.trades import parse_trade
from smart_trader.io.http.client import HttpPolicy, JsonHttp, raise_if_quota_used_up
from smart_trader.io.http.rate import Meter, RateLimiter
from smart_trader.ports import Clock, TradePage, Usage

PAGE_SIZE = 100
DEEPEST_ROW = 10_000
"""The API refuses `offset + limit` beyond this (documented)."""


class Endpoint(NamedTuple):
    name: Source
    """Its name in `birdeye.units.*`, too."""
    path: str


TOKENS = Endpoint(Source.TOKEN_LIST, "/defi/v3/token/list")
HOLDERS = Endpoint(Source.TOKEN_HOLDER, "/defi/v3/token/holder")
TRADES = Endpoint(Source.TRADER_TXS, "/trader/txs/seek_by_time")

Params = Mapping[str, str | int]
_SCALED: Params = {"ui_amount_mode": "scaled"}
"""Prices and display amounts of scaled tokens are per unit, and their rows have the multiplier."""


@dataclass(frozen=True, slots=True)
class _Page:
    """One answer of a paged endpoint."""

    items: list[Any]
    """As served. Nothing is promised of them; numbers with a decimal point are `Decimal`, never `float`."""
    is_last: bool
    """True when the API says or shows that nothing follows."""
    asked: int
    """How many items were asked for: a page can be shorter and yet not the last one."""


class BirdEyeClient:
    """`MarketData` of BirdEye. `units` are the compute units of one call, by the endpoint's name."""

    def __init__(self, http: JsonHttp, *, units: Mapping[str, int], clock: Clock) -> None:
        self._http, self._units, self._clock = http, units, clock

    def tokens(self, criteria: TokenCriteria, *, fetched_at: datetime) -> Iterator[Record | Rejected]:
        query: Params = {"sort_by": "liquidity", "sort_type": "desc", **_SCALED, **query_of(criteria)}
        seen: set[str] = set()
        served = 0
        for page in self._pages(TOKENS, query, about="the token list"):
            served += len(page.items)
            for token in page.items:
                # A token that gained liquidity between two calls pushes another onto the next page.
                mint = token.get("address") if isinstance(token, dict) else None
                if isinstance(mint, str):
                    if mint in seen:
                        continue
                    seen.add(mint)
                yield parse_token(token, fetched_at=fetched_at)
            if page.is_last:
                return
        raise SourceRejected(
            f"BirdEye's token list: {DEEPEST_ROW} rows were asked for and {served} served, and it promises more than"
            " these. Narrow tokens.*, nothing was lost."
        )

    def holder_accounts(self, mint: str, *, limit: int, fetched_at: datetime) -> list[HolderAccount | Rejected]:
        accounts: list[HolderAccount | Rejected] = []
        for page in self._pages(HOLDERS, {"address": mint, **_SCALED}, about=mint, at_most=limit):
            accounts += [parse_account(item, mint=mint, fetched_at=fetched_at) for item in page.items]
            if page.is_last or len(accounts) >= limit:
                return accounts[:limit]
        if 2 * len(accounts) < min(limit, DEEPEST_ROW):
            raise SourceRejected(
                f"BirdEye's holders of {mint}: {limit} were asked for and {len(accounts)} served, and it promises more"
                " than these. Nothing was lost; a later run tries again."
            )
        return accounts

    def total_supply(self, snapshot: str) -> Decimal | None:
        return total_supply_in(snapshot)

    def trade_pages(self, wallet: str, *, before: datetime, fetched_at: datetime) -> Iterator[TradePage]:
        now, before_time = self._clock.now(), int(before.timestamp())
        while True:
            # A fixed `before_time` keeps new trades from pushing old ones onto the next page.
            query: Params = {"address": wallet, "tx_type": "swap", "before_time": before_time, **_SCALED}
            oldest = before_time
            for page in self._pages(TRADES, query, about=wallet):
                rows = [parse_trade(item, wallet=wallet, fetched_at=fetched_at, now=now) for item in page.items]
                yield TradePage(rows, page.is_last, page.asked)
                if page.is_last:
                    return
                oldest = min([oldest, *_times(page)])
            if oldest + 1 >= before_time:
                raise SourceRejected(
                    f"BirdEye's trades of {wallet}: {DEEPEST_ROW} rows asked for from {before_time} back are not older"
                    " than that second, so older ones cannot be reached. What was committed stays."
                )
            # Whether the bound is inclusive is unknown, so the oldest second is read again.
            before_time = oldest + 1

    def usage(self) -> Usage:
        return self._http.usage()

    def _pages(self, endpoint: Endpoint, query: Params, *, about: str, at_most: int = DEEPEST_ROW) -> Iterator[_Page]:
        """Pages by offset, up to the deepest row that the API serves, even if that page is not the last one.

        `at_most` bounds the requested rows, so that short pages cost no more calls than full ones.
        """
        offset = asked = 0
        previous: list[Any] = []
        while (limit := min(PAGE_SIZE, at_most - asked, DEEPEST_ROW - offset)) > 0:
            page = self._page(endpoint, {**query, "offset": offset, "limit": limit}, limit, about)
            if not page.is_last and page.items == previous:
                raise SourceRejected(
                    f"BirdEye {endpoint.path} for {about} promises more after row {offset}, but sent the same page"
                    " again. What was committed stays."
                )
            yield page
            offset, asked = offset + len(page.items), asked + limit
            previous = page.items

    def _page(self, endpoint: Endpoint, params: Params, limit: int, about: str) -> _Page:
        call = f"BirdEye {endpoint.path} for {about}"
        answer = self._http.request("GET", endpoint.path, params=params, units=self._units[endpoint.name], about=about)
        if not isinstance(answer, dict):
            raise SourceRejected(f"{call}: the answer is {type(answer).__name__}, not an object. Nothing was lost.")
        if answer.get("success", True) is not True:
            message = self._http.message_in(answer)
            raise_if_quota_used_up(call, message)
            raise SourceRejected(f"{call}: refused (success is not true): {message}")
        data = answer.get("data")
        if not isinstance(data, dict) or not isinstance(data.get("items"), list):
            raise SourceRejected(f"{call}: the answer has no list of items. Nothing was lost.")
        items = data["items"]
        # An empty page is the end, whatever its flag for a next page is.
        is_last = not items or not _has_next(data, is_full=len(items) >= limit)
        return _Page(items, is_last, asked=limit)


def connect(
    *,
    base_url: str,
    api_key: str,
    requests_per_second: Decimal,
    concurrent_requests: int,
    compute_units_per_run: int | None,
    units: Mapping[str, int],
    clock: Clock,
    policy: HttpPolicy,
    user_agent: str = "smart-trader",
) -> BirdEyeClient:
    """A client of BirdEye, or of another server with its wire format at `base_url`."""
    limiter = RateLimiter(
        requests_per_second,
        service="BirdEye",
        clock=clock,
        longest_pause_seconds=policy.max_retry_wait_seconds,
    )
    http = JsonHttp(
        service="BirdEye",
        base_url=base_url,
        clock=clock,
        limiter=limiter,
        meter=Meter(units_limit=compute_units_per_run, setting="birdeye.compute_units_per_run"),
        connections=concurrent_requests,
        policy=policy,
        # Without a User-Agent the API's proxy may answer with an HTML 403 (probed).
        headers={"x-chain": "solana", "User-Agent": user_agent},
        secret_headers={"X-API-KEY": api_key},
    )
    return BirdEyeClient(http, units=units, clock=clock)


def _has_next(data: Mapping[str, Any], *, is_full: bool) -> bool:
    """Whether another page follows. Live answers have `has_next`, the documentation `hasNext`, holders neither."""
    for flag in (data.get("has_next"), data.get("hasNext")):
        if isinstance(flag, bool):
            return flag
    return is_full


def _times(page: _Page) -> Iterator[int]:
    for item in page.items:
        time = item.get("block_unix_time") if isinstance(item, dict) else None
        if type(time) is int and time >= FIRST_BLOCK:
            yield time
