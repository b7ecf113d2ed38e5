"""The address list of one Helius webhook, over HTTP, with the traps of that API. Wallets and ranks belong elsewhere.

A write replaces all of a webhook and costs credits. It may be done although its answer was lost, and it may be accepted
and not kept. So only a state that was read back counts, and between two writes there is a read.
Reasons: docs/decisions/webhook.md.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from smart_trader.errors import ConfigurationError, NotFound, SmartTraderError, SourceRejected, SourceUnavailable
from smart_trader.io.http.client import HttpPolicy, JsonHttp
from smart_trader.io.http.rate import Meter, RateLimiter
from smart_trader.ports import Clock, Usage, Watched

_PATH = "/v0/webhooks"
_FIELDS = (
    "webhookURL", "webhookType", "accountAddresses", "transactionTypes", "authHeader", "txnStatus", "encoding",
)  # fmt: skip
"""The keys of a write. Helius refuses any other key, also the further keys of its own answers."""
_LISTS = ("accountAddresses", "transactionTypes")
_FREE_PLAN = Decimal(2)
"""Requests a second; a run makes a handful."""
_LOOKS = 3
"""Reads after an unclear write before the write counts as not done."""

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WebhookSettings:
    """The settings of our webhook. None: the stored value stays."""

    url: str | None
    webhook_id: str | None
    webhook_type: str
    transaction_types: tuple[str, ...]
    auth_header: str | None = field(repr=False)

    @property
    def fields(self) -> Body:
        """The settings that are not None, by the API's names."""
        named = {
            "webhookURL": self.url,
            "webhookType": self.webhook_type,
            "transactionTypes": list(self.transaction_types),
            "authHeader": self.auth_header,
        }
        return {name: value for name, value in named.items() if value is not None}


class HeliusWebhook:
    """`WatchList` of one webhook."""

    def __init__(self, http: JsonHttp, ours: WebhookSettings, *, clock: Clock, policy: HttpPolicy) -> None:
        self._http, self._ours, self._clock, self._policy = http, ours, clock, policy
        self._stored: Body = {}
        """The webhook as last read, its secret included; empty if there is none."""
        self._id: str | None = None
        self._advice: list[str] = []
        """Messages about webhooks other than the one found."""
        self.writes = 0

    def usage(self) -> Usage:
        return self._http.usage()

    def find(self, remembered: Watched | None = None) -> Watched | None:
        self._advice = []
        if self._ours.webhook_id:
            return self._named(self._ours.webhook_id)
        if remembered:
            try:
                held = self._read(remembered.webhook_id)
            except NotFound:
                return self._look_for()
            if self._is_ours(self._stored):
                return held
            self._advice.append(
                f"webhook {remembered.webhook_id}, kept up until now, does not deliver to helius.webhook_url; it still"
                " charges for what it delivers elsewhere: delete it if nobody needs it"
            )
        return self._look_for()

    def watch(self, wallets: Collection[str]) -> Watched:
        wanted = frozenset(wallets)
        if not wanted:
            raise ValueError("an empty list would be refused, or do something else than watch nobody")
        failure: SmartTraderError | None = None
        for _ in range(self._policy.attempts):
            failure = self._write({**self._kept(), **self._ours.fields, "accountAddresses": sorted(wanted)})
            is_refused = isinstance(failure, SourceRejected)
            if held := self._settled(wanted, looks=1 if is_refused else _LOOKS):
                return held
            if failure is None or is_refused:
                break
        raise failure or SourceUnavailable(
            f"Helius accepted a list of {len(wanted)} wallets, but the webhook does not hold it when it is read back."
            " Run again to write it again; until then somebody else may be watched."
        )

    def _named(self, webhook_id: str) -> Watched:
        """The webhook that the settings name."""
        try:
            return self._read(webhook_id)
        except NotFound:
            raise ConfigurationError(
                f"Helius knows no webhook {webhook_id}: correct helius.webhook_id, or leave it out to have the webhook"
                " found by helius.webhook_url. Nothing was changed."
            ) from None

    def _kept(self) -> Body:
        """The stored fields that a write sends again, unless the settings change them."""
        return {name: self._stored[name] for name in _FIELDS if self._stored.get(name) is not None}

    def _write(self, body: Body) -> SmartTraderError | None:
        """Create or edit. None if Helius accepted it, else the error that refused it or left it unclear."""
        method, path = ("PUT", _path(self._id)) if self._id else ("POST", _PATH)
        self.writes += 1
        try:
            answer = self._http.request(method, path, body=body)
            self._refuse_errors(path, answer)
        except (SourceRejected, SourceUnavailable) as failure:  # a success may have an answer that is too large
            return failure
        if self._id is None and isinstance(answer, dict) and _has_id(answer):
            self._id = answer["webhookID"]
        return None

    def _settled(self, wanted: frozenset[str], *, looks: int) -> Watched | None:
        """Our webhook once it holds `wanted`, else None. A write with a lost answer may take effect a little later."""
        for look in range(looks):
            self._clock.wait(min(self._policy.max_retry_wait_seconds, 2.0**look) if look else 0)
            try:
                held = self._read(self._id) if self._id else self._look_for()
            except NotFound:  # just created
                continue
            if held and held.wallets == wanted:
                return held
        return None

    def _look_for(self) -> Watched | None:
        """The webhook that delivers to our address, or None. The list has only a part of its wallets, or none."""
        listed = self._http.request("GET", _PATH)
        if not isinstance(listed, list):
            self._refuse_errors(_PATH, listed)
            raise SourceRejected(f"Helius {_PATH}: the answer is no list of webhooks. Nothing was changed.")
        ours = sorted(item["webhookID"] for item in listed if self._is_ours(item) and _has_id(item))
        if not ours:
            self._id, self._stored = None, {}
            return None
        if len(ours) > 1:
            self._advice.append(
                f"{len(ours)} webhooks deliver to helius.webhook_url, and each of them charges; {ours[0]} is kept up."
                f" Delete the others, or name the right one in helius.webhook_id: {', '.join(ours[1:])}"
            )
        return self._read(ours[0])

    def _is_ours(self, webhook: Any) -> bool:
        url = webhook.get("webhookURL") if isinstance(webhook, dict) else None
        return isinstance(url, str) and self._ours.url is not None and _same_url(url, self._ours.url)

    def _read(self, webhook_id: str) -> Watched:
        path = _path(webhook_id)
        stored = self._http.request("GET", path)
        self._refuse_errors(path, stored)
        if odd := _unreadable_fields(stored):
            raise SourceRejected(f"Helius {path}: the answer has no readable {', '.join(odd)}. Nothing was changed.")
        wallets = stored["accountAddresses"] or []
        self._id, self._stored = webhook_id, stored
        if isinstance(secret := stored.get("authHeader"), str):
            self._http.hide(secret)
        return Watched(webhook_id, frozenset(wallets), tuple(self._remarks()))

    def _remarks(self) -> list[str]:
        remarks = [*self._advice]
        if self._stored.get("active") is False:
            remarks.append(
                "the webhook is switched off, as Helius does when deliveries keep failing: nothing is delivered."
                " Mend what receives them, then switch it on at Helius"
            )
        if different := [name for name in self._ours.fields if self._differs(name)]:
            remarks.append(
                f"the webhook differs from the settings in {', '.join(different)}; that is written with the next"
                " change of its addresses"
            )
        return remarks

    def _differs(self, name: str) -> bool:
        """Whether the stored field differs from the settings. A field that Helius does not show counts as equal."""
        wanted, stored = self._ours.fields[name], self._stored.get(name)
        if stored is None:
            return False
        if name == "webhookURL" and isinstance(stored, str):
            return not _same_url(wanted, stored)
        return bool(sorted(map(str, stored)) != sorted(wanted) if isinstance(stored, list) else stored != wanted)

    def _refuse_errors(self, path: str, answer: Any) -> None:
        """Raises SourceRejected for an error that comes with status 200."""
        if isinstance(answer, dict) and answer.get("error"):
            raise SourceRejected(f"Helius {path}: refused, with status 200: {self._http.message_in(answer)}")


def connect(
    *,
    base_url: str,
    api_key: str,
    ours: WebhookSettings,
    clock: Clock,
    policy: HttpPolicy,
    requests_per_second: Decimal = _FREE_PLAN,
    user_agent: str = "smart-trader",
) -> HeliusWebhook:
    """The webhook at Helius, or at another server with its wire format at `base_url`."""
    limiter = RateLimiter(
        requests_per_second, service="Helius", clock=clock, longest_pause_seconds=policy.max_retry_wait_seconds
    )
    http = JsonHttp(
        service="Helius",
        base_url=base_url,
        clock=clock,
        limiter=limiter,
        meter=Meter(units_limit=None, setting="none"),
        connections=1,
        policy=policy,
        headers={"User-Agent": user_agent},
        secret_params={"api-key": api_key},
    )
    http.hide(ours.auth_header or "")
    return HeliusWebhook(http, ours, clock=clock, policy=policy)


def _path(webhook_id: str) -> str:
    return f"{_PATH}/{quote(webhook_id, safe='', errors='replace')}"


def _unreadable_fields(webhook: Any) -> list[str]:
    if not isinstance(webhook, dict) or "accountAddresses" not in webhook:
        return ["accountAddresses"]
    return [name for name in _FIELDS if not _is_text(webhook.get(name), is_list=name in _LISTS)]


def _is_text(value: Any, *, is_list: bool) -> bool:
    """Whether a field holds text that can be shown and written back, or nothing."""
    if is_list and isinstance(value, list):
        return all(isinstance(text, str) and text.isprintable() for text in value)
    return value is None or (not is_list and isinstance(value, str) and value.isprintable())


def _has_id(webhook: Any) -> bool:
    return bool(webhook.get("webhookID")) and _is_text(webhook["webhookID"], is_list=False)


def _same_url(one: str, other: str) -> bool:
    return one.rstrip("/") == other.rstrip("/")
